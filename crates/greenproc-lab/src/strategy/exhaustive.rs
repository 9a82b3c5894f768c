//! All orders, depth first, with sleep sets: of the orders that differ only in the places of turns which have nothing to do
//! with each other, one is tried.
//!
//! When the search comes back to a point from the schedules in which thread `t` went first, `t` is put to sleep there: in
//! those that follow it need not go before somebody has touched what its turn touched. What that was is known, since the
//! turn has run (Godefroid, *Partial-Order Methods*, 1996, chapter 5; the independence is conditional: it is that of
//! two turns from the point at which they are next).
//!
//! Every state between two turns that some order comes to, some schedule of this search comes to: the least order, in the
//! order of the search, of all that differ only in such places is never cut off. So nothing that is looked at between turns
//! is lost, neither invariants, nor deadlocks, nor what a thread finds wrong by itself.

use greenproc_sync::lab::ThreadNo;

use crate::candidate::{Candidate, Decision, How};
use crate::footprint::Footprint;
use crate::shard::Shard;
use crate::strategy::{Diverged, Exhausted, Strategy};

/// Who goes on, and why.
type Who = (ThreadNo, How);

#[derive(Debug)]
pub(crate) struct Exhaustive {
    stack: Vec<Node>,
    /// How many choices of this schedule were made.
    at: usize,
    /// The node whose turn runs.
    running: Option<usize>,
    /// Who sleeps at the next point, if that is a new one.
    asleep: Vec<Sleeper>,
    begun: bool,
    /// All who could go on sleep: what comes now was seen.
    cut_off: bool,
    /// The last of so many choices is another one than in the schedule before.
    turned: usize,
    shard: Shard,
    done: bool,
}

#[derive(Debug)]
enum Node {
    Threads(Point),
    Data { chosen: usize, among: usize },
}

/// A point at which somebody was chosen to go on.
#[derive(Debug)]
struct Point {
    digest: u8,
    candidates: Vec<Who>,
    /// The first that did not sleep.
    first: usize,
    chosen: usize,
    /// Those that slept here from the beginning, and those whose turn has been first since.
    asleep: Vec<Sleeper>,
    /// What the turn of the chosen one touched, whatever it chose meanwhile.
    touched: Footprint,
}

/// Somebody who need not go on.
#[derive(Clone, Debug)]
struct Sleeper {
    who: Who,
    /// What its turn touched from here.
    touched: Footprint,
}

impl Point {
    fn new(digest: u8, candidates: &[Candidate], asleep: Vec<Sleeper>) -> Result<Option<Point>, Diverged> {
        let candidates: Vec<Who> =
            candidates.iter().map(|candidate| (candidate.thread, candidate.how)).collect();
        if !asleep.iter().all(|sleeper| candidates.contains(&sleeper.who)) {
            return Err(Diverged);
        }
        let touched = Footprint::default();
        let point = Point { digest, candidates, first: 0, chosen: 0, asleep, touched };
        Ok(point.awake_from(0).map(|first| Point { first, chosen: first, ..point }))
    }

    /// The first from this one on that does not sleep.
    fn awake_from(&self, from: usize) -> Option<usize> {
        (from..self.candidates.len())
            .find(|at| self.asleep.iter().all(|sleeper| sleeper.who != self.candidates[*at]))
    }

    /// The chosen one has been first in every way.
    fn put_to_sleep(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        self.asleep.push(Sleeper { who: self.candidates[self.chosen], touched });
    }
}

impl Node {
    /// `None` if all who could go on sleep.
    ///
    /// # Errors
    /// A sleeper could not go on: somebody has touched what its turn touched, and nobody said so.
    fn new(decision: &Decision<'_>, asleep: Vec<Sleeper>) -> Result<Option<Node>, Diverged> {
        match decision {
            Decision::Data { among } => Ok(Some(Node::Data { chosen: 0, among: *among })),
            Decision::Threads { candidates, .. } => {
                let point = Point::new(decision.digest(), candidates, asleep)?;
                Ok(point.map(Node::Threads))
            }
        }
    }

    fn is_default(&self) -> bool {
        match self {
            Node::Threads(point) => point.chosen == point.first,
            Node::Data { chosen, .. } => *chosen == 0,
        }
    }

    /// Goes on to the next choice that is `mine`; false if there is none.
    fn turn(&mut self, mine: impl Fn(usize) -> bool) -> bool {
        match self {
            Node::Threads(point) => {
                point.put_to_sleep();
                let mut from = point.chosen + 1;
                while let Some(next) = point.awake_from(from) {
                    if mine(next) {
                        point.chosen = next;
                        return true;
                    }
                    from = next + 1;
                }
                false
            }
            Node::Data { chosen, among } => match (*chosen + 1..*among).find(|next| mine(*next)) {
                Some(next) => {
                    *chosen = next;
                    true
                }
                None => false,
            },
        }
    }
}

impl Exhaustive {
    pub(crate) fn new(shard: Shard) -> Exhaustive {
        Exhaustive {
            stack: Vec::new(),
            at: 0,
            running: None,
            asleep: Vec::new(),
            begun: false,
            cut_off: false,
            turned: 0,
            shard,
            done: false,
        }
    }

    fn deviates(&self) -> bool {
        self.stack.iter().any(|node| !node.is_default())
    }

    /// Goes on to the next schedule; false if there is none.
    fn advance(&mut self) -> bool {
        while let Some(mut last) = self.stack.pop() {
            let at = self.stack.len();
            let first = !self.deviates();
            let shard = self.shard;
            // The default choice is everybody's, so that all know what its turn touches.
            if last.turn(|chosen| !first || shard.has((at + chosen) as u64)) {
                self.stack.push(last);
                return true;
            }
        }
        false
    }
}

impl Strategy for Exhaustive {
    fn begin(&mut self) -> bool {
        if std::mem::replace(&mut self.begun, true) && !self.advance() {
            self.done = true;
            return false;
        }
        self.at = 0;
        self.running = None;
        self.asleep.clear();
        self.cut_off = false;
        self.turned = self.stack.len();
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged> {
        if self.cut_off {
            return Ok(0);
        }
        let at = self.at;
        if at == self.stack.len() {
            let asleep = std::mem::take(&mut self.asleep);
            let Some(node) = Node::new(decision, asleep)? else {
                self.cut_off = true;
                return Ok(0);
            };
            self.stack.push(node);
        }
        self.at += 1;
        match &self.stack[at] {
            Node::Threads(point) => {
                let fits = point.digest == decision.digest() && point.candidates.len() == decision.among();
                self.running = Some(at);
                if fits { Ok(point.chosen) } else { Err(Diverged) }
            }
            Node::Data { chosen, among } if *among == decision.among() => Ok(*chosen),
            Node::Data { .. } => Err(Diverged),
        }
    }

    fn reduces(&self) -> bool {
        true
    }

    fn turn_ends(&mut self, touched: &Footprint) {
        let Some(running) = self.running.filter(|_| !self.cut_off) else { return };
        // What was chosen before is as it was, and so is what it touched.
        if self.at < self.turned {
            return;
        }
        let Node::Threads(point) = &mut self.stack[running] else { return };
        point.touched.unite(touched);
        let stays = |sleeper: &&Sleeper| sleeper.touched.commutes(touched);
        self.asleep = point.asleep.iter().filter(stays).cloned().collect();
    }

    fn counts(&self) -> bool {
        !self.cut_off && (self.deviates() || self.shard.index() == 0)
    }

    fn exhausted(&self) -> Option<Exhausted> {
        self.done.then_some(Exhausted::All)
    }
}
