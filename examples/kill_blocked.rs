//! Kills processes whose thread is blocked: in `read(2)`, in `accept`, in a channel, in a lock, in a sleep, in a wait.
//! Their destructors run.
//!
//! ```text
//! cargo run -p greenproc-examples --example kill_blocked
//! ```

use std::error::Error;
use std::io::{Read, pipe};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use greenproc::{Command, KillableMutex, Process, Result, Runtime, Signal};

/// How long a process may take to die. It takes microseconds; this is a watchdog.
const PATIENCE: Duration = Duration::from_secs(10);

const YEAR: Duration = Duration::from_hours(365 * 24);

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let runtime = Runtime::boot()?;

    // `blocking` around one host call: a private signal interrupts it, and it ends with EINTR.
    let (mut silent, _nobody_writes) = pipe()?;
    kill_in(&runtime, "read(2) of a pipe", move |p| p.blocking(|| silent.read(&mut [0; 64])).map(drop))?;

    // std's accept swallows EINTR and goes on. So the call gets a second function that ends it: here, a connection.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    kill_in(&runtime, "TcpListener::accept", move |p| {
        let wake = move || drop(TcpStream::connect_timeout(&address, Duration::from_secs(1)));
        let connection = p.blocking_with(|| listener.accept(), wake)?;
        // The call succeeded, so its result is not thrown away; the request is met here.
        p.checkpoint();
        drop(connection);
        std::io::Result::Ok(())
    })?;

    let (_nobody_sends, receiver) = bounded::<()>(0);
    kill_in(&runtime, "a channel's recv", move |p| p.recv(&receiver))?;

    let (sender, _nobody_receives) = bounded(0);
    kill_in(&runtime, "a channel's send", move |p| p.send(&sender, 1).map_err(|error| error.reason))?;

    let lock = Arc::new(KillableMutex::new(0));
    let held = lock.try_lock().expect("nobody holds it yet");
    let shared = Arc::clone(&lock);
    kill_in(&runtime, "a lock", move |p| shared.lock(p).map(|mut value| *value += 1))?;
    drop(held);
    assert!(lock.try_lock().is_some_and(|value| *value == 0), "the killed process never had the lock");

    kill_in(&runtime, "a sleep", |p| p.sleep(YEAR))?;

    kill_in(&runtime, "wait, for a child that sleeps", |p| {
        p.spawn(Command::new("sleeper", |p| p.sleep(YEAR)))?;
        p.wait().map(drop)
    })?;

    let report = runtime.shutdown(Duration::from_secs(1))?;
    println!("shutdown: {report}");
    assert!(report.is_clean());
    Ok(())
}

/// Starts a process, waits until it is about to block, kills it and waits for it.
fn kill_in<E: std::fmt::Display>(
    runtime: &Runtime,
    place: &'static str,
    block: impl FnOnce(&Process) -> std::result::Result<(), E> + Send + 'static,
) -> Result<()> {
    let (ready, is_ready) = bounded(1);
    let (dropped, was_dropped) = bounded(1);
    let child = runtime.spawn(Command::new(place, move |p| {
        let _guard = OnDrop(dropped);
        ready.send(()).expect("main waits for it");
        block(p)
    }))?;
    is_ready.recv().expect("the process says so before it blocks");
    child.kill()?;
    let waited = child.wait_timeout(PATIENCE)?.expect("it dies at once");
    println!("process {} was killed in {place}: {}", waited.pid, waited.status);
    assert_eq!(waited.status.signal(), Some(Signal::KILL));
    assert_eq!(was_dropped.try_recv(), Ok(()), "its destructors have run");
    Ok(())
}

struct OnDrop(Sender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        // Main listens until the process has been waited for.
        let _ = self.0.send(());
    }
}
