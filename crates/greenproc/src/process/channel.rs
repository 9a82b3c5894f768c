//! Killable forms of waiting on crossbeam channels.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select, SelectedOperation, Sender};
use greenproc_sync::time;

use crate::call::{Call, CallResult, args};
use crate::error::Error;
use crate::lwp::{Interrupt, Leaving, Place};
use crate::process::Process;

/// Why a killable receive got nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The channel is empty and all senders are gone.
    #[error("the channel is empty and all its senders are gone")]
    Disconnected,
    /// The time-out passed.
    #[error("timed out")]
    Timeout,
    /// EINTR or ESRCH: a signal came first, or the `Process` was kept beyond its LWP's end; or the errno of its
    /// [policy](crate::Policy).
    #[error(transparent)]
    Interrupted(#[from] Error),
}

/// Why a killable send did not send; the message comes back.
#[derive(Debug, thiserror::Error)]
#[error("the message was not sent: {reason}")]
pub struct SendError<T> {
    /// The message.
    pub message: T,
    /// Why.
    pub reason: SendFailure,
}

/// The reason of a [`SendError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendFailure {
    /// All receivers are gone.
    #[error("all receivers are gone")]
    Disconnected,
    /// EINTR or ESRCH: a signal came first, or the `Process` was kept beyond its LWP's end; or the errno of its
    /// [policy](crate::Policy).
    #[error(transparent)]
    Interrupted(#[from] Error),
}

impl Process {
    /// Receives from a channel; a request to end ends the wait.
    ///
    /// A checkpoint. A message that is there beats a request: what was received is returned.
    ///
    /// # Errors
    /// - [`Disconnected`](RecvError::Disconnected): nothing will ever come.
    /// - EINTR: SIGTERM came first, and the process is polite about it.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// sender.send(4).expect("the receiver is here");
    /// let status = runtime.run(Command::new("receiver", move |p| p.recv(&receiver).unwrap_or(-1)))?;
    /// assert_eq!(status.code(), Some(4));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn recv<T>(&self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        self.enter();
        self.gate_as(Call::Recv, || args![], |_| 0, || self.receive(receiver, None))
    }

    /// [`recv`](Process::recv) with a time-out.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// As [`recv`](Process::recv), and [`Timeout`](RecvError::Timeout).
    #[track_caller]
    pub fn recv_timeout<T>(&self, receiver: &Receiver<T>, timeout: Duration) -> Result<T, RecvError> {
        self.enter();
        let deadline = time::now().checked_add(timeout);
        self.gate_as(Call::Recv, || args![timeout], |_| 0, || self.receive(receiver, deadline))
    }

    fn receive<T>(&self, receiver: &Receiver<T>, deadline: Option<Instant>) -> Result<T, RecvError> {
        use crossbeam_channel::TryRecvError;
        match receiver.try_recv() {
            Ok(message) => return Ok(message),
            Err(TryRecvError::Disconnected) => return Err(RecvError::Disconnected),
            Err(TryRecvError::Empty) => {}
        }
        let interrupts = self.interrupts();
        loop {
            let mut select = Select::new();
            let wanted = select.recv(receiver);
            let picked =
                self.select(select, wanted, &interrupts, deadline, |operation| operation.recv(receiver));
            match picked {
                Picked::Done(Ok(message)) => return Ok(message),
                Picked::Done(Err(_)) => return Err(RecvError::Disconnected),
                Picked::TimedOut => return Err(RecvError::Timeout),
                Picked::Refused(error) => return Err(error.into()),
                Picked::Interrupt => {}
            }
        }
    }

    /// Sends into a channel; a request to end ends the wait for room.
    ///
    /// A checkpoint. If there is room, the message is sent, whatever is pending.
    ///
    /// # Errors
    /// The message comes back, because all receivers are gone, or with EINTR because SIGTERM came first and the
    /// process is polite about it. If the LWP unwinds, the message is dropped.
    #[track_caller]
    pub fn send<T>(&self, sender: &Sender<T>, message: T) -> Result<(), SendError<T>> {
        self.enter();
        let visit = match self.pass(Call::Send, || args![]) {
            Ok(visit) => visit,
            Err(error) => return Err(SendError { message, reason: SendFailure::Interrupted(error) }),
        };
        let sent = self.send_now(sender, message);
        if let Some(visit) = visit {
            visit.finish(match &sent {
                Ok(()) => CallResult::Done(0),
                Err(SendError { reason: SendFailure::Disconnected, .. }) => CallResult::Failed(libc::EPIPE),
                Err(SendError { reason: SendFailure::Interrupted(error), .. }) => {
                    CallResult::Failed(error.errno())
                }
            });
        }
        sent
    }

    fn send_now<T>(&self, sender: &Sender<T>, message: T) -> Result<(), SendError<T>> {
        use crossbeam_channel::TrySendError;
        match sender.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(message)) => {
                Err(SendError { message, reason: SendFailure::Disconnected })
            }
            Err(TrySendError::Full(message)) => self.send_when_ready(sender, message),
        }
    }

    fn send_when_ready<T>(&self, sender: &Sender<T>, message: T) -> Result<(), SendError<T>> {
        let interrupts = self.interrupts();
        let mut message = Some(message);
        loop {
            let mut select = Select::new();
            let wanted = select.send(sender);
            let picked = self.select(select, wanted, &interrupts, None, |operation| {
                operation.send(sender, message.take().expect("sent once"))
            });
            let reason = match picked {
                Picked::Done(Ok(())) => return Ok(()),
                Picked::Done(Err(unsent)) => {
                    return Err(SendError { message: unsent.0, reason: SendFailure::Disconnected });
                }
                Picked::Refused(error) => SendFailure::Interrupted(error),
                Picked::Interrupt | Picked::TimedOut => continue,
            };
            return Err(SendError { message: message.take().expect("not sent"), reason });
        }
    }

    /// Waits for the user's operation, and completes it, or for a request to come. The operation is really selected, not
    /// only found ready: two sides of a channel without room meet in no other way.
    fn select<'a, T>(
        &self,
        mut select: Select<'a>,
        wanted: usize,
        interrupts: &'a Receiver<Interrupt>,
        deadline: Option<Instant>,
        complete: impl FnOnce(SelectedOperation<'a>) -> T,
    ) -> Picked<T> {
        if let Err(error) = self.check_live() {
            return Picked::Refused(error);
        }
        let _doze = self.doze();
        lab_touch!();
        select.recv(interrupts);
        let refused = {
            let mut state = self.record.state.lock();
            let refused = self.fall_asleep(&mut state, Place::Channel);
            if refused.is_none() {
                // A message of an earlier request that was met is not meant for this wait.
                while interrupts.try_recv().is_ok() {}
            }
            refused
        };
        if let Some(request) = refused {
            return match self.meet(request).go_on() {
                Ok(()) => Picked::Interrupt,
                Err(error) => Picked::Refused(error),
            };
        }
        let selected = match deadline {
            None => Some(select.select()),
            Some(deadline) => select.select_deadline(deadline).ok(),
        };
        // Before anything else: the other side may be waiting for it.
        let picked = match selected {
            None => Picked::TimedOut,
            Some(operation) if operation.index() == wanted => Picked::Done(complete(operation)),
            Some(operation) => {
                let _ = operation.recv(interrupts);
                Picked::Interrupt
            }
        };
        self.wake_up(&mut self.record.state.lock());
        self.come_back();
        picked
    }

    /// A channel that gets a message when a request comes for this LWP, for `select!` with channels of your own; then
    /// call [`checkpoint`](Process::checkpoint) to meet the request. Once the LWP has to end, the channel is ready for
    /// ever.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use crossbeam_channel::select;
    /// use greenproc::{Command, Runtime, Signal};
    /// let runtime = Runtime::boot()?;
    /// let (_open, silent) = crossbeam_channel::bounded::<()>(0);
    /// let child = runtime.spawn(Command::new("selects", move |p| {
    ///     let interrupts = p.interrupts();
    ///     loop {
    ///         select! {
    ///             recv(silent) -> _ => return 1,
    ///             recv(interrupts) -> _ => p.checkpoint(),
    ///         }
    ///     }
    /// }))?;
    /// child.kill()?;
    /// assert_eq!(child.wait()?.status.signal(), Some(Signal::KILL));
    /// # Ok(())
    /// # }
    /// ```
    pub fn interrupts(&self) -> Receiver<Interrupt> {
        if let Some(receiver) = &*self.worker.interrupts.borrow() {
            return receiver.clone();
        }
        let (sender, receiver) = crossbeam_channel::bounded(1);
        if self.check_live().is_ok() {
            let mut state = self.record.state.lock();
            let dying = state.life.begin_exit().is_none();
            if let Some(lwp) = state.lwp(self.lwp).filter(|lwp| !dying && lwp.leaving == Leaving::No) {
                if lwp.nudged {
                    let _ = sender.try_send(Interrupt(()));
                }
                lwp.need_extras().interrupts = Some(sender);
            }
            drop(state);
            *self.worker.interrupts.borrow_mut() = Some(receiver.clone());
        }
        receiver
    }
}

/// How a wait for a channel ended.
enum Picked<T> {
    /// With the user's operation.
    Done(T),
    TimedOut,
    /// Somebody wants the LWP to look at its requests.
    Interrupt,
    /// It must not wait: what the call returns.
    Refused(Error),
}
