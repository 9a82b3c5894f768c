//! Whoever looks from outside: a service manager, an orchestrator, Prometheus.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::greenproc::greenproc;
use crate::tree::{Tree, child};

/// What is at a path: the status and the text.
fn get(address: &str, path: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.get(format!("http://{address}{path}")).call().expect("an answer");
    (response.status().as_u16(), response.body_mut().read_to_string().expect("a text"))
}

#[test]
fn probes_and_metrics_tell_how_the_tree_is() {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let address = address.expect("a free port").to_string();
    let waits = "while ! test -e go; do sleep 0.01; done; echo up; while ! test -e fail; do sleep 0.01; done; rm go fail; exit 7";
    let stays = "trap 'while ! test -e end; do sleep 0.01; done; exit 0' TERM; echo up; while :; do sleep 1000 & wait $!; done";
    let file = "[supervisor]\nname = \"t\"\nbackoff = \"none\"\n".to_owned()
        + &child("stays", stays, "ready = { line = \"up\" }\nshutdown = \"1h\"")
        + &child("waits", waits, "ready = { line = \"up\" }");
    let mut tree = Tree::start_with(&file, |command, _| {
        command.args(["--listen", &address]);
    });
    tree.until("t/waits", "running");
    assert_eq!(get(&address, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(&address, "/readyz"), (503, "not ready: t/waits\n".to_owned()));
    fs::write(tree.path("go"), "").expect("room");
    tree.until("t", "up");
    assert_eq!(get(&address, "/readyz?verbose"), (200, "ok\n".to_owned()));
    fs::write(tree.path("fail"), "").expect("room");
    tree.until("t/waits", "exited");
    tree.until("t/waits", "running");
    assert_eq!(get(&address, "/readyz").0, 503);
    let (status, metrics) = get(&address, "/metrics");
    assert_eq!(status, 200);
    for line in [
        "# TYPE greenproc_child_starts_total counter",
        "greenproc_child_starts_total{child=\"t/waits\"} 2",
        "greenproc_child_starts_total{child=\"t/stays\"} 1",
        "greenproc_child_restarts_total{child=\"t/waits\"} 1",
        "greenproc_child_exits_total{child=\"t/waits\",cause=\"exit\"} 1",
        "greenproc_child_up{child=\"t/waits\"} 0",
        "greenproc_child_up{child=\"t/stays\"} 1",
    ] {
        assert!(metrics.lines().any(|is| is == line), "{line}:\n{metrics}");
    }
    assert_eq!(get(&address, "/nonsense").0, 404);
    tree.signal(Signal::TERM);
    tree.until("t/stays", "stopping");
    assert_eq!(get(&address, "/readyz"), (503, "stopping\n".to_owned()));
    fs::write(tree.path("end"), "").expect("room");
    assert_eq!(tree.ends().code, Some(0));
    assert!(TcpStream::connect(&address).is_err(), "nobody answers any more");
}

#[test]
fn an_address_that_cannot_be_listened_at_is_said() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let directory = tempfile::TempDir::new().expect("a directory");
    let path = directory.path().join("t.toml");
    fs::write(&path, child("a", "exit 0", "")).expect("room");
    let run = greenproc(["supervise", "--listen", &address, path.to_str().expect("UTF-8")]);
    assert_eq!(run.code, Some(2));
    let wanted = format!("greenproc: {address}: Address already in use (try 'greenproc supervise --help')\n");
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", wanted.as_str()));
}

#[test]
fn a_service_manager_is_told() {
    let file = "[supervisor]\nname = \"t\"\n".to_owned()
        + &child(
            "a",
            "while ! test -e go; do sleep 0.01; done; echo up; exec sleep 1000",
            "ready = { line = \"up\" }",
        );
    let mut manager = None;
    let mut tree = Tree::start_with(&file, |command, directory| {
        let path = directory.join("notify");
        manager = Some(UnixDatagram::bind(&path).expect("a new path"));
        command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "40000");
    });
    let manager = manager.expect("made");
    let hear = || {
        let mut buffer = [0; 1024];
        let count = manager.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    let until = |wanted: &str| {
        let mut heard = Vec::new();
        while heard.last().is_none_or(|last: &String| !last.lines().any(|line| line == wanted)) {
            heard.push(hear());
        }
        heard
    };
    // Supervision goes on before the tree is ready.
    let before = until("WATCHDOG=1");
    assert!(!before.iter().any(|message| message.contains("READY=1")), "{before:?}");
    tree.until("t/a", "running");
    fs::write(tree.path("go"), "").expect("room");
    until("READY=1");
    until("WATCHDOG=1");
    until("WATCHDOG=1");
    tree.signal(Signal::TERM);
    until("STOPPING=1");
    assert_eq!(tree.ends().code, Some(0));
}

/// `supervise` as pid 1 of a container of its own, with one child that runs a script.
struct Container {
    unshare: std::process::Child,
    stdout: BufReader<std::process::ChildStdout>,
    said: String,
    _directory: tempfile::TempDir,
}

impl Container {
    fn runs(script: &str) -> Container {
        let directory = tempfile::TempDir::new().expect("a directory");
        let path = directory.path().join("t.toml");
        fs::write(&path, child("a", script, "")).expect("room");
        let mut unshare = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let mut unshare = unshare
            .args(["--pid", "--fork", "--mount-proc", "--kill-child", env!("CARGO_BIN_EXE_greenproc")])
            .args(["supervise", "--json"])
            .arg(&path)
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux' unshare runs");
        let stdout = BufReader::new(unshare.stdout.take().expect("piped"));
        Container { unshare, stdout, said: String::new(), _directory: directory }
    }

    /// Reads until all of this was said.
    fn until(&mut self, wanted: &[&str]) {
        while !wanted.iter().all(|text| self.said.contains(text)) {
            assert_ne!(self.stdout.read_line(&mut self.said).expect("UTF-8"), 0, "{}", self.said);
        }
    }

    /// SIGTERM to pid 1, and its exit status.
    fn ends(mut self) -> Option<i32> {
        // Its pid outside the container.
        let unshare = self.unshare.id();
        let children =
            fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).expect("it runs");
        let pid = Pid::from_raw(children.trim().parse().expect("a pid")).expect("not 0");
        kill_process(pid, Signal::TERM).expect("it runs");
        self.stdout.read_to_string(&mut self.said).expect("UTF-8");
        self.unshare.wait().expect("mine").code()
    }
}

#[test]
fn as_pid_1_it_hears_sigterm() {
    let mut container = Container::runs("echo $PPID; exec sleep 1000");
    container.until(&["\"event\":\"up\"", "\"text\":\"1\""]);
    assert_eq!(container.ends(), Some(0));
}

#[test]
fn as_pid_1_it_reaps_whom_nobody_waits_for() {
    // An orphan that is a zombie at once: its number is free only when pid 1 has taken it.
    let script = "(exit 0 & echo $! > orphan); read p < orphan; while [ -e /proc/$p ]; do sleep 0.1; done; echo reaped; exec sleep 1000";
    let mut container = Container::runs(script);
    container.until(&["\"text\":\"reaped\""]);
    assert_eq!(container.ends(), Some(0));
}
