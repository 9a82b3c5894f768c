//! `greenproc race`: what it finds, and what it says to a command line that is wrong.

#![cfg(unix)]

mod greenproc;

use greenproc::greenproc;

/// Each is one line on stderr, with a hint, and exit status 2.
fn refused(arguments: &[&str], text: &str) {
    let run = greenproc(arguments);
    assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
    assert_eq!(run.stdout, "", "{arguments:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{arguments:?}: {}", run.stderr);
    assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
    assert!(run.stderr.contains("--help"), "{arguments:?}: {}", run.stderr);
}

#[test]
fn a_wrong_command_line_is_refused_in_every_build() {
    refused(&["race"], "race");
    refused(&["race", "nonsense"], "nonsense");
    refused(&["race", "run"], "<NAME>");
    refused(&["race", "run", "x", "--strategy", "nonsense"], "bounded");
    refused(&["race", "run", "x", "--schedules", "0"], "--schedules");
    refused(&["race", "run", "x", "--buggy", "y", "--fixed"], "--fixed");
    refused(&["race", "hunt", "--time", "soon"], "--time");
    refused(&["race", "hunt", "--seed", "2"], "--nightly");
    refused(&["race", "merge"], "<FILE>");
}

#[cfg(not(feature = "racelab"))]
#[test]
fn a_plain_build_says_how_to_build_the_lab() {
    for arguments in [&["race", "list"][..], &["race", "run", "exit-wait"], &["race", "hunt", "--json"]] {
        refused(arguments, "cargo run --release -p greenproc-cli --features racelab");
    }
}

#[cfg(feature = "racelab")]
mod lab {
    use std::collections::BTreeSet;
    use std::fs;

    use serde_json::Value;

    use super::{greenproc, refused};

    const FAULT: &str = "check-outside-lock";

    fn json(arguments: &[&str], code: i32) -> Vec<Value> {
        let run = greenproc(arguments);
        assert_eq!(run.code, Some(code), "{arguments:?}: {}{}", run.stdout, run.stderr);
        let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        run.stdout.lines().map(line).collect()
    }

    #[test]
    fn names_that_mean_nothing_are_refused_with_the_nearest() {
        refused(&["race", "explain", "exit-wiat"], "did you mean 'exit-wait'?");
        refused(&["race", "run", "qqq"], "no race is called 'qqq'");
        refused(
            &["race", "run", "exit-wait", "--buggy", "check-outside"],
            "did you mean 'check-outside-lock'?",
        );
        refused(&["race", "free", "exit-wait", "--buggy", "qqq"], "race explain exit-wait");
        refused(&["race", "run", "exit-wait", "--seed", "x", "--strategy", "random"], "a seed is a number");
        refused(&["race", "run", "exit-wait", "--seed", "0g", "--strategy", "bytes"], "hexadecimal");
        refused(&["race", "hunt", "--shard", "4/4"], "from 0 to N - 1");
        refused(&["race", "replay", "nonsense"], "this is no token");
        refused(&["race", "replay", "0.1.0:exit-wiat:-::"], "did you mean 'exit-wait'?");
        refused(&["race", "replay", "0.1.0:exit-wait:qqq::"], "no fault of exit-wait");
        refused(&["race", "merge", "/nonexistent"], "/nonexistent");
        refused(&["race", "merge", "/proc/self/status"], "not what 'race hunt --json' writes");
    }

    #[test]
    fn every_race_is_listed_and_explained() {
        let listed = json(&["race", "list", "--json"], 0);
        assert!(!listed.is_empty());
        for race in listed {
            let name = race["name"].as_str().expect("a name");
            assert_eq!(json(&["race", "explain", name, "--json"], 0), vec![race.clone()]);
            let text = greenproc(["race", "explain", name]).stdout;
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
            for fault in race["faults"].as_array().expect("a list") {
                assert!(text.contains(fault["name"].as_str().expect("a name")), "{text}");
            }
        }
    }

    #[test]
    fn a_planted_fault_is_found_replayed_and_shown() {
        let found = json(&["race", "run", "exit-wait", "--buggy", FAULT, "--json"], 0).remove(0);
        assert_eq!(found["found"]["kind"], "lost wake-up");
        assert_eq!(found["found"]["preemptions"], 1);
        let token = found["found"]["token"].as_str().expect("a token");
        let replayed = json(&["race", "replay", token, "--json"], 0).remove(0);
        assert_eq!(replayed["timeline"], found["timeline"]);
        assert_eq!(replayed["failure"], found["found"]["failure"]);

        let text = greenproc(["race", "replay", token]).stdout;
        for part in ["nobody sleeps in wait", "is held up before it", "Exiting -> Zombie", "nobody sleeps"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn the_code_as_it_is_is_clean_whatever_the_strategy() {
        for strategy in ["bounded", "random", "pct", "exhaustive"] {
            let arguments =
                ["race", "run", "exit-wait", "--strategy", strategy, "--schedules", "300", "--json"];
            let run = json(&arguments, 0).remove(0);
            assert_eq!((&run["found"], &run["good"]), (&Value::Null, &Value::Bool(true)));
            assert!(run["schedules"].as_u64() <= Some(300));
        }
        let bytes = ["race", "run", "exit-wait", "--strategy", "bytes", "--seed", "0001ff02", "--json"];
        assert_eq!(json(&bytes, 0).remove(0)["schedules"], 1);
    }

    #[test]
    fn a_token_that_does_not_fit_says_where() {
        let found = json(&["race", "run", "exit-wait", "--buggy", FAULT, "--json"], 0).remove(0);
        let token = found["found"]["token"].as_str().expect("a token");
        let (front, digests) = token.rsplit_once(':').expect("five parts");
        let mut digests: Vec<char> = digests.chars().collect();
        digests[7] = if digests[7] == '0' { '1' } else { '0' };
        let mutilated = format!("{front}:{}", digests.iter().collect::<String>());
        let replayed = json(&["race", "replay", &mutilated, "--json"], 1).remove(0);
        assert_eq!((&replayed["diverged_at"], &replayed["kind"]), (&7.into(), &"diverged".into()));
        let text = greenproc(["race", "replay", &mutilated]).stdout;
        assert!(text.contains("at decision 7 it goes elsewhere"), "{text}");
    }

    /// The numbers of the schedules of one shard, as another OS process sees them.
    fn numbers(shard: &str, more: &[&str]) -> (BTreeSet<String>, Value) {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("numbers");
        let file = file.to_str().expect("a plain name");
        let mut arguments =
            vec!["race", "run", "exit-wait", "--json", "--shard", shard, "--schedules-file", file];
        arguments.extend(more);
        let run = json(&arguments, 0).remove(0);
        let lines: Vec<String> =
            fs::read_to_string(file).expect("it is there").lines().map(str::to_owned).collect();
        let set: BTreeSet<String> = lines.iter().cloned().collect();
        assert_eq!(set.len(), lines.len(), "no schedule is counted twice");
        assert_eq!(run["schedules"], lines.len());
        (set, run)
    }

    #[test]
    fn four_shards_are_disjoint_and_together_the_whole() {
        let (whole, run) = numbers("0/1", &[]);
        assert_eq!(run["exhausted"], serde_json::json!({ "bound": 2 }));
        let mut union = BTreeSet::new();
        for index in 0..4 {
            let (part, run) = numbers(&format!("{index}/4"), &[]);
            assert_eq!(run["exhausted"], serde_json::json!({ "bound": 2 }));
            assert!(part.len() < whole.len() / 2, "the work is divided: {} of {}", part.len(), whole.len());
            assert!(union.is_disjoint(&part));
            union.extend(part);
        }
        assert_eq!(union, whole);
    }

    #[test]
    fn a_race_runs_on_free_threads_and_without_a_fault_nothing_fails() {
        for race in ["exit-wait", "exit-reparent"] {
            let run = greenproc(["race", "free", race, "--runs", "30", "--time-limit", "1m", "--json"]);
            assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{}", run.stdout);
            let free: Value = serde_json::from_str(&run.stdout).expect("JSON");
            assert_eq!((&free["runs"], &free["hung"], &free["failed"]), (&30.into(), &0.into(), &0.into()));
        }
    }

    #[test]
    fn a_free_run_that_hangs_is_given_up() {
        // Ignored children that tell nobody: the parent sleeps whenever it comes to its wait before they end.
        let arguments =
            ["race", "free", "ignored-wait", "--buggy", "--runs", "300", "--time-limit", "200ms", "--json"];
        let free = json(&arguments, 0).remove(0);
        assert_eq!(free["fault"], "ignored-tells-nobody");
        assert!(free["hung"].as_u64() >= Some(1), "{free}");
    }

    #[test]
    fn shards_of_a_hunt_are_merged_to_the_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let file =
            |index| directory.path().join(format!("part-{index}")).to_str().expect("a plain name").to_owned();
        let parts: Vec<String> = (0..2).map(file).collect();
        for (index, part) in parts.iter().enumerate() {
            let shard = format!("{index}/2");
            let run = greenproc(["race", "hunt", "--time", "2s", "--shard", &shard, "--json"]);
            assert_eq!(run.code, Some(0), "{}", run.stderr);
            fs::write(part, run.stdout).expect("it is written");
        }
        let merged = greenproc(["race", "merge", &parts[0], &parts[1], "--json"]);
        let lines: Vec<Value> =
            merged.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let (summary, outcomes) = lines.split_last().expect("it sums up");
        assert_eq!(summary["shard"], "0/1");
        assert_eq!(summary["false_alarms"], serde_json::json!([]));
        assert_eq!(merged.code, Some(i32::from(summary["missed"] != serde_json::json!([]))));
        let count = |name: &str| summary[name].as_u64().expect("a number") as usize;
        assert_eq!(outcomes.len(), count("races") + count("planted"));
        refused(&["race", "merge", &parts[0]], "the shard 1/2 of");
        refused(&["race", "merge", &parts[0], &parts[0]], "is there twice");
    }
}
