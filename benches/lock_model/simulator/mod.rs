//! A lock and the cores that want it, simulated event by event.
//!
//! Each core goes round for ever: it works outside, takes a lock, holds it, and gives it back. The lock behaves as that of
//! `parking_lot`, which the runtime's is: whoever comes while it is free takes it, however many wait; who finds it taken looks
//! again for a while, and then sleeps, at once if others sleep already; who gives it back wakes one sleeper, which has to
//! take it like everybody else, but for now and then, when it is handed to the sleeper directly.
//!
//! Not in the model: cores that do something else, memory that gets slower as more cores use it, and what spinning costs the
//! others. All is decided by a seed: equal arguments give equal results.

mod costs;
mod lengths;
mod lock;
mod queue;
mod random;

pub(crate) use costs::Costs;
pub(crate) use lengths::Lengths;

use lock::Lock;
use queue::Queue;
use random::Random;

/// One thing that a core does over and over.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Work without a lock.
    pub(crate) outside: Lengths,
    /// Work with it, if the same core had the lock last.
    pub(crate) inside: Lengths,
    /// Which lock.
    pub(crate) lock: Which,
}

/// Whose lock is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// One of so many, the cores being dealt out to them; the first number is that of the first of these locks.
    Dealt { first: usize, locks: usize },
}

impl Which {
    /// One for all.
    pub(crate) const ONE: Which = Which::Dealt { first: 0, locks: 1 };

    fn of(self, core: usize) -> usize {
        let Which::Dealt { first, locks } = self;
        first + core % locks
    }

    fn end(self) -> usize {
        let Which::Dealt { first, locks } = self;
        first + locks
    }
}

/// What came out. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Rounds of all cores in a nanosecond.
    pub(crate) rounds_per_ns: f64,
    /// The share of time in which the first lock was held.
    pub(crate) busy: f64,
    /// From wanting the lock to having it.
    pub(crate) mean_wait: f64,
    /// How long the lock was held, with the lines that had to come from another core.
    pub(crate) mean_hold: f64,
    /// The share of holds that waited in a sleep.
    pub(crate) slept: f64,
}

/// How many rounds count, after a tenth as many that do not.
const ROUNDS: u64 = 100_000;

/// What happens to a core at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// Its work outside is done.
    Arrive,
    /// A lock it looks at is free, or was when this was noticed.
    Look { lock: usize },
    /// It has looked for long enough; the number says in which wait.
    GiveUp { wait: u64 },
    /// It runs again after a sleep.
    Wake,
    /// The lock was handed to it while it slept.
    Handed,
    /// It gives the lock back.
    Release,
}

struct Core {
    step: usize,
    wanted_at: f64,
    slept: bool,
    /// Numbers its waits, so that what is left over of one is not taken for the next.
    waits: u64,
    spinning: bool,
    held_since: f64,
}

struct Simulation<'a> {
    costs: &'a Costs,
    steps: &'a [Step],
    cores: Vec<Core>,
    locks: Vec<Lock>,
    queue: Queue<Event>,
    random: Random,
    count: Count,
}

#[derive(Default)]
struct Count {
    rounds: u64,
    holds: u64,
    slept: u64,
    waited: f64,
    held: f64,
    first_held: f64,
}

/// Lets so many cores go round.
pub(crate) fn simulate(cores: usize, steps: &[Step], costs: &Costs, seed: u64) -> Outcome {
    let locks = steps.iter().map(|step| step.lock.end()).max().unwrap_or(0);
    let core = |_| Core { step: 0, wanted_at: 0.0, slept: false, waits: 0, spinning: false, held_since: 0.0 };
    let mut simulation = Simulation {
        costs,
        steps,
        cores: (0..cores).map(core).collect(),
        locks: (0..locks).map(|_| Lock::default()).collect(),
        queue: Queue::default(),
        random: Random::seeded(seed),
        count: Count::default(),
    };
    for core in 0..cores {
        // Not all at once, and not in step.
        let first = simulation.sample(|step| &step.outside, 0) * simulation.random.share();
        simulation.queue.put(first, core, Event::Arrive);
    }
    simulation.run_until(ROUNDS / 10);
    let begin = simulation.queue.now();
    simulation.count = Count::default();
    simulation.run_until(ROUNDS);
    let time = simulation.queue.now() - begin;
    let Count { rounds, holds, slept, waited, held, first_held } = simulation.count;
    let holds = holds as f64;
    Outcome {
        rounds_per_ns: rounds as f64 / time,
        busy: first_held / time,
        mean_wait: waited / holds,
        mean_hold: held / holds,
        slept: slept as f64 / holds,
    }
}

impl Simulation<'_> {
    fn run_until(&mut self, rounds: u64) {
        while self.count.rounds < rounds {
            let Some((core, event)) = self.queue.take() else { return };
            self.happen(core, event);
        }
    }

    fn happen(&mut self, core: usize, event: Event) {
        match event {
            Event::Arrive => {
                self.cores[core].wanted_at = self.queue.now();
                self.cores[core].slept = false;
                self.try_to_take(core);
            }
            Event::Wake => self.try_to_take(core),
            Event::Look { lock } => {
                if self.cores[core].spinning && self.lock_of(core) == lock && self.locks[lock].is_free() {
                    self.locks[lock].stop_looking(core);
                    self.take(core);
                }
            }
            Event::GiveUp { wait } => {
                if self.cores[core].spinning && self.cores[core].waits == wait {
                    let lock = self.lock_of(core);
                    self.locks[lock].stop_looking(core);
                    self.fall_asleep(core);
                }
            }
            Event::Handed => self.begin_hold(core),
            Event::Release => self.release(core),
        }
    }

    fn lock_of(&self, core: usize) -> usize {
        self.steps[self.cores[core].step].lock.of(core)
    }

    fn try_to_take(&mut self, core: usize) {
        let lock = self.lock_of(core);
        if self.locks[lock].is_free() {
            self.take(core);
        } else if self.locks[lock].has_sleepers() {
            self.fall_asleep(core);
        } else {
            self.locks[lock].look(core);
            let this = &mut self.cores[core];
            this.spinning = true;
            this.waits += 1;
            let wait = this.waits;
            self.queue.put(self.costs.spin, core, Event::GiveUp { wait });
        }
    }

    fn fall_asleep(&mut self, core: usize) {
        let lock = self.lock_of(core);
        self.cores[core].spinning = false;
        self.cores[core].slept = true;
        let asleep_at = self.queue.now() + self.costs.fall_asleep;
        self.locks[lock].sleep(core, asleep_at);
    }

    fn take(&mut self, core: usize) {
        let lock = self.lock_of(core);
        self.cores[core].spinning = false;
        self.locks[lock].take();
        self.begin_hold(core);
    }

    /// The lock is its own already.
    fn begin_hold(&mut self, core: usize) {
        let lock = self.lock_of(core);
        let now = self.queue.now();
        let from_another = self.locks[lock].pass_to(core);
        let step = self.cores[core].step;
        let transfer = if from_another { self.costs.transfer } else { 0.0 };
        let hold = self.sample(|step| &step.inside, step) + transfer;
        self.count.waited += now - self.cores[core].wanted_at;
        self.count.slept += u64::from(self.cores[core].slept);
        self.cores[core].held_since = now;
        self.queue.put(hold, core, Event::Release);
    }

    fn release(&mut self, core: usize) {
        let (lock, now) = (self.lock_of(core), self.queue.now());
        let held = now - self.cores[core].held_since;
        self.count.holds += 1;
        self.count.held += held;
        if lock == 0 {
            self.count.first_held += held;
        }
        let mut after = 0.0;
        if let Some((sleeper, asleep_at)) = self.locks[lock].pop_sleeper() {
            after = self.costs.wake;
            let runs_at = (now + self.costs.wake).max(asleep_at) + self.costs.wake_up;
            // As parking_lot: after half a millisecond or so the sleeper gets the lock, and nobody can take it before.
            let fair = self.locks[lock].is_fair(now);
            if fair {
                let next = now + 2.0 * self.costs.fair * self.random.share();
                self.locks[lock].set_fair(next);
                self.queue.put(runs_at - now, sleeper, Event::Handed);
                self.go_on(core, after);
                return;
            }
            self.queue.put(runs_at - now, sleeper, Event::Wake);
        }
        self.locks[lock].give_back();
        if let Some(first) = self.locks[lock].first_looking() {
            // It sees the release when the lock's line has come, and that differs a little each time.
            let seen = self.costs.hand_over * (0.5 + self.random.share());
            self.queue.put(seen, first, Event::Look { lock });
        }
        self.go_on(core, after);
    }

    /// Does the next step, after this time.
    fn go_on(&mut self, core: usize, after: f64) {
        let step = (self.cores[core].step + 1) % self.steps.len();
        self.cores[core].step = step;
        if step == 0 {
            self.count.rounds += 1;
        }
        let outside = self.sample(|step| &step.outside, step);
        self.queue.put(after + outside, core, Event::Arrive);
    }

    fn sample(&mut self, lengths: impl Fn(&Step) -> &Lengths, step: usize) -> f64 {
        lengths(&self.steps[step]).sample(&mut self.random)
    }
}
