//! The search that leaves out orders against one that leaves out none: on small programs drawn at random, both come to the
//! same ends and to the same states.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering as Plain};
use std::time::Duration;

use greenproc_os::kick::Kick;
use greenproc_os::stack::Stack;
use greenproc_sync::atomic::{AtomicU32, Ordering, fence};
use greenproc_sync::{Condvar, Mutex, RwLock, lab, lock_order, thread};

use crate::candidate::Decision;
use crate::explore::{Options, run_main};
use crate::scheduler::Scheduler;
use crate::shard::Shard;
use crate::state::{Phase, Rules};
use crate::strategy::{Diverged, Exhaustive, Rng, Strategy};

lock_order! {
    /// The first of the programs' locks.
    Outer = "outer",
    /// The second.
    Inner = "inner",
    /// The third, for readers and writers.
    Shared = "shared",
}

/// What a thread of a program does. Each changes a value so that the order shows.
#[derive(Clone, Copy, Debug)]
enum Step {
    Outer,
    Inner,
    Nested,
    TryInner,
    Read,
    Write,
    Count,
    Look,
    Fence,
    Wait,
    WaitFor,
    Notify,
    NotifyAll,
    Choose,
    Spin,
}

const STEPS: [Step; 15] = [
    Step::Outer,
    Step::Inner,
    Step::Nested,
    Step::TryInner,
    Step::Read,
    Step::Write,
    Step::Count,
    Step::Look,
    Step::Fence,
    Step::Wait,
    Step::WaitFor,
    Step::Notify,
    Step::NotifyAll,
    Step::Choose,
    Step::Spin,
];

type Program = Vec<Vec<Step>>;

/// What the threads of a program share, and what each has seen.
struct World {
    outer: Mutex<Outer, u32>,
    inner: Mutex<Inner, u32>,
    shared: RwLock<Shared, u32>,
    count: AtomicU32,
    bell: Condvar<Outer>,
    /// Where each thread is. Nobody's business but the test's.
    at: Vec<AtomicUsize>,
    seen: Vec<AtomicUsize>,
}

/// A state between two turns: where everybody is, and the values that nobody has locked.
type Seen = (Vec<usize>, Vec<usize>, [Option<u32>; 3], u32);

impl World {
    fn new(threads: usize) -> World {
        let places = || (0..threads).map(|_| AtomicUsize::new(0)).collect();
        World {
            outer: Mutex::new(1),
            inner: Mutex::new(1),
            shared: RwLock::new(1),
            count: AtomicU32::new(1),
            bell: Condvar::new(),
            at: places(),
            seen: places(),
        }
    }

    /// To be called while everybody stands still.
    fn look(&self) -> Seen {
        lab::uncontrolled(|| {
            let all =
                |places: &[AtomicUsize]| places.iter().map(|place| place.load(Plain::Relaxed)).collect();
            let values = [
                self.outer.try_lock().map(|value| *value),
                self.inner.try_lock().map(|value| *value),
                self.shared.try_read().map(|value| *value),
            ];
            (all(&self.at), all(&self.seen), values, self.count.load(Ordering::SeqCst))
        })
    }

    fn run(&self, me: usize, steps: &[Step]) {
        let mix = |value: &mut u32| *value = value.wrapping_mul(31).wrapping_add(me as u32 + 7);
        let saw = |what: u32| {
            let before = self.seen[me].load(Plain::Relaxed);
            self.seen[me].store(before.wrapping_mul(31).wrapping_add(what as usize), Plain::Relaxed);
        };
        for step in steps {
            match step {
                Step::Outer => mix(&mut self.outer.lock()),
                Step::Inner => mix(&mut self.inner.lock()),
                Step::Nested => {
                    let outer = self.outer.lock();
                    let mut inner = self.inner.lock();
                    *inner = inner.wrapping_add(*outer);
                }
                Step::TryInner => match self.inner.try_lock() {
                    Some(mut value) => mix(&mut value),
                    None => saw(1),
                },
                Step::Read => saw(*self.shared.read()),
                Step::Write => mix(&mut self.shared.write()),
                Step::Count => {
                    let _ = self.count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |mut value| {
                        mix(&mut value);
                        Some(value)
                    });
                }
                Step::Look => saw(self.count.load(Ordering::SeqCst)),
                Step::Fence => fence(Ordering::SeqCst),
                Step::Wait => {
                    let mut value = self.outer.lock();
                    self.bell.wait(&mut value);
                    mix(&mut value);
                }
                Step::WaitFor => {
                    let mut value = self.outer.lock();
                    let result = self.bell.wait_for(&mut value, Duration::from_millis(1 + me as u64));
                    saw(2 + u32::from(result.timed_out()));
                    mix(&mut value);
                }
                Step::Notify => saw(u32::from(self.bell.notify_one())),
                Step::NotifyAll => saw(self.bell.notify_all() as u32),
                Step::Choose => saw(lab::choose(2) as u32),
                Step::Spin => greenproc_sync::spin::hint(),
            }
            self.at[me].fetch_add(1, Plain::Relaxed);
        }
    }
}

/// All orders, none left out.
#[derive(Default)]
struct BruteForce {
    stack: Vec<(usize, usize)>,
    at: usize,
    begun: bool,
}

impl Strategy for BruteForce {
    fn begin(&mut self) -> bool {
        self.at = 0;
        if !std::mem::replace(&mut self.begun, true) {
            return true;
        }
        while let Some((chosen, among)) = self.stack.pop() {
            if chosen + 1 < among {
                self.stack.push((chosen + 1, among));
                return true;
            }
        }
        false
    }

    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged> {
        if self.at == self.stack.len() {
            self.stack.push((0, decision.among()));
        }
        self.at += 1;
        Ok(self.stack[self.at - 1].0)
    }
}

/// What a search has come to.
#[derive(Default, PartialEq, Eq)]
struct Reached {
    /// How schedules ended: the last state, or the kind of failure.
    ends: BTreeSet<Result<Seen, &'static str>>,
    /// What was seen between two turns.
    states: BTreeSet<Seen>,
}

/// Runs a program in all orders that the strategy tries; how many those were.
fn search(
    program: &Program,
    rules: Rules,
    mut strategy: Box<dyn Strategy>,
    most: usize,
) -> Option<(Reached, usize)> {
    let reached = Arc::new(parking_lot::Mutex::new(Reached::default()));
    let mut schedules = 0;
    while strategy.begin() {
        let (program, told) = (program.clone(), Arc::clone(&reached));
        let state = run_main(Box::new(move || one_schedule(&program, &told)), rules, strategy);
        strategy = state.strategy;
        schedules += usize::from(strategy.counts());
        if let Some(failure) = state.failure {
            assert_ne!(failure.kind(), "diverged");
            reached.lock().ends.insert(Err(failure.kind()));
        }
        if schedules > most {
            return None;
        }
    }
    let reached = std::mem::take(&mut *reached.lock());
    Some((reached, schedules))
}

fn one_schedule(program: &Program, told: &Arc<parking_lot::Mutex<Reached>>) {
    let kick = Kick::install(Kick::default_signal()).expect("nobody else uses the kick signal");
    let world = Arc::new(World::new(program.len()));
    let start = |(me, steps): (usize, &Vec<Step>)| {
        let (world, steps) = (Arc::clone(&world), steps.clone());
        let stack = Stack::map(16 << 10).expect("memory for a stack");
        thread::spawn(stack, &kick, Box::new(move || world.run(me, &steps))).expect("a thread")
    };
    let threads: Vec<_> = program.iter().enumerate().map(start).collect();
    let scheduler = Scheduler::current().expect("a schedule runs");
    let (seen, telling) = (Arc::clone(&world), Arc::clone(told));
    scheduler.with(|state| {
        state.audit = Some(Box::new(move || {
            telling.lock().states.insert(seen.look());
            None
        }));
        state.begin_exploring();
    });
    let joined =
        catch_unwind(AssertUnwindSafe(|| threads.into_iter().for_each(|one| drop(thread::join(one)))));
    scheduler.with(|state| {
        state.audit = None;
        if state.phase == Phase::Exploring {
            state.phase = Phase::Straight;
        }
    });
    if joined.is_ok() {
        told.lock().ends.insert(Ok(world.look()));
    }
}

fn draw(rng: &mut Rng) -> Program {
    let threads = 2 + rng.below(2);
    let most = if threads == 2 { 4 } else { 2 };
    let steps = |rng: &mut Rng| (0..=rng.below(most)).map(|_| STEPS[rng.below(STEPS.len())]).collect();
    (0..threads).map(|_| steps(rng)).collect()
}

fn rules(early_timeouts: bool, spurious: bool) -> Rules {
    Rules { early_timeouts, spurious, ..Options::default().rules() }
}

#[test]
fn what_is_left_out_changes_nothing() {
    let mut rng = Rng::new(1195);
    let (mut all, mut tried, mut compared) = (0, 0, 0);
    while compared < 80 {
        let program = draw(&mut rng);
        let rules = rules(rng.below(3) == 0, rng.below(3) == 0);
        let Some((whole, orders)) = search(&program, rules, Box::new(BruteForce::default()), 1_500) else {
            continue;
        };
        let strategy = Box::new(Exhaustive::new(Shard::WHOLE));
        let (reduced, schedules) = search(&program, rules, strategy, usize::MAX).expect("no limit");
        assert!(whole.ends == reduced.ends, "{program:?}\n{:?}\n{:?}", whole.ends, reduced.ends);
        let missing: Vec<_> = whole.states.difference(&reduced.states).collect();
        assert!(missing.is_empty(), "{program:?}: {missing:?}");
        assert!(whole.states == reduced.states && schedules <= orders, "{program:?}");
        all += orders;
        tried += schedules;
        compared += 1;
    }
    println!("{tried} schedules instead of {all}");
    assert!(tried * 2 < all, "{tried} of {all}");
}

#[test]
fn threads_on_locks_of_their_own_have_one_order() {
    let program = vec![vec![Step::Outer, Step::Outer], vec![Step::Inner, Step::Inner]];
    let (whole, orders) =
        search(&program, rules(false, false), Box::new(BruteForce::default()), usize::MAX).expect("no limit");
    let strategy = Box::new(Exhaustive::new(Shard::WHOLE));
    let (reduced, schedules) = search(&program, rules(false, false), strategy, usize::MAX).expect("no limit");
    assert!(whole == reduced);
    assert!(orders > 10 * schedules, "{schedules} instead of {orders}");
    println!("{schedules} schedules instead of {orders}");
}

#[test]
fn shards_leave_out_nothing_together() {
    let program = vec![vec![Step::Outer, Step::Notify, Step::Inner], vec![Step::Wait, Step::Inner]];
    let (whole, _) =
        search(&program, rules(false, false), Box::new(BruteForce::default()), usize::MAX).expect("no limit");
    let mut union = Reached::default();
    for index in 0..3 {
        let shard = Shard::new(index, 3).expect("there is such a part");
        let strategy = Box::new(Exhaustive::new(shard));
        let (part, _) = search(&program, rules(false, false), strategy, usize::MAX).expect("no limit");
        union.ends.extend(part.ends);
        union.states.extend(part.states);
    }
    assert!(union == whole);
}
