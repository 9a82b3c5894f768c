//! What the command says to a command line that is wrong, and to one that asks for help.

#![cfg(unix)]

mod greenproc;

use greenproc::greenproc;

#[test]
fn each_error_is_one_line_on_stderr_and_exit_status_2() {
    let cases: &[&[&str]] = &[
        &[],
        &["nonsense"],
        &["--nonsense"],
        &["tour", "--nonsense"],
        &["tour", "extra"],
        &["tour", "--burst", "0"],
        &["tour", "--burst", "many"],
        &["tour", "--burst", "-1"],
        &["tour", "--burst"],
        &["run-files"],
        &["run-files", "/nonexistent/directory"],
        &["run-files", "/proc/self/status"],
        &["run-files", "two\nlines"],
        &["run-files", ""],
        &["run-files", "/tmp", "/tmp"],
        &["run-files", "/tmp", "--jobs", "0"],
        &["run-files", "/tmp", "--jobs", "x\n\ny"],
        &["run-files", "/tmp", "--jobs", "1", "--jobs", "2"],
        &["run-files", "/tmp", "--time-limit", "2"],
        &["run-files", "/tmp", "--time-limit", "0s"],
        &["run-files", "/tmp", "--time-limit", "soon"],
        &["run-files", "/tmp", "--time-limit", ""],
        &["stress", "--stressor", "nonsense"],
        &["stress", "--stressor", "spawn,nonsense"],
        &["stress", "--stressor", ""],
        &["stress", "--time", "10"],
        &["stress", "--time", "-1s"],
        &["stress", "--ops", "0"],
        &["stress", "--workers", "0"],
        &["stress", "--seed", "1.5"],
        &["supervise"],
        &["supervise", "/nonexistent/file"],
        &["supervise", "/"],
        &["supervise", "--check"],
        &["supervise", "--nonsense", "file"],
        &["stress", "--stressor", "all,nonsense"],
        &["stress", "--stressor", "spawn", "kill"],
        &["stress", "--stressor"],
        &["stress", "--workers", "10001"],
        &["stress", "--workers", "two"],
        &["stress", "--time", "0s"],
        &["stress", "--time", "11years"],
        &["stress", "--ops", "-1"],
        &["stress", "--verify=yes"],
        &["stress", "--soak", "1h"],
        &["stress", "--json", "/nonexistent/file"],
        &["stress", "--json", "/"],
        &["stress", "--json", "a", "--json", "b"],
        &["stress", "--html", "/nonexistent/file"],
        &["stress", "--html"],
        &["stress", "--peers", "/dev/null"],
        &["stress", "--html", "/dev/null", "--peers", "/nonexistent/file"],
        &["stress", "--html", "/dev/null", "--peers", "/proc/self/status"],
        &["stress", "--nonsense"],
        &["lastcomm"],
        &["lastcomm", "/nonexistent/file"],
        &["lastcomm", "/"],
        &["run-files", "/tmp", "--accounting", "/"],
        &["stress", "--accounting", "/nonexistent/file"],
        &["run-files", "/tmp", "--trace", "/"],
        &["stress", "--trace", "/nonexistent/file"],
        &["strace"],
        &["strace", "-f"],
        &["strace", "nonsense"],
        &["strace", "two\nlines"],
        &["strace", "--nonsense", "true"],
        &["strace", "-e", "nonsense", "true"],
        &["strace", "-e", "read,", "true"],
        &["strace", "-o", "/", "true"],
        &["strace", "-o", "/nonexistent/file", "true"],
        &["strace", "--json", "true"],
        &["strace", "shell", "--nonsense"],
        &["strace", "shell", "/nonexistent/script"],
        &["shell", "-c"],
        &["shell", "--nonsense"],
        &["shell", "/nonexistent/script"],
        &["shell", "/"],
    ];
    for arguments in cases {
        let run = greenproc(*arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.ends_with('\n'), "{arguments:?}");
        assert!(run.stderr.starts_with("greenproc: "), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("--help"), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains("error:"), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["stress", "--stressor", "nap"],
            "invalid value 'nap' for '--stressor <NAME>' [possible values: spawn, zombie,",
        ),
        (
            &["strace", "-e", "sleep", "true"],
            "invalid value 'sleep' for '--trace <CALLS>': there is no such call (try 'greenproc strace --help')",
        ),
        (&["strace", "nonsense"], "nonsense: no such program (try 'greenproc strace --help')"),
        (
            &["stress", "--json", "/nonexistent/file"],
            "/nonexistent/file: No such file or directory (try 'greenproc stress --help')",
        ),
        (
            &["stress", "--time", "10"],
            "use a number and one of the units ms, s, m, h: 500ms, 2s, 1.5m (try 'greenproc stress --help')",
        ),
        (&["run-files"], "the following required arguments were not provided: <DIR>"),
        (&["run-files", "/nonexistent"], "/nonexistent: No such file or directory"),
        (&["run-files", "/proc/self/status"], "/proc/self/status: not a directory"),
        (&["run-files", "/tmp", "--time-limit", "2"], "use a number and one of the units ms, s, m, h"),
        (&["tour", "--fast"], "unexpected argument '--fast' found (try 'greenproc tour --help')"),
    ];
    for (arguments, text) in cases {
        let run = greenproc(*arguments);
        assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let cases: &[(&[&str], &str)] = &[
        (&["--help"], "run-files"),
        (&["-h"], "stress"),
        (&["tour", "--help"], "--burst"),
        (&["run-files", "--help"], "--time-limit"),
        (&["stress", "--help"], "zombie"),
        (&["shell", "--help"], "job control"),
        (&["strace", "--help"], "posix_spawn, vfork, execve"),
        (&["strace", "shell", "--help"], "job control"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ];
    for (arguments, text) in cases {
        let run = greenproc(*arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}");
        assert!(run.stdout.contains(text), "{arguments:?}: {}", run.stdout);
        assert_eq!(run.stderr, "");
    }
}
