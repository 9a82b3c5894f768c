//! Job control: a job of two processes in a group of its own is stopped, looked at, continued and ended.

use greenproc::{Command, Process, ProcessGroup, Result, Runtime, Signal, Target, WaitFlags, WaitFor};

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("shell", shell).new_session())?;
    println!("the shell ended with {status}");
    assert!(status.success());
    Ok(())
}

fn shell(p: &Process) -> Result<()> {
    let work = |p: &Process| loop {
        p.checkpoint();
    };
    let first = p.spawn(Command::new("first", work).process_group(ProcessGroup::New))?;
    let job = first.id();
    p.spawn(Command::new("second", work).process_group(ProcessGroup::Join(job)))?;
    println!("job {job} runs in session {}", p.sid());

    for (signal, flags) in [
        (Signal::TSTP, WaitFlags::UNTRACED),
        (Signal::CONT, WaitFlags::CONTINUED),
        (Signal::TERM, WaitFlags::empty()),
    ] {
        p.kill(Target::Group(job), signal)?;
        for _member in 0..2 {
            if let Some(waited) = p.wait4(WaitFor::Group(job), flags)? {
                println!("{signal}: process {} says {}", waited.pid, waited.status);
            }
        }
    }
    // Nobody is left in the group.
    assert_eq!(p.wait4(WaitFor::Group(job), WaitFlags::empty()).map(drop).expect_err("no job").errno(), 10);
    Ok(())
}
