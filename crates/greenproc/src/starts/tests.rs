//! The queue decides as it should, without a thread.

use super::*;
use crate::pace::Doze;

fn fixture() -> (Starts<u32>, ClassId) {
    (Starts::new(65_536, None), ClassId::DEFAULT)
}

/// What a thread takes that has finished an LWP.
fn next(starts: &mut Starts<u32>, class: ClassId) -> (Option<u32>, Call) {
    match starts.take_next(class, false) {
        (Next::Start(start), call) => (Some(start), call),
        (Next::Spin, _) => unreachable!("it does not spin"),
        (Next::Rest, call) => (None, call),
    }
}

fn is_create(call: &Call) -> bool {
    matches!(call, Call::Create)
}

#[test]
fn one_call_is_under_way_at_a_time() {
    let (mut starts, class) = fixture();
    assert!(is_create(&starts.push(class, 1)));
    assert!(matches!(starts.push(class, 2), Call::Nobody));
    assert!(matches!(starts.push(class, 3), Call::Nobody));
    // The one that comes takes the first, and calls for the second before it runs.
    let (first, call) = starts.take(class, Arrival::Called);
    assert_eq!(first, Some(1));
    assert!(is_create(&call));
}

#[test]
fn a_thread_that_finished_takes_the_next_without_a_call() {
    let (mut starts, class) = fixture();
    let _ = starts.push(class, 1);
    let _ = starts.push(class, 2);
    let (_, call) = starts.take(class, Arrival::Called);
    assert!(is_create(&call));
    let (second, call) = next(&mut starts, class);
    assert_eq!(second, Some(2));
    assert!(matches!(call, Call::Nobody));
    // The one that was called finds nothing, and the next push calls again.
    let (none, _) = starts.take(class, Arrival::Called);
    assert_eq!(none, None);
    assert!(is_create(&starts.push(class, 3)));
}

#[test]
fn every_start_gets_a_thread_though_none_finishes() {
    let (mut starts, class) = fixture();
    let mut threads = 0;
    let mut calls = 0;
    for start in 0..100 {
        calls += usize::from(is_create(&starts.push(class, start)));
    }
    while calls > 0 {
        calls -= 1;
        let (start, call) = starts.take(class, Arrival::Called);
        threads += usize::from(start.is_some());
        calls += usize::from(is_create(&call));
    }
    assert_eq!(threads, 100);
    assert_eq!(starts.queued(), 0);
}

#[test]
fn the_latest_to_rest_is_called_first() {
    let (mut starts, class) = fixture();
    let seats = [Arc::new(Seat::default()), Arc::new(Seat::default())];
    starts.rest(class, &seats[0]);
    starts.rest(class, &seats[1]);
    assert!(matches!(starts.push(class, 1), Call::Wake(seat) if Arc::ptr_eq(&seat, &seats[1])));
    assert!(!starts.retire(class, &seats[1]), "it was called");
    assert_eq!(seats[1].summons(), Summons::Work);
    assert!(starts.retire(class, &seats[0]));
    assert_eq!(starts.resting(), 0);
}

#[test]
fn whoever_is_dismissed_is_called_no_more() {
    let (mut starts, class) = fixture();
    let seats: Vec<Arc<Seat>> = (0..3).map(|_| Arc::default()).collect();
    for seat in &seats {
        starts.rest(class, seat);
    }
    let first = starts.dismiss_one().expect("three rest");
    assert!(Arc::ptr_eq(&first, &seats[0]), "the one that rested longest");
    assert_eq!((first.summons(), seats[1].summons()), (Summons::Home, Summons::None));
    assert_eq!(starts.dismiss_all().len(), 2);
    assert!(starts.dismiss_one().is_none());
    assert!(is_create(&starts.push(class, 1)));
}

#[test]
fn a_spinning_thread_needs_no_call_and_calls_for_the_rest() {
    let (mut starts, class) = fixture();
    occupy(&mut starts, class);
    occupy(&mut starts, class);
    assert!(matches!(starts.take_next(class, true).0, Next::Spin));
    assert!(matches!(starts.take_next(class, true).0, Next::Rest), "one at a time");
    assert!(matches!(starts.push(class, 1), Call::Spinner));
    assert!(matches!(starts.push(class, 2), Call::Spinner));
    let (first, call) = starts.take(class, Arrival::Spun);
    assert_eq!(first, Some(1));
    assert!(is_create(&call));
}

#[test]
fn a_refused_thread_is_called_for_again() {
    let (mut starts, class) = fixture();
    assert!(is_create(&starts.push(class, 1)));
    starts.refused(class);
    let calls = starts.retry();
    assert_eq!(calls.len(), 1);
    assert!(is_create(&calls[0].1));
    assert!(starts.retry().iter().all(|(_, call)| matches!(call, Call::Nobody)));
    assert_eq!(starts.take_all_if(|&start| start == 1), [1]);
    assert_eq!(starts.queued(), 0);
}

/// A class of which `enough` LWPs at work are enough, and the first start on its way to a thread.
fn paced(enough: u32) -> (Starts<u32>, ClassId, Arc<Pace>) {
    let pace = Arc::new(Pace::new(enough));
    (Starts::new(65_536, Some(Arc::clone(&pace))), ClassId::DEFAULT, pace)
}

/// Pushes, and lets the thread come that is called for.
fn occupy(starts: &mut Starts<u32>, class: ClassId) {
    assert!(is_create(&starts.push(class, 0)));
    assert_eq!(starts.take(class, Arrival::Called).0, Some(0));
}

#[test]
fn nobody_is_called_while_enough_are_at_work() {
    let (mut starts, class, _) = paced(2);
    occupy(&mut starts, class);
    occupy(&mut starts, class);
    assert!(matches!(starts.push(class, 1), Call::HeldBack));
    assert!(matches!(starts.push(class, 2), Call::Nobody), "the timekeeper knows");
    // Those who are at work take the starts as they finish.
    assert_eq!(next(&mut starts, class).0, Some(1));
    assert_eq!(next(&mut starts, class).0, Some(2));
    assert!(next(&mut starts, class).0.is_none());
    // One of the two rests now: the next start calls again.
    assert!(is_create(&starts.push(class, 3)));
}

#[test]
fn whoever_dozes_is_made_up_for() {
    let (mut starts, class, pace) = paced(1);
    occupy(&mut starts, class);
    assert!(!Doze::begin(Some(&pace)).is_awaited(), "nothing was held back");
    assert!(matches!(starts.push(class, 1), Call::HeldBack));
    let doze = Doze::begin(Some(&pace));
    assert!(doze.is_awaited());
    assert!(is_create(&starts.resume(class)));
    assert_eq!(starts.take(class, Arrival::Called).0, Some(1));
    assert!(!Doze::begin(Some(&pace)).is_awaited(), "the queue is empty");
    drop(doze);
    assert!(matches!(starts.push(class, 2), Call::HeldBack), "both are awake again");
}

#[test]
fn those_who_doze_already_do_not_count() {
    let (mut starts, class, pace) = paced(1);
    occupy(&mut starts, class);
    let _doze = Doze::begin(Some(&pace));
    assert!(is_create(&starts.push(class, 1)));
}

#[test]
fn a_queue_that_moves_slowly_gets_a_thread_for_every_start() {
    let (mut starts, class, _) = paced(1);
    occupy(&mut starts, class);
    for start in 0..3 * SLOW as u32 {
        let _ = starts.push(class, start);
    }
    for _ in 0..SLOW {
        assert!(next(&mut starts, class).0.is_some());
    }
    assert!(matches!(starts.look_after(class), Call::HeldBack), "it moves");
    assert!(is_create(&starts.look_after(class)), "it did not move at all");
    let mut taken = 0;
    loop {
        let (start, call) = starts.take(class, Arrival::Called);
        taken += u64::from(start.is_some());
        if !is_create(&call) {
            break;
        }
    }
    assert_eq!((taken, starts.queued()), (2 * SLOW, 0), "each call led to the next");
    assert!(matches!(starts.push(class, 1), Call::HeldBack), "the queue was empty in between");
}

#[test]
fn what_is_held_back_after_a_look_is_looked_after_again() {
    let (mut starts, class, pace) = paced(1);
    occupy(&mut starts, class);
    for start in 0..SLOW as u32 + 2 {
        let _ = starts.push(class, start);
    }
    for _ in 0..SLOW {
        assert!(next(&mut starts, class).0.is_some());
    }
    let _doze = Doze::begin(Some(&pace));
    assert!(is_create(&starts.look_after(class)), "too few are at work: that look was the last");
    let (start, call) = starts.take(class, Arrival::Called);
    assert!(start.is_some() && starts.queued() == 1);
    assert!(matches!(call, Call::HeldBack), "the timekeeper is to look again");
}

#[test]
fn a_thread_that_is_not_used_again_is_not_at_work() {
    let (mut starts, class, _) = paced(1);
    occupy(&mut starts, class);
    assert!(matches!(starts.finish(class), Call::Nobody), "nothing waits");
    assert!(is_create(&starts.push(class, 1)));
}

#[test]
fn a_thread_that_is_not_used_again_leaves_nobody_waiting() {
    let (mut starts, class, _) = paced(1);
    occupy(&mut starts, class);
    assert!(matches!(starts.push(class, 1), Call::HeldBack));
    assert!(is_create(&starts.finish(class)));
}

#[test]
fn classes_do_not_mix() {
    let mut starts = Starts::<u32>::new(64, None);
    assert_eq!(starts.class(64, true), ClassId::DEFAULT);
    let small = starts.class(16, true);
    let fresh = starts.class(16, false);
    assert_ne!(small, fresh);
    assert_eq!(starts.class(16, true), small);
    assert_eq!(starts.class(9, true), small);
    assert_eq!(starts.stack_size(small), 16);
    let _ = starts.push(small, 1);
    assert_eq!(starts.take(fresh, Arrival::Looking).0, None);
    assert!(!starts.keeps(fresh));
}
