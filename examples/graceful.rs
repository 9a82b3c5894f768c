//! A shutdown that asks first: processes that finish their work, one that does not hurry and is killed, and one that
//! cannot be stopped and is named.
//!
//! ```text
//! cargo run -p greenproc-examples --example graceful
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use greenproc::{Command, RecvError, Result, Runtime, Signal};

const GRACE: Duration = Duration::from_millis(200);
const HOUR: Duration = Duration::from_hours(1);

fn main() -> Result<()> {
    asked()?;
    not_stoppable()
}

fn asked() -> Result<()> {
    let runtime = Runtime::boot()?;
    let (ready, is_ready) = unbounded();

    // A worker that asks now and then. SIGTERM ends the sleep it is in with EINTR, once.
    let (jobs, queue) = unbounded();
    (1..=3).for_each(|job| jobs.send(job).expect("the worker has the receiver"));
    let up = ready.clone();
    let worker = runtime.spawn(Command::new("worker", move |p| {
        let mut done = 0;
        loop {
            let stop = p.stop_requested();
            match p.recv_timeout(&queue, if stop { Duration::ZERO } else { HOUR }) {
                Ok(_job) => done += 1,
                Err(RecvError::Interrupted(_)) => {}
                Err(_) => return done,
            }
            if done == 3 {
                let _ = up.send("worker");
            }
        }
    }))?;

    // A server with a function for it, which runs on the process's own LWP and says with what to exit.
    let up = ready.clone();
    let server = runtime.spawn(Command::new("server", move |p| {
        p.on_term(|p| {
            println!("process {}: SIGTERM came, closing", p.pid());
            p.exit(4)
        });
        let _ = up.send("server");
        p.sleep(HOUR)
    }))?;

    // One that is polite, and does not do anything about it.
    let slow = runtime.spawn(Command::new("slow", move |p| {
        let _polite = p.stop_requested();
        let _ = ready.send("slow");
        loop {
            let _ = p.sleep(HOUR);
        }
    }))?;

    for name in is_ready.iter().take(3) {
        println!("{name} is ready");
    }
    let report = runtime.shutdown(GRACE)?;
    println!("shutdown: {report}");
    assert!(report.is_clean());
    assert_eq!((report.asked, report.killed), (3, 1));

    // The statuses are kept for those who hold a handle.
    let status = worker.wait()?.status;
    println!("worker: {status}, with 3 jobs done");
    assert_eq!(status.code(), Some(3));
    let status = server.wait()?.status;
    println!("server: {status}");
    assert_eq!(status.code(), Some(4));
    let status = slow.wait()?.status;
    println!("slow: {status}");
    assert_eq!(status.signal(), Some(Signal::KILL));
    Ok(())
}

fn not_stoppable() -> Result<()> {
    let runtime = Runtime::boot()?;
    let (ready, is_ready) = bounded(0);
    let (ended, has_ended) = bounded::<()>(0);
    let go_on = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&go_on);
    let deaf = runtime.spawn(Command::new("deaf", move |p| {
        let _ended = ended;
        p.checkpoint();
        let _ = ready.send(());
        while flag.load(Ordering::Relaxed) {
            std::hint::spin_loop(); // no checkpoint: nobody can stop this
        }
    }))?;
    is_ready.recv().expect("it runs");
    let report = runtime.shutdown(Duration::ZERO)?;
    println!("shutdown: {report}");
    assert!(!report.is_clean());
    assert_eq!(report.stuck.len(), 1);
    assert_eq!(report.stuck[0].pid, deaf.id());

    // When its code returns after all, it ends harmlessly.
    go_on.store(false, Ordering::Relaxed);
    has_ended.recv().expect_err("nobody sends: the sender goes with the body");
    println!("the one that could not be stopped has ended by itself");
    Ok(())
}
