//! SIGTERM and SIGINT end the processes first, and the command then, with 128 and the signal's number.

#![cfg(unix)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

/// Longer than any of the tests takes. Only where something hangs does it end a command.
const WATCHDOG_SECONDS: &str = "100";

/// A command that runs.
struct Running {
    watchdog: Child,
    stdout: BufReader<ChildStdout>,
    pid: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut watchdog = Command::new("timeout")
            .args(["--kill-after=5", WATCHDOG_SECONDS, "sh", "-c", r#"echo $$; exec "$0" "$@""#])
            .arg(env!("CARGO_BIN_EXE_greenproc"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("coreutils' timeout runs");
        let mut stdout = BufReader::new(watchdog.stdout.take().expect("piped"));
        let mut pid = String::new();
        stdout.read_line(&mut pid).expect("a line");
        Running { watchdog, stdout, pid: pid.trim().to_owned() }
    }

    /// Reads what it prints up to a line with this text.
    fn says(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).expect("UTF-8"), 0, "it ended without {text:?}");
        }
    }

    /// Looks until one of its threads bears this name: nothing else tells how far it is.
    fn has_thread(&self, name: &str) {
        let tasks = Path::new("/proc").join(&self.pid).join("task");
        let named = || {
            let tasks = fs::read_dir(&tasks).expect("it runs").flatten();
            // One that ended meanwhile has no name any more.
            tasks
                .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
                .any(|is| is.contains(name))
        };
        while !named() {
            std::thread::yield_now();
        }
    }

    /// Sends a signal; asserts that it ends the command as it should.
    fn ends_by(mut self, name: &str, code: i32) {
        let sent = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, name, &self.pid]).status();
        assert!(sent.expect("a shell").success());
        std::io::copy(&mut self.stdout, &mut std::io::sink()).expect("its output ends");
        let mut errors = String::new();
        self.watchdog.stderr.take().expect("piped").read_to_string(&mut errors).expect("UTF-8");
        assert_eq!(errors, format!("greenproc: ended by SIG{name}\n"));
        // The watchdog ends as the command does: one that died of the signal would have no exit status.
        assert_eq!(self.watchdog.wait().expect("mine").code(), Some(code));
    }
}

#[test]
fn run_files_is_ended_by_sigterm() {
    let root = TempDir::new().expect("a directory");
    let fifo = root.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("coreutils").success());
    let directory = root.path().to_str().expect("UTF-8");
    let running = Running::start(&["run-files", directory, "--time-limit", "10m"]);
    // Opened once a process reads from the other end, which gets nothing.
    let writer = File::options().write(true).open(&fifo).expect("a FIFO");
    running.ends_by("TERM", 143);
    drop(writer);
}

#[test]
fn stress_is_ended_by_sigint() {
    let running = Running::start(&["stress", "--stressor", "kill", "--time", "10m"]);
    running.has_thread(":kill");
    running.ends_by("INT", 130);
}

#[test]
fn stress_is_ended_by_sigterm() {
    let running = Running::start(&["stress", "--time", "10m", "--json"]);
    running.has_thread(":kill");
    running.ends_by("TERM", 143);
}

#[test]
fn tour_is_ended_by_sigint() {
    let mut running = Running::start(&["tour", "--burst", "1000000000"]);
    running.says("10. A burst");
    running.ends_by("INT", 130);
}

/// What is traced ends by the signal, and that is written, before the command ends.
#[test]
fn strace_is_ended_by_sigterm() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("lines");
    let running = Running::start(&["strace", "-o", path.to_str().expect("UTF-8"), "hang"]);
    let lines = || fs::read_to_string(&path).unwrap_or_default();
    while !lines().contains("blocking(") {
        std::thread::yield_now();
    }
    running.ends_by("TERM", 143);
    let lines = lines();
    assert!(lines.starts_with("blocking( <unfinished ...>\n--- SIGTERM {"), "{lines}");
    assert!(lines.ends_with(" ---\n+++ killed by SIGTERM +++\n"), "{lines}");
}
