//! Records of ended processes: written by run-files and stress, printed by lastcomm.

#![cfg(unix)]

mod greenproc;

use std::fs;

use greenproc::greenproc;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn what_run_files_records_is_json_and_is_printed() {
    let root = TempDir::new().expect("a directory");
    let (files, records) = (root.path().join("files"), root.path().join("acct"));
    fs::create_dir(&files).expect("a directory");
    (0..3).for_each(|name| fs::write(files.join(name.to_string()), "text").expect("a file"));
    let (files, records) = (files.to_str().expect("UTF-8"), records.to_str().expect("UTF-8"));
    for _ in 0..2 {
        let run = greenproc(["run-files", files, "--accounting", records]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    }
    // Three files, their parent and init, twice.
    let text = fs::read_to_string(records).expect("the records");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines.len(), 10);
    assert_eq!(lines.iter().filter(|line| line["name"] == "hash").count(), 6);
    assert!(lines.iter().all(|line| line["exit"] == 0 && line["flags"] == "F"), "{text}");

    let run = greenproc(["lastcomm", records]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.stdout.lines().count(), 11, "{}", run.stdout);
    let first = run.stdout.lines().nth(1).expect("a record");
    assert!(first.starts_with("init ") && first.ends_with("exit status: 0"), "the last is first: {first}");
    let run = greenproc(["lastcomm", records, "hash", "nobody"]);
    assert_eq!(run.stdout.lines().count(), 7, "{}", run.stdout);
    assert!(run.stdout.lines().skip(1).all(|line| line.starts_with("hash ")));

    // A crash in the middle of the last line.
    fs::write(records, &text[..text.len() - 10]).expect("the records");
    let run = greenproc(["lastcomm", records]);
    assert_eq!(run.stdout.lines().count(), 10, "{}", run.stdout);
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("line 10 is no whole record"), "{}", run.stderr);
    let run = greenproc(["run-files", files, "--accounting", records]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(greenproc(["lastcomm", records]).stdout.lines().count(), 15);
}

#[test]
fn what_stress_records_is_all_that_it_made() {
    let root = TempDir::new().expect("a directory");
    let records = root.path().join("acct");
    let records = records.to_str().expect("UTF-8");
    let run = greenproc([
        "stress",
        "--stressor",
        "spawn,orphan",
        "--ops",
        "200",
        "--json",
        "--accounting",
        records,
    ]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", run.stdout);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let spawned = report["runtime_spawned"].as_u64().expect("a number");
    let lines = fs::read_to_string(records).expect("the records").lines().count() as u64;
    assert_eq!(lines, spawned + 1, "and init");
}

#[test]
fn records_that_cannot_be_written_are_told_of() {
    let root = TempDir::new().expect("a directory");
    let files = root.path().to_str().expect("UTF-8");
    let run = greenproc(["run-files", files, "--accounting", "/dev/full"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("0 accounting records written, 0 dropped, 2 failed: "), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1);
}
