//! Control of all that a job has started: a supervisor that ends a fork bomb to the last process, a helper that does not
//! outlive whom it helps, and a child that goes with its handle.
//!
//! ```text
//! cargo run -p greenproc-examples --example subtree
//! ```

use std::error::Error;
use std::time::Duration;

use crossbeam_channel::Sender;
use greenproc::{Command, NoteFlags, NoteKind, Process, Result, Runtime, Signal, Watch};

fn main() -> Result<()> {
    let runtime = Runtime::builder().max_lwps(200).boot()?;

    // A job that forks without end. Its supervisor adopts the orphans below it, so it knows all that the job has started.
    let status = runtime.run(Command::new("supervisor", |p| {
        p.set_child_subreaper(true)?;
        let job = p.spawn(Command::new("job", bomb))?;
        let watch = job.watch(NoteFlags::TRACK)?;
        for _ in 0..100 {
            let _ = p.recv(&watch);
        }
        let killed = p.reap_kill(Signal::KILL)?;
        let mut reaped = 0;
        while p.wait().is_ok() {
            reaped += 1;
        }
        println!("{} processes killed in one call, {reaped} reaped, and none is left", killed.count);
        assert!(killed.count >= 1 && killed.refused == 0);
        Result::Ok(())
    }))?;
    assert!(status.success(), "{status}");

    // The same from outside, through a handle.
    let job = runtime.spawn(Command::new("job", bomb))?;
    println!("{} processes of another job killed", job.kill_tree()?.count);
    assert_eq!(job.wait()?.status.signal(), Some(Signal::KILL));

    // A helper that ends with its service, however that ends.
    let (service, watch) = runtime.spawn_returning("service", |p| {
        let helper = p.spawn(Command::new("helper", sleeper).parent_death_signal(Signal::TERM))?;
        helper.watch(NoteFlags::EXIT)
    })?;
    assert!(service.wait()?.status.success());
    let watch = watch.take().expect("the service ended with success")?;
    println!("the helper got {:?}", how_it_ended(watch.recv().expect("it ends").kind));

    // A child of a call that returns early, in whatever way.
    let (tell, told) = crossbeam_channel::bounded(1);
    assert!(returns_early(&runtime, &tell).is_err());
    let watch = told.recv().expect("it came so far");
    println!("the request got {:?}", how_it_ended(watch.recv().expect("it ends").kind));
    Ok(())
}

fn bomb(p: &Process) {
    loop {
        drop(p.spawn(Command::new("bomb", bomb)));
        p.checkpoint();
    }
}

fn sleeper(p: &Process) -> Result<()> {
    p.sleep(Duration::from_hours(1))
}

fn returns_early(runtime: &Runtime, tell: &Sender<Watch>) -> std::result::Result<(), Box<dyn Error>> {
    let child = runtime.spawn(Command::new("request", sleeper))?;
    child.kill_on_drop(true);
    tell.send(child.watch(NoteFlags::EXIT)?)?;
    let _: i32 = "no number".parse()?;
    let _ = child.wait()?;
    Ok(())
}

fn how_it_ended(kind: NoteKind) -> Option<Signal> {
    match kind {
        NoteKind::Exit { status } => status.signal(),
        _ => None,
    }
}
