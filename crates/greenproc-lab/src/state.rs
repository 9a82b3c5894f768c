//! What the scheduler knows of the schedule that runs, and whose turn is next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use greenproc::racelab::Pictured;
use greenproc_sync::lab::{Access, Kind, Mark, Mode, Object, Site, ThreadNo};

use crate::baton::Baton;
use crate::candidate::{Candidate, Decision, Digest, Handover, How, Op};
use crate::event::{Event, What};
use crate::failure::{Failure, Holding};
use crate::footprint::{Class, Footprint, Thing};
use crate::object::{Named, ObjectState};
use crate::strategy::Strategy;
use crate::task::{Outcome, Task, Want};
use crate::token::Choice;

/// Looks at the runtime while everybody stands still: what is wrong, if anything.
pub(crate) type Audit = Box<dyn Fn() -> Option<String> + Send>;

/// How the processes are; `None` while somebody changes them.
pub(crate) type Look = Box<dyn Fn() -> Option<Vec<Pictured>> + Send>;

/// A time-out beyond this never comes: who waits for one waits for somebody.
const HORIZON: Duration = Duration::from_hours(24);

/// What a schedule may do and how long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) max_steps: u32,
    /// Time-outs may be over at any point, not only when nobody else can go on.
    pub(crate) early_timeouts: bool,
    /// Sleepers may wake without a reason.
    pub(crate) spurious: bool,
    /// Events are kept.
    pub(crate) recording: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The strategy decides.
    Exploring,
    /// Nobody is preempted: what happens here is not what is looked at.
    Straight,
    /// Something went wrong, and the threads are brought to their ends.
    Draining,
    /// They could not be: those that are left wait for ever.
    Abandoned,
}

pub(crate) struct State {
    pub(crate) schedule: u32,
    pub(crate) tasks: Vec<Task>,
    pub(crate) objects: Vec<ObjectState>,
    names: HashMap<(&'static str, Kind), u32>,
    /// Which classes were taken while which other was held, and where.
    order: HashMap<(&'static str, &'static str), Site>,
    pub(crate) clock: Duration,
    pub(crate) steps: u32,
    pub(crate) phase: Phase,
    pub(crate) rules: Rules,
    pub(crate) strategy: Box<dyn Strategy>,
    pub(crate) path: Vec<Choice>,
    pub(crate) preemptions: u32,
    pub(crate) events: Vec<Event>,
    pub(crate) failure: Option<Failure>,
    pub(crate) audit: Option<Audit>,
    pub(crate) look: Option<Look>,
    /// How the processes were, from which event on.
    pub(crate) pictures: Vec<(usize, Vec<Pictured>)>,
    /// The same for moments at which nobody can go on.
    pub(crate) rest_audit: Option<Audit>,
    /// Room for the candidates of a decision.
    candidates: Vec<Candidate>,
    /// What the turn that runs has touched; kept only for a strategy that asks for it.
    touched: Footprint,
    /// Whether it is kept.
    pub(crate) keeps_footprints: bool,
    /// The marked values that have a number.
    values: Vec<Named>,
    /// Identifies the hand-overs seen, for coverage.
    pub(crate) handovers: Vec<u64>,
    /// The same for the states in which there was something to choose.
    pub(crate) states: Vec<u64>,
}

impl State {
    pub(crate) fn new(schedule: u32, rules: Rules, strategy: Box<dyn Strategy>) -> State {
        State {
            touched: Footprint::default(),
            keeps_footprints: strategy.reduces(),
            values: Vec::new(),
            schedule,
            tasks: Vec::with_capacity(8),
            objects: Vec::with_capacity(64),
            names: HashMap::new(),
            order: HashMap::new(),
            clock: Duration::ZERO,
            steps: 0,
            phase: Phase::Straight,
            rules,
            strategy,
            path: Vec::with_capacity(128),
            preemptions: 0,
            events: Vec::new(),
            failure: None,
            audit: None,
            look: None,
            pictures: Vec::new(),
            rest_audit: None,
            candidates: Vec::with_capacity(8),
            handovers: Vec::new(),
            states: Vec::with_capacity(128),
        }
    }

    pub(crate) fn add_task(&mut self, baton: Arc<Baton>, name: String) -> ThreadNo {
        self.tasks.push(Task {
            baton,
            name,
            want: Want::Go { op: Op::Begin, object: self.tasks.len() as u32 },
            outcome: Outcome::Done,
            unwinding: false,
            raised: 0,
            named: 0,
            site: None,
        });
        (self.tasks.len() - 1) as ThreadNo
    }

    /// The number of an object in this schedule.
    pub(crate) fn number(&mut self, me: ThreadNo, object: Object<'_>) -> u32 {
        let State { objects, names, schedule, tasks, touched, keeps_footprints, steps, .. } = self;
        object.tag.number(*schedule, || {
            let count = names.entry((object.name, object.kind)).or_insert(0);
            *count += 1;
            let named = tasks[usize::from(me)].names(me, *steps);
            objects.push(ObjectState::new(object.name, object.kind, *count, named));
            if *keeps_footprints {
                touched.touch(Thing::New(Class::Object(object.name, object.kind)), Access::Write);
            }
            (objects.len() - 1) as u32
        })
    }

    /// The turn that runs touches a lock or a condition variable.
    pub(crate) fn touch(&mut self, object: u32, access: Access) {
        if self.keeps_footprints {
            let ObjectState { name, kind, named, .. } = self.objects[object as usize];
            self.touch_named(named, Class::Object(name, kind), access);
        }
    }

    /// The same with a marked value; what has no mark is everything.
    pub(crate) fn touch_value(&mut self, me: ThreadNo, mark: Option<&Mark>, access: Access) {
        let Some(mark) = mark else { return self.touched.touch_everything() };
        let State { values, schedule, tasks, steps, .. } = self;
        let number = mark.tag.number(*schedule, || {
            values.push(tasks[usize::from(me)].names(me, *steps));
            (values.len() - 1) as u32
        });
        self.touch_named(self.values[number as usize], Class::Value(mark.made), access);
    }

    fn touch_named(&mut self, named: Named, class: Class, access: Access) {
        let Named { by, nth, step } = named;
        let thing = if step == self.steps { Thing::New(class) } else { Thing::Named { by, nth } };
        self.touched.touch(thing, access);
    }

    /// The same with something else.
    pub(crate) fn touch_thing(&mut self, thing: Thing, access: Access) {
        if self.keeps_footprints {
            self.touched.touch(thing, access);
        }
    }

    /// Tells the strategy what the turn that ends has touched.
    fn end_turn(&mut self, from: ThreadNo) {
        if !self.keeps_footprints {
            return;
        }
        // Who can go on after a spin depends on whose turn it was; and with the end of the scenario there are no choices left.
        if self.tasks[usize::from(from)].want == Want::Spin || self.phase != Phase::Exploring {
            self.touched.touch_everything();
        }
        self.strategy.turn_ends(&self.touched);
        self.touched.clear();
    }

    pub(crate) fn label(&self, object: u32) -> String {
        self.objects[object as usize].label()
    }

    pub(crate) fn record(&mut self, thread: ThreadNo, site: Option<Site>, what: impl FnOnce(&State) -> What) {
        if self.rules.recording && self.phase == Phase::Exploring {
            if let Some(picture) = self.look.as_ref().and_then(|look| look())
                && self.pictures.last().is_none_or(|(_, last)| *last != picture)
            {
                self.pictures.push((self.events.len(), picture));
            }
            let event = Event { step: self.steps, thread, what: what(self), site };
            self.events.push(event);
        }
    }

    /// From here on the strategy decides.
    pub(crate) fn begin_exploring(&mut self) {
        self.phase = Phase::Exploring;
        for thread in 0..self.tasks.len() {
            let name = self.tasks[thread].name.clone();
            self.record(thread as ThreadNo, None, |_| What::Is(name));
        }
    }

    /// Something went wrong. What comes later is only a consequence.
    pub(crate) fn fail(&mut self, failure: Failure) {
        if self.failure.is_none() {
            self.failure = Some(failure);
        }
        if self.phase != Phase::Abandoned {
            self.phase = Phase::Draining;
        }
    }

    /// Whether the thread has what it wants but its turn.
    fn can_go(&self, task: &Task) -> bool {
        match task.want {
            Want::Go { .. } => true,
            Want::Spin | Want::Settle | Want::Ended => false,
            Want::Lock { lock, mode, .. } => self.objects[lock as usize].is_free_for(mode),
            Want::Sleep { lock, told, .. } => {
                told && self.objects[lock as usize].is_free_for(Mode::Exclusive)
            }
            Want::Join { thread, .. } => self.tasks[usize::from(thread)].want == Want::Ended,
        }
    }

    /// Whether nothing keeps a sleeper but that nobody has woken it.
    fn could_wake(&self, task: &Task) -> bool {
        matches!(task.want, Want::Sleep { lock, told: false, .. }
            if self.objects[lock as usize].is_free_for(Mode::Exclusive))
    }

    fn is_due(&self, task: &Task) -> bool {
        let over = task.want.until().is_some_and(|until| until <= self.clock);
        over && match task.want {
            Want::Sleep { .. } => self.could_wake(task),
            _ => true,
        }
    }

    fn candidate(&self, thread: ThreadNo, how: How) -> Candidate {
        let (op, object) = self.tasks[usize::from(thread)].want.op();
        Candidate { thread, how, op, object }
    }

    /// Who could go on, beginning with the thread that had the turn.
    fn find_candidates(&mut self, from: ThreadNo) {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        let count = self.tasks.len() as ThreadNo;
        let others = (from + 1..count).chain(0..from);
        for thread in std::iter::once(from).chain(others) {
            let task = &self.tasks[usize::from(thread)];
            if self.can_go(task) {
                candidates.push(self.candidate(thread, How::Goes));
            } else if self.is_due(task) {
                candidates.push(self.candidate(thread, How::TimesOut));
            }
        }
        if !candidates.is_empty() && self.phase == Phase::Exploring {
            if self.tasks[usize::from(from)].want == Want::Spin {
                // It may have spun for long enough.
                candidates.push(self.candidate(from, How::Wakes));
            }
            for thread in 0..count {
                let task = &self.tasks[usize::from(thread)];
                if self.rules.early_timeouts
                    // Beyond it lies what is not to happen in a schedule.
                    && task.want.until().is_some_and(|until| until < HORIZON)
                    && !self.can_go(task)
                    && !self.is_due(task)
                {
                    let sleeps = matches!(task.want, Want::Sleep { .. });
                    if !sleeps || self.could_wake(task) {
                        candidates.push(self.candidate(thread, How::TimesOut));
                    }
                }
                if self.rules.spurious && self.could_wake(task) {
                    candidates.push(self.candidate(thread, How::Wakes));
                }
            }
        }
        self.candidates = candidates;
    }

    /// Decides who has the next turn, and gives that thread what it wants; `None` if nobody is left who could go on.
    pub(crate) fn pick(&mut self, from: ThreadNo) -> Option<ThreadNo> {
        self.end_turn(from);
        self.count_step();
        if self.phase != Phase::Draining
            && let Some(sentence) = self.audit.as_ref().and_then(|audit| audit())
        {
            self.fail(Failure::Invariant(sentence));
        }
        loop {
            self.find_candidates(from);
            if self.candidates.is_empty() {
                self.find_spinners(from);
            }
            if self.candidates.is_empty() && !self.let_time_pass() {
                return self.dead_end();
            }
            if !self.candidates.is_empty() {
                break;
            }
        }
        let may_stay = self.candidates[0].thread == from && self.candidates[0].how == How::Goes;
        let chosen = self.choose_thread(may_stay);
        let Candidate { thread, how, op, object } = self.candidates[chosen];
        if thread != from && self.phase == Phase::Exploring {
            let class = self.objects.get(object as usize).map_or("", |object| object.name);
            self.handovers.push(Handover { from, to: thread, op, class }.number());
        }
        self.grant(thread, how);
        Some(thread)
    }

    fn count_step(&mut self) {
        self.steps += 1;
        if self.steps == self.rules.max_steps && self.phase != Phase::Draining {
            self.fail(Failure::LiveLock(self.steps));
        }
        if self.steps > self.rules.max_steps.saturating_mul(4) {
            self.phase = Phase::Abandoned;
        }
    }

    fn find_spinners(&mut self, from: ThreadNo) {
        let count = self.tasks.len() as ThreadNo;
        let mut order = (from + 1..count).chain(0..=from);
        if let Some(thread) = order.find(|thread| self.tasks[usize::from(*thread)].want == Want::Spin) {
            // Who spins until a moment has to come to it.
            self.clock += Duration::from_micros(1);
            let spinner = self.candidate(thread, How::Goes);
            self.candidates.push(spinner);
            return;
        }
        let settling = (0..count).find(|thread| self.tasks[usize::from(*thread)].want == Want::Settle);
        self.candidates.extend(settling.map(|thread| self.candidate(thread, How::Goes)));
    }

    /// Looks at the runtime when nobody can go on.
    pub(crate) fn look_at_rest(&mut self) {
        if self.phase != Phase::Draining
            && let Some(sentence) = self.rest_audit.as_ref().and_then(|audit| audit())
        {
            self.fail(Failure::Invariant(sentence));
        }
    }

    /// Moves the clock to the next time-out; false if there is none.
    fn let_time_pass(&mut self) -> bool {
        let due = |task: &Task| match task.want {
            Want::Sleep { .. } if !self.could_wake(task) => None,
            _ => task.want.until(),
        };
        let next = self.tasks.iter().filter_map(due).min().filter(|next| *next < HORIZON);
        let Some(next) = next else { return false };
        self.look_at_rest();
        self.clock = self.clock.max(next);
        true
    }

    /// Nobody can go on.
    fn dead_end(&mut self) -> Option<ThreadNo> {
        if self.tasks.iter().all(|task| task.want == Want::Ended) {
            return None;
        }
        self.look_at_rest();
        if self.phase != Phase::Draining {
            let stuck = self.holdings();
            let sleeps = self.tasks.iter().any(|task| matches!(task.want, Want::Sleep { told: false, .. }));
            let held = stuck.iter().any(|holding| !holding.holds.is_empty());
            self.fail(if sleeps && !held { Failure::LostWakeup(stuck) } else { Failure::Deadlock(stuck) });
        }
        self.raise()
    }

    /// Makes a thread unwind that nothing else brings to its end.
    fn raise(&mut self) -> Option<ThreadNo> {
        let raisable = |task: &Task| match task.want {
            Want::Ended => false,
            Want::Sleep { .. } => self.could_wake(task),
            _ => true,
        };
        let found = self.tasks.iter().position(|task| !task.unwinding && task.raised < 4 && raisable(task));
        let Some(thread) = found else {
            self.phase = Phase::Abandoned;
            return None;
        };
        if let Want::Sleep { lock, .. } = self.tasks[thread].want {
            self.objects[lock as usize].take(thread as ThreadNo, Mode::Exclusive);
        }
        let task = &mut self.tasks[thread];
        task.raised += 1;
        task.outcome = Outcome::Raise;
        task.want = Want::Go { op: Op::Begin, object: 0 };
        Some(thread as ThreadNo)
    }

    fn choose_thread(&mut self, may_stay: bool) -> usize {
        if self.phase != Phase::Exploring || (self.candidates.len() == 1 && !self.keeps_footprints) {
            return 0;
        }
        if self.candidates.len() > 1 {
            self.states.push(self.number_of_state());
        }
        let candidates = std::mem::take(&mut self.candidates);
        let chosen = self.decide(&Decision::Threads { candidates: &candidates, may_stay });
        if may_stay && chosen != 0 {
            let Candidate { thread, op, object, .. } = candidates[0];
            let site = self.tasks[usize::from(thread)].site;
            self.record(thread, site, |state| What::Preempted(state.intention(op, object)));
        }
        self.candidates = candidates;
        chosen
    }

    /// Tells the state from others of the scenario: what each thread is about to do, and where.
    fn number_of_state(&self) -> u64 {
        let mut digest = Digest::new();
        for task in &self.tasks {
            let (op, object) = task.want.op();
            digest.mix(u64::from(object) << 8 | op as u64);
            digest.mix(task.site.map_or(0, |site| u64::from(site.line()) << 16 | u64::from(site.column())));
        }
        digest.number()
    }

    /// Asks the strategy.
    pub(crate) fn decide(&mut self, decision: &Decision<'_>) -> usize {
        let among = decision.among();
        if self.phase != Phase::Exploring || (among < 2 && !self.keeps_footprints) {
            return 0;
        }
        let Ok(chosen) = self.strategy.choose(decision) else {
            self.fail(Failure::Diverged(self.path.len() as u32));
            return 0;
        };
        let chosen = chosen.min(among - 1);
        if among < 2 {
            return chosen;
        }
        self.path.push(Choice { chosen: chosen as u8, digest: decision.digest() });
        self.preemptions += u32::from(decision.is_preemption(chosen));
        chosen
    }

    /// What a thread is about to do, for who reads the schedule.
    fn intention(&self, op: Op, object: u32) -> String {
        let label = || self.objects.get(object as usize).map_or_else(String::new, ObjectState::label);
        match op {
            Op::Begin => "begins".to_owned(),
            Op::Lock => format!("locks {}", label()),
            Op::TryLock => format!("tries {}", label()),
            Op::Sleep => format!("sleeps, without {}", label()),
            Op::Wake => format!("wakes, with {}", label()),
            Op::Notify => format!("notifies {}", label()),
            Op::Spawn => "goes on from a start".to_owned(),
            Op::Join => format!("joins thread {object}"),
            Op::Point | Op::Fence | Op::Spin => "goes on".to_owned(),
        }
    }

    /// Gives a thread what it wants.
    fn grant(&mut self, thread: ThreadNo, how: How) {
        let task = &self.tasks[usize::from(thread)];
        let (want, site) = (task.want, task.site);
        let timed_out = how == How::TimesOut;
        self.touch_wanted(want, how);
        if let Some(until) = want.until().filter(|_| timed_out) {
            self.clock = self.clock.max(until);
        }
        match want {
            Want::Lock { lock, mode, .. } if !timed_out => {
                self.note_order(thread, lock, site);
                self.objects[lock as usize].take(thread, mode);
                self.record(thread, site, |state| What::Locks(state.label(lock)));
            }
            Want::Lock { lock, .. } => self.record(thread, site, |state| What::GivesUp(state.label(lock))),
            Want::Sleep { condvar, lock, .. } => {
                self.objects[lock as usize].take(thread, Mode::Exclusive);
                self.record(thread, site, |state| {
                    let (condvar, lock) = (state.label(condvar), state.label(lock));
                    if timed_out { What::TimesOut(condvar, lock) } else { What::Wakes(condvar, lock) }
                });
            }
            Want::Join { thread: other, .. } => self.record(thread, site, |_| What::Joins(other)),
            Want::Go { op: Op::Begin, .. } => self.record(thread, None, |_| What::Begins),
            Want::Go { .. } | Want::Spin | Want::Settle | Want::Ended => {}
        }
        let task = &mut self.tasks[usize::from(thread)];
        task.outcome = if timed_out { Outcome::TimedOut } else { Outcome::Done };
        task.want = Want::Go { op: Op::Point, object: u32::MAX };
    }

    /// The turn begins with what kept it from beginning before.
    fn touch_wanted(&mut self, want: Want, how: How) {
        let early = how == How::TimesOut && want.until().is_some_and(|until| until > self.clock);
        if early || how == How::Wakes {
            // It may do so only while somebody else can go on.
            self.touched.touch_everything();
        }
        match want {
            Want::Lock { lock, mode, .. } => self.touch(lock, mode.access()),
            Want::Sleep { condvar, lock, .. } => {
                self.touch(condvar, Access::Write);
                self.touch(lock, Access::Write);
            }
            Want::Join { thread, .. } => self.touch_thing(Thing::Thread(thread), Access::Read),
            Want::Spin => self.touched.touch_everything(),
            Want::Go { .. } | Want::Settle | Want::Ended => {}
        }
    }

    /// Looks whether two classes of locks are taken in both orders.
    fn note_order(&mut self, thread: ThreadNo, lock: u32, site: Option<Site>) {
        if self.phase != Phase::Exploring {
            return;
        }
        let inner = self.objects[lock as usize].name;
        let Some(site) = site else { return };
        let held = self.objects.iter().filter(|object| object.is_held_by(thread)).map(|object| object.name);
        let held: Vec<_> = held.filter(|outer| *outer != inner).collect();
        for outer in held {
            self.order.entry((outer, inner)).or_insert(site);
            if let Some(other) = self.order.get(&(inner, outer)) {
                let cycle =
                    format!("{inner} inside {outer} at {site}, and {outer} inside {inner} at {other}");
                self.fail(Failure::LockOrder(cycle));
                return;
            }
        }
    }

    /// The thread has ended, or has come to a place, where it may hold no lock.
    pub(crate) fn check_no_locks(&mut self, thread: ThreadNo, at: Option<Site>) {
        let held = self.objects.iter().filter(|object| object.is_held_by(thread));
        let held: Vec<_> = held.map(ObjectState::label).collect();
        if !held.is_empty() {
            let name = &self.tasks[usize::from(thread)].name;
            let place = at.map_or_else(|| "has ended".to_owned(), |site| format!("is at {site}"));
            let locks = held.join(", ");
            self.fail(Failure::Invariant(format!(
                "{name} {place}, where it may hold no lock, and holds {locks}"
            )));
        }
    }

    /// What everybody holds and waits for.
    pub(crate) fn holdings(&self) -> Vec<Holding> {
        let wants = |task: &Task| match task.want {
            Want::Ended => None,
            Want::Go { .. } | Want::Spin | Want::Settle => Some("its turn".to_owned()),
            Want::Sleep { condvar, told: false, .. } => {
                Some(format!("a notification of {}", self.label(condvar)))
            }
            Want::Lock { lock, .. } | Want::Sleep { lock, .. } => Some(self.label(lock)),
            Want::Join { thread, .. } => Some(format!("the end of thread {thread}")),
        };
        let holding = |(thread, task): (usize, &Task)| {
            let thread = thread as ThreadNo;
            let held = self.objects.iter().filter(|object| object.is_held_by(thread));
            let holds = held.map(ObjectState::label).collect();
            wants(task).map(|wants| Holding { thread, name: task.name.clone(), holds, wants })
        };
        self.tasks.iter().enumerate().filter_map(holding).collect()
    }
}
