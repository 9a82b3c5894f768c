//! A child that is not well is restarted.

use std::fs;

use rustix::process::Signal;

use crate::tree::{Tree, child};

#[test]
fn a_child_that_is_not_well_is_stopped_and_restarted() {
    for (shutdown, how) in [("1h", "code"), ("kill", "signal")] {
        let health =
            "health = { command = [\"test\", \"!\", \"-e\", \"DIR/ill\"], every = \"10ms\", failures = 2 }";
        let script = "rm -f ill; trap 'exit 0' TERM; echo up; while :; do sleep 1000 & wait; done";
        let keys = format!(
            "{health}\nshutdown = \"{shutdown}\"\nrestart = \"transient\"\nready = {{ line = \"up\" }}"
        );
        let file = "[supervisor]\nname = \"t\"\nbackoff = \"none\"\n".to_owned() + &child("a", script, &keys);
        let mut tree = Tree::start(&file);
        tree.until("t/a", "ready");
        fs::write(tree.path("ill"), "").expect("room");
        let why = tree.until("t/a", "unhealthy")["why"].clone();
        assert_eq!(why, "not well: test: exit status: 1");
        let exited = tree.until("t/a", "exited");
        // It ended with success when it was asked to, and has failed all the same.
        assert!(!exited[how].is_null() && exited["code"] != 0, "{exited}");
        let ready = tree.until("t/a", "ready");
        assert_eq!(ready["incarnation"], 2);
        tree.signal(Signal::TERM);
        assert_eq!(tree.ends().code, Some(0));
    }
}

#[test]
fn a_probe_that_takes_too_long_is_a_failure() {
    let health =
        "health = { command = [\"sleep\", \"1000\"], every = \"1ms\", timeout = \"20ms\", failures = 1 }";
    let keys = format!("{health}\nrestart = \"temporary\"\nsignificant = true");
    let file = "[supervisor]\nname = \"t\"\nauto-shutdown = \"any-significant\"\n".to_owned()
        + &child("a", "exec sleep 1000", &keys);
    let mut tree = Tree::start(&file);
    assert_eq!(tree.until("t/a", "unhealthy")["why"], "not well: sleep: it took longer than 20ms");
    tree.ends();
}
