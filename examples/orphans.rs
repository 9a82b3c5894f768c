//! Orphans are adopted: by the nearest ancestor that asked to be a subreaper, else by init.
//!
//! ```text
//! cargo run -p greenproc-examples --example orphans
//! ```

use crossbeam_channel::{Receiver, bounded};
use greenproc::{Child, Command, Pid, Process, Result, Runtime, State, WaitFlags, WaitFor};

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let (release, held) = bounded::<()>(0);
    let (tell, told) = bounded(1);

    // By init: when the parent has been waited for, its child already has another one.
    let (child, orphan) = runtime.spawn_returning("parent", {
        let held = held.clone();
        move |p| spawn_orphan(p, held).map(|orphan| orphan.id())
    })?;
    assert!(child.wait()?.status.success());
    let orphan = orphan.take().expect("the parent ended with success")?;
    let snapshot = runtime.snapshot();
    let adopted = snapshot.get(orphan).expect("it waits for its release");
    println!("orphan {} has parent {} now", adopted.pid, adopted.ppid);
    assert_eq!(adopted.ppid, Pid::INIT);

    // By a subreaper, which then waits for the orphan as for any child.
    let subreaper = runtime.spawn(Command::new("subreaper", move |p| {
        p.set_child_subreaper(true)?;
        let inner = held.clone();
        let middle = p.spawn(Command::new("middle", move |p| spawn_orphan(p, inner).map(drop)))?;
        let waited = p.wait4(WaitFor::Child(&middle), WaitFlags::empty())?.expect("not under NOHANG");
        assert_eq!(waited.pid, middle.id());
        // One more that has ended and is not waited for yet.
        let zombie = p.spawn(Command::new("zombie", |_| 3))?;
        let peeked = p.wait4(WaitFor::Child(&zombie), WaitFlags::NOWAIT)?.expect("not under NOHANG");
        assert_eq!(peeked.status.code(), Some(3));
        tell.send(zombie.id()).expect("main listens");
        p.recv(&held).expect_err("nobody sends: the channel is closed");
        let zombie = p.wait()?;
        let orphan = p.wait()?;
        println!(
            "the subreaper waited for {} ({}) and {} ({})",
            zombie.pid, zombie.status, orphan.pid, orphan.status
        );
        assert!(orphan.status.success());
        Result::Ok(())
    }))?;
    let zombie = told.recv().expect("the subreaper gets as far");
    let snapshot = runtime.snapshot();
    print!("\nas ps shows it:\n{snapshot}\nas pstree shows it:\n{}\n", snapshot.tree());
    assert!(snapshot.get(zombie).is_some_and(|process| process.state == State::Zombie));
    let orphans = snapshot.processes.iter().filter(|process| process.name == "orphan");
    let parents: Vec<Pid> = orphans.map(|orphan| orphan.ppid).collect();
    assert_eq!(parents, [Pid::INIT, subreaper.id()]);

    drop(release);
    let waited = subreaper.wait()?;
    assert!(waited.status.success(), "{}", waited.status);
    Ok(())
}

/// A child that lives until the channel is closed.
fn spawn_orphan(p: &Process, held: Receiver<()>) -> Result<Child> {
    p.spawn(Command::new("orphan", move |p| drop(p.recv(&held))))
}
