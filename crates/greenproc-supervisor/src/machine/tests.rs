//! The machine by tables: what it does in which case.

use std::time::Duration;

use super::world::{World, of, plain, slow};
use super::{Input, Outcome, Request};
use crate::backoff::Backoff;
use crate::spec::{Restart, Shutdown};
use crate::supervisor::{AutoShutdown, StopOrder, Strategy, Supervisor};
use crate::watchdog::{OnSilence, Watchdog};

fn abc(strategy: Strategy) -> Supervisor {
    Supervisor::new("s")
        .strategy(strategy)
        .backoff(Backoff::NONE)
        .unlimited()
        .children(["a", "b", "c"].map(plain))
}

#[test]
fn children_start_in_order_each_when_the_one_before_is_ready() {
    let supervisor = Supervisor::new("s").child(slow("a")).child(plain("b")).child(slow("c"));
    let mut world = World::new(&supervisor);
    world.input(Input::Begin);
    assert_eq!(world.done(), "start a");
    world.ready("a");
    assert_eq!(world.done(), "start b, start c");
    world.ready("c");
    assert_eq!(world.done(), "up");
    world.input(Input::Stop);
    world.bury();
    assert_eq!(world.done(), "TERM c, TERM b, TERM a");
    assert_eq!(world.over, Some(Outcome::Stopped));
}

#[test]
fn a_strategy_says_who_is_started_again() {
    let table = [
        (Strategy::OneForOne, "b after 0, start b"),
        (Strategy::OneForAll, "b after 0, TERM c, TERM a, start a, start b, start c"),
        (Strategy::RestForOne, "b after 0, TERM c, start b, start c"),
    ];
    for (strategy, expected) in table {
        let mut world = World::begun(&abc(strategy));
        world.exit_named("b", 1);
        world.bury();
        assert_eq!(world.done(), expected, "{strategy:?}");
    }
}

#[test]
fn the_kind_of_child_says_whether_it_is_started_again() {
    let table = [
        (Restart::Permanent, 0, "a after 0, start a"),
        (Restart::Permanent, 1, "a after 0, start a"),
        (Restart::Transient, 0, ""),
        (Restart::Transient, 1, "a after 0, start a"),
        (Restart::Temporary, 0, ""),
        (Restart::Temporary, 1, ""),
    ];
    for (restart, code, expected) in table {
        let mut world = World::begun(&Supervisor::new("s").backoff(Backoff::NONE).child(of(restart, "a")));
        world.exit_named("a", code);
        assert_eq!(world.done(), expected, "{restart:?} with {code}");
        assert_eq!(world.machine.key("a").is_none(), restart == Restart::Temporary, "only its spec goes");
    }
}

/// As in OTP: temporary children go for good, transient ones that are done come back, terminated ones do not.
#[test]
fn who_is_started_together_with_others() {
    let supervisor = abc(Strategy::OneForAll)
        .child(of(Restart::Temporary, "temporary"))
        .child(of(Restart::Transient, "done"))
        .child(plain("terminated"));
    let mut world = World::begun(&supervisor);
    world.exit_named("done", 0);
    world.terminate("terminated");
    world.bury();
    world.done();
    world.exit_named("a", 1);
    world.bury();
    assert_eq!(
        world.done(),
        "a after 0, TERM temporary, TERM c, TERM b, start a, start b, start c, start done"
    );
    assert_eq!(world.machine.key("temporary"), None);
}

#[test]
fn the_defaults_give_up_at_the_second_restart_within_five_seconds() {
    let supervisor = Supervisor::new("s").child(plain("a")).child(plain("b"));
    for (pause, expected) in [(4999, "give up, TERM b"), (5001, "a after")] {
        let mut world = World::begun(&supervisor);
        world.exit_named("a", 1);
        assert!(world.done().starts_with("a after"));
        world.pass_ms(pause);
        assert_eq!(world.done(), "start a");
        world.exit_named("a", 1);
        assert!(world.done().starts_with(expected), "after {pause} ms");
    }
}

#[test]
fn a_child_can_have_a_limit_of_its_own() {
    let supervisor = abc(Strategy::OneForOne).child(plain("d").intensity(1, Duration::from_secs(9)));
    let mut world = World::begun(&supervisor);
    for _ in 0..5 {
        world.exit_named("a", 1);
    }
    world.exit_named("d", 1);
    world.done();
    world.exit_named("d", 1);
    world.bury();
    assert_eq!(world.done(), "give up, TERM c, TERM b, TERM a");
    assert_eq!(world.over, Some(Outcome::GaveUp { child: "d".into() }));
}

#[test]
fn waits_grow_and_begin_anew_after_a_long_life() {
    let backoff = Backoff { jitter: 0.0, max: Duration::from_millis(300), ..Backoff::default() };
    let mut world = World::begun(&Supervisor::new("s").unlimited().backoff(backoff).child(plain("a")));
    for expected in [100, 200, 300, 300] {
        world.exit_named("a", 1);
        assert_eq!(world.done(), format!("a after {expected}"));
        world.pass_ms(expected - 1);
        assert_eq!(world.done(), "", "not before its time");
        world.pass_ms(1);
        assert_eq!(world.done(), "start a");
    }
    world.pass(backoff.reset_after);
    world.exit_named("a", 1);
    assert_eq!(world.done(), "a after 100");
}

#[test]
fn a_group_waits_for_its_restart_together() {
    let supervisor = abc(Strategy::RestForOne).backoff(Backoff { jitter: 0.0, ..Backoff::default() });
    let mut world = World::begun(&supervisor);
    world.exit_named("b", 1);
    world.bury();
    assert_eq!(world.done(), "b after 100, TERM c");
    world.pass_ms(99);
    assert_eq!(world.done(), "");
    world.pass_ms(1);
    assert_eq!(world.done(), "start b, start c");
}

#[test]
fn a_first_start_that_fails_is_undone_in_reverse_order() {
    let supervisor =
        Supervisor::new("s").child(plain("a")).child(plain("b")).child(slow("c")).child(plain("d"));
    let why = |world: &World| match &world.over {
        Some(Outcome::StartFailed { child, why }) => format!("{child}: {why}"),
        other => panic!("{other:?}"),
    };
    let mut world = World::begun(&supervisor);
    world.exit_named("c", 3);
    world.bury();
    assert_eq!(world.done(), "TERM b, TERM a");
    assert_eq!(why(&world), "c: it ended before it was ready: exit status: 3");
    let mut world = World::new(&supervisor);
    world.refused.insert("b".into());
    world.input(Input::Begin);
    world.bury();
    assert_eq!(world.done(), "start a, refused b, TERM a");
    assert_eq!(why(&world), "b: no room");
}

#[test]
fn a_restart_that_fails_to_start_is_tried_again() {
    let supervisor = abc(Strategy::OneForOne).backoff(Backoff { jitter: 0.0, ..Backoff::default() });
    let mut world = World::begun(&supervisor);
    world.refused.insert("b".into());
    world.exit_named("b", 1);
    world.pass_ms(100);
    assert_eq!(world.done(), "b after 100, refused b, b after 200");
    world.refused.clear();
    world.pass_ms(200);
    assert_eq!(world.done(), "start b");
}

/// Without a wait the machine would ask for ever in one step.
#[test]
fn what_is_refused_is_not_asked_for_again_at_once() {
    let mut world = World::begun(&abc(Strategy::OneForOne));
    world.refused.insert("b".into());
    world.exit_named("b", 1);
    world.pass_ms(10);
    assert_eq!(world.done(), "b after 0, refused b, b after 10, refused b, b after 10");
    world.refused.clear();
    world.pass_ms(10);
    assert_eq!(world.done(), "start b");
}

#[test]
fn who_is_not_ready_in_time_has_failed() {
    let supervisor =
        Supervisor::new("s").child(slow("a").ready_within(Duration::from_millis(50))).child(plain("b"));
    let mut world = World::begun(&supervisor);
    world.pass_ms(50);
    assert_eq!(world.done(), "TERM a");
    // What comes late changes nothing.
    let key = world.key("a");
    world.input(Input::Ready { key, incarnation: 1 });
    world.bury();
    let Some(Outcome::StartFailed { why, .. }) = &world.over else { panic!("{:?}", world.over) };
    assert_eq!(why, "it was not ready within 50ms");
}

/// Complaint of fastrepl/anarlog 6870: the timer of a child that was terminated in its wait started it.
#[test]
fn who_is_terminated_while_it_waits_does_not_come_back() {
    let supervisor = Supervisor::new("s").child(plain("a"));
    let mut world = World::begun(&supervisor);
    world.exit_named("a", 1);
    world.done();
    let ticket = world.terminate("a");
    assert_eq!(world.answer(ticket), Some("ok"));
    world.pass(Duration::from_hours(1));
    assert_eq!(world.done(), "");
}

#[test]
fn who_is_terminated_during_a_restart_of_all_does_not_come_back() {
    let mut world = World::begun(&abc(Strategy::OneForAll));
    world.exit_named("a", 1);
    assert_eq!(world.done(), "a after 0, TERM c");
    let tickets = ["b", "c"].map(|name| world.terminate(name));
    world.bury();
    assert_eq!(world.done(), "TERM b, start a");
    assert_eq!(tickets.map(|ticket| world.answer(ticket)), [Some("ok"), Some("ok")]);
}

#[test]
fn a_second_failure_during_a_restart_of_all_begins_it_anew() {
    let mut world = World::begun(&abc(Strategy::OneForAll));
    world.exit_named("a", 1);
    world.exit_named("b", 1);
    world.bury();
    assert_eq!(world.done(), "a after 0, TERM c, b after 0, start a, start b, start c");
}

/// Complaints of suture 34 and 38: a stop of a service that has failed already, and two at once.
#[test]
fn a_child_is_terminated_once_however_often_it_is_asked() {
    let mut world = World::begun(&abc(Strategy::OneForOne));
    let tickets = [world.terminate("b"), world.terminate("b")];
    assert_eq!(tickets.map(|ticket| world.answer(ticket)), [None, None], "it is not gone yet");
    world.bury();
    let third = world.terminate("b");
    assert_eq!(world.done(), "TERM b");
    assert_eq!([tickets[0], tickets[1], third].map(|ticket| world.answer(ticket)), [Some("ok"); 3]);
}

#[test]
fn an_old_handle_does_not_reach_the_new_life() {
    let mut world = World::begun(&abc(Strategy::OneForOne));
    world.exit_named("a", 1);
    world.done();
    let ticket = world.request(Request::Terminate { id: "a".into(), incarnation: Some(1) });
    assert_eq!(world.answer(ticket), Some("life 1 of the child \"a\" is over"));
    assert_eq!(world.done(), "");
    let ticket = world.request(Request::Terminate { id: "a".into(), incarnation: Some(2) });
    world.bury();
    assert_eq!(world.answer(ticket), Some("ok"));
    assert_eq!(world.done(), "TERM a");
}

#[test]
fn a_stop_has_rungs() {
    let supervisor = Supervisor::new("s")
        .child(plain("deaf").shutdown(Shutdown::Grace(Duration::from_millis(70))))
        .child(plain("deaf for ever").shutdown(Shutdown::Infinite))
        .child(plain("brutal").shutdown(Shutdown::Kill));
    let mut world = World::begun(&supervisor);
    world.input(Input::Stop);
    world.bury();
    assert_eq!(world.done(), "KILL brutal, TERM deaf for ever");
    world.pass(Duration::from_hours(1));
    assert_eq!(world.done(), "stuck", "it is said, but waited for");
    world.exit_named("deaf for ever", 0);
    world.pass_ms(69);
    assert_eq!(world.done(), "TERM deaf");
    world.pass_ms(1);
    world.bury();
    assert_eq!(world.done(), "KILL deaf");
    assert_eq!(world.over, Some(Outcome::Stopped));
}

#[test]
fn who_cannot_be_stopped_is_named_and_not_waited_for() {
    for order in [StopOrder::Reverse, StopOrder::Together] {
        let supervisor = abc(Strategy::OneForOne).stop_order(order).stuck_after(Duration::from_secs(1));
        let mut world = World::begun(&supervisor);
        world.immortal.insert("b".into());
        let ticket = world.terminate("b");
        world.pass(Duration::from_secs(5));
        world.pass(Duration::from_secs(1));
        assert_eq!(world.done(), "TERM b, KILL b, stuck");
        assert!(world.answer(ticket).expect("an answer").contains("cannot be stopped"));
        world.input(Input::Stop);
        world.bury();
        assert!(world.done().contains("unstopped b"), "{order:?}");
        assert_eq!(world.over, Some(Outcome::Stopped));
    }
}

#[test]
fn children_can_be_stopped_together() {
    let mut world = World::begun(&abc(Strategy::OneForOne).stop_order(StopOrder::Together));
    world.input(Input::Stop);
    assert_eq!(world.done(), "TERM a, TERM b, TERM c");
    world.bury();
    assert_eq!(world.over, Some(Outcome::Stopped));
}

#[test]
fn a_supervisor_can_end_with_its_significant_children() {
    let table = [
        (
            AutoShutdown::AnySignificant,
            Restart::Transient,
            0,
            "auto-shutdown, TERM y, TERM c, TERM b, TERM a",
        ),
        (AutoShutdown::AnySignificant, Restart::Transient, 1, "x after 0, start x"),
        (
            AutoShutdown::AnySignificant,
            Restart::Temporary,
            1,
            "auto-shutdown, TERM y, TERM c, TERM b, TERM a",
        ),
        (AutoShutdown::AllSignificant, Restart::Transient, 0, ""),
    ];
    for (auto_shutdown, restart, code, expected) in table {
        let supervisor = abc(Strategy::OneForOne)
            .auto_shutdown(auto_shutdown)
            .child(of(restart, "x").significant())
            .child(of(restart, "y").significant());
        let mut world = World::begun(&supervisor);
        world.exit_named("x", code);
        world.bury();
        assert_eq!(world.done(), expected, "{auto_shutdown:?}, {restart:?} with {code}");
        if auto_shutdown == AutoShutdown::AllSignificant {
            world.exit_named("y", 0);
            world.bury();
            assert_eq!(world.done(), "auto-shutdown, TERM c, TERM b, TERM a");
            assert_eq!(world.over, Some(Outcome::AutoShutdown));
        }
    }
}

/// A child that was terminated is no reason to end.
#[test]
fn a_significant_child_may_be_terminated() {
    let supervisor = abc(Strategy::OneForOne)
        .auto_shutdown(AutoShutdown::AnySignificant)
        .child(of(Restart::Transient, "x").significant());
    let mut world = World::begun(&supervisor);
    world.terminate("x");
    world.bury();
    assert_eq!(world.done(), "TERM x");
    assert_eq!(world.over, None);
}

#[test]
fn children_come_and_go_by_request() {
    let supervisor = abc(Strategy::OneForOne).max_children(4);
    let mut world = World::begun(&supervisor);
    let ask = |world: &mut World, request, expected: &str| {
        let ticket = world.request(request);
        world.bury();
        assert_eq!(world.answer(ticket), Some(expected));
    };
    let start = |spec| Request::Start(Box::new(spec));
    ask(&mut world, start(plain("d")), "ok");
    ask(&mut world, start(plain("d")), "there is a child \"d\" already: restart it, or delete it first");
    ask(&mut world, start(plain("e")), "the supervisor has 4 children, and may not have more");
    ask(
        &mut world,
        Request::Delete { id: "d".into() },
        "the child \"d\" runs, or is about to: terminate it first",
    );
    ask(
        &mut world,
        Request::Restart { id: "d".into() },
        "the child \"d\" runs, or is about to: terminate it first",
    );
    ask(&mut world, Request::Terminate { id: "d".into(), incarnation: None }, "ok");
    ask(&mut world, Request::Restart { id: "d".into() }, "ok");
    ask(&mut world, Request::Terminate { id: "d".into(), incarnation: None }, "ok");
    ask(&mut world, Request::Delete { id: "d".into() }, "ok");
    ask(&mut world, Request::Delete { id: "d".into() }, "the supervisor has no child \"d\"");
    ask(
        &mut world,
        start(plain("d").significant()),
        "d: a permanent child never ends for good, so it cannot be significant",
    );
    world.refused.insert("d".into());
    ask(&mut world, start(plain("d")), "the child \"d\" failed to start: no room");
    assert_eq!(world.machine.key("d"), None, "a start that failed leaves nothing");
}

#[test]
fn nothing_is_started_once_the_end_has_begun() {
    let mut world = World::begun(&abc(Strategy::OneForOne).child(slow("d")));
    world.ready("d");
    let waiting = world.request(Request::Start(Box::new(slow("e"))));
    world.input(Input::Stop);
    assert_eq!(world.answer(waiting), Some("the supervisor is shutting down"));
    let late = world.request(Request::Start(Box::new(plain("f"))));
    assert_eq!(world.answer(late), Some("the supervisor is shutting down"));
    world.exit_named("e", 1);
    world.bury();
    assert_eq!(world.done(), "up, start e, TERM e, TERM d, TERM c, TERM b, TERM a");
}

#[test]
fn no_time_is_too_long() {
    let far = Duration::MAX;
    let watchdog = Watchdog { interval: far, on_silence: OnSilence::Kill };
    let child = slow("deaf").ready_within(far).watchdog(watchdog).shutdown(Shutdown::Grace(far));
    let supervisor = Supervisor::new("s").stuck_after(far).intensity(1, far).child(child);
    let mut world = World::new(&supervisor);
    world.now = Duration::from_secs(1);
    world.input(Input::Begin);
    world.ready("deaf");
    world.input(Input::Stop);
    assert_eq!(world.done(), "start deaf, up, TERM deaf");
    world.exit_named("deaf", 0);
    assert_eq!(world.over, Some(Outcome::Stopped));
}

/// Found by the property tests: its deadline stopped it before those that were started later.
#[test]
fn who_is_not_ready_when_the_end_begins_waits_for_its_turn() {
    let patience = Duration::from_millis(200);
    let supervisor = Supervisor::new("s").child(slow("a").ready_within(patience)).child(plain("b"));
    let mut world = World::begun(&supervisor);
    world.request(Request::Start(Box::new(plain("deaf"))));
    world.done();
    world.input(Input::Stop);
    world.pass(patience);
    assert_eq!(world.done(), "TERM deaf");
    world.exit_named("deaf", 0);
    assert_eq!(world.done(), "TERM a");
}

#[test]
fn a_silent_child_is_reported_or_killed() {
    let interval = Duration::from_millis(10);
    for on_silence in [OnSilence::Report, OnSilence::Kill, OnSilence::Abort] {
        let spec = slow("a").watchdog(Watchdog { interval, on_silence });
        let supervisor = Supervisor::new("s").backoff(Backoff::NONE).child(spec);
        let clock = crate::ManualClock::new();
        let heart = std::sync::Arc::new(crate::watchdog::Heart::new((&clock).into()));
        let mut world = World::begun(&supervisor);
        world.ready("a");
        world.done();
        let key = world.key("a");
        world.machine.set_heart(key, std::sync::Arc::clone(&heart));
        let pass = |world: &mut World, ms| {
            clock.advance(Duration::from_millis(ms));
            world.pass_ms(ms);
        };
        pass(&mut world, 9);
        heart.beat();
        pass(&mut world, 1);
        pass(&mut world, 8);
        assert_eq!(world.done(), "", "it has beaten");
        pass(&mut world, 1);
        let expected = match on_silence {
            OnSilence::Report => "",
            OnSilence::Kill => "KILL a",
            OnSilence::Abort => "abort a",
        };
        assert_eq!(world.done(), expected);
        world.bury();
        assert_eq!(world.done() == "a after 0, start a", on_silence == OnSilence::Kill);
    }
}
