//! The tour, as somebody sees it who reads it from a file.

#![cfg(unix)]

mod greenproc;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use greenproc::greenproc;

#[test]
fn the_tour_shows_all_scenes_and_finds_no_difference() {
    let run = greenproc(["tour", "--burst", "2000"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let scenes = [
        " 1. Spawn and wait",
        " 2. A zombie",
        " 3. An orphan",
        " 4. Waiting for a group",
        " 5. WNOHANG",
        " 6. Ignored children",
        " 7. Killed in read(2)",
        " 8. Killed in a loop",
        " 9. A panic",
        "10. A burst",
        "    Afterwards",
    ];
    let mut lines = run.stdout.lines();
    for scene in scenes {
        assert!(lines.any(|line| line == scene), "{scene} is missing, or not in its place:\n{}", run.stdout);
    }
    assert!(run.stdout.contains("<defunct, exit status: 3>"), "{}", run.stdout);
    assert!(run.stdout.contains("2,000 "), "{}", run.stdout);
    assert!(!run.stdout.contains('✗'), "{}", run.stdout);
    assert!(run.stdout.contains("✓ All 10 scenes went as expected, and nothing is left."), "{}", run.stdout);
}

#[test]
fn the_tour_is_plain_where_no_terminal_is_and_the_panic_stays_in_its_scene() {
    let run = greenproc(["tour", "--burst", "10"]);
    assert!(!run.stdout.contains('\x1b'));
    assert_eq!(run.stderr, "");
}

#[test]
fn who_stops_reading_ends_the_command_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_greenproc"))
        .args(["tour", "--burst", "10"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("greenproc "), "{first}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
