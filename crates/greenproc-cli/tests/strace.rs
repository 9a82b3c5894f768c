//! `greenproc strace`: what it prints of a command's calls, and how it ends.

#![cfg(unix)]

mod greenproc;

use greenproc::{Run, greenproc};

fn strace(arguments: &[&str]) -> Run {
    greenproc(["strace"].iter().chain(arguments))
}

/// The lines of one process, with its unfinished calls put together again.
fn lines_of(text: &str, pid: i32) -> Vec<String> {
    let own = format!("[pid {pid}] ");
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix(&own)) {
        let resumed = line.strip_prefix("<... ").and_then(|line| line.split_once(" resumed>"));
        let Some((call, rest)) = resumed else {
            lines.push(line.to_owned());
            continue;
        };
        let begun = lines.iter_mut().rev().find(|line| line.starts_with(&format!("{call}(")));
        let begun = begun.unwrap_or_else(|| panic!("{line} was never begun"));
        let args = begun.strip_suffix(" <unfinished ...>").expect("it is not finished");
        *begun = format!("{args}{rest}");
    }
    lines
}

#[test]
fn a_command_is_shown_call_by_call_with_its_status() {
    let cases: &[(&[&str], &str, i32)] = &[
        (&["true"], "+++ exited with 0 +++\n", 0),
        (&["false"], "+++ exited with 1 +++\n", 1),
        (&["sleep", "0"], "nanosleep(0ns) = 0\n+++ exited with 0 +++\n", 0),
        (&["shell", "-c", "exit 3"], "getpid() = 3\n+++ exited with 3 +++\n", 3),
        (
            &["shell", "-c", "kill -KILL $$"],
            "getpid() = 3\nkill(3, SIGKILL <unfinished ...>\n+++ killed by SIGKILL +++\n",
            137,
        ),
        (
            &["shell", "-c", "kill -TERM $$; true"],
            "getpid() = 3\nkill(3, SIGTERM) = 0\n\
             --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=3, si_uid=0} ---\n\
             +++ killed by SIGTERM +++\n",
            143,
        ),
        (
            &["shell", "-c", "kill -USR1 999"],
            "getpid() = 3\nkill(999, SIGUSR1) = -1 ESRCH (No such process)\n\
             blocking(greenproc shell: kill: no process has pid 999\n) = 0\n+++ exited with 1 +++\n",
            1,
        ),
    ];
    for (arguments, lines, status) in cases {
        let run = strace(arguments);
        assert_eq!(run.stderr, *lines, "{arguments:?}");
        assert_eq!(run.code, Some(*status), "{arguments:?}");
    }
}

#[test]
fn children_are_followed_if_asked_for() {
    let script = ["shell", "-c", "sleep 0.01 | cat; false"];
    let alone = strace(&script);
    assert_eq!(alone.code, Some(1));
    assert!(alone.stderr.starts_with("getpid() = 3\nposix_spawn(\"sleep\") = 4\n"), "{}", alone.stderr);
    assert!(!alone.stderr.contains("nanosleep"), "{}", alone.stderr);

    let run = strace(&["-f", script[0], script[1], script[2]]);
    assert_eq!(run.code, Some(1));
    let shell = lines_of(&run.stderr, 3);
    let calls: Vec<&String> = shell.iter().filter(|line| !line.starts_with("--- ")).collect();
    assert_eq!(
        calls[..4],
        ["getpid() = 3", "posix_spawn(\"sleep\") = 4", "posix_spawn(\"cat\") = 5", calls[3].as_str()]
    );
    assert!(["wait4(-4, 0) = 4", "wait4(-4, 0) = 5"].contains(&calls[3].as_str()), "{}", calls[3]);
    assert_eq!(calls.last().map(|line| line.as_str()), Some("+++ exited with 1 +++"));
    let told = "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=6, si_uid=0, si_status=1} ---";
    assert!(shell.iter().any(|line| line == told), "{}", run.stderr);
    assert_eq!(lines_of(&run.stderr, 4), ["nanosleep(10ms) = 0", "+++ exited with 0 +++"]);
    assert_eq!(lines_of(&run.stderr, 5), ["read(32768) = 0", "+++ exited with 0 +++"]);
    assert_eq!(lines_of(&run.stderr, 6), ["+++ exited with 1 +++"]);
}

#[test]
fn only_the_calls_that_are_asked_for_are_shown() {
    let run = strace(&["-f", "-e", "trace=nanosleep,kill", "shell", "-c", "sleep 0; kill -CONT $$"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(lines_of(&run.stderr, 4), ["nanosleep(0ns) = 0", "+++ exited with 0 +++"]);
    let shell = lines_of(&run.stderr, 3);
    let calls: Vec<&String> = shell.iter().filter(|line| !line.starts_with("--- ")).collect();
    assert_eq!(calls, ["kill(3, SIGCONT) = 0", "+++ exited with 0 +++"]);
}

#[test]
fn the_lines_can_go_to_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("lines");
    let run = strace(&["-o", path.to_str().expect("text"), "echo", "hello"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "hello\n", ""));
    let lines = std::fs::read_to_string(&path).expect("it was written");
    assert_eq!(lines, "blocking() = 0\n+++ exited with 0 +++\n");
}

#[test]
fn calls_are_counted() {
    let script = "sleep 0; sleep 0; kill -CONT 999";
    let run = strace(&["-c", "-f", "shell", "-c", script]);
    assert_eq!(run.code, Some(1));
    let table = run.stderr.lines().skip_while(|line| !line.starts_with("% time"));
    let rows: Vec<Vec<&str>> = table.map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["%", "time", "seconds", "usecs/call", "calls", "errors", "syscall"]);
    let row = |name: &str| rows.iter().find(|row| row.last() == Some(&name)).expect("it was called");
    assert_eq!(row("nanosleep")[3..], ["2", "nanosleep"]);
    assert_eq!(row("posix_spawn")[3..], ["2", "posix_spawn"]);
    assert_eq!(row("kill")[3..], ["1", "1", "kill"]);
    let total = row("total")[3].parse::<usize>().expect("a number");
    let calls = rows.iter().filter(|row| row.len() > 4 && row.last() != Some(&"total"));
    assert_eq!(calls.filter_map(|row| row[3].parse::<usize>().ok()).sum::<usize>(), total);

    let run = strace(&["-c", "--json", "-f", "-e", "nanosleep,kill", "shell", "-c", script]);
    let line = run.stderr.lines().find(|line| line.starts_with('{')).expect("an object");
    let counted: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&counted["nanosleep"]["calls"], &counted["kill"]["errors"]), (&2.into(), &1.into()));
    assert_eq!(counted.as_object().map(serde_json::Map::len), Some(2));
}
