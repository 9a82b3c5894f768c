//! Short stress runs: of each stressor, of all together, by operations and by time.

#![cfg(unix)]

mod greenproc;

use greenproc::{Run, greenproc};
use serde_json::Value;

fn report(run: &Run) -> Value {
    assert_eq!(run.stdout.lines().count(), 1, "{}{}", run.stdout, run.stderr);
    serde_json::from_str(&run.stdout).expect("JSON")
}

fn assert_nothing_wrong(run: &Run) {
    let report = report(run);
    let zeros = [
        "lost",
        "double_reaped",
        "unexpected",
        "unaccounted",
        "leaked_processes",
        "leaked_pids",
        "leaked_threads",
        "stuck",
    ];
    for field in zeros {
        assert_eq!(report[field], 0, "{field}: {report:#}");
    }
    assert_eq!(report["failures"], Value::Array(Vec::new()));
    assert_eq!(report["runtime_spawned"], report["runtime_reaped"]);
    assert_eq!(report["good"], true);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.stderr, "");
}

/// Runs one stressor for so many operations, twice the number of its workers and more.
fn assert_stressor_does(name: &str, ops: u64) {
    let run = greenproc([
        "stress",
        "--stressor",
        name,
        "--ops",
        &ops.to_string(),
        "--workers",
        "2",
        "--seed",
        "3",
        "--verify",
        "--json",
    ]);
    assert_nothing_wrong(&run);
    let report = report(&run);
    assert_eq!(report["ops"], ops);
    assert_eq!(report["seed"], 3);
    assert!(report["ops_per_second"].as_f64().expect("a number") > 0.0);
    assert!(report["duration_seconds"].as_f64().expect("a number") > 0.0);
    let stressors = report["stressors"].as_object().expect("an object");
    assert_eq!(stressors.keys().collect::<Vec<_>>(), [name]);
    assert_eq!(stressors[name]["ops"], ops);
    assert_eq!(stressors[name]["workers"], 2);
    assert_eq!(stressors[name]["spawned"], stressors[name]["reaped"]);
    assert!(stressors[name]["checks"].as_u64().expect("a number") >= 2);
    // The account that is kept from the runtime's events is the same.
    assert_eq!(report["second_account"]["processes"], report["runtime_spawned"]);
    assert_eq!(report["second_account"]["missed_events"], 0);
}

#[test]
fn spawn() {
    assert_stressor_does("spawn", 3000);
}

#[test]
fn zombie() {
    assert_stressor_does("zombie", 3001);
}

#[test]
fn orphan() {
    assert_stressor_does("orphan", 2001);
}

#[test]
fn lwp() {
    assert_stressor_does("lwp", 501);
}

#[test]
fn kill() {
    assert_stressor_does("kill", 501);
}

#[test]
fn signal() {
    assert_stressor_does("signal", 20_001);
}

#[test]
fn stopcont() {
    assert_stressor_does("stopcont", 3001);
}

#[test]
fn group() {
    assert_stressor_does("group", 1001);
}

#[test]
fn session() {
    assert_stressor_does("session", 201);
}

#[test]
fn vfork() {
    assert_stressor_does("vfork", 501);
}

#[test]
fn exec() {
    assert_stressor_does("exec", 501);
}

#[test]
fn trace() {
    assert_stressor_does("trace", 301);
}

#[test]
fn wait_mix() {
    assert_stressor_does("wait-mix", 2001);
}

#[test]
fn pid_reuse() {
    assert_stressor_does("pid-reuse", 2001);
}

#[test]
fn exit_storm() {
    assert_stressor_does("exit-storm", 3001);
}

#[test]
fn deep_tree() {
    assert_stressor_does("deep-tree", 1001);
}

#[test]
fn descriptors() {
    assert_stressor_does("descriptors", 101);
}

#[test]
fn all_stressors_together_by_time() {
    let run = greenproc(["stress", "--time", "1s", "--json"]);
    assert_nothing_wrong(&run);
    let report = report(&run);
    assert!(report["duration_seconds"].as_f64().unwrap() >= 1.0);
    let stressors = report["stressors"].as_object().unwrap();
    assert_eq!(stressors.len(), 17);
    for (name, stressor) in stressors {
        assert!(stressor["ops"].as_u64().unwrap() > 0, "{name} did nothing");
    }
}

#[test]
fn a_seed_makes_the_same_choices_again() {
    let numbers = |seed: &str| {
        let run = greenproc([
            "stress",
            "--stressor",
            "orphan,kill,vfork,descriptors",
            "--ops",
            "200",
            "--seed",
            seed,
            "--json",
        ]);
        assert_nothing_wrong(&run);
        let report = report(&run);
        (report["spawned"].clone(), report["left_to_others"].clone(), report["runtime_spawned"].clone())
    };
    assert_eq!(numbers("11"), numbers("11"));
    assert_ne!(numbers("11"), numbers("12"));
}

#[test]
fn the_text_is_plain_and_ends_with_the_verdict() {
    let run = greenproc(["stress", "--stressor", "spawn,zombie", "--ops", "100", "--seed", "1"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(!run.stdout.contains('\x1b'));
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(last, "✓ Every process was reaped exactly once; no process, pid or thread is left.");
    assert!(run.stdout.contains("seed 1"), "{}", run.stdout);
    assert_eq!(run.stderr, "");
}
