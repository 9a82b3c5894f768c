//! Watching: a monitor that is nobody's parent hears of everything that becomes of a tree of processes, and takes nothing
//! from those who wait for it.
//!
//! ```text
//! cargo run -p greenproc-examples --example watch
//! ```

use crossbeam_channel::{Receiver, bounded, select};
use greenproc::{Command, NoteFlags, NoteKind, Process, Result, Runtime, Signal};

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let (release, held) = bounded::<()>(0);
    let service = runtime.spawn(Command::new("service", move |p| serve(p, &held)))?;

    // Children are followed from their first moment on. The stream ends when the last of them has.
    let watch = runtime.watch(service.id(), NoteFlags::all())?;
    drop(release);
    service.signal(Signal::WINCH)?;

    let (mut children, mut failures) = (0, 0);
    loop {
        // A watch is a crossbeam receiver: it waits beside other channels.
        let note = select! {
            recv(watch) -> note => note,
            default(std::time::Duration::from_mins(1)) => panic!("nothing happens"),
        };
        let Ok(note) = note else { break };
        print!("{:>4}: ", note.pid.as_raw());
        match note.kind {
            NoteKind::Fork { child } => println!("has a child, {child}"),
            NoteKind::Child { parent } => {
                children += 1;
                println!("is there, made by {parent}");
            }
            NoteKind::Signal { signal } => println!("got {signal}"),
            NoteKind::Exit { status } => {
                failures += i32::from(!status.success());
                println!("ended: {status}");
            }
            other => println!("{other:?}"),
        }
    }
    assert_eq!((children, failures), (3, 1));

    // The watch took nothing: the service waited for its children, and this handle for the service.
    assert!(service.wait()?.status.success());
    // Who comes too late is told so.
    assert_eq!(service.watch(NoteFlags::EXIT).expect_err("it was reaped").errno(), 3); // ESRCH
    Ok(())
}

/// Three jobs, one of which fails.
fn serve(p: &Process, held: &Receiver<()>) -> Result<()> {
    let _ = p.recv(held);
    for code in [0, 1, 0] {
        p.spawn(Command::new("job", move |_| code))?;
        assert_eq!(p.wait()?.status.code(), Some(code));
    }
    Ok(())
}
