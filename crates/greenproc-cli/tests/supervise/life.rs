//! Lines, restarts, giving up, and the end of the tree by itself.

use rustix::process::Signal;

use crate::greenproc::greenproc;
use crate::tree::{Tree, child};

#[test]
fn a_tree_ends_with_its_significant_child() {
    let file = "[supervisor]\nname = \"t\"\nauto-shutdown = \"any-significant\"\n".to_owned()
        + &child("helper", "exec sleep 1000", "")
        + &child(
            "job",
            "echo working; echo badly >&2",
            "restart = \"transient\"\nsignificant = true\nafter = [\"helper\"]",
        );
    let end = Tree::start(&file).ends();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""));
    let lines: Vec<_> = end.said.iter().filter(|event| event["event"] == "line").collect();
    assert_eq!(lines.len(), 2);
    for (stream, text) in [("stdout", "working"), ("stderr", "badly")] {
        assert!(
            lines
                .iter()
                .any(|line| line["stream"] == stream && line["text"] == text && line["path"] == "t/job")
        );
    }
    assert_eq!(end.who("exited"), ["t/job", "t/helper"]);
}

#[test]
fn in_words_the_lines_are_on_stdout_and_the_events_on_stderr() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("t.toml");
    let file = "[supervisor]\nauto-shutdown = \"any-significant\"\n".to_owned()
        + &child("job", "echo 'one\ttwo'; exit 0", "restart = \"temporary\"\nsignificant = true");
    std::fs::write(&path, file).expect("room");
    let run = greenproc(["supervise".as_ref(), path.as_os_str()]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "job: one\ttwo\n"));
    for text in [
        "greenproc: job: runs as host process ",
        "greenproc: job: ended: exit status: 0",
        "greenproc: t: is up",
    ] {
        assert!(run.stderr.contains(text), "{}", run.stderr);
    }
    assert!(run.stderr.lines().all(|line| line.starts_with("greenproc: ")), "{}", run.stderr);
}

#[test]
fn what_fails_is_restarted_until_it_fails_too_often() {
    let file = "[supervisor]\nname = \"t\"\nintensity = 2\nperiod = \"1h\"\nbackoff = { first = \"1ms\", max = \"2ms\" }\n"
        .to_owned()
        + &child("steady", "exec sleep 1000", "")
        + &child("bad", "exit 3", "");
    let end = Tree::start(&file).ends();
    assert_eq!(end.code, Some(1));
    assert_eq!(end.who("started").iter().filter(|path| **path == "t/bad").count(), 3);
    assert_eq!(end.who("gave-up"), ["t"]);
    assert_eq!(end.who("exited").last(), Some(&"t/steady"), "it does not outlive its supervisor");
    assert!(end.said.iter().any(|event| event["event"] == "host-ended" && event["code"] == 3));
}

#[test]
fn what_cannot_be_started_is_said() {
    let file = "[supervisor]\nname = \"t\"\n[[child]]\nname = \"a\"\ncommand = [\"/nonexistent/program\"]\n";
    let end = Tree::start(file).ends();
    assert_eq!(end.code, Some(1));
    let said =
        |text: &str| end.said.iter().any(|event| event["text"].as_str().is_some_and(|is| is.contains(text)));
    assert!(said("cannot start /nonexistent/program: No such file or directory"), "{:#?}", end.said);
}

#[test]
fn a_program_finds_what_the_file_gives_it_and_nothing_of_the_service_managers() {
    let keys = "env = { MINE = \"yes\" }\ndirectory = \"/\"\nrestart = \"temporary\"\nsignificant = true";
    let file = "[supervisor]\nname = \"t\"\nauto-shutdown = \"any-significant\"\n".to_owned()
        + &child("a", "echo $MINE $PWD ${NOTIFY_SOCKET-none} ${WATCHDOG_USEC-none}", keys);
    let mut tree = Tree::start_with(&file, |command, _| {
        command.env("NOTIFY_SOCKET", "/nonexistent/socket").env("WATCHDOG_USEC", "1000000000");
    });
    assert_eq!(tree.line("t/a"), "yes / none none");
    assert_eq!(tree.ends().code, Some(0));
}

#[test]
fn a_flood_of_lines_is_cut_and_counted() {
    let keys = "log = { lines-per-second = 1, burst = 5 }\nrestart = \"temporary\"\nsignificant = true";
    let file = "[supervisor]\nname = \"t\"\nauto-shutdown = \"any-significant\"\n".to_owned()
        + &child("a", "seq 10000", keys);
    let end = Tree::start(&file).ends();
    let told = end.who("line").len() as u64;
    let suppressed = end.said.iter().filter(|event| event["event"] == "suppressed");
    let suppressed: u64 = suppressed.map(|event| event["lines"].as_u64().expect("a number")).sum();
    assert_eq!((told, suppressed), (5, 9_995));
}

#[test]
fn built_in_programs_are_children_like_others() {
    let file = "[supervisor]\nname = \"t\"\n\
        [[child]]\nname = \"spins\"\nprogram = [\"spin\"]\n\
        [[child]]\nname = \"counts\"\nprogram = [\"seq\", \"3\"]\nrestart = \"temporary\"\n\
        [[child]]\nname = \"fails\"\nprogram = [\"cat\", \"/nonexistent\"]\nrestart = \"temporary\"\n";
    let mut tree = Tree::start(file);
    for number in ["1", "2", "3"] {
        assert_eq!(tree.line("t/counts"), number);
    }
    while tree.said.iter().all(|event| event["path"] != "t/fails" || event["stream"] != "stderr") {
        tree.line("t/fails");
    }
    tree.signal(Signal::TERM);
    let end = tree.ends();
    assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""), "{:#?}", end.said);
    let spins = end.said.iter().find(|event| event["event"] == "exited" && event["path"] == "t/spins");
    assert_eq!(spins.expect("it is stopped")["signal"], "SIGTERM");
}

#[test]
fn sighup_changes_nothing() {
    let file = "[supervisor]\nname = \"t\"\n".to_owned() + &child("a", "exec sleep 1000", "");
    let mut tree = Tree::start(&file);
    tree.until("t", "up");
    tree.signal(Signal::HUP);
    tree.signal(Signal::TERM);
    let end = tree.ends();
    assert_eq!(end.code, Some(0));
    assert_eq!(end.who("started"), ["t/a"]);
}
