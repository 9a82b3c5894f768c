//! A native thread and the LWPs it runs, one after another.

use std::any::Any;
use std::cell::{Cell, Ref, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;
use greenproc_os::clock::{self, Moment, ThreadUsage};
use greenproc_os::thread::{self, ForeignCode, SignalMask};
use greenproc_sync::atomic::Ordering;
use greenproc_sync::time;

use crate::child::Origin;
use crate::crash;
use crate::exec::{self, Successor};
use crate::exit;
use crate::kernel::Kernel;
use crate::ktrace::Fact;
use crate::life::Life;
use crate::local::LwpValues;
use crate::lwp::{Interrupt, Leaving, Lwp, Place, Seat, Summons};
use crate::lwpctl::LwpState;
use crate::pace::Pace;
use crate::proc::Proc;
use crate::process::Process;
use crate::records::Records;
use crate::report::{CrashReport, ExitReport};
use crate::spin::Luck;
use crate::starts::{Arrival, ClassId, Next};
use crate::termination::Outcome;
use crate::threads::{LwpStart, Start, ThreadId};
use crate::usage::Usage;

/// An LWP that lived longer has its usage split and its faults counted (decision 26).
const LONG_LIFE: Duration = Duration::from_millis(10);

/// The kernel-visible name of a thread whose LWP, if it has one, has not slept yet.
const IDLE: &str = "gp-idle";

thread_local! {
    static CURRENT: RefCell<Option<Rc<Worker>>> = const { RefCell::new(None) };
}

/// What belongs to the calling native thread.
pub(crate) struct Worker {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) seat: Arc<Seat>,
    pub(crate) class: ClassId,
    keep: bool,
    /// The thread has other work to do, and must not wait for anybody's LWPs.
    lends_itself: bool,
    pub(crate) id: ThreadId,
    /// What an LWP may have changed, and is put back after it.
    mask: SignalMask,
    /// As what the thread runs the LWP that is on it.
    process: RefCell<Option<Process>>,
    /// The last panic on the thread, until the LWP's end asks for it.
    pub(crate) last_panic: Cell<Option<Box<CrashReport>>>,
    /// Counts the LWPs; a `Process` of an earlier one is stale.
    pub(crate) serial: Cell<u64>,
    /// How many `critical` calls are open.
    pub(crate) critical: Cell<u32>,
    /// User code of the LWP's body is on the stack: unwinding has a place to go to.
    pub(crate) in_body: Cell<bool>,
    /// The kernel-visible name is this LWP's.
    pub(crate) named: Cell<bool>,
    /// The thread is not to be used again.
    pub(crate) retire: Cell<bool>,
    /// What the children have in common that the LWP makes, once it has made one.
    pub(crate) origin: RefCell<Option<Arc<Origin>>>,
    /// The LWP ran code that may have changed the thread's signal mask.
    mask_in_doubt: Cell<bool>,
    /// Where requests to this LWP can be received, once somebody asked for it.
    pub(crate) interrupts: RefCell<Option<Receiver<Interrupt>>>,
    /// The LWP's own values, if it has any.
    pub(crate) values: LwpValues,
    /// Records for the children that the LWP makes.
    pub(crate) records: Records,
    /// What takes the place of the body when that is over.
    pub(crate) successor: Cell<Option<Box<Successor>>>,
    /// The end of the last LWP, if the next one follows without a pause: its beginning.
    last_end: Cell<Option<Began>>,
    /// The reference to the seat that the thread's LWPs have, one after another, while none has it.
    spare_seat: Cell<Option<Arc<Seat>>>,
    usage_mark: Cell<ThreadUsage>,
    /// It is the one that looks at the queue without sleeping.
    spins: Cell<bool>,
    /// Whether it pays.
    luck: Luck,
}

/// When an LWP began, or ended.
#[derive(Clone, Copy)]
pub(crate) struct Began {
    /// The thread's CPU clock.
    cpu_ns: u64,
    at: Moment,
}

impl Began {
    fn now() -> Began {
        Began { cpu_ns: clock::thread_cpu_ns(), at: Moment::now() }
    }

    fn cpu_ns_since(self, began: Began) -> u64 {
        self.cpu_ns.saturating_sub(began.cpu_ns)
    }
}

/// How an LWP came back from its body.
pub(crate) enum Ended {
    Returned(Outcome),
    /// It was unwound by a request, or never started.
    Unwound,
    Panicked(ExitReport),
}

/// The private payload of an LWP that is made to leave.
pub(crate) struct Unwind;

/// What every native thread of a runtime runs.
pub(crate) fn thread_main(worker: Rc<Worker>) {
    // The host gave it the name of the thread that made it, which may be a process's.
    thread::set_name(IDLE);
    worker.seat.sit_down();
    worker.take_thread();
    let (class, id) = (worker.class, worker.id);
    let (mut next, call) = worker.kernel.starts.lock().take(class, Arrival::Called);
    if !planted!(worker.kernel, TakerCallsNobody) {
        worker.kernel.answer(class, call);
    }
    loop {
        next = match next {
            Some(start) => worker.work(start),
            None => match worker.idle() {
                Some(start) => Some(start),
                None => break,
            },
        };
    }
    let kernel = Arc::clone(&worker.kernel);
    // The thread of an own_thread process is joined by whoever buries the process.
    let buried = worker.own_thread() && worker.serial.get() > 0;
    Worker::leave_thread();
    drop(worker);
    if !buried {
        kernel.threads.leave(id);
    }
}

impl Worker {
    /// A thread that is kept, or not, to run one LWP after another.
    pub(crate) fn new(
        kernel: Arc<Kernel>,
        seat: Arc<Seat>,
        class: ClassId,
        keep: bool,
        id: ThreadId,
    ) -> Worker {
        let mask = SignalMask::of_native_threads(&kernel.kick);
        Worker {
            mask,
            kernel,
            seat,
            class,
            keep,
            lends_itself: false,
            id,
            process: RefCell::new(None),
            last_panic: Cell::new(None),
            serial: Cell::new(0),
            critical: Cell::new(0),
            in_body: Cell::new(false),
            named: Cell::new(false),
            retire: Cell::new(false),
            origin: RefCell::new(None),
            mask_in_doubt: Cell::new(false),
            interrupts: RefCell::new(None),
            values: LwpValues::default(),
            records: Records::default(),
            successor: Cell::new(None),
            last_end: Cell::new(None),
            spare_seat: Cell::new(None),
            usage_mark: Cell::new(ThreadUsage::default()),
            spins: Cell::new(false),
            luck: Luck::default(),
        }
    }

    /// The same, in a frame that is gone when the thread runs LWPs: each of those that are blocked has its thread's stack in
    /// memory.
    #[inline(never)]
    pub(crate) fn of_thread(
        kernel: Arc<Kernel>,
        seat: Arc<Seat>,
        class: ClassId,
        keep: bool,
        id: ThreadId,
    ) -> Rc<Worker> {
        Rc::new(Worker::new(kernel, seat, class, keep, id))
    }

    /// The timekeeper, when it has to end an LWP that no thread could be had for.
    pub(crate) fn of_timekeeper(kernel: Arc<Kernel>) -> Worker {
        let seat = Arc::new(Seat::new(kernel.kick));
        seat.sit_down();
        let class = ClassId::DEFAULT;
        Worker { lends_itself: true, ..Worker::new(kernel, seat, class, true, ThreadId::NONE) }
    }

    /// The calling thread is the worker's.
    pub(crate) fn take_thread(self: &Rc<Worker>) {
        CURRENT.set(Some(Rc::clone(self)));
    }

    /// The calling thread is nobody's any more.
    pub(crate) fn leave_thread() {
        CURRENT.take();
    }

    /// Whether the thread must not wait until the LWPs of a process have left.
    pub(crate) fn lends_itself(&self) -> bool {
        self.lends_itself
    }

    /// The thread has finished an LWP: what it does next, unless it is not to be used again.
    pub(crate) fn take_next(&self) -> Option<Start> {
        if self.lends_itself || self.retire.get() {
            self.finish();
            return None;
        }
        let spins = self.is_worth_spinning();
        let (next, call) = self.kernel.starts.lock().take_next(self.class, spins);
        self.kernel.answer(self.class, call);
        match next {
            Next::Start(start) => return Some(start),
            Next::Spin => self.spins.set(true),
            Next::Rest if spins => {}
            Next::Rest => self.luck.note(false),
        }
        None
    }

    /// Whether the thread is to look at the empty queue for a moment before it sleeps: while that has paid of late, and now and then.
    fn is_worth_spinning(&self) -> bool {
        self.class == ClassId::DEFAULT && self.luck.tries(self.kernel.config.spinning, 3)
    }

    /// The thread has finished an LWP, and takes no other for now. Called without a lock.
    pub(crate) fn finish(&self) {
        if !self.lends_itself {
            let call = self.kernel.starts.lock().finish(self.class);
            self.kernel.answer(self.class, call);
        }
    }

    /// What counts the thread's LWP while it sleeps, if its class is counted.
    pub(crate) fn pace(&self) -> Option<&Pace> {
        (self.class == ClassId::DEFAULT).then_some(&*self.kernel.pace)
    }

    /// Whether the thread runs one LWP only, and ends before that can be seen as ended.
    pub(crate) fn own_thread(&self) -> bool {
        !self.keep
    }

    /// Does what was taken from the queue; returns what to do next, if that was taken in the same hold.
    pub(crate) fn work(self: &Rc<Worker>, start: Start) -> Option<Start> {
        match start {
            Start::Lwp(start) => self.run_lwp(start),
            Start::Bury(process) => self.bury(&process),
        }
    }

    /// Not in the frame that is below the bodies.
    #[inline(never)]
    fn bury(&self, process: &Arc<Proc>) -> Option<Start> {
        let threads = process.state.lock().take_own_threads();
        let count = threads.len();
        for thread in threads.into_iter().filter(|_| !planted!(self.kernel, BuriedUnjoined)) {
            self.kernel.threads.join(thread);
        }
        exit::publish(self, process, None, count)
    }

    fn run_lwp(self: &Rc<Worker>, start: LwpStart) -> Option<Start> {
        let LwpStart { process, lwp, body, queued: _ } = start;
        self.serial.set(self.serial.get() + 1);
        let began = self.last_end.take().unwrap_or_else(Began::now);
        thread::set_identity(process.pid.as_raw(), &process.name());
        lab_name!("{} {}.{lwp}", &*process.name(), process.pid);
        let alive = {
            let mut state = process.state.lock();
            lab_note!("pid {}: {:?} -> {:?}", process.pid, state.life, state.life.activate());
            state.life = state.life.activate();
            let mut alive = state.life == Life::Active || planted!(self.kernel, LatecomerStays);
            if let Some(entry) = state.lwp(lwp) {
                alive &= entry.leaving == Leaving::No;
                entry.seat = Some(self.spare_seat.take().unwrap_or_else(|| Arc::clone(&self.seat)));
                entry.place = Place::Running;
                entry.cpu_begin_ns = began.cpu_ns;
                // One that was asked while it had no thread could not look until now.
                if let Some(extras) = entry.extras_mut() {
                    extras.asked_at = extras.asked_at.map(|_| time::now());
                }
            }
            let asked = state.request(lwp).is_some() && !planted!(self.kernel, LatecomerStays);
            self.seat.attention.store(asked, Ordering::Relaxed);
            alive
        };
        if let Some(extras) = process.extras().filter(|_| alive) {
            extras.niceness.begin(self);
            extras.lwpctl.note(lwp, LwpState::Running);
            process.ktrace(Some(lwp), || Fact::Began);
        }
        let mut process = self.run_as(Process::new(Rc::clone(self), process, lwp));
        process.come_back();
        let mut ended = if alive { self.run_body(&process, body) } else { drop_isolated(&process, body) };
        self.drop_values(&process);
        while let Some(successor) = self.successor.take() {
            match exec::replace(&process, ended, *successor) {
                Ok((anew, body)) => {
                    drop(process);
                    process = self.run_as(anew);
                    process.come_back();
                    ended = self.run_body(&process, body);
                    self.drop_values(&process);
                }
                Err(other) => ended = other,
            }
        }
        let next = exit::lwp_end(&process, ended, began);
        drop(process);
        self.clean_up();
        next
    }

    /// What runs on the thread is `process` from here on.
    fn run_as(&self, process: Process) -> Ref<'_, Process> {
        self.process.replace(Some(process));
        Ref::map(self.process.borrow(), |process| process.as_ref().expect("it was put there"))
    }

    /// The LWP's values go, before it can be seen to have left.
    pub(crate) fn drop_values(&self, process: &Process) {
        if !self.values.is_empty() {
            self.doubt_mask();
            self.values.drop_all(process);
        }
    }

    fn run_body(&self, process: &Process, body: crate::command::Body) -> Ended {
        // Panics of earlier LWPs are not its.
        self.last_panic.take();
        self.in_body.set(true);
        let code = ForeignCode::begins();
        let result = catch_unwind(AssertUnwindSafe(|| body(process)));
        if code.may_have_changed_mask() {
            self.doubt_mask();
        }
        self.in_body.set(false);
        self.critical.set(0);
        match result {
            Ok(outcome) => Ended::Returned(outcome),
            Err(payload) if payload.is::<Unwind>() => Ended::Unwound,
            Err(payload) => {
                // A thread that a panic went through is not used again.
                self.retire.set(true);
                let report = crash::report(self, &*payload);
                drop_isolated(process, payload);
                Ended::Panicked(ExitReport::Panic(report))
            }
        }
    }

    /// Code of the user's has run on the thread, other than a body that was over at once.
    pub(crate) fn doubt_mask(&self) {
        self.mask_in_doubt.set(true);
    }

    fn restore_mask(&self) {
        if self.mask_in_doubt.take() {
            self.mask.restore();
        }
    }

    /// The LWP begins anew, with another body: a `Process` of the former one is stale.
    pub(crate) fn begin_anew(&self) {
        self.serial.set(self.serial.get() + 1);
        self.interrupts.take();
        self.seat.checkpoint.store(None, Ordering::Relaxed);
        self.doubt_mask();
        self.restore_mask();
        self.named.set(false);
    }

    /// Puts the thread back to what it was before the LWP.
    fn clean_up(&self) {
        self.process.take();
        self.serial.set(self.serial.get() + 1);
        self.interrupts.take();
        self.seat.checkpoint.store(None, Ordering::Relaxed);
        self.origin.take();
        thread::clear_identity();
        self.restore_mask();
        if self.named.take() {
            thread::set_name(IDLE);
        }
    }

    /// The LWP's entry is gone: its reference to the seat is the next one's.
    pub(crate) fn take_back_seat(&self, entry: Option<Lwp>) {
        self.spare_seat.set(entry.and_then(|entry| entry.seat));
    }

    /// What the thread's LWP has used, if it did not begin long ago.
    pub(crate) fn short_usage(&self, began: Began) -> Option<Usage> {
        let end = Began::now();
        self.last_end.set(Some(end));
        let long = end.at.since(began.at) >= LONG_LIFE;
        // How long one takes under the race lab's scheduler is the host's affair, and must not decide which way its end goes.
        #[cfg(feature = "racelab")]
        let long = long && !greenproc_sync::lab::is_controlled();
        (!long).then(|| Usage::from_user_ns(end.cpu_ns_since(began)))
    }

    /// What the thread's LWP has used.
    pub(crate) fn usage(&self, began: Began) -> Usage {
        if let Some(usage) = self.short_usage(began) {
            return usage;
        }
        let total = self.last_end.get().map_or(0, |end| end.cpu_ns_since(began));
        let now = clock::thread_usage();
        let mark = self.usage_mark.replace(now);
        let system = now.system_ns.saturating_sub(mark.system_ns);
        let ticked = system + now.user_ns.saturating_sub(mark.user_ns);
        // The host counts in ticks; the clock is exact. Its proportion divides the exact total.
        let system_ns =
            (u128::from(total) * u128::from(system)).checked_div(u128::from(ticked)).unwrap_or(0) as u64;
        Usage {
            user_ns: total - system_ns.min(total),
            system_ns: system_ns.min(total),
            minor_faults: now.minor_faults.saturating_sub(mark.minor_faults),
            major_faults: now.major_faults.saturating_sub(mark.major_faults),
            voluntary_switches: now.voluntary_switches.saturating_sub(mark.voluntary_switches),
            involuntary_switches: now.involuntary_switches.saturating_sub(mark.involuntary_switches),
        }
    }

    /// Waits for a start; `None` if the thread is to go home.
    fn idle(&self) -> Option<Start> {
        self.last_end.set(None);
        self.records.clear();
        lab_name!("idle");
        if self.spins.take()
            && let Some(start) = self.spin()
        {
            return Some(start);
        }
        if !self.keep || self.retire.get() {
            return None;
        }
        let kernel = &self.kernel;
        let mut arrival = Arrival::Looking;
        loop {
            let mut starts = kernel.starts.lock();
            let (start, call) = starts.take(self.class, arrival);
            if start.is_some() || starts.is_dismissed() {
                drop(starts);
                kernel.answer(self.class, call);
                return start;
            }
            self.seat.summon(Summons::None);
            starts.rest(self.class, &self.seat);
            if planted!(kernel, RestForgetsSummons) {
                drop(starts);
                starts = kernel.starts.lock();
                self.seat.summon(Summons::None);
            }
            while self.seat.summons() == Summons::None {
                let slept = self.seat.idle_cv.wait_for(&mut starts, kernel.config.keep_threads);
                if slept.timed_out() && starts.retire(self.class, &self.seat) {
                    return None;
                }
            }
            if self.seat.summons() == Summons::Home {
                return None;
            }
            // Should somebody that finished have been faster, the call was in vain, and the thread rests again.
            arrival = Arrival::Called;
        }
    }

    /// Looks at the queue for a moment without sleeping, one thread at a time.
    fn spin(&self) -> Option<Start> {
        let kernel = &self.kernel;
        kernel.config.spinning.until(|| kernel.start_is_there.load(Ordering::Acquire));
        kernel.start_is_there.store(false, Ordering::Relaxed);
        let (start, call) = kernel.starts.lock().take(self.class, Arrival::Spun);
        kernel.answer(self.class, call);
        self.luck.note(start.is_some());
        start
    }
}

/// Drops what a dying process owned, so that a panic of its destructor stops nothing (decision 13).
pub(crate) fn drop_isolated<T>(process: &Process, value: T) -> Ended {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        if payload.is::<Unwind>() {
            // It called `exit`: only the destructor is over.
            return Ended::Unwound;
        }
        report_dropped(process, &*payload);
        // The payload's own destructor may panic as well; one more is contained by leaking it.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
    }
    Ended::Unwound
}

fn report_dropped(process: &Process, payload: &(dyn Any + Send)) {
    process.worker.retire.set(true);
    let message = crash::report(&process.worker, payload).message;
    process.worker.kernel.tell(&process.record, crate::event::EventKind::DropPanicked { message });
}

/// The calling LWP's process, if the thread runs one.
pub(crate) fn current() -> Option<Process> {
    let process = CURRENT.try_with(|current| current.borrow().as_ref()?.process.borrow().clone());
    process.ok().flatten()
}
