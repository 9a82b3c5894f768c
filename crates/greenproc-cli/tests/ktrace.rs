//! The option `--trace`: what it writes is a valid Chrome trace, and shows what has happened.

#![cfg(unix)]

mod chrome;
mod greenproc;

use std::fs;
use std::process::Command;

use chrome::{Slice, Trace, validate};
use greenproc::greenproc;
use tempfile::TempDir;

/// The slices of a process's own track, in order: what it was doing.
fn states_of(trace: &Trace, pid: i64) -> Vec<&Slice> {
    let mut states: Vec<&Slice> = trace.slices.iter().filter(|slice| slice.track == (pid, pid)).collect();
    states.sort_by(|one, next| one.begin.total_cmp(&next.begin));
    states
}

fn pids_of<'a>(trace: &'a Trace, name: &'a str) -> impl Iterator<Item = i64> + 'a {
    trace.processes.iter().filter(move |(_, its)| *its == name).map(|(&pid, _)| pid)
}

#[test]
fn run_files_shows_each_process_from_its_spawn_to_its_reaping() {
    let root = TempDir::new().expect("a directory");
    for name in ["one", "two\n\"quoted\"", "three ☃"] {
        fs::write(root.path().join(name), name).expect("a file");
    }
    let pipe = root.path().join("nobody writes");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("coreutils").success());
    let file = TempDir::new().expect("a directory");
    let file = file.path().join("trace.json");
    let (root, path) = (root.path().to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    let run = greenproc(["run-files", root, "--time-limit", "300ms", "--trace", path]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{}", run.stdout);
    let trace = validate(&fs::read_to_string(&file).expect("it was written"));
    assert_eq!(trace.dropped, 0);
    let conductor = pids_of(&trace, "run-files").next().expect("there is one");
    let calls = |pid: i64, name: &str| {
        let its = trace.slices.iter().filter(|slice| slice.track.0 == pid && slice.category == "call");
        its.filter(|slice| slice.name == name).count()
    };
    assert_eq!(calls(conductor, "posix_spawn"), 4);
    let hashers: Vec<i64> =
        trace.processes.keys().copied().filter(|pid| ![1, conductor].contains(pid)).collect();
    assert_eq!(hashers.len(), 4);
    for &pid in &hashers {
        let states = states_of(&trace, pid);
        let names: Vec<&str> = states.iter().map(|slice| slice.name.as_str()).collect();
        assert_eq!((names[0], names[names.len() - 2], names[names.len() - 1]), ("ready", "exit", "zombie"));
        assert!(states.is_sorted_by(|one, next| one.end <= next.begin), "one state at a time: {states:?}");
        let joins = |kind: &str, from: i64, to: i64| {
            let mut arrows = trace.arrows.iter();
            arrows.any(|arrow| arrow.0 == kind && (arrow.1.0, arrow.2.0) == (from, to))
        };
        assert!(joins("spawn", conductor, pid) && joins("reap", pid, conductor), "{:?}", trace.arrows);
    }
    let killed: Vec<i64> =
        trace.arrows.iter().filter(|arrow| arrow.0 == "signal").map(|arrow| arrow.2.0).collect();
    assert!(matches!(killed[..], [late] if hashers.contains(&late)), "{:?}", trace.arrows);
}

/// Two stressors at once, with more facts than the ring has room for, however fast the machine is: what is left of it is valid
/// all the same.
#[test]
fn stress_shows_the_last_facts() {
    let file = TempDir::new().expect("a directory");
    let file = file.path().join("trace.json");
    let path = file.to_str().expect("UTF-8");
    let run = greenproc(
        "stress --stressor signal,stopcont --ops 25000 --seed 5 --json --trace".split(' ').chain([path]),
    );
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    let trace = validate(&fs::read_to_string(&file).expect("it was written"));
    assert!(trace.dropped > 0, "more operations are wanted");
    let kinds = ["spawn", "reap", "signal"];
    assert!(kinds.iter().all(|kind| trace.arrows.iter().any(|arrow| arrow.0 == *kind)));
    let states = ["ready", "run", "wait", "stopped", "exit", "zombie"];
    for state in states {
        let shown = trace.slices.iter().any(|slice| slice.name == state && slice.track.0 == slice.track.1);
        assert!(shown, "nobody was in state {state}");
    }
    for &pid in trace.processes.keys() {
        assert!(states_of(&trace, pid).is_sorted_by(|one, next| one.end <= next.begin), "{pid}");
    }
}

#[test]
fn a_trace_that_cannot_be_written_is_said() {
    let root = TempDir::new().expect("a directory");
    fs::write(root.path().join("one"), "one").expect("a file");
    let root = root.path().to_str().expect("UTF-8");
    let run = greenproc(["run-files", root, "--trace", "/dev/full"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.starts_with("greenproc: /dev/full: "), "{}", run.stderr);
    assert!(run.stdout.contains("1 of 1 file"), "{}", run.stdout);
}
