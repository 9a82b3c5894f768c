//! A process that uses too much CPU time is told, and then killed; with it, if you like, all that it has made.
//!
//! ```text
//! cargo run -p greenproc-examples --example cpu_limit
//! ```

use std::time::Duration;

use greenproc::{Command, Limits, Process, Result, Runtime, SigAction, Signal};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Computes until it is made to stop.
fn compute(p: &Process) {
    loop {
        std::hint::black_box((0..1_000).fold(1_u64, |product, factor| product.wrapping_mul(factor | 1)));
        p.checkpoint();
    }
}

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;

    // 20 ms, and SIGXCPU ends whoever does not expect it.
    let soft = Limits { cpu: Some(ms(20)), ..Limits::default() };
    let child = runtime.spawn(Command::new("plain", compute).limits(soft).hard_limits(Limits::default()))?;
    let waited = child.wait()?;
    println!("plain: {} after {:?}", waited.status, waited.usage.total());
    assert_eq!(waited.status.signal(), Some(Signal::XCPU));

    // One that catches it has until the hard limit to come to an end.
    let tidy = Command::new("tidy", |p| {
        p.sigaction(Signal::XCPU, SigAction::handler(|p, _| p.exit(3)))?;
        compute(p);
        Result::Ok(())
    });
    let hard = Limits { cpu: Some(ms(500)), ..soft };
    let status = runtime.spawn(tidy.limits(soft).hard_limits(hard))?.wait()?.status;
    println!("tidy: {status}");
    assert_eq!(status.code(), Some(3));

    // A program that makes children, and children's children, uses the time of one account with all of them.
    let (watcher, killed) = runtime.spawn_returning("watches", |p| {
        p.set_child_subreaper(true)?;
        let account = Limits { subtree_cpu: Some(ms(60)), ..Limits::default() };
        let top = Command::new("top", |p| {
            for _ in 0..3 {
                p.spawn(Command::new("worker", compute))?;
            }
            // It ends, and leaves the workers to others: that does not lead out of the account.
            Result::Ok(())
        });
        p.spawn(top.limits(account))?;
        let mut killed = 0;
        while let Ok(waited) = p.wait() {
            println!("{}: {} after {:?}", waited.pid, waited.status, waited.usage.total());
            killed += i32::from(waited.status.signal() == Some(Signal::KILL));
        }
        println!("all together: {:?}", p.subtree_usage().total());
        assert!(p.children_usage().total() >= ms(60));
        Result::Ok(killed)
    })?;
    assert!(watcher.wait()?.status.success());
    assert_eq!(killed.take().expect("it returns")?, 3, "the three workers");
    Ok(())
}
