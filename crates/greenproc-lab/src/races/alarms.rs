//! Timers.

use std::time::Duration;

use greenproc::racelab::Fault;
use greenproc::{Command, Runtime, Signal};

use crate::races::Race;

pub(super) const RACES: &[Race] = &[Race {
    name: "alarm-reaped",
    protocol: "signals",
    story: "A timer is due at the moment at which its process ends. Whoever lets it expire holds on to a process that is reaped meanwhile: if it goes by the number then, the signal hits the next one that has it.",
    invariant: "a timer signals the process that has set it, or nobody",
    source: "CVE-2025-38352, Linux f90fff1e152d: a CPU timer fires while its process is reaped",
    faults: &[Fault::AlarmByNumber],
    core: false,
    pid_max: Some(3),
    shuts_down: false,
    body: alarm_reaped,
}];

fn alarm_reaped(runtime: &Runtime) {
    let a_while = Duration::from_millis(10);
    let status = runtime.run(Command::new("parent", move |p| {
        let first = p.spawn(Command::new("first", move |p| {
            p.alarm(a_while)?;
            p.sleep(a_while)
        }));
        let first = first.expect("a child").wait().expect("it is there").status;
        assert!(first.success() || first.signal() == Some(Signal::ALRM), "{first}");
        // The only number there is; it may not be free yet.
        if let Ok(second) = p.spawn(Command::new("second", move |p| p.sleep(a_while))) {
            let second = second.wait().expect("it is there").status;
            assert!(second.success(), "it has set no timer: {second}");
        }
    }));
    assert_eq!(status.expect("it runs").code(), Some(0));
}
