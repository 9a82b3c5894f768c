//! The controlled scheduler: one turn, handed from thread to thread at every operation of the facade.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use greenproc_sync::lab::{self, Access, Controller, Mark, Mode, Object, Point, Site, ThreadNo};
use greenproc_sync::time;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::candidate::{Decision, Op};
use crate::event::What;
use crate::failure::Failure;
use crate::footprint::Thing;
use crate::pool::{Pool, own_baton};
use crate::state::{Phase, Rules, State};
use crate::strategy::Strategy;
use crate::task::{Outcome, Want};
use crate::watchdog::{INTERVAL, Watchdog};

/// The private payload of a thread that is brought to its end after a failure.
pub(crate) struct Abandoned;

pub(crate) struct Scheduler {
    state: Mutex<Option<State>>,
    /// All threads of the schedule have ended, or are given up. Interlock: the state.
    over: Condvar,
    pool: Arc<Pool>,
    /// What turns touch is to be told.
    keeps_footprints: AtomicBool,
    /// The real time at the beginning, from which the virtual clock counts.
    epoch: Instant,
}

thread_local! {
    static CURRENT: Cell<Option<(&'static Scheduler, ThreadNo)>> = const { Cell::new(None) };
}

static SCHEDULES: AtomicU32 = AtomicU32::new(1);

type Turn<'a> = MutexGuard<'a, Option<State>>;

impl Scheduler {
    pub(crate) fn new() -> Scheduler {
        Scheduler {
            state: Mutex::new(None),
            over: Condvar::new(),
            pool: Arc::default(),
            keeps_footprints: AtomicBool::new(false),
            epoch: time::now(),
        }
    }

    /// Runs one schedule, which begins with `main`, and returns what was seen.
    pub(crate) fn run(
        &'static self,
        rules: Rules,
        strategy: Box<dyn Strategy>,
        main: Box<dyn FnOnce() + Send>,
    ) -> State {
        let number = SCHEDULES.fetch_add(1, Ordering::Relaxed);
        self.keeps_footprints.store(strategy.reduces(), Ordering::Relaxed);
        *self.state.lock() = Some(State::new(number, rules, strategy));
        let first = self.start("the scenario".to_owned(), main);
        let mut held = self.state.lock();
        {
            let state = here(&mut held);
            let next = state.pick(first);
            debug_assert_eq!(next, Some(first), "there is nobody else");
            state.tasks[usize::from(first)].baton.pass();
        }
        let mut watchdog = Watchdog::default();
        loop {
            let state = here(&mut held);
            let ended = state.tasks.iter().all(|task| task.want == Want::Ended);
            if ended || state.phase == Phase::Abandoned {
                break;
            }
            if self.over.wait_for(&mut held, INTERVAL).timed_out() {
                let state = here(&mut held);
                if watchdog.is_stuck(state.steps) {
                    let names = state.holdings().into_iter().find(|holding| holding.wants == "its turn");
                    let name = names.map_or_else(|| "a thread".to_owned(), |holding| holding.name);
                    state.fail(Failure::Outside(name));
                    state.phase = Phase::Abandoned;
                }
            }
        }
        held.take().expect("the schedule that was begun above")
    }

    /// The scheduler of the calling thread.
    pub(crate) fn current() -> Option<&'static Scheduler> {
        CURRENT.get().map(|(scheduler, _)| scheduler)
    }

    /// What the schedule is told, between two points of the calling thread, which has the turn.
    pub(crate) fn with<T>(&self, tell: impl FnOnce(&mut State) -> T) -> T {
        tell(here(&mut self.state.lock()))
    }

    /// Lets all others go on for as long as they can without the clock, and looks at the runtime then. Called by a thread of
    /// a schedule.
    pub(crate) fn settle() {
        let Some((scheduler, me)) = CURRENT.get() else { return };
        scheduler.turn(scheduler.state.lock(), me, Want::Settle, None);
        scheduler.with(State::look_at_rest);
    }

    fn start(&'static self, name: String, entry: Box<dyn FnOnce() + Send>) -> ThreadNo {
        // The thread says which baton is its own before anybody can pass it.
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let (go, may_go) = std::sync::mpsc::sync_channel::<ThreadNo>(1);
        self.pool.run(Box::new(move || {
            let baton = own_baton();
            if ready.send(Arc::clone(&baton)).is_err() {
                return;
            }
            let Ok(me) = may_go.recv() else { return };
            baton.wait();
            CURRENT.set(Some((self, me)));
            let result = catch_unwind(AssertUnwindSafe(|| lab::controlled(self, me, entry)));
            CURRENT.set(None);
            self.end(me, result.err());
        }));
        let baton = is_ready.recv().expect("the thread says so first");
        let me = self.with(|state| state.add_task(baton, name));
        go.send(me).expect("the thread waits for it");
        me
    }

    /// A thread has ended; the turn goes on.
    fn end(&self, me: ThreadNo, payload: Option<Box<dyn Any + Send>>) {
        let mut held = self.state.lock();
        let Some(state) = held.as_mut() else { return };
        if let Some(payload) = payload.filter(|payload| !payload.is::<Abandoned>()) {
            state.fail(Failure::Panic(message(&*payload)));
        }
        state.record(me, None, |_| What::Ends);
        state.check_no_locks(me, None);
        state.tasks[usize::from(me)].want = Want::Ended;
        state.touch_thing(Thing::Thread(me), Access::Write);
        match state.pick(me) {
            Some(next) => state.tasks[usize::from(next)].baton.pass(),
            None => {
                self.over.notify_all();
            }
        }
    }

    /// Gives the turn away until the thread has what it wants.
    fn turn<'a>(&'a self, mut held: Turn<'a>, me: ThreadNo, want: Want, site: Option<Site>) -> Outcome {
        let Some(state) = held.as_mut() else {
            drop(held);
            forever();
        };
        let task = &mut state.tasks[usize::from(me)];
        task.want = want;
        task.site = site;
        task.unwinding = std::thread::panicking();
        let next = state.pick(me);
        if state.phase == Phase::Abandoned {
            self.over.notify_all();
            drop(held);
            forever();
        }
        if next != Some(me) {
            let own = Arc::clone(&state.tasks[usize::from(me)].baton);
            if let Some(next) = next {
                state.tasks[usize::from(next)].baton.pass();
            }
            drop(held);
            own.wait();
            held = self.state.lock();
        }
        let Some(state) = held.as_mut() else {
            drop(held);
            forever();
        };
        let outcome = state.tasks[usize::from(me)].outcome;
        drop(held);
        if outcome == Outcome::Raise {
            resume_unwind(Box::new(Abandoned));
        }
        outcome
    }

    fn until(&self, until: Option<Instant>) -> Option<Duration> {
        until.map(|until| until.saturating_duration_since(self.epoch))
    }

    fn go(&self, me: ThreadNo, op: Op, object: u32, site: Option<Site>) {
        self.turn(self.state.lock(), me, Want::Go { op, object }, site);
    }
}

fn here<'a>(held: &'a mut Turn<'_>) -> &'a mut State {
    held.as_mut().expect("a schedule runs")
}

/// A thread that could not be brought to its end stays where it is.
fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

impl Controller for Scheduler {
    fn lock(&self, me: ThreadNo, lock: Object<'_>, mode: Mode, site: Site) {
        let mut held = self.state.lock();
        let lock = here(&mut held).number(me, lock);
        self.turn(held, me, Want::Lock { lock, mode, until: None }, Some(site));
    }

    fn lock_until(&self, me: ThreadNo, lock: Object<'_>, mode: Mode, until: Instant, site: Site) -> bool {
        let mut held = self.state.lock();
        let lock = here(&mut held).number(me, lock);
        let until = self.until(Some(until));
        self.turn(held, me, Want::Lock { lock, mode, until }, Some(site)) == Outcome::Done
    }

    fn try_lock(&self, me: ThreadNo, lock: Object<'_>, mode: Mode, site: Site) -> bool {
        let mut held = self.state.lock();
        let lock = here(&mut held).number(me, lock);
        self.turn(held, me, Want::Go { op: Op::TryLock, object: lock }, Some(site));
        let mut held = self.state.lock();
        let state = here(&mut held);
        state.touch(lock, mode.access());
        let object = &mut state.objects[lock as usize];
        let free = object.is_free_for(mode);
        if free {
            object.take(me, mode);
        }
        state.record(me, Some(site), |state| {
            let label = state.label(lock);
            if free { What::Locks(label) } else { What::FindsLocked(label) }
        });
        free
    }

    fn unlock(&self, me: ThreadNo, lock: Object<'_>, mode: Mode) {
        let mut held = self.state.lock();
        let Some(state) = held.as_mut() else { return };
        let lock = state.number(me, lock);
        state.touch(lock, mode.access());
        state.objects[lock as usize].release(me, mode);
        state.record(me, None, |state| What::Unlocks(state.label(lock)));
    }

    fn wait(&self, me: ThreadNo, condvar: Object<'_>, lock: Object<'_>, until: Option<Instant>) -> bool {
        let mut held = self.state.lock();
        let state = here(&mut held);
        let (condvar, lock) = (state.number(me, condvar), state.number(me, lock));
        // Somebody may notify it who does not need the lock.
        self.turn(held, me, Want::Go { op: Op::Sleep, object: condvar }, None);
        let mut held = self.state.lock();
        let state = here(&mut held);
        state.touch(condvar, Access::Write);
        state.touch(lock, Access::Write);
        state.objects[lock as usize].release(me, Mode::Exclusive);
        state.record(me, None, |state| What::Sleeps(state.label(condvar), state.label(lock)));
        let want = Want::Sleep { condvar, lock, until: self.until(until), told: false };
        self.turn(held, me, want, None) == Outcome::Done
    }

    fn notify(&self, me: ThreadNo, condvar: Object<'_>, all: bool, site: Site) -> usize {
        let mut held = self.state.lock();
        let condvar = here(&mut held).number(me, condvar);
        self.turn(held, me, Want::Go { op: Op::Notify, object: condvar }, Some(site));
        let mut held = self.state.lock();
        let state = here(&mut held);
        state.touch(condvar, Access::Write);
        let asleep =
            |want: &Want| matches!(want, Want::Sleep { condvar: on, told: false, .. } if *on == condvar);
        let mut sleepers: Vec<usize> =
            (0..state.tasks.len()).filter(|thread| asleep(&state.tasks[*thread].want)).collect();
        if !all && sleepers.len() > 1 {
            let chosen = state.decide(&Decision::Data { among: sleepers.len() });
            sleepers = vec![sleepers[chosen]];
        }
        for thread in &sleepers {
            if let Want::Sleep { told, .. } = &mut state.tasks[*thread].want {
                *told = true;
            }
        }
        let count = sleepers.len();
        state.record(me, Some(site), |state| What::Notifies(state.label(condvar), count));
        count
    }

    fn spawn(&self, me: ThreadNo, entry: Box<dyn FnOnce() + Send>) -> ThreadNo {
        let scheduler = Scheduler::current().expect("the calling thread is controlled by this one");
        let thread = scheduler.start(String::new(), entry);
        let mut held = self.state.lock();
        let state = here(&mut held);
        state.touch_thing(Thing::Threads, Access::Write);
        state.tasks[usize::from(thread)].name = format!("thread {thread}");
        state.record(me, None, |_| What::Spawns(thread));
        self.turn(held, me, Want::Go { op: Op::Spawn, object: u32::from(thread) }, None);
        thread
    }

    fn join(&self, me: ThreadNo, thread: ThreadNo, until: Option<Instant>) -> bool {
        let want = Want::Join { thread, until: self.until(until) };
        self.turn(self.state.lock(), me, want, None) == Outcome::Done
    }

    fn point(&self, me: ThreadNo, what: Point, site: Site) {
        match what {
            Point::Fence => self.go(me, Op::Fence, u32::MAX, Some(site)),
            Point::Spin => {
                self.turn(self.state.lock(), me, Want::Spin, Some(site));
            }
            Point::Named(name) => {
                self.go(me, Op::Point, u32::MAX, Some(site));
                self.with(|state| state.record(me, Some(site), |_| What::Point(name)));
            }
        }
    }

    fn touch(&self, me: ThreadNo, value: Option<&Mark>, access: Access) {
        if self.keeps_footprints.load(Ordering::Relaxed)
            && let Some(state) = self.state.lock().as_mut()
        {
            state.touch_value(me, value, access);
        }
    }

    fn no_locks(&self, me: ThreadNo, site: Site) {
        self.with(|state| state.check_no_locks(me, Some(site)));
    }

    fn choose(&self, me: ThreadNo, among: usize, site: Site) -> usize {
        self.with(|state| {
            let chosen = state.decide(&Decision::Data { among });
            state.record(me, Some(site), |_| What::Chooses(chosen, among));
            chosen
        })
    }

    fn note(&self, me: ThreadNo, text: &mut dyn FnMut() -> String, site: Site) {
        if self.with(|state| state.rules.recording) {
            // It may panic, which is told to this scheduler.
            let text = text();
            self.with(|state| state.record(me, Some(site), |_| What::Says(text)));
        }
    }

    fn rename(&self, me: ThreadNo, text: &mut dyn FnMut() -> String) {
        let name = text();
        self.with(|state| {
            state.record(me, None, |_| What::Is(name.clone()));
            state.tasks[usize::from(me)].name = name;
        });
    }

    fn now(&self) -> Instant {
        // The clock stands still while anybody can go on, but for turns that go with no other.
        self.epoch + self.state.lock().as_ref().map_or(Duration::ZERO, |state| state.clock)
    }
}
