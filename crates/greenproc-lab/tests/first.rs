//! The scheduler on the real runtime.
#![cfg(feature = "racelab")]

use greenproc::{Command, WaitFor, WaitFlags};
use greenproc_lab::{Exhausted, Options, Scenario, StrategyKind};

fn exit_wait(rt: &greenproc::Runtime) {
    let status = rt
        .run(Command::new("parent", |p| {
            let child = p.spawn(Command::new("child", |_| 3)).expect("a child");
            let waited = p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty()).expect("it is there");
            assert_eq!(waited.map(|w| w.status.code()), Some(Some(3)));
        }))
        .expect("it runs");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn exit_against_wait_is_clean() {
    let scenario = Scenario::new("exit-wait", exit_wait);
    for bound in 0..3 {
        let options = Options { strategy: StrategyKind::Bounded { bound }, schedules: 20_000, ..Options::default() };
        let report = scenario.explore(&options);
        eprintln!("{} schedules {:?} {:?} longest {} handovers {}", report.schedules, report.elapsed, report.exhausted, report.longest, report.handovers);
        if let Some(found) = report.found {
            panic!("{}\n{}\n{}", found.failure, found.timeline, found.token);
        }
    }
    let _ = Exhausted::All;
}
