//! Requests to the calling LWP: where they are looked at, and how they are met.
//!
//! A request to end is met by unwinding, which starts only in an outermost public function, when no guard and no
//! borrow of the runtime's is alive (decision 19). It is looked at on entry and instead of sleeping, never after a call
//! took effect. Where unwinding is not allowed (while the thread unwinds already, in `critical`, and once the body is
//! over) a call that would sleep returns EINTR instead (decision 20).

use std::io;
use std::panic::{Location, resume_unwind};

use greenproc_sync::atomic::Ordering;
use greenproc_sync::{assert_no_locks_held, time};

use crate::counters::Count;
use crate::delivery::Delivery;
use crate::error::{Error, Result};
use crate::ktrace::Fact;
use crate::lwp::Place;
use crate::pace::Doze;
use crate::proc::{ProcState, Request};
use crate::process::Process;
use crate::signal::Signal;
use crate::sigset::SigSet;
use crate::worker::Unwind;

/// What a call does after a request was met in place of its sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Met {
    /// Nothing but a stop, or a signal that came to nothing: it sleeps on.
    Stood,
    /// A handler ran that lets the call go on.
    Restart,
    /// It returns EINTR.
    Interrupted,
}

impl Met {
    /// What most calls do: they go on, or return EINTR.
    pub(crate) fn go_on(self) -> Result<()> {
        match self {
            Met::Stood | Met::Restart => Ok(()),
            Met::Interrupted => Err(Error::Interrupted),
        }
    }
}

/// Puts the mask back after a handler, however that ends.
pub(crate) struct MaskAfter<'a> {
    process: &'a Process,
    former: SigSet,
}

impl<'a> MaskAfter<'a> {
    pub(crate) fn new(process: &'a Process, former: SigSet) -> MaskAfter<'a> {
        MaskAfter { process, former }
    }
}

impl Drop for MaskAfter<'_> {
    fn drop(&mut self) {
        self.process.change_mask(self.former);
    }
}

impl Process {
    /// Meets a request to end the process or the LWP, if there is one: the LWP unwinds and does not come back. A
    /// function given to [`on_term`](Process::on_term) runs here. Otherwise costs about a nanosecond: put it into loops
    /// that call nothing else of the runtime.
    ///
    /// Does nothing while the thread is panicking and inside [`critical`](Process::critical).
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal};
    /// let runtime = Runtime::boot()?;
    /// let busy = runtime.spawn(Command::new("busy", |p| loop { p.checkpoint(); }))?;
    /// busy.kill()?;
    /// assert_eq!(busy.wait()?.status.signal(), Some(Signal::KILL));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    #[track_caller]
    pub fn checkpoint(&self) {
        let seat = &self.worker.seat;
        seat.checkpoint.store(Some(Location::caller()), Ordering::Relaxed);
        if seat.attention.load(Ordering::Relaxed) {
            self.attend();
        }
    }

    /// What every call does on entry that may sleep or that is worth noting where it stands.
    #[inline]
    #[track_caller]
    pub(crate) fn enter(&self) {
        let seat = &self.worker.seat;
        seat.checkpoint.store(Some(Location::caller()), Ordering::Relaxed);
        if seat.attention.load(Ordering::Relaxed) {
            self.meet_final();
        }
    }

    /// The slow half of a checkpoint.
    #[cold]
    fn attend(&self) {
        if self.check_live().is_err() {
            return;
        }
        loop {
            let request = self.record.state.lock().request(self.lwp);
            match request {
                Some(Request::Stop | Request::Signal) if !self.may_unwind() => return,
                Some(request @ (Request::Stop | Request::Signal)) => {
                    // A checkpoint has nothing to interrupt.
                    let _ = self.meet(request);
                }
                Some(request) => {
                    let _ = self.meet(request);
                    return;
                }
                None => return,
            }
        }
    }

    /// Unwinds if the LWP has to end; stands still while the process does. A polite SIGTERM is left to where the call would sleep, so that it interrupts it.
    #[cold]
    pub(crate) fn meet_final(&self) {
        if self.check_live().is_err() {
            return;
        }
        let request = self.record.state.lock().request(self.lwp);
        match request {
            Some(Request::Die | Request::Leave) if self.may_unwind() => Self::unwind(),
            Some(Request::Stop) => {
                self.stand_still();
                self.meet_final();
            }
            _ => {}
        }
    }

    /// Meets a request where the call would have slept: unwinds, stands still, or runs functions. Says what the call does
    /// if it comes back.
    pub(crate) fn meet(&self, request: Request) -> Met {
        match request {
            Request::Die | Request::Leave => {
                if self.may_unwind() {
                    Self::unwind();
                }
            }
            Request::Stop => {
                self.stand_still();
                return Met::Stood;
            }
            Request::Signal => return self.handle_signals(),
            Request::Term => {
                let handler = {
                    let mut state = self.record.state.lock();
                    if let Some(lwp) = state.lwp(self.lwp) {
                        lwp.nudged = false;
                    }
                    if self.may_unwind() { state.term.deliver() } else { None }
                };
                if let Some(handler) = handler {
                    self.record.ktrace(Some(self.lwp), || Fact::Handled { signal: Signal::TERM });
                    handler(self);
                }
            }
        }
        Met::Interrupted
    }

    /// Meets what the caller was just signalled, between two looks of a call that sleeps.
    ///
    /// # Errors
    /// EINTR: it was met by something that does not let the call go on, or cannot be met in here.
    pub(crate) fn heed(&self) -> Result<()> {
        let request = self.record.state.lock().request(self.lwp);
        match request {
            None => Ok(()),
            Some(Request::Signal) if !self.may_unwind() => Err(Error::Interrupted),
            Some(request) => self.meet(request).go_on(),
        }
    }

    /// The host's error for a failed call of [`io::Read`] or [`io::Write`].
    ///
    /// The standard library makes a call again that failed with EINTR. An LWP that has to end and cannot unwind here gets
    /// EINTR from every call, so that one comes as another kind.
    pub(crate) fn host_error(&self, error: Error) -> io::Error {
        if matches!(error, Error::Interrupted) {
            let request = self.record.state.lock().request(self.lwp);
            if let Some(Request::Die | Request::Leave) = request {
                return io::Error::other(error);
            }
        }
        error.into()
    }

    /// Runs the handlers of what is pending, one after another.
    fn handle_signals(&self) -> Met {
        let kernel = &self.worker.kernel;
        let mut met = Met::Stood;
        loop {
            let delivery = self.record.state.lock().deliver(self.lwp, time::now);
            match delivery {
                Delivery::None => return met,
                Delivery::Dropped => {}
                Delivery::Done(nudges) => {
                    kernel.nudge(&self.record, nudges);
                    return Met::Stood;
                }
                Delivery::Stop => {
                    kernel.meet_stop(&self.record, self.lwp);
                    return met;
                }
                Delivery::Handle { handler, info, restart, former } => {
                    met = if restart && met != Met::Interrupted { Met::Restart } else { Met::Interrupted };
                    let mask = MaskAfter::new(self, former);
                    self.record.count(Count::HandlerRun);
                    self.record.ktrace(Some(self.lwp), || Fact::Handled { signal: info.signal });
                    // A new generation: the LWP was interrupted.
                    self.note_place(Place::Running);
                    handler(self, &info);
                    drop(mask);
                }
            }
        }
    }

    /// Whether something asks for the LWP.
    pub(crate) fn is_asked(&self) -> bool {
        self.worker.seat.attention.load(Ordering::Relaxed)
    }

    /// Whether the LWP can be unwound from here.
    pub(crate) fn may_unwind(&self) -> bool {
        self.worker.in_body.get() && self.worker.critical.get() == 0 && !std::thread::panicking()
    }

    /// Leaves the LWP's body.
    pub(crate) fn unwind() -> ! {
        assert_no_locks_held();
        resume_unwind(Box::new(Unwind))
    }

    /// Whether an LWP that is about to sleep must not; else marks where it sleeps. The caller holds the lock that is the
    /// sleep's interlock, and `p_smutex`.
    ///
    /// Neither a polite SIGTERM nor a signal with a handler ends the sleeps of a `critical` section.
    pub(crate) fn fall_asleep(&self, state: &mut ProcState, place: Place) -> Option<Request> {
        let request = state.request(self.lwp);
        let untold = planted!(self.worker.kernel, LatecomerStays)
            && state.lwp(self.lwp).is_some_and(|lwp| lwp.asked_at().is_none());
        match request {
            Some(Request::Term | Request::Signal) if !self.may_unwind() => {}
            Some(Request::Die) if untold => {}
            Some(request) => return Some(request),
            None => {}
        }
        if let Some(lwp) = state.lwp(self.lwp) {
            lwp.place = place;
        }
        self.switch(place);
        None
    }

    pub(crate) fn wake_up(&self, state: &mut ProcState) {
        if let Some(lwp) = state.lwp(self.lwp) {
            lwp.place = Place::Running;
        }
        self.switch(Place::Running);
    }

    /// The LWP gives its CPU up, or has it back.
    pub(crate) fn switch(&self, place: Place) {
        if let Some(extras) = self.record.extras() {
            extras.note_place(self.lwp, place);
            let fact = if place == Place::Running { Fact::Wakes } else { Fact::Sleeps };
            self.record.ktrace(Some(self.lwp), || fact);
        }
    }

    /// Tells those who want to know that the LWP is somewhere else.
    pub(crate) fn note_place(&self, place: Place) {
        if let Some(extras) = self.record.extras() {
            extras.note_place(self.lwp, place);
        }
    }

    /// What every sleep begins with, before its interlock is taken: the thread gets its name, and another is called in its place if one is wanted. The guard lives as long as the sleep.
    pub(crate) fn doze(&self) -> Doze<'_> {
        self.name_thread();
        self.worker.records.clear();
        let doze = Doze::begin(self.worker.pace());
        if doze.is_awaited() {
            self.worker.kernel.make_up_for(self.worker.class);
        }
        doze
    }

    /// Gives the thread the process's name, as the host's tools show it. Done before the first sleep, as most short lives
    /// never have one.
    pub(crate) fn name_thread(&self) {
        if !self.worker.named.replace(true) {
            greenproc_os::thread::set_name(&format!("gp{}:{}", self.record.pid, &**self.record.name()));
        }
    }

    /// Runs `body` so that no request unwinds it: what it changes is changed whole.
    ///
    /// Requests stay; the first checkpoint after the outermost `critical` meets them. A call inside that would sleep
    /// returns EINTR if the LWP has to end; a SIGTERM that the process is polite about disturbs no sleep in here. A value that is shared with other processes is best changed in here, because the
    /// locks of this runtime do not poison: a killed LWP would leave it half-changed.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime, Signal};
    /// # let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("careful", |p| {
    ///     p.critical(|| {
    ///         p.kill(p.pid(), Signal::KILL).expect("it is alive");
    ///         p.checkpoint(); // passes
    ///     });
    ///     p.checkpoint(); // ends the process
    ///     unreachable!()
    /// }))?;
    /// assert_eq!(status.signal(), Some(Signal::KILL));
    /// # Ok(())
    /// # }
    /// ```
    pub fn critical<T>(&self, body: impl FnOnce() -> T) -> T {
        struct Leave<'a>(&'a std::cell::Cell<u32>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get().saturating_sub(1));
            }
        }
        let depth = &self.worker.critical;
        depth.set(depth.get() + 1);
        let _leave = Leave(depth);
        body()
    }

    /// Whether SIGTERM has come. The first call makes the process polite: from then on SIGTERM does not kill it but
    /// makes this true, and ends each LWP's present or next sleep with EINTR, once. SIGKILL still ends it.
    ///
    /// No checkpoint.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal};
    /// use std::time::Duration;
    /// let runtime = Runtime::boot()?;
    /// let (ready, is_ready) = crossbeam_channel::bounded(0);
    /// let polite = runtime.spawn(Command::new("polite", move |p| {
    ///     while !p.stop_requested() {
    ///         let _ = ready.try_send(());
    ///         let _ = p.sleep(Duration::from_millis(1)); // EINTR when SIGTERM comes
    ///     }
    ///     3
    /// }))?;
    /// is_ready.recv().expect("it runs");
    /// polite.signal(Signal::TERM)?;
    /// assert_eq!(polite.wait()?.status.code(), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stop_requested(&self) -> bool {
        self.check_live().is_ok() && self.record.state.lock().term.poll()
    }

    /// Runs `handler` when SIGTERM comes, instead of ending the process: on one of its LWPs, at a checkpoint, or in place
    /// of a sleep, which then returns EINTR. It replaces an earlier one.
    ///
    /// A panic in it is the process's SIGABRT. It may call [`exit`](Process::exit).
    pub fn on_term(&self, handler: impl Fn(&Process) + Send + Sync + 'static) {
        if self.check_live().is_ok() {
            let former = self.record.state.lock().term.handle(std::sync::Arc::new(handler));
            drop(former);
        }
    }
}
