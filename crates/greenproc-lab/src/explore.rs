//! One scenario, many schedules.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use greenproc::racelab::Fault;
use greenproc_sync::time;
use parking_lot::Mutex;

use crate::check::Scenario;
use crate::failure::Failure;
use crate::minimise::minimise;
use crate::scheduler::Scheduler;
use crate::shard::Shard;
use crate::state::{Phase, Rules, State};
use crate::strategy::{Covered, Exhausted, Replay, Rng, Strategy, StrategyKind};
use crate::timeline::Timeline;
use crate::token::{Choice, Token};

/// How a scenario is explored.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which orders, and in which order.
    pub strategy: StrategyKind,
    /// The most schedules.
    pub schedules: u64,
    /// No schedule begins after this time.
    pub time: Option<Duration>,
    /// A schedule with more turns is a live-lock.
    pub max_steps: u32,
    /// Time-outs may be over at any point, not only when nobody else can go on.
    pub early_timeouts: bool,
    /// Sleepers may wake without a reason. The runtime's own condition variables never do.
    pub spurious: bool,
    /// Which part of the schedules.
    pub shard: Shard,
}

impl Default for Options {
    /// All orders with up to 2 preemptions, but no more than 100,000 schedules.
    fn default() -> Options {
        Options {
            strategy: StrategyKind::Bounded { bound: 2 },
            schedules: 100_000,
            time: None,
            max_steps: 20_000,
            early_timeouts: false,
            spurious: false,
            shard: Shard::WHOLE,
        }
    }
}

impl Options {
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            max_steps: self.max_steps,
            early_timeouts: self.early_timeouts,
            spurious: self.spurious,
            recording: false,
        }
    }
}

/// What an exploration saw. Of a shard it is what belongs to it: the sums over all shards are those of the whole.
#[derive(Debug, Default)]
pub struct Report {
    /// How many different schedules ran.
    pub schedules: u64,
    /// How many ran, with those that only showed the way to others.
    pub runs: u64,
    /// How long that took.
    pub elapsed: Duration,
    /// What was tried in full.
    pub exhausted: Option<Exhausted>,
    /// How much was tried of the next bound.
    pub covered: Option<Covered>,
    /// The sum of numbers that tell schedules from each other: the same for the same set of schedules.
    pub fingerprint: u64,
    /// The hand-overs that were seen, as numbers: from which thread to which, for what.
    pub handovers: BTreeSet<u64>,
    /// The states that were seen where there was something to choose, as numbers: what everybody is about to do, and where.
    pub states: HashSet<u64>,
    /// The most choices that one schedule had.
    pub longest: usize,
    /// The first schedule that failed.
    pub found: Option<Found>,
}

impl Report {
    /// Takes in what was seen when the same scenario was explored in another way afterwards. What tells the schedules from
    /// each other stays that of the first way.
    pub(crate) fn go_on(&mut self, next: Report) {
        let first = self.runs == 0;
        self.schedules += next.schedules;
        self.runs += next.runs;
        self.elapsed += next.elapsed;
        if next.exhausted == Some(Exhausted::All) || first {
            (self.exhausted, self.covered) = (next.exhausted, next.covered);
        }
        if first {
            self.fingerprint = next.fingerprint;
        }
        self.handovers.extend(next.handovers);
        self.states.extend(next.states);
        self.longest = self.longest.max(next.longest);
        self.found = next.found;
    }
}

/// A schedule that failed.
#[derive(Debug)]
pub struct Found {
    /// How it failed.
    pub failure: Failure,
    /// What replays it.
    pub token: Token,
    /// How many preemptions it has.
    pub preemptions: u32,
    /// Which schedule it was, from 1 on.
    pub schedule: u64,
    /// What happened.
    pub timeline: Timeline,
}

/// Runs schedules of a scenario until one fails, or all were tried, or enough.
pub fn explore(scenario: &Scenario, options: &Options) -> Report {
    explore_with(scenario, options, |_| {})
}

/// The same, and tells of each schedule by the number that tells it from others.
pub(crate) fn explore_with(scenario: &Scenario, options: &Options, mut see: impl FnMut(u64)) -> Report {
    let rules = options.rules();
    let begin = time::now();
    let mut strategy = options.strategy.make(options.shard);
    let mut report = Report::default();
    let over = |report: &Report| {
        report.schedules >= options.schedules || options.time.is_some_and(|time| begin.elapsed() >= time)
    };
    while !over(&report) && strategy.begin() {
        let seen = run(scenario, rules, strategy);
        strategy = seen.strategy;
        report.runs += 1;
        let known = (report.handovers.len(), report.states.len());
        if strategy.counts() {
            let number = fingerprint(&seen.path);
            see(number);
            report.schedules += 1;
            report.fingerprint = report.fingerprint.wrapping_add(number);
            report.longest = report.longest.max(seen.path.len());
            report.handovers.extend(seen.handovers);
            report.states.extend(seen.states);
        }
        strategy.learns(known != (report.handovers.len(), report.states.len()));
        if let Some(failure) = seen.failure {
            let path = minimise(scenario, rules, &failure, seen.path, seen.preemptions);
            report.found = Some(found(scenario, rules, failure, path, report.schedules.max(1)));
            break;
        }
    }
    Report {
        elapsed: begin.elapsed(),
        exhausted: strategy.exhausted(),
        covered: strategy.covered(),
        ..report
    }
}

/// Tells the schedules of a scenario from each other.
fn fingerprint(path: &[Choice]) -> u64 {
    path.iter().fold(0, |before, choice| {
        let choice = u64::from(choice.chosen) << 4 | u64::from(choice.digest);
        Rng::new(before ^ choice).next()
    })
}

/// Runs the schedule of a token, and says how it failed; `None` if it did not.
///
/// A token of another version of the code may lead elsewhere: that is [`Failure::Diverged`].
pub fn replay(scenario: &Scenario, token: &Token, options: &Options) -> (Option<Failure>, Timeline) {
    recorded(scenario, options, Replay::strict(token.path.clone()))
}

/// Makes the choices of a token in another scenario, or in the same one without its fault, as far as they fit; after them,
/// and where they do not fit, nobody is preempted.
pub fn follow(scenario: &Scenario, token: &Token, options: &Options) -> (Option<Failure>, Timeline) {
    recorded(scenario, options, Replay::lenient(token.path.clone()))
}

fn recorded(scenario: &Scenario, options: &Options, strategy: Replay) -> (Option<Failure>, Timeline) {
    let seen = run(scenario, Rules { recording: true, ..options.rules() }, Box::new(strategy));
    (seen.failure.clone(), Timeline::of(seen))
}

/// The schedule as it is reported.
fn found(scenario: &Scenario, rules: Rules, first: Failure, path: Vec<Choice>, schedule: u64) -> Found {
    let rules = Rules { recording: true, ..rules };
    let seen = run(scenario, rules, Box::new(Replay::lenient(path)));
    let token = Token::new(&scenario.name, scenario.fault.map(Fault::name), seen.path.clone());
    let failure = seen.failure.clone().unwrap_or(match first {
        // Whether somebody waits outside is a matter of real time.
        Failure::Outside(_) => first,
        _ => Failure::Diverged(seen.path.len() as u32),
    });
    Found { failure, token, preemptions: seen.preemptions, schedule, timeline: Timeline::of(seen) }
}

/// Runs one schedule.
pub(crate) fn run(scenario: &Scenario, rules: Rules, strategy: Box<dyn Strategy>) -> State {
    run_main(scenario.main(), rules, strategy)
}

/// The same for what needs no runtime.
pub(crate) fn run_main(main: Box<dyn FnOnce() + Send>, rules: Rules, strategy: Box<dyn Strategy>) -> State {
    let mut scheduler = SCHEDULER.lock();
    let current = *scheduler.get_or_insert_with(|| Box::leak(Box::new(Scheduler::new())));
    let seen = current.run(rules, strategy, main);
    if seen.phase == Phase::Abandoned {
        // Threads that are left may still look at it: the next schedule gets another.
        *scheduler = None;
    }
    seen
}

/// The scheduler, there as long as the OS process since threads refer to it. One schedule at a time: the runtime has a few
/// locks that all runtimes of the OS process share, and of two schedules each would see what the other does to them.
static SCHEDULER: Mutex<Option<&'static Scheduler>> = Mutex::new(None);

/// What a scenario is made of.
pub(crate) type Body = Arc<dyn Fn(&greenproc::Runtime) + Send + Sync>;
