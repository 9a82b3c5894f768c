//! The terminal itself: the line discipline, who waits for it, and whose it is.
//!
//! Its state is under a leaf lock. Nobody is woken and no signal is sent under it: what is left to do is returned. Whose
//! controlling terminal it is, is decided under `proclist_lock` and noted here in the same hold, so that the side of the
//! keyboard, which belongs to no runtime, finds the session.

use std::sync::Arc;

use greenproc_sync::Mutex;

use super::discipline::{Effect, LineDiscipline, Readiness};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::signal::Signal;
use crate::wait_queue::{WaitQueue, Waiter, Wakeups};

/// Why nothing can be done with a terminal any more.
pub(super) const HUNG_UP: Error = Error::Io { what: "the terminal is hung up" };

/// What all handles of a terminal share.
#[derive(Default)]
pub(crate) struct Terminal {
    pub(super) state: Mutex<Leaf, State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) discipline: LineDiscipline,
    /// Who waits for what is typed.
    pub(super) readers: WaitQueue,
    /// Who waits for room to write.
    pub(super) writers: WaitQueue,
    /// Who waits for something to show.
    pub(super) watchers: WaitQueue,
    /// Open handles of either side.
    pub(super) masters: usize,
    pub(super) devices: usize,
    /// For good: reads are at the end of the file, writes fail.
    pub(super) hung_up: bool,
    owner: Option<Owner>,
}

/// The session whose controlling terminal it is.
#[derive(Clone)]
pub(super) struct Owner {
    pub(super) kernel: Arc<Kernel>,
    pub(super) session: Pid,
}

/// What somebody who does not wait gets; `None` if the caller has to, then it is in the queue.
pub(super) type Attempt = Option<Result<usize>>;

impl Terminal {
    /// Makes it the controlling terminal of a session. Under `proclist_lock`.
    ///
    /// # Errors
    /// - EPERM: it is another session's.
    /// - EIO: it is hung up.
    pub(crate) fn take_possession(&self, kernel: &Arc<Kernel>, session: Pid) -> Result<()> {
        let mut state = self.state.lock();
        if state.hung_up {
            return Err(HUNG_UP);
        }
        if state.owner.is_some() {
            return Err(Error::NotPermitted { what: "the terminal is the controlling one of a session" });
        }
        state.owner = Some(Owner { kernel: Arc::clone(kernel), session });
        Ok(())
    }

    /// It is nobody's controlling terminal any more. Under `proclist_lock`; whoever waits for the terminal looks again.
    pub(crate) fn give_up(&self) -> Wakeups {
        let mut state = self.state.lock();
        state.owner = None;
        state.everybody()
    }

    /// Hangs it up for good. What was typed is lost, what was written can still be shown.
    pub(super) fn hang_up(&self) -> Wakeups {
        let mut state = self.state.lock();
        state.hung_up = true;
        state.discipline.flush_input();
        state.everybody()
    }

    /// Those who wait for what is typed are to look again: they may have come into the background.
    pub(crate) fn readers_look(&self) -> Wakeups {
        self.state.lock().readers.take_all()
    }

    /// Takes what is typed; wakes and signals whom that concerns.
    pub(super) fn type_in(self: &Arc<Terminal>, bytes: &[u8]) {
        let (effects, woken, owner) = {
            let mut state = self.state.lock();
            if state.hung_up {
                return;
            }
            let effects = state.discipline.input(bytes);
            let readers = if effects.contains(&Effect::Readable) {
                state.readers.take_all()
            } else {
                Wakeups::default()
            };
            let watchers = if effects.contains(&Effect::Output) {
                state.watchers.take_all()
            } else {
                Wakeups::default()
            };
            (effects, [readers, watchers], state.owner.clone())
        };
        self.signal_foreground(owner.as_ref(), signals(&effects));
        woken.into_iter().for_each(Wakeups::wake);
    }

    /// Changes the size of the window, and tells the foreground group if it is another.
    pub(super) fn resize(self: &Arc<Terminal>, window: super::WindowSize) {
        let (effect, owner) = {
            let mut state = self.state.lock();
            (state.discipline.set_window_size(window), state.owner.clone())
        };
        self.signal_foreground(owner.as_ref(), signals(effect.as_slice()));
    }

    fn signal_foreground(self: &Arc<Terminal>, owner: Option<&Owner>, signals: impl Iterator<Item = Signal>) {
        if let Some(Owner { kernel, session }) = owner {
            for signal in signals {
                kernel.signal_foreground(self, *session, signal);
            }
        }
    }

    /// The session whose controlling terminal it is.
    pub(super) fn owner(&self) -> Option<Owner> {
        self.state.lock().owner.clone()
    }

    /// Reads what was typed.
    pub(super) fn read(&self, buf: &mut [u8], waiter: Option<&Waiter>) -> Attempt {
        let mut state = self.state.lock();
        let ready = if state.hung_up { Readiness::EndOfFile } else { state.discipline.read(buf) };
        let count = match ready {
            Readiness::Read(count) => count,
            Readiness::EndOfFile => 0,
            Readiness::Wait => {
                if let Some(waiter) = waiter {
                    state.readers.join(waiter);
                }
                return None;
            }
        };
        if let Some(waiter) = waiter {
            state.readers.leave(waiter);
        }
        Some(Ok(count))
    }

    /// Writes what there is room for, and says how much that was; a `waiter` that has to wait for more is in the queue.
    pub(super) fn write(&self, buf: &[u8], waiter: Option<&Waiter>) -> Result<(usize, Wakeups)> {
        let mut state = self.state.lock();
        let count = if state.hung_up { 0 } else { state.discipline.write(buf) };
        if let Some(waiter) = waiter {
            if count == buf.len() || state.hung_up {
                state.writers.leave(waiter);
            } else {
                state.writers.join(waiter);
            }
        }
        if state.hung_up && !buf.is_empty() {
            return Err(HUNG_UP);
        }
        Ok((count, if count > 0 { state.watchers.take_all() } else { Wakeups::default() }))
    }

    /// Takes what is to be shown. Nothing, at the end: nobody can write any more.
    pub(super) fn show(&self, buf: &mut [u8], waiter: Option<&Waiter>) -> Attempt {
        let (count, woken) = {
            let mut state = self.state.lock();
            let shown = state.discipline.take_output(buf.len());
            if shown.is_empty() && !buf.is_empty() && !state.is_over() {
                if let Some(waiter) = waiter {
                    state.watchers.join(waiter);
                }
                return None;
            }
            if let Some(waiter) = waiter {
                state.watchers.leave(waiter);
            }
            buf[..shown.len()].copy_from_slice(&shown);
            (shown.len(), state.writers.take_all())
        };
        woken.wake();
        Some(Ok(count))
    }

    /// Whether there is something to show, or will not be any more; `None` if the caller has to wait.
    pub(super) fn has_output(&self, waiter: &Waiter) -> Option<bool> {
        let mut state = self.state.lock();
        let some = state.discipline.output_len() > 0;
        if some || state.is_over() {
            state.watchers.leave(waiter);
            return Some(some);
        }
        state.watchers.join(waiter);
        None
    }

    /// The caller waits no more.
    pub(super) fn leave(&self, waiter: &Waiter) {
        let mut state = self.state.lock();
        state.readers.leave(waiter);
        state.writers.leave(waiter);
        state.watchers.leave(waiter);
    }
}

impl State {
    /// Nobody can write any more.
    fn is_over(&self) -> bool {
        self.hung_up || (self.devices == 0 && self.owner.is_none())
    }

    fn everybody(&mut self) -> Wakeups {
        let mut everybody = self.readers.take_all();
        everybody.extend(self.writers.take_all());
        everybody.extend(self.watchers.take_all());
        everybody
    }
}

fn signals(effects: &[Effect]) -> impl Iterator<Item = Signal> {
    effects.iter().filter_map(|effect| match effect {
        Effect::Signal(signal) => Some(*signal),
        Effect::Readable | Effect::Output => None,
    })
}
