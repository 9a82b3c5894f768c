//! Signals whose moment the scheduler decides.

use greenproc::{Runtime, Signal, Target};
use greenproc_os::kick::Kick;
use greenproc_os::stack::Stack;
use greenproc_sync::{lab, thread};

/// What a thread needs that does nothing but send a signal, in bytes.
const STACK: usize = 128 << 10;

/// A signal that is on its way.
///
/// It has come when this has been dropped.
#[must_use = "dropping it waits until the signal has come"]
#[derive(Debug)]
pub struct Incoming(Option<thread::Thread>);

/// Sends a signal at a point that the scheduler chooses: any from here on to where what is returned is dropped. Whoever has
/// gone by then gets none.
///
/// It is sent by a thread of its own, which does nothing else, so that every point of every other thread is followed by it in
/// some order. Outside a schedule the host says when it runs.
///
/// # Panics
/// If the host has no thread or no memory left.
///
/// ```
/// use greenproc::{Command, SigAction, Signal};
/// greenproc_lab::check(|runtime| {
///     let child = runtime.spawn(Command::new("child", |p| {
///         p.sigaction(Signal::USR1, SigAction::IGNORE).map(|_| ())
///     }));
///     let child = child.expect("a process");
///     let signal = greenproc_lab::signal_at_any_point(runtime, child.id(), Signal::USR1);
///     let status = child.wait().expect("it ends").status;
///     assert!(status.success() || status.signal() == Some(Signal::USR1), "ignored, or earlier than that");
///     drop(signal);
/// });
/// ```
pub fn signal_at_any_point(runtime: &Runtime, target: impl Into<Target>, signal: Signal) -> Incoming {
    let (runtime, target) = (runtime.clone(), target.into());
    let kick = Kick::install(Kick::default_signal()).expect("nobody else uses the kick signal");
    let stack = Stack::map(STACK).expect("memory for a stack");
    let send = Box::new(move || {
        lab::rename(|| format!("{signal}"));
        // It may be too late.
        drop(runtime.kill(target, signal));
    });
    Incoming(Some(thread::spawn(stack, &kick, send).expect("the host gives a thread")))
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            drop(thread::join(sender));
        }
    }
}
