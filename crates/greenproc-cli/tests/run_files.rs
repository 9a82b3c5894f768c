//! Hashing a directory, compared with what coreutils make of it.

#![cfg(unix)]

mod greenproc;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use greenproc::{Run, greenproc};
use serde_json::Value;
use tempfile::TempDir;

/// A directory with good files of many sizes and names, also deep down.
fn good_files() -> TempDir {
    let root = TempDir::new().expect("a directory");
    let sizes = [("empty", 0), ("one", 1), ("over 64 KiB", 65_537), ("sub/5 MB", 5_000_000)];
    fs::create_dir_all(root.path().join("sub/deeper still/☃")).expect("directories");
    for (name, size) in sizes {
        let bytes: Vec<u8> = (0..size).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        fs::write(root.path().join(name), bytes).expect("a file");
    }
    let names = ["grün & blau", "two\nlines", "-dash", "sub/deeper still/☃/snow man", ".hidden"];
    for name in names {
        fs::write(root.path().join(name), name).expect("a file");
    }
    root
}

fn run_files(root: &Path, options: &[&str]) -> Run {
    greenproc([&["run-files", root.to_str().expect("UTF-8")], options].concat())
}

/// The JSON object that the command printed, and nothing else.
fn json(run: &Run) -> Value {
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    serde_json::from_str(&run.stdout).expect("JSON")
}

fn row<'a>(document: &'a Value, path: &Path) -> &'a Value {
    let rows = document["files"].as_array().expect("an array");
    let path = path.to_str().expect("UTF-8");
    rows.iter().find(|row| row["path"] == path).unwrap_or_else(|| panic!("no row for {path}"))
}

fn sha256sum(path: &Path) -> String {
    let output =
        Command::new("sha256sum").arg("--zero").arg("--").arg(path).output().expect("sha256sum runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_whitespace().next().expect("a digest").to_owned()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn digests_are_those_of_sha256sum() {
    let root = good_files();
    let run = run_files(root.path(), &["--json", "--time-limit", "60s"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stderr, "");
    let document = json(&run);
    let files = files_below(root.path());
    assert_eq!(files.len(), 9);
    for file in &files {
        let row = row(&document, file);
        assert_eq!(row["sha256"], sha256sum(file), "{}", file.display());
        assert_eq!(row["size"], fs::metadata(file).unwrap().len());
        assert_eq!(row["exit_code"], 0);
        assert!(row["pid"].as_i64().unwrap() > 1);
        assert!(row["cpu_seconds"].as_f64().unwrap() > 0.0);
        assert!(row["elapsed_seconds"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(document["totals"]["files"], 9);
    assert_eq!(document["totals"]["succeeded"], 9);
    let paths: Vec<&str> =
        document["files"].as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap()).collect();
    assert!(paths.is_sorted(), "{paths:?}");
}

#[test]
fn one_job_at_a_time_is_enough() {
    let root = good_files();
    let run = run_files(root.path(), &["--json", "--jobs", "1", "--time-limit", "60s"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(json(&run)["totals"]["succeeded"], 9);
}

#[test]
fn a_fifo_nobody_writes_to_is_killed_and_the_rest_is_unharmed() {
    let root = good_files();
    let fifo = root.path().join("sub/fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let run = run_files(root.path(), &["--json", "--time-limit", "3s"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let document = json(&run);
    let killed = row(&document, &fifo);
    assert_eq!(killed["signal"], 9);
    assert_eq!(killed["status"], "signal: 9 (SIGKILL)");
    assert_eq!(killed["sha256"], Value::Null);
    assert!(killed["elapsed_seconds"].as_f64().unwrap() >= 3.0);
    assert_eq!(document["totals"]["killed"], 1);
    assert_eq!(document["totals"]["succeeded"], 9);
    let file = root.path().join("sub/5 MB");
    assert_eq!(row(&document, &file)["sha256"], sha256sum(&file));
}

#[test]
fn several_fifos_at_once_take_the_time_limit_once() {
    let root = TempDir::new().unwrap();
    for name in ["a", "b", "c", "d"] {
        assert!(Command::new("mkfifo").arg(root.path().join(name)).status().unwrap().success());
    }
    let run = run_files(root.path(), &["--json", "--jobs", "4", "--time-limit", "300ms"]);
    assert_eq!(run.code, Some(1));
    let totals = &json(&run)["totals"];
    assert_eq!((&totals["files"], &totals["killed"]), (&Value::from(4), &Value::from(4)));
}

#[test]
fn what_cannot_be_opened_is_a_row_with_its_error() {
    let root = good_files();
    // Nobody, not even root, can open a socket as a file.
    let socket = root.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let secret = root.path().join("secret");
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let locked = root.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = fs::read(&secret).is_ok();
    let run = run_files(root.path(), &["--json", "--time-limit", "60s"]);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let document = json(&run);
    let refused = row(&document, &socket);
    assert_eq!(refused["exit_code"], 1);
    assert!(refused["error"].as_str().unwrap().contains("No such device or address"), "{refused}");
    if !is_root {
        assert!(row(&document, &secret)["error"].as_str().unwrap().contains("Permission denied"));
        let locked = row(&document, &locked);
        assert!(locked["error"].as_str().unwrap().contains("Permission denied"));
        assert_eq!(locked["pid"], Value::Null);
    }
    assert!(document["totals"]["succeeded"].as_u64().unwrap() >= 9);
}

#[test]
fn symbolic_links_are_not_followed() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("file"), "x").unwrap();
    symlink(root.path(), root.path().join("loop")).unwrap();
    symlink("/dev/zero", root.path().join("endless")).unwrap();
    let run = run_files(root.path(), &["--json", "--time-limit", "60s"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(json(&run)["totals"]["files"], 1);
    assert_eq!(json(&run)["totals"]["symbolic_links_passed_by"], 2);
}

#[test]
fn an_empty_directory_is_no_failure() {
    let root = TempDir::new().unwrap();
    let run = run_files(root.path(), &[]);
    assert_eq!(run.code, Some(0));
    assert!(run.stdout.contains("0 of 0 files hashed"), "{}", run.stdout);
}

#[test]
fn the_table_is_plain_sorted_and_has_a_line_per_file() {
    let root = good_files();
    let run = run_files(root.path(), &["--time-limit", "60s"]);
    assert_eq!(run.code, Some(0));
    assert!(!run.stdout.contains('\x1b'));
    let heading = run.stdout.lines().next().unwrap();
    for column in ["PID", "STATUS", "CPU", "ELAPSED", "SIZE", "SHA-256", "PATH"] {
        assert!(heading.contains(column), "{heading}");
    }
    assert_eq!(run.stdout.lines().filter(|line| line.contains("exit status: 0")).count(), 9);
    assert!(run.stdout.contains("two\\nlines"), "a line break in a name is no line break of the table");
    assert!(run.stdout.contains(&sha256sum(&root.path().join("one"))));
    assert!(run.stdout.contains("9 of 9 files hashed, 0 killed, 0 failed otherwise"));
    assert_eq!(run.stderr, "");
}
