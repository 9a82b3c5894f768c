//! Many signals at once: decisions 5, 6, 11 and 27, mistakes a and j.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::bounded;
use greenproc::{Child, Command, EventFilter, ExitStatus, Pid, Process, Signal, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, errno, living, same};

use crate::{CHANGES, change, end, spin, spinning, told};

/// How often each sender stops and continues.
const ROUNDS: usize = if cfg!(debug_assertions) { 500 } else { 2_000 };

const SENDERS: usize = 3;

/// Eight processes, some asleep, some at work, some with two LWPs; several senders; a watcher that waits. The stream tells
/// stops and continuations of each in turn; at the end nobody stands still that was continued, and every stop is found.
#[test]
fn stops_and_continuations_alternate_and_none_sticks() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    let listener = std::thread::Builder::new().spawn(move || {
        let mut last: HashMap<Pid, ExitStatus> = HashMap::new();
        let mut count = 0_usize;
        // The stream ends with the runtime.
        for event in events.iter() {
            let status = told(&event.kind).expect("nothing else was asked for");
            let before = last.insert(event.pid, status).unwrap_or(ExitStatus::resumed());
            assert_ne!(before, status, "twice the same of process {}", event.pid);
            count += 1;
        }
        assert_eq!(events.dropped(), 0);
        count
    });
    let listener = listener.expect("a thread");
    let found = fixture.inside(storm);
    drop(fixture);
    let told = listener.join().expect("they alternate");
    // One slot per child: the watcher finds each at most once.
    assert!(told >= found && found > 0, "{found} found of {told}");
}

fn storm(p: &Process) -> usize {
    let (children, _holds): (Vec<Child>, Vec<_>) = (0..8)
        .map(|number| match number % 4 {
            0 => (spinning(p, same), None),
            1 => {
                let command = Command::new("two", |p: &Process| {
                    p.spawn_lwp(|p| p.sleep(greenproc_tests::AN_HOUR)).expect("room").detach();
                    spin(p);
                });
                (p.spawn(command).expect("room"), None)
            }
            _ => {
                let (child, hold) = living(p, same);
                (child, Some(hold))
            }
        })
        .unzip();
    let children = Arc::new(children);
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    let watcher = p.spawn_lwp(move |p| {
        let mut found = 0_usize;
        while !is_over.load(Ordering::SeqCst) {
            let waited = p.waitid(WaitFor::Any, CHANGES).expect("they live").expect("no NOHANG");
            assert!(waited.status.continued() || waited.status.stopped_signal().is_some());
            found += 1;
        }
        found
    });
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let children = Arc::clone(&children);
            let send = move |_: &Process| {
                for round in 0..ROUNDS {
                    // Each in another order.
                    let child = &children[(round * (number + 1) + number) % children.len()];
                    child.signal(Signal::STOP).expect("it lives");
                    child.signal(Signal::CONT).expect("it lives");
                }
            };
            p.spawn_lwp(send).expect("room")
        })
        .collect();
    for sender in senders {
        sender.join(p).expect("it returned");
    }
    over.store(true, Ordering::SeqCst);
    // One more event, for the watcher to see that it is over. A stop that were continued at once might be none.
    children[2].signal(Signal::STOP).expect("it lives");
    let found = watcher.expect("room").join(p).expect("it returned");
    children[2].signal(Signal::CONT).expect("it lives");
    while p.waitid(WaitFor::Any, CHANGES | WaitFlags::NOHANG).expect("they live").is_some() {}
    for child in children.iter() {
        // All run: a stop changes something, and is found.
        child.signal(Signal::STOP).expect("it lives");
        assert_eq!(change(p, child.id()), ExitStatus::stopped(Signal::STOP));
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(change(p, child.id()), ExitStatus::resumed());
    }
    children.iter().for_each(|child| end(p, child));
    assert_eq!(errno(p.wait()), libc::ECHILD);
    found
}

/// The same, but the children are killed in the midst of it, and other processes are the senders.
#[test]
fn who_is_killed_in_a_storm_is_reaped() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for _ in 0..20 {
            let children: Vec<_> = (0..4).map(|_| (spinning(p, same), living(p, same))).collect();
            let mut pids: Vec<Pid> =
                children.iter().flat_map(|(one, (two, _))| [one.id(), two.id()]).collect();
            let (go, gone) = bounded::<()>(0);
            let senders: Vec<_> = (0..2)
                .map(|_| {
                    let (pids, gone) = (pids.clone(), gone.clone());
                    let send = move |p: &Process| {
                        greenproc_tests::stay(p, &gone);
                        for _ in 0..20 {
                            for &pid in &pids {
                                // Who is gone is gone; the pid is not used again so soon.
                                let _ = p.kill(pid, Signal::STOP);
                                let _ = p.kill(pid, Signal::CONT);
                            }
                        }
                    };
                    let command = Command::new("sender", send).exit_signal(None);
                    p.spawn(command).expect("room")
                })
                .collect();
            drop(go);
            for &pid in &pids {
                p.kill(pid, Signal::KILL).expect("it was not waited for");
            }
            while !pids.is_empty() {
                let waited = p.wait4(WaitFor::Any, WaitFlags::UNTRACED | WaitFlags::CONTINUED);
                let waited = waited.expect("a child").expect("no NOHANG");
                if waited.status.signal() == Some(Signal::KILL) {
                    pids.retain(|&pid| pid != waited.pid);
                }
            }
            for sender in senders {
                assert!(sender.wait().expect("my child").status.success());
            }
        }
    });
}
