//! The end that somebody asks for.

use rustix::process::Signal;

use crate::tree::{Tree, Watched, child};

const FOREVER: &str = "while :; do sleep 1000 & wait; done";

#[test]
fn the_last_child_is_stopped_first() {
    for signal in [Signal::TERM, Signal::INT] {
        let polite = format!("trap 'echo bye; exit 0' TERM; echo hello; {FOREVER}");
        let ready = "ready = { line = \"hello\" }";
        let file = "[supervisor]\nname = \"t\"\n".to_owned()
            + &child("a", &polite, ready)
            + "[[child]]\nname = \"s\"\n"
            + &child("b", &polite, ready).replace("[[child]]", "[[child.child]]")
            + &child("c", &polite, ready).replace("[[child]]", "[[child.child]]");
        let mut tree = Tree::start(&file);
        tree.until("t", "up");
        tree.signal(signal);
        let end = tree.ends();
        assert_eq!((end.code, end.stderr.as_str()), (Some(0), ""));
        assert_eq!(end.who("exited"), ["t/s/c", "t/s/b", "t/s", "t/a"]);
        let byes = end.said.iter().filter(|event| event["text"] == "bye").count();
        assert_eq!(byes, 3, "each had its time");
    }
}

#[test]
fn who_does_not_stop_is_killed_and_named() {
    let file = "[supervisor]\nname = \"t\"\n".to_owned()
        + &child("polite", "exec sleep 1000", "shutdown = \"1h\"")
        + &child(
            "stubborn",
            &format!("trap '' TERM; echo hello; {FOREVER}"),
            "shutdown = \"50ms\"\nready = { line = \"hello\" }",
        );
    let mut tree = Tree::start(&file);
    tree.until("t", "up");
    tree.signal(Signal::TERM);
    let end = tree.ends();
    assert_eq!(end.code, Some(1));
    assert_eq!(end.stderr, "greenproc: did not stop in time: t/stubborn\n");
    assert_eq!(end.who("exited"), ["t/stubborn", "t/polite"]);
}

#[test]
fn a_second_signal_kills_all() {
    let stubborn = format!("trap '' TERM; echo hello; {FOREVER}");
    let keys = "shutdown = \"1h\"\nready = { line = \"hello\" }";
    let file = "[supervisor]\nname = \"t\"\n".to_owned()
        + &child("a", &stubborn, keys)
        + &child("b", &stubborn, keys);
    let mut tree = Tree::start(&file);
    tree.until("t", "up");
    let hosts = running(&tree);
    tree.signal(Signal::TERM);
    tree.until("t/b", "stopping");
    tree.signal(Signal::TERM);
    let end = tree.ends();
    assert_eq!(end.code, Some(1));
    assert!(end.stderr.contains("greenproc: killed before all had stopped\n"), "{}", end.stderr);
    hosts.iter().for_each(Watched::is_gone);
}

#[test]
fn a_tree_can_be_stopped_while_it_starts() {
    let file = "[supervisor]\nname = \"t\"\n".to_owned()
        + &child("a", "exec sleep 1000", "")
        + &child("never", "exec sleep 1000", "ready = { line = \"never\", within = \"1h\" }");
    let mut tree = Tree::start(&file);
    tree.until("t/never", "running");
    let hosts = running(&tree);
    tree.signal(Signal::TERM);
    let end = tree.ends();
    assert_eq!(end.code, Some(0), "{}", end.stderr);
    hosts.iter().for_each(Watched::is_gone);
}

#[test]
fn grandchildren_outlive_nobody() {
    // It starts one in the background and ends; its group is killed before it counts as ended.
    let leaves = "sleep 1000 & echo $!; while ! test -e go; do sleep 0.01; done; exit 0";
    let stays = "trap '' TERM; sleep 1000 & echo $!; wait";
    let file = "[supervisor]\nname = \"t\"\n".to_owned()
        + &child("leaves", leaves, "restart = \"temporary\"")
        + &child("stays", stays, "shutdown = \"kill\"");
    let mut tree = Tree::start(&file);
    let left = Watched::of(tree.line("t/leaves").parse().expect("a pid"));
    let stayed = Watched::of(tree.line("t/stays").parse().expect("a pid"));
    std::fs::write(tree.path("go"), "").expect("room");
    tree.until("t/leaves", "exited");
    left.is_gone();
    tree.signal(Signal::TERM);
    assert_eq!(tree.ends().code, Some(0));
    stayed.is_gone();
}

#[test]
fn a_stop_signal_of_the_programs_own_is_sent() {
    let script = format!("trap 'echo interrupted; exit 0' INT; echo hello; {FOREVER}");
    let file = "[supervisor]\nname = \"t\"\n".to_owned()
        + &child("a", &script, "stop-signal = \"INT\"\nready = { line = \"hello\" }");
    let mut tree = Tree::start(&file);
    tree.until("t", "up");
    tree.signal(Signal::TERM);
    let end = tree.ends();
    assert_eq!(end.code, Some(0));
    assert!(end.said.iter().any(|event| event["text"] == "interrupted"));
}

#[test]
fn programs_do_not_outlive_a_killed_command() {
    let file = "[supervisor]\nname = \"t\"\n".to_owned() + &child("a", "exec sleep 1000", "");
    let mut tree = Tree::start(&file);
    tree.until("t", "up");
    let hosts = running(&tree);
    assert_eq!(hosts.len(), 1);
    tree.signal(Signal::KILL);
    hosts.iter().for_each(Watched::is_gone);
    tree.ends();
}

/// The host processes that were started so far.
fn running(tree: &Tree) -> Vec<Watched> {
    let running = tree.said.iter().filter(|event| event["event"] == "running");
    running.map(|event| Watched::of(event["host_pid"].as_i64().expect("a pid") as i32)).collect()
}
