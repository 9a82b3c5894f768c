//! Debug.
use greenproc_lab::*;
fn main() {
    let race = Race::find("exit-wait").unwrap();
    let s = race.scenario(Some(race.faults[0]));
    let r = s.explore(&Options { strategy: StrategyKind::Bounded { bound: 1 }, schedules: 10000, ..Options::default() });
    println!("{r:?}");
    let token: Token = "0.1.0:exit-wait:-::".parse().unwrap();
    let (f, t) = follow(&s, &token, &Options::default());
    println!("{f:?}\n{t}");
}
