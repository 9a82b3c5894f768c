//! What a process may have at most, and what it used.
//!
//! ```text
//! cargo run -p greenproc-examples --example limits
//! ```

use std::time::Duration;

use crossbeam_channel::bounded;
use greenproc::{Command, Error, Exhausted, Limits, Result, Runtime};

fn main() -> Result<()> {
    lwps_of_a_runtime()?;
    pids()?;
    limits_of_a_process()?;
    cpu_time()
}

/// A spawn reserves its native thread before anything can be seen of the process; without one it says EAGAIN.
fn lwps_of_a_runtime() -> Result<()> {
    let runtime = Runtime::builder().max_lwps(3).boot()?; // init, and two more
    let (release, held) = bounded::<()>(0);
    let sleeper = |name| {
        let held = held.clone();
        runtime.spawn(Command::new(name, move |p| drop(p.recv(&held))))
    };
    let first = sleeper("first")?;
    let second = sleeper("second")?;
    let error = sleeper("third").expect_err("over the limit");
    println!("EAGAIN: {error}");
    assert!(matches!(error, Error::Exhausted(Exhausted::Lwps { capacity: 3 })));
    first.kill()?;
    assert!(!first.wait()?.status.success());
    let third = sleeper("third")?; // now there is room
    drop(release);
    for child in [second, third] {
        assert!(child.wait()?.status.success());
    }
    Ok(())
}

/// A zombie has no thread any more, but it keeps its pid.
fn pids() -> Result<()> {
    let runtime = Runtime::builder().pid_max(3).boot()?;
    let status = runtime.run(Command::new("parent", |p| {
        let child = p.spawn(Command::new("child", |_| {}))?;
        let error = p.spawn(Command::new("one too many", |_| {})).expect_err("pids 1 to 3 are in use");
        println!("EAGAIN: {error}");
        assert!(matches!(error, Error::Exhausted(Exhausted::Pids { max: 3 })));
        assert_eq!(p.wait()?.pid, child.id());
        p.spawn(Command::new("after the wait", |_| {}))?;
        p.wait().map(drop)
    }))?;
    assert!(status.success(), "{status}");
    Ok(())
}

/// Limits are given with the command, and inherited.
fn limits_of_a_process() -> Result<()> {
    let runtime = Runtime::boot()?;
    let limits = Limits { lwps: Some(2), processes: Some(3), ..Limits::default() };
    let status = runtime.run(
        Command::new("limited", |p| {
            let lwp = p.spawn_lwp(|p| p.sleep(Duration::from_hours(1)))?;
            let error = p.spawn_lwp(|_| ()).expect_err("two LWPs are there");
            println!("EAGAIN: {error}");
            lwp.detach(); // it leaves when this body returns

            // Init, this process and one child are the three.
            p.spawn(Command::new("child", |_| {}))?;
            let error = p.spawn(Command::new("one too many", |_| {})).expect_err("over the limit");
            println!("EAGAIN: {error}");
            assert!(matches!(error, Error::Exhausted(Exhausted::UserProcesses { limit: 3 })));
            p.wait().map(drop)
        })
        .limits(limits),
    )?;
    assert!(status.success(), "{status}");
    Ok(())
}

/// CPU time is counted for each process, and goes to its parent when it is waited for.
fn cpu_time() -> Result<()> {
    const WORK: Duration = Duration::from_millis(30);
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("parent", |p| {
        let busy = p.spawn(Command::new("busy", |p| {
            while p.usage().total() < WORK {
                std::hint::black_box(
                    (0..10_000).fold(1_u64, |product, factor| product.wrapping_mul(factor | 1)),
                );
            }
        }))?;
        let busy = busy.wait()?;
        let idle = p.spawn(Command::new("idle", |p| p.sleep(WORK)))?.wait()?;
        for (name, usage) in [("busy", busy.usage), ("idle", idle.usage)] {
            println!("{name}: {:?} of CPU time, {:?} of it in the kernel", usage.total(), usage.system());
        }
        assert!(busy.usage.total() >= WORK);
        assert!(idle.usage.total() < busy.usage.total());
        let children = p.children_usage().total();
        println!("children waited for: {children:?}");
        assert_eq!(children, busy.usage.total() + idle.usage.total());
        Result::Ok(())
    }))?;
    assert!(status.success(), "{status}");
    Ok(())
}
