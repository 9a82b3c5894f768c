//! A tree that runs, and what it says.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than any of the tests takes. Only where something hangs does it end a tree, with exit status 124.
const WATCHDOG_SECONDS: &str = "100";

/// A tree that runs, with its events as JSON.
pub(crate) struct Tree {
    watchdog: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) pid: Pid,
    /// The directory that its programs run in.
    pub(crate) directory: TempDir,
    /// What it has said so far.
    pub(crate) said: Vec<Value>,
    /// Which of these were waited for.
    taken: HashSet<usize>,
}

/// How a tree ended.
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
    pub(crate) said: Vec<Value>,
}

impl Tree {
    pub(crate) fn start(file: &str) -> Tree {
        Tree::start_with(file, |_, _| {})
    }

    /// The file may name its own directory as DIR.
    pub(crate) fn start_with(file: &str, change: impl FnOnce(&mut Command, &Path)) -> Tree {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("tree.toml");
        let here = directory.path().to_str().expect("UTF-8");
        fs::write(&path, file.replace("DIR", here)).expect("room");
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", WATCHDOG_SECONDS, "sh", "-c", r#"echo $$; exec "$0" "$@""#])
            .arg(env!("CARGO_BIN_EXE_greenproc"))
            .args(["supervise", "--json"])
            .arg(&path)
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command, directory.path());
        let mut watchdog = command.spawn().expect("coreutils' timeout runs");
        let mut stdout = BufReader::new(watchdog.stdout.take().expect("piped"));
        let mut pid = String::new();
        stdout.read_line(&mut pid).expect("a line");
        let pid = Pid::from_raw(pid.trim().parse().expect("a pid")).expect("not 0");
        Tree { watchdog, stdout, pid, directory, said: Vec::new(), taken: HashSet::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The next event; `None` at the end.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line).expect("UTF-8") == 0 {
            return None;
        }
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.said.push(event.clone());
        Some(event)
    }

    /// The first event of this kind, of this child, that was not waited for yet: children do things in any order.
    #[track_caller]
    pub(crate) fn until(&mut self, path: &str, kind: &str) -> Value {
        let mut place = 0;
        while place < self.said.len() || self.next().is_some() {
            let event = &self.said[place];
            if event["path"] == path && event["event"] == kind && self.taken.insert(place) {
                return event.clone();
            }
            place += 1;
        }
        panic!("{path} has no event {kind}: {:#?}", self.said);
    }

    /// Reads up to a line of this child, and gives its text.
    #[track_caller]
    pub(crate) fn line(&mut self, path: &str) -> String {
        self.until(path, "line")["text"].as_str().expect("a text").to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("it runs");
    }

    /// Reads what it says to its end.
    pub(crate) fn ends(mut self) -> End {
        while self.next().is_some() {}
        let mut stderr = String::new();
        self.watchdog.stderr.take().expect("piped").read_to_string(&mut stderr).expect("UTF-8");
        let code = self.watchdog.wait().expect("mine").code();
        End { code, stderr, said: self.said }
    }
}

impl End {
    /// Whose events of this kind there were, in order.
    pub(crate) fn who(&self, kind: &str) -> Vec<&str> {
        let of_kind = self.said.iter().filter(|event| event["event"] == kind);
        of_kind.map(|event| event["path"].as_str().expect("a path")).collect()
    }
}

/// A host process, to see its end, whoever waits for it.
pub(crate) struct Watched(OwnedFd);

impl Watched {
    pub(crate) fn of(pid: i32) -> Watched {
        let pid = Pid::from_raw(pid).expect("a pid");
        Watched(pidfd_open(pid, PidfdFlags::empty()).expect("it runs"))
    }

    pub(crate) fn is_gone(&self) {
        poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None).expect("a pidfd");
    }
}

/// A child that runs a script.
pub(crate) fn child(name: &str, script: &str, keys: &str) -> String {
    let script = script.replace('"', "\\\"");
    format!("[[child]]\nname = \"{name}\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n{keys}\n")
}
