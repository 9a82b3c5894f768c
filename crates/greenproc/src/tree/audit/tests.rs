//! A tree with one thing wrong in it, and the sentence that says so.

use std::sync::Arc;

use crate::pid::Pid;
use crate::selector::WaitFlags;
use crate::signal::{Disposition, Signal};
use crate::tree::arena::{Chain, List};
use crate::tree::family::Family;
use crate::tree::node::{Body, EventKind, Node};
use crate::tree::tests::{UID, any_child, birth, death, planted, record};
use crate::tree::tracing::Tracees;
use crate::tree::users::Users;
use crate::tree::{Controlling, Freed, NodeRef, ProcTree, WaitSlot, Wanted, Who};
use crate::usage::Usage;

/// Init, process 2 with its children 3 (a zombie), 4 (which stands still) and 5, and process 6, which process 5 traces.
struct Small {
    tree: ProcTree,
    nodes: [NodeRef; 7],
}

impl Small {
    fn new() -> Small {
        let (mut tree, init) = planted();
        let parent = tree.link(init, birth(&record(2))).expect("init takes children");
        let [zombie, standing, tracer] =
            [3, 4, 5].map(|pid| tree.link(parent, birth(&record(pid))).expect("it takes children"));
        let tracee = tree.link(init, birth(&record(6))).expect("init takes children");
        assert!(tree.zombify(zombie, death(1)).reaped.is_none());
        tree.post_change(standing, EventKind::Stopped);
        assert_eq!(tree.attach(tracer, tracee), Ok(()));
        tree.post_change(tracee, EventKind::Stopped);
        assert_eq!(tree.audit(), Ok(()));
        Small { tree, nodes: [init, init, parent, zombie, standing, tracer, tracee] }
    }

    fn node(&mut self, pid: usize) -> &mut Node {
        self.tree.arena.get_mut(self.nodes[pid].id)
    }

    fn family(&mut self, pid: usize) -> &mut Family {
        self.node(pid).family.as_deref_mut().expect("it has children")
    }
}

/// Breaks a small tree and expects this of the sentence.
#[track_caller]
fn broken(by: impl FnOnce(&mut Small), sentence: &str) {
    let mut small = Small::new();
    by(&mut small);
    let found = small.tree.audit().expect_err("something is wrong");
    assert!(found.contains(sentence), "{found:?} does not say {sentence:?}");
}

#[test]
fn a_child_and_its_parent_know_each_other() {
    broken(
        |it| {
            it.node(5).parent = Some(it.nodes[1].id);
            it.tree.mirror(it.nodes[5].id);
        },
        "process 5 is not in the list of process 1, its parent",
    );
    broken(|it| it.node(5).parent = None, "process 5 has no parent");
    broken(|it| it.family(2).children = List::default(), "process 3 is not in the list of process 2");
    broken(
        |it| {
            // An only child is one of init's too.
            let child = it.tree.link(it.nodes[5], birth(&record(7))).expect("it takes children").id;
            let mut list = it.family(1).children;
            list.push_back(&mut it.tree.arena, Chain::Siblings, child);
            it.family(1).children = list;
        },
        "process 7 is in the list of process 1, and its parent is process 5",
    );
}

#[test]
fn who_has_children_gives_them_away_in_the_end() {
    broken(
        |it| {
            // As if nobody had marked it when it got them.
            it.node(2).body = Body::Live { record: record(2), closed: false };
            it.tree.mirror(it.nodes[2].id);
        },
        "process 2 would end without giving its children away",
    );
}

#[test]
fn a_dead_parent_has_no_children() {
    broken(
        |it| {
            // As a death that forgot to give them away.
            it.tree.link(it.nodes[5], birth(&record(7))).expect("it takes children");
            it.node(5).family = None;
            assert!(it.tree.zombify(it.nodes[5], death(0)).reaped.is_none());
        },
        "process 7 is the child of process 5, which has ended",
    );
}

#[test]
fn an_event_is_what_the_process_is() {
    broken(
        |it| it.node(3).event = None,
        "process 3 has ended, and nobody is told: it is the child of process 2",
    );
    broken(|it| it.node(3).stopped = true, "process 3 has ended, and stands still");
    broken(|it| it.node(3).family = Some(Box::default()), "process 3 has ended, and has a family");
    broken(|it| it.node(5).event = Some(EventKind::Dead), "process 5 lives, and is reported to be dead");
    broken(
        |it| it.node(4).event = Some(EventKind::Continued),
        "process 4 stands still, and is reported to be",
    );
    broken(|it| it.node(4).stopped = false, "process 4 goes on, and is reported to be");
}

#[test]
fn buckets_have_what_there_is() {
    broken(|it| it.node(4).event = None, "process 4 is queued as Stopped in what process 2 waits for");
    broken(
        |it| {
            it.node(5).event = Some(EventKind::Continued);
        },
        "1 processes are Continued in what process 2 waits for, 0 are queued",
    );
    broken(|it| it.node(4).exit_signal = Some(Signal::USR1), "processes are in what process 2 waits for");
    broken(|it| it.node(5).held = true, "processes are in what process 2 waits for");
    broken(
        |it| it.family(2).waits.any.0[0].members += 1,
        "3 processes are in what process 2 waits for, 4 are counted, in class Child",
    );
    broken(
        |it| it.family(2).waits.first.0[0].zombies = 0,
        "1 processes are dead in what process 2 waits for of group 1, 0 are counted",
    );
    broken(
        |it| it.family(2).waits.close(),
        "process 2 looks for nobody any more, and gives no children away",
    );
    broken(|it| it.family(2).waits.first_group = None, "not all that process 2 waits for are in the bucket");
}

#[test]
fn groups_have_their_members() {
    let other = |it: &mut Small| {
        let group = it.tree.groups.create(Pid::new(9).expect("a pid"), Pid::INIT);
        (group, it.nodes[5].id)
    };
    broken(
        |it| {
            other(it);
        },
        "group 9 has no member",
    );
    broken(
        |it| {
            let (group, member) = other(it);
            it.tree.arena.get_mut(member).group = group;
            it.tree.mirror(member);
        },
        "process 5 is in the list of group 1, and in another group",
    );
    broken(
        |it| {
            let (group, member) = (it.node(5).group, it.nodes[5].id);
            let freed = it.tree.groups.leave(&mut it.tree.arena, member);
            assert_eq!(freed, Freed::default(), "others are left");
            it.node(5).group = group;
        },
        "process 5 is in no list of its group's members",
    );
    broken(
        |it| {
            let gone = it.tree.groups.find(Pid::INIT).expect("init's");
            it.tree.groups.by_number.insert(Pid::new(9).expect("a pid"), gone);
        },
        "a number leads to a group that is gone",
    );
    broken(|it| it.node(4).link_mut(Chain::Group).prev = None, "process 4 is in two lists of Group");
    broken(
        |it| {
            let id = it.node(1).group;
            let tail = Some(it.nodes[4].id);
            it.tree.groups.table[id.0 as usize].as_mut().expect("init's").members.tail = tail;
        },
        "a list of Group does not end where it should",
    );
    broken(
        |it| {
            let id = it.node(1).group;
            it.tree.groups.table[id.0 as usize].as_mut().expect("init's").count += 1;
        },
        "group 1 has 6 members, 7 are counted",
    );
    broken(
        |it| {
            it.tree.groups.by_number.clear();
        },
        "group 1 is not found by its number",
    );
    broken(
        |it| {
            it.tree.groups.sessions.clear();
        },
        "group 1 is in session 1, which is gone",
    );
    broken(
        |it| {
            it.tree.groups.sessions.insert(Pid::new(9).expect("a pid"), 0);
        },
        "session 9 has no group",
    );
    broken(
        |it| {
            *it.tree.groups.sessions.get_mut(&Pid::INIT).expect("init's") = 2;
        },
        "session 1 has 1 groups, 2 are counted",
    );
}

#[test]
fn a_terminal_is_that_of_a_session_and_one_of_its_groups_is_in_front() {
    let nine = Pid::new(9).expect("a pid");
    let controlling = |foreground| Controlling { terminal: Arc::default(), foreground };
    broken(|it| it.tree.set_terminal(nine, controlling(None)), "session 9 is gone, and has a terminal");
    broken(
        |it| it.tree.set_terminal(Pid::INIT, controlling(Some(nine))),
        "group 9 is in the foreground of session 1, and is none of its groups",
    );
}

#[test]
fn what_a_process_says_of_itself_is_so() {
    broken(
        |it| {
            let record = Arc::clone(it.node(5).live().expect("it lives"));
            record.mirror(it.nodes[5], Some(Pid::INIT), Pid::INIT, Pid::INIT);
        },
        "process 5 says that its parent is 1, and in the tree it is 2",
    );
    broken(
        |it| {
            let record = Arc::clone(it.node(5).live().expect("it lives"));
            record.mirror(it.nodes[4], Some(Pid::INIT), Pid::INIT, Pid::INIT);
        },
        "the record of process 5 is of another one",
    );
}

#[test]
fn a_tracer_and_its_tracees_know_each_other() {
    broken(|it| it.node(6).traced = false, "process 6, which process 5 traces, does not know that");
    broken(|it| it.node(4).traced = true, "process 4 is traced, by nobody");
    broken(
        |it| {
            let idle = it.nodes[4].id;
            it.tree.tracing.charges.insert(idle, Tracees::default());
        },
        "process 4 traces nobody, and is a tracer",
    );
    broken(
        |it| {
            let [other, tracee] = [4, 6].map(|pid: usize| it.nodes[pid].id);
            it.tree.tracing.charges.entry(other).or_default().members.insert(tracee);
        },
        "somebody has two tracers",
    );
    broken(
        |it| {
            it.tree.tracing.charges.clear();
        },
        "process 6, which process 5 traces, is not among its tracees",
    );
    broken(
        |it| {
            let tracer = it.nodes[5];
            it.node(5).event = None;
            assert!(it.tree.zombify(tracer, death(0)).reaped.is_none());
        },
        "process 6 is traced by process 5, which has ended",
    );
    broken(
        |it| {
            let tracer = it.nodes[5].id;
            it.tree.tracing.charges.get_mut(&tracer).expect("its tracees").waits.any.0[0].members = 0;
        },
        "1 processes are in what process 5 waits for, 0 are counted",
    );
}

#[test]
fn what_is_counted_is_there() {
    broken(|it| it.tree.zombies = 0, "1 processes are dead, 0 are counted");
    broken(|it| it.tree.stopped = 0, "2 processes stand still, 0 are counted");
    broken(|it| it.tree.users.discount(UID), "user 7 has 6 processes, 5 are counted");
    broken(|it| it.tree.users = Users::default(), "not all of the users {Some(7)} are counted");
    broken(|it| it.node(3).pid = Pid::new(4).expect("a pid"), "two processes have the pid 4");
    broken(|it| it.tree.arena.miscount(), "6 processes are there, 5 are counted");
    broken(
        |it| {
            it.node(5).pid = Pid::new(4).expect("a pid");
        },
        "is of another one",
    );
}

#[test]
fn usage_is_counted_once() {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let [reaped, ignored] =
        [3, 4].map(|pid| tree.link(parent, birth(&record(pid))).expect("it takes children"));
    assert!(tree.zombify(reaped, death(3)).reaped.is_none());
    drop(tree.reap(reaped));
    tree.set_sigchld(parent, Disposition::Ignore);
    assert!(tree.zombify(ignored, death(4)).reaped.is_some());
    assert_eq!(tree.audit(), Ok(()));
    tree.family_mut(parent.id).reaped_usage += Usage::from_user_ns(8);
    assert_eq!(
        tree.audit(),
        Err("those that have ended used 24ns, and 32ns are accounted for".to_owned()),
        "as by a reaping that counts twice"
    );
}

/// Process 2, its child 3, and two who wait for any child.
fn with_waiters() -> (ProcTree, [NodeRef; 2], [Arc<WaitSlot>; 2]) {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let child = tree.link(parent, birth(&record(3))).expect("it takes children");
    let slots = [Arc::<WaitSlot>::default(), Arc::default()];
    for slot in &slots {
        tree.enter_channel(parent, slot, any_child(WaitFlags::empty()));
    }
    assert_eq!(tree.audit(), Ok(()));
    (tree, [parent, child], slots)
}

#[test]
fn nobody_sleeps_beside_a_child_that_it_waits_for() {
    let (mut tree, [parent, child], slots) = with_waiters();
    assert!(tree.zombify(child, death(0)).reaped.is_none());
    assert_eq!(tree.audit(), Ok(()), "the first was told");
    // The first leaves, and passes nothing on.
    let channel = &mut tree.family_mut(parent.id).channel;
    channel.waiters.retain(|waiter| !Arc::ptr_eq(&waiter.slot, &slots[0]));
    let found = tree.audit();
    assert_eq!(
        found,
        Err("a waiter of process 2 sleeps, and process 3, for which it waits, is Dead".to_owned())
    );
}

#[test]
fn who_was_told_of_a_child_that_is_gone_tells_the_next() {
    let (mut tree, [parent, told], slots) = with_waiters();
    let other = tree.link(parent, birth(&record(4))).expect("it takes children");
    assert!(tree.zombify(told, death(0)).reaped.is_none());
    drop(tree.reap(told));
    // The first was told of one that is gone; the second was told of nothing, although the other one is there.
    assert!(tree.zombify(other, death(0)).reaped.is_none());
    tree.rearm(parent, &slots[1]);
    assert_eq!(tree.audit(), Ok(()), "the first will find that out");
    tree.leave_channel(parent, &slots[0], None);
    assert_eq!(tree.audit(), Ok(()), "the second was told when it left");
    assert!(slots[1].is_granted());
}

#[test]
fn nobody_waits_for_what_cannot_come() {
    let (mut tree, [parent, child], _) = with_waiters();
    let other = tree.link(parent, birth(&record(4))).expect("it takes children");
    let slot = Arc::<WaitSlot>::default();
    tree.enter_channel(parent, &slot, Wanted::new(Who::Child(child), WaitFlags::EXITED));
    assert_eq!(tree.audit(), Ok(()));
    tree.set_sigchld(parent, Disposition::Ignore);
    assert!(tree.zombify(child, death(0)).reaped.is_some());
    assert!(tree.record(other).is_some() && slot.is_granted());
    assert_eq!(tree.audit(), Ok(()), "it was told");
    // As if it had slept again without looking.
    tree.rearm(parent, &slot);
    assert_eq!(
        tree.audit(),
        Err("a waiter of process 2 sleeps, and nothing is left that it waits for".to_owned())
    );
}

#[test]
fn a_waiter_knows_that_it_was_told() {
    let (mut tree, [parent, child], slots) = with_waiters();
    slots[1].grant();
    assert!(tree.audit().is_err_and(|found| found.contains("was told nothing, and believes the contrary")));
    tree.rearm(parent, &slots[1]);
    assert!(tree.zombify(child, death(0)).reaped.is_none());
    assert_eq!(tree.audit(), Ok(()));
}

#[test]
fn a_large_tree_is_not_looked_at() {
    let (mut tree, init) = planted();
    for pid in 2..1_100 {
        tree.link(init, birth(&record(pid))).expect("init takes children");
    }
    tree.zombies = 1;
    assert_eq!(tree.audit(), Ok(()));
}
