//! A queue of messages whose receivers can be killed.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenproc_sync::{Mutex, time};

use crate::call::{Call, args};
use crate::locks::Leaf;
use crate::process::RecvError;
use crate::wait_queue::{WaitQueue, Wakeups, wait_until};
use crate::worker;

/// A queue of messages without a bound, between processes and threads outside: whoever has a clone of it posts and
/// receives.
///
/// A channel of crossbeam does as much, with [`Process::recv`](crate::Process::recv), and more. This one is closed by hand and not by the drop of
/// one end, a handler of a signal may post to it, and a receive from inside a process costs no channel of requests. The
/// race lab sees its waits, which it does not see in channels of other crates.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Mailbox, Runtime};
/// let runtime = Runtime::boot()?;
/// let orders = Mailbox::new();
/// let theirs = orders.clone();
/// let worker = runtime.spawn(Command::new("worker", move |_| {
///     let mut sum = 0;
///     while let Ok(number) = theirs.receive() { // until it is closed and empty
///         sum += number;
///     }
///     sum
/// }))?;
/// for number in 1..=3 {
///     orders.post(number).expect("it is open");
/// }
/// orders.close();
/// assert_eq!(worker.wait()?.status.code(), Some(6));
/// # Ok(())
/// # }
/// ```
pub struct Mailbox<T>(Arc<Mutex<Leaf, Contents<T>>>);

struct Contents<T> {
    messages: VecDeque<T>,
    receivers: WaitQueue,
    closed: bool,
}

impl<T> Mailbox<T> {
    /// Makes one that is empty and open.
    pub fn new() -> Mailbox<T> {
        let contents = Contents { messages: VecDeque::new(), receivers: WaitQueue::new(), closed: false };
        Mailbox(Arc::new(Mutex::new(contents)))
    }

    /// Puts a message at the end, and wakes one who waits for it. Never waits; no checkpoint. From anywhere.
    ///
    /// # Errors
    /// The message comes back if the mailbox is closed.
    pub fn post(&self, message: T) -> Result<(), T> {
        let woken = {
            let mut contents = self.0.lock();
            if contents.closed {
                return Err(message);
            }
            contents.messages.push_back(message);
            contents.receivers.first()
        };
        woken.wake();
        Ok(())
    }

    /// Waits for a message, and takes the first. From a thread that runs no process nothing interrupts it.
    ///
    /// A checkpoint in a process. A message that is there beats a request.
    ///
    /// # Errors
    /// - [`Disconnected`](RecvError::Disconnected): it is closed and empty.
    /// - EINTR: a handler ran that does not let calls go on, or SIGTERM came and the process is polite about it.
    /// - The errno of a [policy](crate::Policy) that does not allow [`Call::Recv`].
    #[track_caller]
    pub fn receive(&self) -> Result<T, RecvError> {
        self.receive_until(None)
    }

    /// [`receive`](Mailbox::receive) with a time-out. Without time, it looks only.
    ///
    /// A checkpoint in a process.
    ///
    /// # Errors
    /// As [`receive`](Mailbox::receive), and [`Timeout`](RecvError::Timeout).
    #[track_caller]
    pub fn receive_timeout(&self, timeout: Duration) -> Result<T, RecvError> {
        self.receive_until(time::now().checked_add(timeout))
    }

    /// Takes the first message, if there is one. No checkpoint. From anywhere.
    pub fn try_receive(&self) -> Option<T> {
        let mut contents = self.0.lock();
        let message = contents.messages.pop_front()?;
        let others = contents.next_receiver();
        drop(contents);
        others.wake();
        Some(message)
    }

    /// Closes it: nothing more is posted. What is in it can be received still; then all receivers are told. Returns whether
    /// it was open.
    pub fn close(&self) -> bool {
        let (was_open, woken) = {
            let mut contents = self.0.lock();
            let was_open = !std::mem::replace(&mut contents.closed, true);
            (was_open, contents.receivers.take_all())
        };
        woken.wake();
        was_open
    }

    /// Whether it was closed. From anywhere.
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    #[track_caller]
    fn receive_until(&self, deadline: Option<Instant>) -> Result<T, RecvError> {
        let process = worker::current();
        let receive = || self.wait(process.as_ref(), deadline);
        match &process {
            Some(process) => {
                process.enter();
                process.gate_as(Call::Recv, || args![], |_| 0, receive)
            }
            None => receive(),
        }
    }

    fn wait(&self, process: Option<&crate::Process>, deadline: Option<Instant>) -> Result<T, RecvError> {
        let got = wait_until(
            process,
            deadline,
            |me| {
                let mut contents = self.0.lock();
                let Some(message) = contents.messages.pop_front() else {
                    if contents.closed {
                        contents.receivers.leave(me);
                        return Some(None);
                    }
                    contents.receivers.join(me);
                    return None;
                };
                contents.receivers.leave(me);
                let others = contents.next_receiver();
                drop(contents);
                others.wake();
                Some(Some(message))
            },
            |me| {
                let others = {
                    let mut contents = self.0.lock();
                    contents.receivers.leave(me);
                    contents.next_receiver()
                };
                others.wake();
            },
        )?;
        got.ok_or(RecvError::Timeout)?.ok_or(RecvError::Disconnected)
    }
}

impl<T> Contents<T> {
    /// Who is to take what is left: each message wakes one, and one of those may have got another's.
    fn next_receiver(&self) -> Wakeups {
        if self.messages.is_empty() { Wakeups::default() } else { self.receivers.first() }
    }
}

impl<T> Clone for Mailbox<T> {
    /// The same mailbox.
    fn clone(&self) -> Mailbox<T> {
        Mailbox(Arc::clone(&self.0))
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Mailbox<T> {
        Mailbox::new()
    }
}

impl<T> fmt::Debug for Mailbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contents = self.0.lock();
        f.debug_struct("Mailbox")
            .field("messages", &contents.messages.len())
            .field("closed", &contents.closed)
            .finish()
    }
}
