//! ktrace: what is recorded of processes, in which order, and of whom.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | each kind of fact, in the order in which it happened | row 22 |
//! | the recording ends with the process, its end is the last fact, and the zombie's fate follows | row 22 |
//! | who is recorded: by command, by itself, all, and their children | row 22 |
//! | the ring is bounded, and says what it dropped | |

mod calls;
mod life;
mod running;
mod signals;
mod whom;

use crossbeam_channel::bounded;
use greenproc::ktrace::{Fact, Facts, Record, Recorder};
use greenproc::{Command, ExitStatus, LwpControl, LwpState, Pid, Process};
use greenproc_tests::{Fixture, soon, succeeded};

/// Room for all that a test does.
const ROOM: usize = 100_000;

/// Runs a recorded process whose children are recorded too, and returns what was recorded of all, and what it returned.
fn recorded<R: Send + 'static>(
    facts: Facts,
    body: impl FnOnce(&Process) -> R + Send + 'static,
) -> (Vec<Record>, R) {
    let recorder = Recorder::new(ROOM);
    let its = recorder.only(facts | Facts::INHERIT);
    let fixture = Fixture::boot();
    let (tell, told) = bounded(1);
    let command = Command::new("recorded", move |p| {
        let returned = body(p);
        tell.send(returned).expect("the test listens");
    });
    let child = fixture.spawn(command.ktrace(&its)).expect("room for one process");
    succeeded(&child.wait().expect("its handle owns it"));
    assert_eq!(recorder.dropped(), 0);
    (recorder.records(), soon(&told))
}

/// Looks until the LWP sleeps; the watchdog of the fixture ends a test in which that never happens.
fn asleep(lwp: &LwpControl) {
    while lwp.state() != LwpState::Sleeping {
        std::thread::yield_now();
    }
}

/// What was recorded of one process.
fn facts_of(records: &[Record], pid: Pid) -> Vec<Fact> {
    records.iter().filter(|record| record.pid == pid).map(|record| record.fact.clone()).collect()
}

fn exited(code: i32) -> ExitStatus {
    ExitStatus::exited(code)
}

/// The calls of an LWP, as lines, without those that only serve the test.
fn calls_of(records: &[Record], pid: Pid) -> Vec<String> {
    let lines = records.iter().filter(|record| record.pid == pid).map(|record| record.fact.to_string());
    lines.collect()
}
