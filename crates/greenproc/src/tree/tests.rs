//! The tree's operations one by one.

use std::borrow::Cow;
use std::sync::Arc;

use greenproc_os::clock::Moment;

use crate::pid::Pid;
use crate::proc::{Inherited, Proc};
use crate::selector::WaitFlags;
use crate::signal::{Disposition, Signal};
use crate::starts::ClassId;
use crate::status::ExitStatus;
use crate::tree::node::EventKind;
use crate::tree::{Birth, Death, Found, NodeRef, Poll, ProcTree, WaitSlot, Wanted, Who};
use crate::usage::Usage;

pub(super) const UID: u32 = 7;

pub(crate) fn record(pid: i32) -> Arc<Proc> {
    let inherited = Inherited { uid: UID, gid: 0 };
    let pid = Pid::new(pid).expect("a positive pid");
    Arc::new(Proc::new(pid, Cow::Borrowed("model"), inherited, ClassId::DEFAULT, Moment::now()))
}

pub(super) fn birth(record: &Arc<Proc>) -> Birth {
    Birth {
        new_session: false,
        record: Arc::clone(record),
        exit_signal: Some(Signal::CHLD),
        held: false,
        group: None,
        user_limit: None,
    }
}

pub(super) fn death(code: i32) -> Death {
    Death { status: ExitStatus::exited(code), usage: Usage::from_user_ns(1 << code), report: None }
}

pub(super) fn any_child(flags: WaitFlags) -> Wanted {
    Wanted::new(Who::Any, flags | WaitFlags::EXITED)
}

/// A tree with init alone.
pub(super) fn planted() -> (ProcTree, NodeRef) {
    let mut tree = ProcTree::default();
    let init = tree.link_init(record(1));
    (tree, init)
}

/// A parent with this many zombie children, in their own group or not.
fn with_zombies(count: i32) -> (ProcTree, NodeRef, Vec<NodeRef>) {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let children: Vec<NodeRef> = (3..3 + count)
        .map(|pid| tree.link(parent, birth(&record(pid))).expect("the parent takes children"))
        .collect();
    // Dead in another order than born.
    for step in 0..children.len() {
        let child = children[step * 7919 % children.len()];
        assert!(tree.zombify(child, death(0)).reaped.is_none());
    }
    (tree, parent, children)
}

/// How many nodes are touched by a wait of each kind, and by the reaping.
fn touched(count: i32) -> Vec<u64> {
    let (mut tree, parent, children) = with_zombies(count);
    let middle = children[children.len() / 2];
    let group = Who::Group(Pid::INIT);
    [Who::Any, Who::Child(middle), group]
        .into_iter()
        .map(|who| {
            let before = tree.arena.touched();
            let wanted = Wanted::new(who, WaitFlags::EXITED);
            let Poll::Ready(child, _) = tree.poll(parent, &wanted) else { panic!("a zombie is there") };
            assert!(matches!(tree.consume(child, false), Found::Reaped(_)));
            tree.arena.touched() - before
        })
        .collect()
}

#[test]
fn a_wait_touches_the_same_number_of_nodes_however_many_children_there_are() {
    // 7919 is prime and none of these is a multiple of it, so every child dies once.
    let few = touched(100);
    assert_eq!(few, touched(1_000));
    assert_eq!(few, touched(30_000));
    assert!(few.iter().all(|&nodes| nodes < 64), "{few:?}");
}

#[test]
fn whether_anything_could_come_is_known_without_looking_at_children() {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let child = tree.link(parent, birth(&record(3))).expect("the parent takes children");
    for pid in 4..1_000 {
        tree.link(parent, birth(&record(pid))).expect("the parent takes children");
    }
    let before = tree.arena.touched();
    assert_eq!(tree.poll(parent, &Wanted::new(Who::Child(child), WaitFlags::EXITED)), Poll::Nothing);
    assert!(tree.arena.touched() - before < 8);
    let before = tree.arena.touched();
    assert_eq!(tree.poll(parent, &any_child(WaitFlags::empty())), Poll::Nothing);
    assert_eq!(tree.poll(parent, &any_child(WaitFlags::ALTSIG)), Poll::NoChild);
    assert!(tree.arena.touched() - before < 8);
}

/// Decision 27, the sequential part: whoever sleeps although something is there for it was told.
#[test]
fn a_wake_up_that_was_not_used_is_passed_on() {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let child = tree.link(parent, birth(&record(3))).expect("the parent takes children");
    let slots = [Arc::<WaitSlot>::default(), Arc::default(), Arc::default()];
    for slot in &slots {
        tree.enter_channel(parent, slot, any_child(WaitFlags::empty()));
    }
    let granted = || slots.iter().map(|slot| slot.is_granted()).collect::<Vec<_>>();
    assert!(tree.zombify(child, death(0)).reaped.is_none());
    assert_eq!(granted(), [true, false, false], "one event tells one waiter");
    tree.leave_channel(parent, &slots[0], None);
    assert!(slots[1].is_granted(), "the first left without the child, so the second is told");
    // The second is told of this child; another LWP takes it, and a second child dies meanwhile.
    let other = tree.link(parent, birth(&record(4))).expect("the parent takes children");
    assert!(matches!(tree.consume(child, false), Found::Reaped(_)));
    assert!(tree.zombify(other, death(0)).reaped.is_none());
    assert!(slots[2].is_granted(), "the second was told already, so the third is");
    tree.leave_channel(parent, &slots[2], None);
    tree.leave_channel(parent, &slots[1], Some(other));
    assert!(matches!(tree.consume(other, false), Found::Reaped(_)));
    assert_eq!(tree.poll(parent, &any_child(WaitFlags::empty())), Poll::NoChild);
}

/// Decision 27: one that was told, took another child and leaves the first to be taken passes that on.
#[test]
fn whoever_takes_another_child_than_it_was_told_of_passes_that_on() {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let told = tree.link(parent, birth(&record(3))).expect("the parent takes children");
    let taken = tree.link(parent, birth(&record(4))).expect("the parent takes children");
    let (first, second) = (Arc::<WaitSlot>::default(), Arc::<WaitSlot>::default());
    tree.enter_channel(parent, &first, any_child(WaitFlags::empty()));
    tree.enter_channel(parent, &second, Wanted::new(Who::Child(told), WaitFlags::EXITED));
    assert!(tree.zombify(told, death(0)).reaped.is_none());
    assert!(first.is_granted() && !second.is_granted());
    assert!(tree.zombify(taken, death(0)).reaped.is_none());
    assert!(!second.is_granted(), "it does not wait for that one");
    assert!(matches!(tree.consume(taken, false), Found::Reaped(_)));
    tree.leave_channel(parent, &first, Some(taken));
    assert!(second.is_granted(), "its child is there and nobody else was left to be told");
}

/// Decision 5: an event that was replaced before its waiter looked is no event, and the waiter can be told anew.
#[test]
fn a_waiter_whose_event_was_replaced_sleeps_again_and_is_told_of_the_next() {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let fickle = tree.link(parent, birth(&record(3))).expect("the parent takes children");
    let slot = Arc::<WaitSlot>::default();
    let stops = Wanted::new(Who::Any, WaitFlags::STOPPED);
    tree.enter_channel(parent, &slot, stops);
    tree.post_event(fickle.id, EventKind::Stopped);
    assert!(slot.is_granted());
    tree.post_event(fickle.id, EventKind::Continued);
    assert_eq!(tree.poll(parent, &stops), Poll::Nothing);
    tree.rearm(parent, &slot);
    assert!(!slot.is_granted());
    tree.post_event(fickle.id, EventKind::Stopped);
    assert!(slot.is_granted());
    assert!(matches!(tree.poll(parent, &stops), Poll::Ready(child, EventKind::Stopped) if child == fickle));
    tree.leave_channel(parent, &slot, Some(fickle));
}

/// Mistake e: a waiter for one pid learns that its child went, although other children live.
#[test]
fn a_waiter_that_lost_its_last_candidate_is_told() {
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let child = tree.link(parent, birth(&record(3))).expect("the parent takes children");
    tree.link(parent, birth(&record(4))).expect("the parent takes children");
    tree.set_sigchld(parent, Disposition::Ignore);
    let (one, any) = (Arc::<WaitSlot>::default(), Arc::<WaitSlot>::default());
    let wanted = Wanted::new(Who::Child(child), WaitFlags::EXITED);
    tree.enter_channel(parent, &one, wanted);
    tree.enter_channel(parent, &any, any_child(WaitFlags::empty()));
    assert!(tree.zombify(child, death(0)).reaped.is_some());
    assert!(one.is_granted());
    assert!(!any.is_granted(), "another child lives");
    assert_eq!(tree.poll(parent, &wanted), Poll::NoChild);
}

/// Row 68: a place that was used again is not mistaken for what it was.
#[test]
fn a_stale_reference_finds_nothing() {
    let (mut tree, init) = planted();
    let old = tree.link(init, birth(&record(2))).expect("init takes children");
    assert!(tree.zombify(old, death(0)).reaped.is_none());
    drop(tree.reap(old));
    let new = tree.link(init, birth(&record(2))).expect("init takes children");
    assert_eq!(old.id, new.id, "the place is used again");
    assert!(tree.record(old).is_none());
    assert!(tree.record(new).is_some());
    assert_eq!(tree.poll(init, &Wanted::new(Who::Child(old), WaitFlags::EXITED)), Poll::NoChild);
}

/// Each of many waiters for different pids is told of the end that it waits for, and of no other.
#[test]
fn an_end_wakes_the_one_waiter_that_waits_for_it() {
    const WAITERS: i32 = 300;
    let (mut tree, init) = planted();
    let parent = tree.link(init, birth(&record(2))).expect("init takes children");
    let waiting: Vec<(NodeRef, Arc<WaitSlot>)> = (3..3 + WAITERS)
        .map(|pid| {
            let child = tree.link(parent, birth(&record(pid))).expect("the parent takes children");
            let slot = Arc::default();
            tree.enter_channel(parent, &slot, Wanted::new(Who::Child(child), WaitFlags::EXITED));
            (child, slot)
        })
        .collect();
    let told = || waiting.iter().filter(|(_, slot)| slot.is_granted()).count();
    // In another order than they came.
    for (count, place) in (0..waiting.len()).map(|place| place * 7 % waiting.len()).enumerate() {
        let (child, slot) = &waiting[place];
        drop(tree.zombify(*child, death(0)));
        assert!(slot.is_granted());
        assert_eq!(told(), count + 1);
        // Nor does its reaping wake anybody.
        drop(tree.consume(*child, false));
        tree.leave_channel(parent, slot, Some(*child));
        assert_eq!(told(), count + 1);
    }
}
