//! Who starts after whom, and when somebody is ready.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use rustix::process::Signal;

use crate::tree::{Tree, child};

/// A tree whose second child, first in the file, comes after the first. Whether the second starts when the first is ready, and
/// not before, shows `make_ready`.
fn second_waits_for_first(script: &str, ready: &str, make_ready: impl FnOnce(&Tree)) {
    let file = "[supervisor]\nname = \"t\"\n".to_owned()
        + &child("second", "exec sleep 1000", "after = [\"first\"]")
        + &child("first", script, &format!("ready = {{ {ready} }}"));
    let mut tree = Tree::start(&file);
    tree.until("t/first", "running");
    make_ready(&tree);
    tree.until("t/second", "started");
    let at = |path: &str, kind: &str| {
        let found = tree.said.iter().position(|event| event["path"] == path && event["event"] == kind);
        found.unwrap_or_else(|| panic!("{path}: {kind}"))
    };
    assert!(at("t/first", "ready") < at("t/second", "started"), "{:#?}", tree.said);
    tree.until("t", "up");
    tree.signal(Signal::TERM);
    let end = tree.ends();
    assert_eq!(end.code, Some(0));
    assert_eq!(end.who("exited"), ["t/second", "t/first"]);
}

#[test]
fn a_line_shows_that_a_child_is_ready() {
    let script =
        "echo starting; while ! test -e go; do sleep 0.01; done; echo 'now listening on 80'; exec sleep 1000";
    second_waits_for_first(script, "line = \"listening on [0-9]+\"", |tree| {
        fs::write(tree.path("go"), "").expect("room");
    });
}

#[test]
fn a_command_that_succeeds_shows_it() {
    second_waits_for_first("exec sleep 1000", "exit-of = [\"test\", \"-e\", \"DIR/go\"]", |tree| {
        fs::write(tree.path("go"), "").expect("room");
    });
}

#[test]
fn an_open_port_shows_it() {
    let address = free_address();
    let mut open = None;
    second_waits_for_first("exec sleep 1000", &format!("tcp = \"{address}\""), |_| {
        open = Some(TcpListener::bind(&address).expect("it was free"));
    });
}

#[test]
fn a_page_that_is_there_shows_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let ready = format!("http = \"http://{address}/ready?full\"");
    second_waits_for_first("exec sleep 1000", &ready, |_| {
        for status in ["503 Service Unavailable", "404 Not Found", "204 No Content"] {
            let (mut stream, _) = listener.accept().expect("the probe");
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("a request");
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).expect("UTF-8");
            assert!(request.starts_with("GET /ready?full HTTP/1.1\r\n"), "{request}");
            assert!(request.contains(&format!("Host: {address}\r\n")), "{request}");
            stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).expect("it listens");
        }
    });
}

#[test]
fn what_is_not_ready_in_time_has_failed_to_start() {
    let file = "[supervisor]\nname = \"t\"\n".to_owned()
        + &child(
            "a",
            "exec sleep 1000",
            &format!("ready = {{ tcp = \"{}\", within = \"50ms\" }}", free_address()),
        )
        + &child("b", "exec sleep 1000", "");
    let end = Tree::start(&file).ends();
    assert_eq!(end.code, Some(1));
    assert_eq!(end.who("start-failed"), ["t/a"]);
    assert!(!end.who("started").contains(&"t/b"), "it comes after one that is not ready");
}

#[test]
fn rest_for_one_restarts_who_came_later() {
    let script = "echo up; while ! test -e fail; do sleep 0.01; done; rm fail; exit 1";
    let file = "[supervisor]\nname = \"t\"\nstrategy = \"rest-for-one\"\nbackoff = \"none\"\n".to_owned()
        + &child("first", "exec sleep 1000", "")
        + &child("second", script, "")
        + &child("third", "exec sleep 1000", "");
    let mut tree = Tree::start(&file);
    tree.until("t/third", "ready");
    fs::write(tree.path("fail"), "").expect("room");
    tree.until("t/third", "exited");
    tree.until("t/third", "ready");
    tree.signal(Signal::TERM);
    let end = tree.ends();
    assert_eq!(end.code, Some(0));
    assert_eq!(end.who("started"), ["t/first", "t/second", "t/third", "t/second", "t/third"]);
}

/// An address that nobody listens at.
fn free_address() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").to_string()
}
