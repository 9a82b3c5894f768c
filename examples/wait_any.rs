//! A parent waits for whichever child ends first, for a group of them, and without blocking.
//!
//! ```text
//! cargo run -p greenproc-examples --example wait_any
//! ```

use crossbeam_channel::{Sender, bounded};
use greenproc::{Child, Command, Error, Process, ProcessGroup, Result, Runtime, WaitFlags, WaitFor};

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("parent", |p| {
        any(p)?;
        group(p)
    }))?;
    assert!(status.success(), "{status}");
    Ok(())
}

/// The children end in another order than they were made in; wait-any reports them as they end.
fn any(p: &Process) -> Result<()> {
    println!("wait for any child:");
    let mut children = Vec::new();
    for code in 1..=3 {
        children.push(until_released(p, "worker", code, None)?);
    }
    let nothing_yet = p.wait4(WaitFor::Any, WaitFlags::NOHANG)?;
    assert!(nothing_yet.is_none(), "all are held back");
    for place in [2, 0, 1] {
        let (child, release) = &children[place];
        release.send(()).expect("the child listens");
        let waited = p.wait()?;
        println!("  process {} ended first of those that are left: {}", waited.pid, waited.status);
        assert_eq!(waited.pid, child.id());
    }
    let error = p.wait().expect_err("no child is left");
    println!("  then: {error}");
    assert!(matches!(error, Error::NoChild));
    Ok(())
}

/// A wait for a group passes other children by, although they ended earlier.
fn group(p: &Process) -> Result<()> {
    println!("wait for a group:");
    let (stranger, release_stranger) = until_released(p, "stranger", 9, None)?;
    let (leader, release_leader) = until_released(p, "leader", 1, Some(ProcessGroup::New))?;
    let group = leader.id();
    let (member, release_member) = until_released(p, "member", 2, Some(ProcessGroup::Join(group)))?;

    release_stranger.send(()).expect("the child listens");
    // NOWAIT looks at a zombie and leaves it: from here on the stranger is one.
    let peeked = p.wait4(WaitFor::Child(&stranger), WaitFlags::NOWAIT)?.expect("not under NOHANG");
    assert_eq!(peeked.pid, stranger.id());

    for (release, expected) in [(release_member, member.id()), (release_leader, group)] {
        release.send(()).expect("the child listens");
        let waited = p.wait4(WaitFor::Group(group), WaitFlags::empty())?.expect("not under NOHANG");
        println!("  process {} of group {group} ended: {}", waited.pid, waited.status);
        assert_eq!(waited.pid, expected);
    }
    let error = p.wait4(WaitFor::Group(group), WaitFlags::empty()).expect_err("the group is gone");
    assert!(matches!(error, Error::NoChild));

    let waited = p.wait()?;
    println!("  process {}, a zombie all the time, was left for wait-any: {}", waited.pid, waited.status);
    assert_eq!(waited.pid, stranger.id());
    Ok(())
}

/// A child that waits for a message, and then exits with this value.
fn until_released(
    p: &Process,
    name: &'static str,
    code: i32,
    group: Option<ProcessGroup>,
) -> Result<(Child, Sender<()>)> {
    let (release, released) = bounded(1);
    let command = Command::new(name, move |p| {
        p.recv(&released).expect("the parent releases every child");
        code
    });
    let command = match group {
        Some(group) => command.process_group(group),
        None => command,
    };
    Ok((p.spawn(command)?, release))
}
