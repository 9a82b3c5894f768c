//! Sweeps between which the tree changes: everybody of the region is seen, and once.

use std::collections::HashSet;

use proptest::prelude::*;

use crate::pid::Pid;
use crate::tree::tests::{birth, death, planted, record};
use crate::tree::{NodeRef, ProcTree, SweepId, Swept};

/// What happens to the tree between two batches. Whom it happens to is the number modulo how many there are.
#[derive(Clone, Copy, Debug)]
enum Step {
    Birth(usize),
    /// Its children are given away, and it is a zombie.
    Death(usize),
    Reap(usize),
    Subreaper(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<usize>().prop_map(Step::Birth),
        2 => any::<usize>().prop_map(Step::Death),
        1 => any::<usize>().prop_map(Step::Reap),
        1 => any::<usize>().prop_map(Step::Subreaper),
    ];
    prop::collection::vec(step, 0..120)
}

struct Model {
    tree: ProcTree,
    init: NodeRef,
    living: Vec<(NodeRef, Pid)>,
    zombies: Vec<NodeRef>,
    /// Who has been seen by the sweep, in order.
    seen: Vec<Pid>,
    /// Who was in the region at any time since the sweep began.
    region: HashSet<Pid>,
    sweep: Option<(SweepId, NodeRef)>,
    next: i32,
}

impl Model {
    fn new() -> Model {
        let (tree, init) = planted();
        Model {
            tree,
            init,
            living: vec![(init, Pid::INIT)],
            zombies: Vec::new(),
            seen: Vec::new(),
            region: HashSet::new(),
            sweep: None,
            next: 2,
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Birth(number) => {
                let (parent, maker) = self.living[number % self.living.len()];
                let record = record(self.next);
                self.next += 1;
                let node = self.tree.link(parent, birth(&record)).expect("it lives");
                self.living.push((node, record.pid));
                // Also of an orphan that is somewhere else by now.
                if self.region.contains(&maker) {
                    self.region.insert(record.pid);
                }
                for _ in self.tree.sweep_newborn(node) {
                    self.seen.push(record.pid);
                }
            }
            Step::Death(number) => {
                let (node, pid) = self.living[number % self.living.len()];
                if pid == Pid::INIT {
                    return;
                }
                self.note_region();
                self.living.retain(|(other, _)| *other != node);
                while self.tree.has_children(node) {
                    let adopted = self.tree.give_away(node, 2, false);
                    self.seen.extend(adopted.given.iter().map(|(_, record)| record.pid));
                    assert!(adopted.reaped.is_empty() && adopted.mourning.is_empty());
                }
                let buried = self.tree.zombify(node, death(0));
                assert!(buried.reaped.is_none());
                self.zombies.push(node);
            }
            Step::Reap(number) if !self.zombies.is_empty() => {
                let node = self.zombies.swap_remove(number % self.zombies.len());
                let _ = self.tree.reap(node);
            }
            Step::Reap(_) => {}
            Step::Subreaper(number) => {
                let (node, _) = self.living[number % self.living.len()];
                self.tree.set_subreaper(node, true);
            }
        }
        self.note_region();
    }

    /// Adds whoever is below the root now: by the tree itself, not by what the sweep knows.
    fn note_region(&mut self) {
        if let Some((_, root)) = self.sweep {
            let below =
                self.living.iter().filter(|(node, _)| *node != root && self.tree.is_below(*node, root));
            self.region.extend(below.map(|(_, pid)| *pid));
        }
    }

    fn begin(&mut self, number: usize) {
        let (root, _) = self.living[number % self.living.len()];
        self.sweep = Some((self.tree.begin_sweep(root), root));
        self.note_region();
    }

    /// One hold; whether it was the last.
    fn batch(&mut self, batch: usize) -> bool {
        let Some((id, _)) = self.sweep else { return true };
        let Swept { found, done } = self.tree.sweep(id, batch);
        self.seen.extend(found.iter().map(|record| record.pid));
        done
    }
}

proptest! {
    #[test]
    fn everybody_in_the_region_is_seen_once_whatever_happens_between_two_holds(
        before in steps(),
        root in any::<usize>(),
        batch in 1_usize..5,
        during in steps(),
    ) {
        let mut model = Model::new();
        for step in before {
            model.run(step);
        }
        model.begin(root);
        for step in during {
            // What is over stays over: who is born after the end is nobody's.
            if model.batch(batch) {
                break;
            }
            model.run(step);
        }
        let mut holds = 0;
        while !model.batch(batch) {
            holds += 1;
            prop_assert!(holds < 10_000, "it comes to an end");
        }
        let once: HashSet<Pid> = model.seen.iter().copied().collect();
        prop_assert_eq!(once.len(), model.seen.len(), "somebody was seen twice");
        let ended: HashSet<Pid> = once.union(&model.region).copied().collect();
        let living: HashSet<Pid> = model.living.iter().map(|(_, pid)| *pid).collect();
        for pid in ended.intersection(&living) {
            prop_assert!(once.contains(pid), "{} lives and was not seen", pid);
        }
        prop_assert!(once.is_subset(&model.region), "somebody was seen who was never below the root");
        let (id, _) = model.sweep.expect("begun");
        drop(model.tree.end_sweep(id));
        prop_assert!(!model.tree.is_swept());
        prop_assert!(model.tree.record(model.init).is_some());
    }
}

/// A family of any size is looked at in holds of the size that was asked for.
#[test]
fn no_hold_looks_at_more_than_its_batch() {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    for pid in 3..2_003 {
        tree.link(parent, birth(&record(pid))).expect("it takes children");
    }
    let id = tree.begin_sweep(parent);
    let (mut seen, mut done) = (0, false);
    while !done {
        let before = tree.arena.touched();
        let swept = tree.sweep(id, 16);
        assert!(tree.arena.touched() - before <= 5 * 16, "{} nodes", tree.arena.touched() - before);
        assert!(swept.found.len() <= 16);
        seen += swept.found.len();
        done = swept.done;
    }
    assert_eq!(seen, 2_000);
}

/// Two sweeps at once do not know of one another.
#[test]
fn sweeps_that_overlap_each_see_everybody() {
    let (mut tree, init) = planted();
    let outer = tree.link(init, birth(&record(2))).expect("init takes children");
    let inner = tree.link(outer, birth(&record(3))).expect("it takes children");
    for pid in 4..20 {
        tree.link(inner, birth(&record(pid))).expect("it takes children");
    }
    let (one, other) = (tree.begin_sweep(outer), tree.begin_sweep(inner));
    let (mut by_one, mut by_other) = (0, 0);
    let newborn = tree.link(inner, birth(&record(20))).expect("it takes children");
    assert_eq!(tree.sweep_newborn(newborn), [one, other]);
    loop {
        let (first, second) = (tree.sweep(one, 3), tree.sweep(other, 2));
        by_one += first.found.len();
        by_other += second.found.len();
        if first.done && second.done {
            break;
        }
    }
    assert_eq!((by_one, by_other), (17, 16), "the newborn was seen at its birth");
}
