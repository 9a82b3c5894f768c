//! All sequences of a few steps against a model: decisions 5 and 6.

use greenproc::{ExitStatus, Process, Signal, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, errno, is_dead, living, new_group};

use crate::CHANGES;

/// The longest sequence.
const LENGTH: usize = 4;

const ANY: WaitFlags = CHANGES.union(WaitFlags::EXITED);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Send(Signal),
    Wait,
}

const STEPS: [Step; 6] = [
    Step::Send(Signal::STOP),
    Step::Send(Signal::CONT),
    Step::Send(Signal::TSTP),
    Step::Send(Signal::TERM),
    Step::Send(Signal::KILL),
    Step::Wait,
];

/// What is expected of a child, in words as plain as they can be.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Default)]
struct Model {
    stopped: bool,
    /// SIGTERM came while it stood still.
    term: bool,
    /// It is dead.
    dead: bool,
    /// What a wait would find.
    slot: Option<ExitStatus>,
    /// A wait has taken its end.
    reaped: bool,
}

impl Model {
    fn send(&mut self, signal: Signal) {
        if self.dead {
            return;
        }
        match signal {
            Signal::KILL => self.die(Signal::KILL),
            Signal::TERM if self.stopped => self.term = true,
            Signal::TERM => self.die(Signal::TERM),
            Signal::CONT if self.stopped => {
                self.stopped = false;
                self.slot = Some(ExitStatus::resumed());
                if self.term {
                    self.die(Signal::TERM);
                }
            }
            Signal::STOP | Signal::TSTP if !self.stopped => {
                self.stopped = true;
                self.slot = Some(ExitStatus::stopped(signal));
            }
            _ => {}
        }
    }

    fn die(&mut self, signal: Signal) {
        self.dead = true;
        self.slot = Some(ExitStatus::killed(signal));
    }

    fn wait(&mut self) -> Option<ExitStatus> {
        self.reaped = self.dead;
        self.slot.take()
    }
}

/// Every sequence of up to four of STOP, CONT, TSTP, TERM, KILL and a wait does to a child what the model says:
/// after each step a look finds what the model has in its slot.
#[test]
fn every_short_sequence_does_what_the_model_says() {
    let fixture = Fixture::boot();
    let count = fixture.inside(|p| {
        let mut count = 0;
        for length in 1..=LENGTH {
            for number in 0..STEPS.len().pow(length as u32) {
                let sequence: Vec<Step> = (0..length)
                    .map(|place| STEPS[number / STEPS.len().pow(place as u32) % STEPS.len()])
                    .collect();
                run(p, &sequence);
                count += 1;
            }
        }
        count
    });
    assert_eq!(count, 6 + 36 + 216 + 1_296);
}

fn run(p: &Process, sequence: &[Step]) {
    // The test is in another group of the session, so TSTP stops the child.
    let (child, hold) = living(p, new_group);
    let pid = child.id();
    let mut model = Model::default();
    for (number, &step) in sequence.iter().enumerate() {
        let place = || format!("step {number} of {sequence:?}, {model:?}");
        if model.reaped {
            match step {
                Step::Send(signal) => assert_eq!(errno(child.signal(signal)), libc::ESRCH, "{}", place()),
                Step::Wait => {
                    assert_eq!(errno(p.waitid(WaitFor::Pid(pid), ANY)), libc::ECHILD, "{}", place());
                }
            }
            continue;
        }
        match step {
            Step::Send(signal) => {
                child.signal(signal).expect("it was not reaped");
                model.send(signal);
                if model.dead {
                    // The end is decided; it takes a moment to come.
                    is_dead(p, pid);
                }
            }
            Step::Wait => {
                let found = p.waitid(WaitFor::Pid(pid), ANY | WaitFlags::NOHANG).expect("my child");
                assert_eq!(found.map(|found| found.status), model.wait(), "step {number} of {sequence:?}");
            }
        }
        if !model.reaped {
            // Its LWP may not be asleep yet: a stop takes a moment to come.
            let flags = match model.slot {
                Some(status) if status.stopped_signal().is_some() => WaitFlags::STOPPED,
                _ => ANY | WaitFlags::NOHANG,
            };
            let seen = p.waitid(WaitFor::Pid(pid), flags | WaitFlags::NOWAIT).expect("my child");
            let seen = seen.map(|seen| seen.status);
            assert_eq!(seen, model.slot, "after step {number} of {sequence:?}");
        }
    }
    if model.dead && !model.reaped {
        assert_eq!(child.wait().expect("a zombie").status, model.wait().expect("dead"), "{sequence:?}");
    } else if !model.dead {
        // Whatever it went through, it goes on and ends, unless a SIGTERM waits for that.
        drop(hold);
        child.signal(Signal::CONT).expect("it lives");
        let expected = if model.term { ExitStatus::killed(Signal::TERM) } else { ExitStatus::exited(0) };
        assert_eq!(child.wait().expect("my child").status, expected, "{sequence:?}");
    }
}
