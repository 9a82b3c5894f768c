//! Children that die in another order than they were made in.

use crossbeam_channel::{Receiver, Sender, bounded};
use greenproc::{Command, Pid, Process, ProcessGroup, WaitFlags, WaitFor};

use super::random::Random;

/// How many children are alive at a time at most: enough to mix their order, and few threads.
pub(crate) const BROOD: usize = 128;

/// The channels between children and parent; used again for each brood.
pub(crate) struct Brood {
    /// On which a child waits for its end, one each.
    gates: Vec<(Sender<()>, Receiver<()>)>,
    /// On which each child says that it runs. If one could find its gate open already, it would die in the order of the
    /// starts.
    started: (Sender<()>, Receiver<()>),
}

impl Brood {
    pub(crate) fn new() -> Brood {
        Brood { gates: (0..BROOD).map(|_| bounded(1)).collect(), started: bounded(BROOD) }
    }

    /// Makes a child in each of these groups, lets them die in random order, and returns when all are zombies.
    ///
    /// There are at most [`BROOD`] groups.
    pub(crate) fn raise(
        &self,
        p: &Process,
        groups: &[Pid],
        random: &mut Random,
    ) -> greenproc::Result<Vec<Pid>> {
        let mut pids = Vec::with_capacity(groups.len());
        for (&group, (_, gate)) in groups.iter().zip(&self.gates) {
            let (gate, started) = (gate.clone(), self.started.0.clone());
            let child = Command::new("z", move |p| {
                // Either fails only if the parent is gone, and is an end as good as any then.
                let _ = started.send(());
                let _ = p.recv(&gate);
            });
            pids.push(p.spawn(child.process_group(ProcessGroup::Join(group)))?.id());
        }
        for _ in groups {
            p.recv(&self.started.1).expect("a sender is in this brood");
        }
        let mut order: Vec<&Sender<()>> =
            self.gates.iter().take(groups.len()).map(|(sender, _)| sender).collect();
        random.shuffle(&mut order);
        for gate in order {
            gate.send(()).expect("the receiver is in this brood");
        }
        for &pid in &pids {
            // Returns once the child is a zombie, and leaves it one.
            let dead = p.waitid(WaitFor::Pid(pid), WaitFlags::EXITED | WaitFlags::NOWAIT)?;
            debug_assert!(dead.is_some_and(|dead| dead.pid == pid), "the child that was asked for");
        }
        Ok(pids)
    }
}
