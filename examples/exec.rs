//! A worker that becomes the next version of itself: same pid, same children, nothing of the old one left.
//!
//! ```text
//! cargo run -p greenproc-examples --example exec
//! ```

use std::time::Duration;

use greenproc::{Command, Error, EventFilter, EventKind, Local, Process, Result, Runtime};

/// What a version has cached; the next one begins with none.
static CACHE: Local<std::sync::atomic::AtomicU32> = Local::new(std::sync::atomic::AtomicU32::default);

fn main() -> Result<()> {
    let runtime = Runtime::builder().program("worker-1", first).program("worker-2", second).boot()?;
    let events = runtime.events(EventFilter::EXECUTED);

    let worker = runtime.spawn(Command::program("worker-1").env("NEXT", "worker-2"))?;
    let waited = worker.wait()?;
    println!("process {} ended with {}", worker.id(), waited.status);
    assert_eq!(waited.status.code(), Some(2), "the number of children it was given");

    for event in events.try_iter() {
        if let EventKind::Executed { former } = &event.kind {
            println!("event: process {} was {former} and is {}", event.pid, event.name);
        }
    }

    // What is not there is an error, before anything of the process is gone.
    let status = runtime.run(Command::new("careful", |p| match p.exec(Command::program("worker-3")) {
        Err(Error::NoProgram { name }) => println!("there is no {name}; {} goes on", p.name()),
        other => panic!("{other:?}"),
    }))?;
    assert!(status.success());

    let report = runtime.shutdown(Duration::from_secs(1))?;
    println!("shutdown: {report}");
    assert!(report.is_clean());
    Ok(())
}

/// The first version: has two children and a helper LWP, and hands all but those over.
fn first(p: &Process) -> Result<()> {
    use std::sync::atomic::Ordering;
    CACHE.with(p, |cache| cache.store(7, Ordering::Relaxed))?;
    for _ in 0..2 {
        p.spawn(Command::new("child", |_| {}))?;
    }
    p.spawn_lwp(|p| p.sleep(Duration::from_hours(1)))?.detach();
    let next = p.env("NEXT").unwrap_or_default();
    println!("{} is process {} and becomes {next}", p.name(), p.pid());
    p.exec(Command::program(next).args(["--since", p.name()]).env_remove("NEXT"))?;
    Ok(())
}

/// The second version: finds the pid and the children of the first, and none of its values.
fn second(p: &Process) -> Result<i32> {
    use std::sync::atomic::Ordering;
    let cached = CACHE.with(p, |cache| cache.load(Ordering::Relaxed))?;
    println!("{} is process {} with {:?}; cached: {cached}", p.name(), p.pid(), p.args());
    assert_eq!((cached, p.env("NEXT")), (0, None));
    let mut children = 0;
    while p.wait().is_ok() {
        children += 1;
    }
    Ok(children)
}
