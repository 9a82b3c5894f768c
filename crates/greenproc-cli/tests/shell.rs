//! `greenproc shell`: what scripts print, and how they end.

#![cfg(unix)]

mod greenproc;

use std::fs::File;
use std::process::{Command, Stdio};

use greenproc::{Run, greenproc};

fn shell(script: &str) -> Run {
    greenproc(["shell", "-c", script])
}

/// Runs the shell with this as its input.
fn shell_reading(input: &str) -> Run {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("input");
    std::fs::write(&path, input).expect("written");
    let output = Command::new("timeout")
        .args(["--kill-after=5", "60", env!("CARGO_BIN_EXE_greenproc"), "shell"])
        .stdin(Stdio::from(File::open(&path).expect("readable")))
        .output()
        .expect("coreutils' timeout runs");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[track_caller]
fn check(cases: &[(&str, &str, i32)]) {
    for (script, stdout, status) in cases {
        let run = shell(script);
        assert_eq!(run.stdout, *stdout, "{script}: {}", run.stderr);
        assert_eq!(run.code, Some(*status), "{script}: {}", run.stderr);
    }
}

#[test]
fn lists_run_as_their_conditions_say() {
    check(&[
        ("", "", 0),
        ("# nothing\n\n", "", 0),
        ("echo hi | cat; false; echo $?", "hi\n1\n", 0),
        ("true && echo a || echo b", "a\n", 0),
        ("false && echo a || echo b", "b\n", 0),
        ("false || false && echo a", "", 1),
        ("! false && echo a", "a\n", 0),
        ("! true", "", 1),
        ("! ! false", "", 1),
        ("true |\n\n false", "", 1),
        ("false | true", "", 0),
        ("false\n", "", 1),
        ("exit 3; echo never", "", 3),
        ("false; exit", "", 1),
        ("exit 300", "", 44),
        ("exit 4 | cat; echo $?", "0\n", 0),
        ("true | exit 4; echo $?", "4\n", 0),
        ("nonsense || echo none", "none\n", 0),
        (": a b; echo $?", "0\n", 0),
    ]);
}

#[test]
fn words_are_quoted_and_expanded() {
    check(&[
        ("echo 'a  b' \"c  d\" e\\ \\ f", "a  b c  d e  f\n", 0),
        ("X=1; echo $X ${X}2 '$X' \"$X\" \\$X", "1 12 $X 1 $X\n", 0),
        ("X='a   b'; echo $X; echo \"$X\"", "a b\na   b\n", 0),
        ("X=1 Y=2\necho $X$Y; unset X; echo $X$Y", "12\n2\n", 0),
        ("X=inner env | head -n 1000 | wc -l >/dev/null; echo \"<$X>\"", "<>\n", 0),
        ("echo a\\\nb '#' c#d # comment", "ab # c#d\n", 0),
        ("E=echo; $E works", "works\n", 0),
        ("N=; $N", "", 0),
        ("set -- a 'b c'; echo $# $2; shift; echo $1", "2 b c\nb c\n", 0),
        ("echo 'two\nlines'", "two\nlines\n", 0),
        ("echo -n 1; echo 2", "12\n", 0),
    ]);
}

#[test]
fn programs_get_what_is_exported_to_them() {
    let run = shell("A=1; export B=2; C=3 env");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines.contains(&"B=2") && lines.contains(&"C=3"), "{}", run.stdout);
    assert!(!lines.contains(&"A=1"), "{}", run.stdout);
}

#[test]
fn pipelines_carry_much_and_end_when_nobody_reads() {
    check(&[
        ("seq 1000000 | wc", "1000000 1000000 6888896\n", 0),
        ("seq 1000000 | cat | cat | tee /dev/null | cat | wc -c", "6888896\n", 0),
        ("yes | head -n 3", "y\ny\ny\n", 0),
        ("yes a b | cat | cat | head -n 2", "a b\na b\n", 0),
        ("seq 5 9 | head -3", "5\n6\n7\n", 0),
        ("yes | true; echo $?", "0\n", 0),
        ("yes | false | head", "", 0),
        ("cat /dev/zero | head -n 0; echo $?", "0\n", 0),
    ]);
}

#[test]
fn streams_go_where_they_are_redirected_to() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    let file = file.to_str().expect("UTF-8");
    let scripts = [
        ("echo one >$1; echo two >>$1; cat <$1", "one\ntwo\n", 0),
        ("echo three >$1; cat $1 - <$1", "three\nthree\n", 0),
        ("nonsense 2>$1; cat $1", "greenproc shell: nonsense: command not found (try 'help')\n", 0),
        ("nonsense 2>&1 | wc -l", "1\n", 0),
        ("cat /nonexistent >$1 2>&1; wc -l <$1", "1\n", 0),
        ("cat /nonexistent 2>&1 >$1", "cat: /nonexistent: No such file or directory\n", 1),
        ("echo x >&2", "", 0),
        ("jobs >$1; >$1; wc -c $1 | head -n 1 >/dev/null; wc -c <$1", "0\n", 0),
        ("cat </nonexistent; echo $?", "1\n", 0),
        ("exit 2 </nonexistent; echo $?", "1\n", 0),
        ("nonsense </nonexistent; echo $?", "1\n", 0),
        ("cat; echo end", "end\n", 0),
        ("seq 3 | tee $1 | wc -l; cat $1", "3\n1\n2\n3\n", 0),
    ];
    for (script, stdout, status) in scripts {
        let run = greenproc(["shell", "-c", script, "name", file]);
        assert_eq!(run.stdout, stdout, "{script}: {}", run.stderr);
        assert_eq!(run.code, Some(status), "{script}: {}", run.stderr);
    }
}

#[test]
fn what_a_signal_ended_has_128_and_its_number() {
    check(&[
        ("spin & kill -9 %1; wait %1; echo $?", "137\n", 0),
        ("spin & kill -STOP %1; kill -CONT %1; kill %1; wait %1; echo $?", "143\n", 0),
        ("spin & kill -STOP %1; kill -9 %1; wait %1; echo $?", "137\n", 0),
        ("spin & kill %1; wait %1", "", 143),
        ("sleep 100 & kill -INT $!; wait $!; echo $?", "130\n", 0),
        ("hang & kill -s KILL %hang; wait; jobs; echo $?", "0\n", 0),
        ("hang & kill -9 %%; wait %%; echo $?", "137\n", 0),
        ("cat | spin & kill -HUP %?spin; wait %1; echo $?", "129\n", 0),
        ("true && spin & kill -9 %1; wait %1; echo $?", "137\n", 0),
        ("spin & spin & kill -9 %1 %2; wait %2; echo $?; wait %1; echo $?", "137\n137\n", 0),
        ("kill -9 $$; echo never", "", 137),
        ("kill -0 $$; echo $?", "0\n", 0),
        ("kill -0 99999; echo $?", "1\n", 0),
        ("kill -9 %3; echo $?", "1\n", 0),
        ("kill -NONSENSE 1; echo $?", "2\n", 0),
        ("kill; echo $?", "2\n", 0),
    ]);
}

#[test]
fn a_process_that_waits_for_a_fifo_can_be_killed() {
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("coreutils' mkfifo runs");
    assert!(made.success());
    let script = "cat <$1 & cat $1 & kill -9 %1 %2; wait %1; echo $?; wait %2; echo $?";
    let run = greenproc(["shell", "-c", script, "name", fifo.to_str().expect("UTF-8")]);
    assert_eq!(run.stdout, "137\n137\n", "{}", run.stderr);
}

#[test]
fn jobs_are_listed_waited_for_and_forgotten() {
    check(&[
        (
            "sleep 100 & sleep 200 | cat & jobs",
            "[1]-  Running                 sleep 100 &\n[2]+  Running                 sleep 200 | cat &\n",
            0,
        ),
        ("sleep 100 & jobs | cat", "[1]+  Running                 sleep 100 &\n", 0),
        ("sleep 100 & kill -9 %1; wait %1; jobs", "", 0),
        ("false & wait $!; echo $?", "1\n", 0),
        ("! false & wait $!; echo $?", "0\n", 0),
        ("exit 7 & wait %1; echo $?", "7\n", 0),
        ("true && false || exit 9 & wait %1; echo $?", "9\n", 0),
        ("true & false & wait; echo $?; jobs", "0\n", 0),
        ("wait %1; echo $?; wait 99999; echo $?", "127\n127\n", 0),
        ("sleep 0 & fg; echo $?; fg; echo $?", "sleep 0\n0\n1\n", 0),
        ("false & fg %false; echo $?", "false\n1\n", 0),
        ("cat & wait; echo $?", "0\n", 0),
        ("echo a & wait; echo b", "a\nb\n", 0),
        ("sleep 100 & sleep 200 & wait %sleep; echo $?", "127\n", 0),
    ]);
}

#[test]
fn ps_and_pstree_show_the_processes_of_the_runtime() {
    let run = shell("sleep 100 & ps; pstree");
    let (table, tree) = run.stdout.split_once("1 init").expect("a tree");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["PID", "PPID", "PGID", "STAT", "TIME", "NAME"]);
    let row = |name: &str| rows.iter().find(|row| row[5] == name).unwrap_or_else(|| panic!("{table}"));
    assert_eq!(row("init")[..3], ["1", "1", "1"]);
    let shell = row("shell")[0];
    for program in ["sleep", "ps"] {
        assert_eq!(row(program)[1], shell, "{table}");
        assert_eq!(row(program)[0], row(program)[2], "each leads a group: {table}");
    }
    assert!(tree.contains("\n    "), "{tree}");
}

#[test]
fn unknown_commands_and_wrong_arguments_are_told() {
    let cases = [
        ("nonsense", 127, "greenproc shell: nonsense: command not found (try 'help')\n"),
        ("sleep", 2, "sleep: how long? (usage: sleep SECONDS)\n"),
        ("sleep soon", 2, "sleep: soon: not a number of seconds (usage: sleep SECONDS)\n"),
        ("sleep -1", 2, "sleep: -1: not a number of seconds (usage: sleep SECONDS)\n"),
        ("head -n x", 2, "head: x: not a number of lines (usage: head [-n LINES] [FILE...])\n"),
        ("wc -x", 2, "wc: -x: no such option (usage: wc [-clw] [FILE...])\n"),
        ("ps -ef", 2, "ps: -ef: there are no arguments (usage: ps)\n"),
        ("seq", 2, "seq: from where to where? (usage: seq [FIRST] LAST)\n"),
        ("cat /nonexistent", 1, "cat: /nonexistent: No such file or directory\n"),
        ("cat /", 1, "cat: Is a directory\n"),
        ("exit x", 2, "greenproc shell: exit: x: not a number (usage: exit [STATUS])\n"),
        ("unset 1", 2, "greenproc shell: unset: 1: not a name (usage: unset NAME...)\n"),
        ("fg", 1, "greenproc shell: fg: %%: no such job\n"),
        ("echo x >/nonexistent/x", 1, "echo: /nonexistent/x: No such file or directory\n"),
    ];
    for (script, status, stderr) in cases {
        let run = shell(script);
        assert_eq!((run.code, run.stderr.as_str()), (Some(status), stderr), "{script}");
        assert_eq!(run.stdout, "", "{script}");
    }
}

#[test]
fn syntax_errors_name_the_line_and_end_the_script() {
    let cases = [
        ("echo a\necho b\necho c | | d\necho e", "a\nb\n", "line 3: syntax error: unexpected '|'"),
        ("&& a", "", "line 1: syntax error: unexpected '&&'"),
        ("echo a\necho 'b\n\n", "a\n", "line 2: syntax error: a quote ' has no end"),
        ("echo a |", "", "line 1: syntax error: unexpected end of the input"),
        ("echo $(date)", "", "line 1: syntax error: command substitution is not part of this shell"),
        ("if true", "", "line 1: syntax error: 'if': this shell has no compound commands"),
        ("cat <<END", "", "line 1: syntax error: '<<' is not part of this shell"),
    ];
    for (script, stdout, message) in cases {
        for run in [shell(script), shell_reading(script)] {
            assert_eq!(run.code, Some(2), "{script}: {}", run.stderr);
            assert_eq!(run.stdout, stdout, "{script}");
            assert_eq!(run.stderr, format!("greenproc shell: {message}\n"), "{script}");
        }
    }
}

#[test]
fn a_script_may_be_a_file_with_arguments() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("script");
    std::fs::write(&file, "#!/usr/bin/env -S greenproc shell\necho $# \"$@\"\necho \"$2\"\nexit 5\n")
        .expect("written");
    let file = file.to_str().expect("UTF-8");
    let run = greenproc(["shell", file, "-x", "b  c"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(5), "2 -x b  c\nb  c\n"), "{}", run.stderr);
    let run = greenproc(["shell", "-c", "echo $0 $1", "name", "-n"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "name -n\n"), "{}", run.stderr);
    let run = greenproc(["shell", "-c", "echo $0"]);
    assert_eq!(run.stdout, "greenproc shell\n");
}

#[test]
fn a_script_may_come_from_the_input() {
    let cases = [
        ("echo a; echo b\nfalse\n", "a\nb\n", 1),
        ("X=1\necho \\\n$X 'c\nd'", "1 c\nd\n", 0),
        ("cat\nthis is read\nby cat\n", "this is read\nby cat\n", 0),
        ("cat >/dev/null & echo here\necho there\n", "here\nthere\n", 0),
        ("exit 6\necho never\n", "", 6),
        ("", "", 0),
        ("echo end\\", "end\\\n", 0),
        ("echo end \\\n", "end\n", 0),
    ];
    for (script, stdout, status) in cases {
        let run = shell_reading(script);
        assert_eq!(run.stdout, stdout, "{script}: {}", run.stderr);
        assert_eq!(run.code, Some(status), "{script}: {}", run.stderr);
    }
}

#[test]
fn jobs_that_are_left_end_with_the_shell() {
    check(&[("spin & hang & sleep 1000 & cat /dev/zero >/dev/null & true && spin & echo done", "done\n", 0)]);
}

#[test]
fn a_reader_that_goes_away_ends_the_shell_quietly() {
    let pipeline =
        format!("timeout 300 {} shell -c 'yes; echo $? >&2' | head -n 1", env!("CARGO_BIN_EXE_greenproc"));
    let output = Command::new("sh").args(["-c", &pipeline]).output().expect("sh runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "y\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "141\n");
}
