//! All orders up to a number of preemptions, in the order of that number: what is found first is a smallest
//! counter-example. Depth first and without memory of what was seen, but for the choices that lead there.

use crate::candidate::Decision;
use crate::shard::Shard;
use crate::strategy::{Covered, Diverged, Exhausted, Strategy};

#[derive(Debug)]
pub(crate) struct Bounded {
    /// How many preemptions the schedules of this round have at most.
    bound: u32,
    last_bound: u32,
    stack: Vec<Node>,
    /// How many choices of this schedule were made.
    at: usize,
    /// Preemptions in this schedule so far.
    spent: u32,
    begun: bool,
    /// Choices that would have been one preemption too many for this round. Each begins a subtree of the next one.
    cut: u64,
    covered: Covered,
    shard: Shard,
    /// The last of so many choices is another one than in the schedule before.
    turned: usize,
    done: Option<Exhausted>,
}

#[derive(Debug)]
struct Node {
    chosen: usize,
    /// How many of the choices are within the bound.
    open: usize,
    digest: u8,
}

impl Bounded {
    pub(crate) fn up_to(bound: u32, shard: Shard) -> Bounded {
        Bounded {
            bound: 0,
            last_bound: bound,
            stack: Vec::new(),
            at: 0,
            spent: 0,
            begun: false,
            cut: 0,
            covered: Covered::default(),
            shard,
            turned: 0,
            done: None,
        }
    }

    /// Goes on to the next schedule of this round; false if there is none.
    fn advance(&mut self) -> bool {
        while let Some(mut last) = self.stack.pop() {
            let at = self.stack.len();
            let first = !self.deviates();
            let mine = |chosen: &usize| !first || self.is_mine(at, *chosen);
            if let Some(chosen) = (last.chosen + 1..last.open).find(mine) {
                last.chosen = chosen;
                self.stack.push(last);
                return true;
            }
        }
        false
    }

    /// Whether the subtree belongs to the shard whose first choice other than the default one this is. It does not depend
    /// on the round.
    fn is_mine(&self, at: usize, chosen: usize) -> bool {
        self.shard.has((at + chosen) as u64)
    }

    /// Whether some choice is not the default one.
    fn deviates(&self) -> bool {
        self.stack.iter().any(|node| node.chosen != 0)
    }

    /// Goes on to the next bound; false if that was the last.
    fn next_round(&mut self) -> bool {
        if self.cut == 0 {
            // What others may have left to do has its own preemptions.
            self.done = Some(Exhausted::All);
            return false;
        }
        self.done = Some(Exhausted::Bound(self.bound));
        if self.bound >= self.last_bound {
            return false;
        }
        self.bound += 1;
        self.covered = Covered { begun: 0, subtrees: std::mem::take(&mut self.cut) };
        true
    }
}

impl Strategy for Bounded {
    fn begin(&mut self) -> bool {
        if std::mem::replace(&mut self.begun, true) && !self.advance() && !self.next_round() {
            return false;
        }
        self.at = 0;
        self.spent = 0;
        self.turned = self.stack.len();
        true
    }

    fn choose(&mut self, decision: &Decision<'_>) -> Result<usize, Diverged> {
        let at = self.at;
        self.at += 1;
        let digest = decision.digest();
        if at == self.stack.len() {
            let affordable = |chosen: &usize| !decision.is_preemption(*chosen) || self.spent < self.bound;
            // Preemptions come last among the choices, or are all but the first.
            let open = (0..decision.among()).take_while(affordable).count();
            if open < decision.among() {
                let first = !self.deviates();
                let mine = |chosen: &usize| !first || self.is_mine(at, *chosen);
                self.cut += (open..decision.among()).filter(mine).count() as u64;
            }
            self.stack.push(Node { chosen: 0, open, digest });
        }
        let node = &self.stack[at];
        if node.digest != digest || node.chosen >= decision.among() {
            return Err(Diverged);
        }
        if decision.is_preemption(node.chosen) {
            self.spent += 1;
            let new = at + 1 == self.turned && self.spent == self.bound;
            self.covered.begun += u64::from(new);
        }
        Ok(node.chosen)
    }

    fn counts(&self) -> bool {
        let seen_before = self.spent < self.bound;
        !seen_before && (self.deviates() || self.shard.index() == 0)
    }

    fn exhausted(&self) -> Option<Exhausted> {
        self.done
    }

    fn covered(&self) -> Option<Covered> {
        let over =
            self.done.is_some_and(|done| done == Exhausted::All || done == Exhausted::Bound(self.bound));
        (self.bound > 0 && !over).then_some(self.covered)
    }
}
