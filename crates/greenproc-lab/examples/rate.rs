//! How many schedules a second the lab runs.
use greenproc::{Command, WaitFlags, WaitFor};
use greenproc_lab::{Options, Scenario, StrategyKind};
fn main() {
    let empty = Scenario::new("empty", |_| {});
    let r = empty.explore(&Options { strategy: StrategyKind::Random { seed: 1 }, schedules: 3000, ..Options::default() });
    println!("empty: {:.0}/s", r.schedules as f64 / r.elapsed.as_secs_f64());
    let s = Scenario::new("exit-wait", |rt| {
        rt.run(Command::new("parent", |p| {
            let child = p.spawn(Command::new("child", |_| 3)).expect("a child");
            p.wait4(WaitFor::Pid(child.id()), WaitFlags::empty()).expect("it is there");
        }))
        .expect("runs");
    });
    for strategy in [StrategyKind::Bounded { bound: 0 }, StrategyKind::Bounded { bound: 2 }, StrategyKind::Random { seed: 1 }] {
    let r = s.explore(&Options { strategy, schedules: 3000, ..Options::default() });
    println!("exit-wait: {} {:.0}/s", r.schedules, r.schedules as f64 / r.elapsed.as_secs_f64());
    }
}
