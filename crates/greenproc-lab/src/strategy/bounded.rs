//! All orders up to a number of preemptions, in the order of that number: what is found first is a smallest
//! counter-example. Depth first and without memory of what was seen, but for the choices that lead there.

use crate::candidate::Decision;
use crate::strategy::{Diverged, Exhausted, Strategy};

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
    /// A schedule of this round could have had one preemption more.
    cut: bool,
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
    pub(crate) fn up_to(bound: u32) -> Bounded {
        Bounded {
            bound: 0,
            last_bound: bound,
            stack: Vec::new(),
            at: 0,
            spent: 0,
            begun: false,
            cut: false,
            done: None,
        }
    }

    pub(crate) fn without_bound() -> Bounded {
        Bounded { bound: u32::MAX, ..Bounded::up_to(u32::MAX) }
    }

    /// Goes on to the next schedule of this round; false if there is none.
    fn advance(&mut self) -> bool {
        while let Some(last) = self.stack.last_mut() {
            if last.chosen + 1 < last.open {
                last.chosen += 1;
                return true;
            }
            self.stack.pop();
        }
        false
    }
}

impl Strategy for Bounded {
    fn begin(&mut self) -> bool {
        if std::mem::replace(&mut self.begun, true) && !self.advance() {
            if !self.cut {
                self.done = Some(Exhausted::All);
                return false;
            }
            self.done = Some(Exhausted::Bound(self.bound));
            if self.bound >= self.last_bound {
                return false;
            }
            self.bound += 1;
            self.cut = false;
        }
        self.at = 0;
        self.spent = 0;
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
            self.cut |= open < decision.among();
            self.stack.push(Node { chosen: 0, open, digest });
        }
        let node = &self.stack[at];
        if node.digest != digest || node.chosen >= decision.among() {
            return Err(Diverged);
        }
        self.spent += u32::from(decision.is_preemption(node.chosen));
        Ok(node.chosen)
    }

    fn exhausted(&self) -> Option<Exhausted> {
        self.done
    }
}
