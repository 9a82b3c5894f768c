//! Tracer, tracee and real parent end, in every order.
//!
//! `c` is a child of `p` and traced by `t`; both are children of `g`, a subreaper. `c` ends with 7, unless the end of its
//! tracer kills it. What is to come of it is one cell of the table, as a list of words: `t7` the tracer is sent SIGCHLD
//! that tells of 7, `T7` its wait returns 7, `p7` and `P7` the same of the real parent, `G7` it comes to `g`, which is
//! told too. 9 is death by SIGKILL.

use crossbeam_channel::{Receiver, Sender, unbounded};
use greenproc::{
    Child, Command, EventFilter, EventKind, EventStream, MaskHow, Pid, Process, SigAction, SigCode, Signal,
    TraceOptions, TraceStop, WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, errno, next_event, soon, succeeded};
use std::time::Duration;

/// What the real parent does about its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parent {
    Waits,
    Ignores,
    LeavesIt,
}

const PARENTS: [Parent; 3] = [Parent::Waits, Parent::Ignores, Parent::LeavesIt];

/// The order of the deaths, whether `t` waits, whether it lets its tracees live, and what comes of it for each kind of
/// parent.
type Row = (&'static str, bool, bool, [&'static str; 3]);

const WAITS: bool = true;
const LEAVES: bool = false;
const DETACH: bool = true;
const KILL: bool = false;

#[rustfmt::skip]
const TABLE: [Row; 24] = [
    // The tracee ends first: its zombie is the tracer's until that has waited, or ends.
    ("ctp", WAITS,  KILL,   ["t7 T7 p7 P7", "t7 T7", "t7 T7 p7 G7"]),
    ("ctp", WAITS,  DETACH, ["t7 T7 p7 P7", "t7 T7", "t7 T7 p7 G7"]),
    ("ctp", LEAVES, KILL,   ["t7 p7 P7",    "t7",    "t7 p7 G7"]),
    ("ctp", LEAVES, DETACH, ["t7 p7 P7",    "t7",    "t7 p7 G7"]),
    // Its parent may end while the tracer has it: it comes to the parent that it has then.
    ("cpt", WAITS,  KILL,   ["t7 T7 p7 P7", "t7 T7", "t7 T7 p7 G7"]),
    ("cpt", WAITS,  DETACH, ["t7 T7 p7 P7", "t7 T7", "t7 T7 p7 G7"]),
    ("cpt", LEAVES, KILL,   ["t7 G7",       "t7 G7", "t7 G7"]),
    ("cpt", LEAVES, DETACH, ["t7 G7",       "t7 G7", "t7 G7"]),
    // The tracer ends first: the tracee is killed, or is an ordinary child from then on.
    ("tcp", WAITS,  KILL,   ["p9 P9",       "",      "p9 G9"]),
    ("tcp", WAITS,  DETACH, ["p7 P7",       "",      "p7 G7"]),
    ("tcp", LEAVES, KILL,   ["p9 P9",       "",      "p9 G9"]),
    ("tcp", LEAVES, DETACH, ["p7 P7",       "",      "p7 G7"]),
    ("tpc", WAITS,  KILL,   ["p9 P9",       "",      "p9 G9"]),
    ("tpc", WAITS,  DETACH, ["G7",          "G7",    "G7"]),
    ("tpc", LEAVES, KILL,   ["p9 P9",       "",      "p9 G9"]),
    ("tpc", LEAVES, DETACH, ["G7",          "G7",    "G7"]),
    // The real parent ends first, and is forgotten.
    ("pct", WAITS,  KILL,   ["t7 T7 G7",    "t7 T7 G7", "t7 T7 G7"]),
    ("pct", WAITS,  DETACH, ["t7 T7 G7",    "t7 T7 G7", "t7 T7 G7"]),
    ("pct", LEAVES, KILL,   ["t7 G7",       "t7 G7", "t7 G7"]),
    ("pct", LEAVES, DETACH, ["t7 G7",       "t7 G7", "t7 G7"]),
    ("ptc", WAITS,  KILL,   ["G9",          "G9",    "G9"]),
    ("ptc", WAITS,  DETACH, ["G7",          "G7",    "G7"]),
    ("ptc", LEAVES, KILL,   ["G9",          "G9",    "G9"]),
    ("ptc", LEAVES, DETACH, ["G7",          "G7",    "G7"]),
];

/// A process of the case: it does what it is told until the other side is gone.
struct Actor {
    child: Child,
    tell: Sender<()>,
    /// What SIGCHLD has told it of the tracee.
    told: Receiver<Option<i32>>,
    /// What its wait has found.
    found: Receiver<i32>,
}

/// An exit value, or the number of the signal.
fn outcome(code: Option<i32>, signal: Option<Signal>) -> i32 {
    code.or(signal.map(Signal::as_raw)).expect("an end")
}

/// What the pending SIGCHLDs say of the end of this process. They are blocked.
fn told_of(p: &Process, pid: Pid) -> Option<i32> {
    let mut told = None;
    while let Ok(info) = p.sigtimedwait(Signal::CHLD, Some(Duration::ZERO)) {
        if info.pid == pid && matches!(info.code, SigCode::Exited | SigCode::Killed) {
            assert_eq!(told, None, "it is told once");
            told = Some(info.status);
        }
    }
    told
}

/// The tracer: traces, lets go, and then waits, or not.
fn tracer(p: &Process, of: Pid, waits: bool, detach: bool, ready: &Sender<()>) -> Actor {
    let ((tell, is_told), (tells, told), (finds, found)) = (unbounded(), unbounded(), unbounded());
    let ready = ready.clone();
    let body = move |p: &Process| {
        p.sigmask(MaskHow::Block, Signal::CHLD).expect("it lives");
        let options = if detach { TraceOptions::DETACH_ON_EXIT } else { TraceOptions::empty() };
        let tracee = p.trace(of, options).expect("nobody traces it");
        let waited = tracee.wait(p).expect("traced");
        assert_eq!(waited.status.stopped_signal(), Some(Signal::STOP));
        assert_eq!(tracee.stop().expect("it stands"), TraceStop::Attached);
        tracee.cont(None).expect("it stands");
        if waits {
            let waiter = p.spawn_lwp(move |p| {
                let waited = tracee.wait(p).expect("traced");
                finds.send(outcome(waited.status.code(), waited.status.signal())).expect("somebody listens");
            });
            waiter.expect("room for an LWP").detach();
        }
        ready.send(()).expect("somebody listens");
        p.recv(&is_told).expect("told to look");
        tells.send(told_of(p, of)).expect("somebody listens");
        p.recv(&is_told).expect("told to end");
    };
    Actor { child: p.spawn(Command::new("t", body)).expect("room"), tell, told, found }
}

/// The real parent, with the tracee as its child.
fn parent(p: &Process, kind: Parent, die: Receiver<()>, made: Sender<Pid>, traced: Receiver<()>) -> Actor {
    let ((tell, is_told), (tells, told), (finds, found)) = (unbounded(), unbounded(), unbounded());
    let body = move |p: &Process| {
        p.sigmask(MaskHow::Block, Signal::CHLD).expect("it lives");
        if kind == Parent::Ignores {
            p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be");
        }
        let body = move |p: &Process| {
            p.recv(&die).expect("told to end");
            7
        };
        let child = p.spawn(Command::new("c", body)).expect("room").id();
        made.send(child).expect("somebody listens");
        p.recv(&traced).expect("it is traced");
        let look = p.wait4(WaitFor::Pid(child), WaitFlags::NOHANG).expect("mistake i: never ECHILD");
        assert!(look.is_none(), "{look:?}");
        if kind == Parent::Waits {
            let waiter = p.spawn_lwp(move |p| {
                let waited = p.wait().expect("mistake i: never ECHILD");
                assert_eq!(waited.pid, child);
                finds.send(outcome(waited.status.code(), waited.status.signal())).expect("somebody listens");
            });
            waiter.expect("room for an LWP").detach();
        }
        tells.send(None).expect("somebody listens");
        p.recv(&is_told).expect("told to look");
        tells.send(told_of(p, child)).expect("somebody listens");
        p.recv(&is_told).expect("told to end");
    };
    Actor { child: p.spawn(Command::new("p", body)).expect("room"), tell, told, found }
}

/// Ends an actor, after it has said all that it is to say.
fn end(p: &Process, actor: &Actor, letter: char, words: &mut Vec<String>, expected: &str) {
    actor.tell.send(()).expect("it lives");
    let told = soon(&actor.told);
    words.extend(told.map(|told| format!("{letter}{told}")));
    let upper = letter.to_ascii_uppercase();
    let due = expected.contains(upper) && !words.iter().any(|word| word.starts_with(upper));
    let found = if due { Some(soon(&actor.found)) } else { actor.found.try_recv().ok() };
    words.extend(found.map(|found| format!("{upper}{found}")));
    actor.tell.send(()).expect("it lives");
    let waited = p.wait4(WaitFor::Child(&actor.child), WaitFlags::empty()).expect("mine").expect("no NOHANG");
    succeeded(&waited);
}

fn case(p: &Process, events: &EventStream, row: &Row, kind: Parent, expected: &str) -> String {
    let &(order, waits, detach, _) = row;
    let ((die, dies), (made, is_made), (traced, is_traced)) = (unbounded(), unbounded(), unbounded());
    let mut real = Some(parent(p, kind, dies, made, is_traced));
    let tracee = soon(&is_made);
    let (ready, is_ready) = unbounded();
    let mut tracing = Some(tracer(p, tracee, waits, detach, &ready));
    soon(&is_ready);
    traced.send(()).expect("it lives");
    assert_eq!(soon(&real.as_ref().expect("made").told), None);

    let mut words = Vec::new();
    let mut lives = true;
    for who in order.chars() {
        match who {
            'c' if lives => die.send(()).expect("it lives"),
            't' => end(p, &tracing.take().expect("it lives"), 't', &mut words, expected),
            'p' => end(p, &real.take().expect("it lives"), 'p', &mut words, expected),
            _ => continue,
        }
        if lives && (who == 'c' || (who == 't' && !detach)) {
            next_event(events, tracee, |kind| matches!(kind, EventKind::Exited { .. }).then_some(()));
            lives = false;
            // What was handed back was so before this is received.
            if let Some(found) = tracing.as_ref().filter(|_| expected.contains('T')).map(|t| soon(&t.found)) {
                words.push(format!("T{found}"));
            }
        }
    }
    let inherited = p.wait4(WaitFor::Pid(tracee), WaitFlags::empty());
    assert_eq!(told_of(p, tracee).is_some(), inherited.is_ok(), "who inherits it is told (mistake d)");
    match inherited {
        Ok(waited) => {
            let status = waited.expect("no NOHANG").status;
            words.push(format!("G{}", outcome(status.code(), status.signal())));
        }
        Err(error) => assert_eq!(error.errno(), libc::ECHILD),
    }
    assert_eq!(errno(p.wait()), libc::ECHILD, "nothing is left");
    words.sort_by_key(|word| "tTpPG".find(&word[..1]));
    words.join(" ")
}

/// Rows 35, 36 and 63, decisions 8 and 9, mistakes c, d and i: whoever ends first, each is told and finds what it is to.
#[test]
fn tracer_tracee_and_parent_end_in_every_order() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXITED);
    fixture.inside(move |p| {
        p.set_child_subreaper(true).expect("it lives");
        p.sigmask(MaskHow::Block, Signal::CHLD).expect("it lives");
        for row in &TABLE {
            for (kind, expected) in PARENTS.into_iter().zip(row.3) {
                let (order, waits, detach, _) = *row;
                let found = case(p, &events, row, kind, expected);
                assert_eq!(found, expected, "{order}, tracer waits: {waits}, detaches: {detach}, {kind:?}");
            }
        }
    });
}
