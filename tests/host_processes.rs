//! Host processes as nodes of the tree: `greenproc_supervisor::host`.
//!
//! What is shown: exit codes and signals become those of the process; each signal reaches the group, SIGSTOP and SIGCONT of a
//! process that stands still included; nothing of the group outlives the process, however that ends; lines, their limit,
//! usage, the table, probes, and each error.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use greenproc::{Child, Command, ExitStatus, Process, Signal, State};
use greenproc_supervisor::host::{HostCommand, HostError, HostEvent, HostStream, HostTable, LineLimit};
use greenproc_tests::{AN_HOUR, Fixture, soon};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid as HostPid, PidfdFlags, pidfd_open};

/// What a test remembers of an event.
#[derive(Debug, PartialEq)]
enum Seen {
    Started(i32),
    Line(HostStream, String),
    Suppressed(u64),
    Ended(ExitStatus),
}

fn remember(event: HostEvent<'_>) -> Option<Seen> {
    Some(match event {
        HostEvent::Started { host_pid } => Seen::Started(host_pid),
        HostEvent::Line { stream, text } => Seen::Line(stream, text.to_owned()),
        HostEvent::Suppressed { lines, .. } => Seen::Suppressed(lines),
        HostEvent::Ended { status, .. } => Seen::Ended(status),
        _ => return None,
    })
}

fn shell(script: &str) -> HostCommand {
    HostCommand::new("sh").args(["-c", script])
}

/// A process that runs a command, and what that does.
struct Node {
    child: Child,
    seen: Receiver<Seen>,
    host_pid: i32,
}

impl Node {
    fn start(fixture: &Fixture, command: HostCommand) -> Node {
        let (tell, seen) = unbounded();
        let child = fixture.child("node", move |p: &Process| {
            command.run_seeing(p, |event| drop(remember(event).map(|seen| tell.send(seen))))
        });
        let Seen::Started(host_pid) = soon(&seen) else { panic!("it starts first") };
        Node { child, seen, host_pid }
    }

    fn line(&self) -> String {
        match soon(&self.seen) {
            Seen::Line(_, text) => text,
            other => panic!("{other:?} instead of a line"),
        }
    }

    fn ends(self) -> ExitStatus {
        self.child.wait().expect("its handle owns it").status
    }
}

/// Waits for the end of a host process that is no child of this one's.
fn is_gone(pidfd: &rustix::fd::OwnedFd) {
    poll(&mut [PollFd::new(pidfd, PollFlags::IN)], None).expect("a pidfd");
}

fn open(pid: &str) -> rustix::fd::OwnedFd {
    let pid = HostPid::from_raw(pid.parse().expect("a pid")).expect("not 0");
    pidfd_open(pid, PidfdFlags::empty()).expect("it lives")
}

/// Waits until a host process, a child of this one, has stopped or gone on; leaves the news where it is.
fn has(host_pid: i32, what: WaitPidFlag) -> WaitStatus {
    waitid(Id::Pid(nix::unistd::Pid::from_raw(host_pid)), what | WaitPidFlag::WNOWAIT).expect("my child")
}

/// Sleeps until a signal comes, whatever its input is.
const FOREVER: &str = "while :; do sleep 1000 & wait; done";

#[test]
fn its_end_is_the_end_of_the_process() {
    let fixture = Fixture::boot();
    for (script, status) in [
        ("exit 0", ExitStatus::exited(0)),
        ("exit 37", ExitStatus::exited(37)),
        ("kill -KILL $$", ExitStatus::killed(Signal::KILL)),
        ("kill -USR2 $$", ExitStatus::killed(Signal::USR2)),
    ] {
        let node = Node::start(&fixture, shell(script));
        assert_eq!(soon(&node.seen), Seen::Ended(status), "{script}");
        assert_eq!(node.ends(), status, "{script}");
    }
}

#[test]
fn each_signal_reaches_it_each_time() {
    let fixture = Fixture::boot();
    let signals =
        [Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::TERM, Signal::TERM];
    let traps = "for s in HUP INT QUIT USR1 USR2 TERM; do trap \"echo got $s\" $s; done; echo ready;";
    let node = Node::start(&fixture, shell(&format!("{traps} {FOREVER}")));
    assert_eq!(node.line(), "ready");
    for signal in signals {
        node.child.signal(signal).expect("it lives");
        assert_eq!(node.line(), format!("got {}", &signal.name().expect("a name")[3..]));
    }
    node.child.kill().expect("it lives");
    assert_eq!(node.ends().signal(), Some(Signal::KILL));
}

#[test]
fn a_request_to_end_is_passed_on_as_it_wants_to_hear_it() {
    let fixture = Fixture::boot();
    let script = format!("trap 'exit 5' INT; trap 'exit 6' TERM; echo ready; {FOREVER}");
    for (stop_signal, code) in [(Signal::TERM, 6), (Signal::INT, 5)] {
        let node = Node::start(&fixture, shell(&script).stop_signal(stop_signal));
        assert_eq!(node.line(), "ready");
        node.child.signal(Signal::TERM).expect("it lives");
        assert_eq!(node.ends().code(), Some(code));
    }
}

#[test]
fn it_stands_still_while_the_process_does() {
    let fixture = Fixture::boot();
    let node = Node::start(&fixture, shell(&format!("echo ready; {FOREVER}")));
    assert_eq!(node.line(), "ready");
    for _ in 0..3 {
        node.child.signal(Signal::STOP).expect("it lives");
        assert!(matches!(has(node.host_pid, WaitPidFlag::WSTOPPED), WaitStatus::Stopped(..)));
        node.child.signal(Signal::CONT).expect("it lives");
        assert!(matches!(has(node.host_pid, WaitPidFlag::WCONTINUED), WaitStatus::Continued(_)));
    }
    node.child.signal(Signal::STOP).expect("it lives");
    has(node.host_pid, WaitPidFlag::WSTOPPED);
    let state = || fixture.inspect(node.child.id()).expect("its handle owns it").process.state;
    while state() != State::Stopped {
        std::thread::yield_now();
    }
    node.child.kill().expect("it lives");
    let host_pid = node.host_pid;
    assert_eq!(node.ends().signal(), Some(Signal::KILL));
    assert!(!Path::new(&format!("/proc/{host_pid}")).exists(), "it was taken");
}

#[test]
fn nothing_of_the_group_outlives_it() {
    let fixture = Fixture::boot();
    let script = "sleep 1000 & echo $!; trap '' TERM HUP; sh -c 'trap \"\" TERM; echo $$; sleep 1000' &";
    for (tail, kill) in [("wait", true), ("read -r go <\"$0\"; exit 3", false)] {
        let fifo = fifo_here();
        let command = shell(&format!("{script} {tail}")).arg(fifo.path());
        let node = Node::start(&fixture, command);
        let others = [open(&node.line()), open(&node.line())];
        if kill {
            node.child.kill().expect("it lives");
        } else {
            fs::write(fifo.path(), "go\n").expect("somebody reads");
        }
        let status = node.ends();
        assert_eq!(status, if kill { ExitStatus::killed(Signal::KILL) } else { ExitStatus::exited(3) });
        others.iter().for_each(is_gone);
    }
}

#[test]
fn a_process_that_is_killed_has_killed_and_taken_it() {
    let fixture = Fixture::boot();
    for _ in 0..20 {
        let node = Node::start(&fixture, HostCommand::new("sleep").arg("1000"));
        let host_pid = node.host_pid;
        node.child.kill().expect("it lives");
        assert_eq!(node.ends().signal(), Some(Signal::KILL));
        assert!(!Path::new(&format!("/proc/{host_pid}")).exists(), "it was taken");
    }
}

#[test]
fn it_leads_a_session_and_blocks_nothing() {
    let fixture = Fixture::boot();
    let script = "read -r pid name state parent group session rest <\"/proc/$$/stat\"; \
                  test \"$group $session\" = \"$$ $$\" && grep -q '^SigBlk:[[:space:]]*0*$' /proc/self/status";
    assert!(Node::start(&fixture, shell(script)).ends().success());
}

#[test]
fn its_lines_come_in_order_and_whole() {
    let fixture = Fixture::boot();
    let node = Node::start(
        &fixture,
        shell("printf 'one\\n\\ntw'; printf 'o\\nthree'; echo bad >&2; printf '\\377'"),
    );
    let mut lines: Vec<Seen> = Vec::new();
    loop {
        match soon(&node.seen) {
            Seen::Ended(status) => break assert!(status.success()),
            seen => lines.push(seen),
        }
    }
    let of = |wanted: HostStream| {
        let told = |seen: &Seen| match seen {
            Seen::Line(stream, text) if *stream == wanted => Some(text.clone()),
            _ => None,
        };
        lines.iter().filter_map(told).collect::<Vec<_>>()
    };
    assert_eq!(of(HostStream::Stdout), ["one", "", "two", "three\u{fffd}"]);
    assert_eq!(of(HostStream::Stderr), ["bad"]);
    node.ends();
}

#[test]
fn a_flood_of_lines_is_counted() {
    let fixture = Fixture::boot();
    let limit = LineLimit { per_second: 1, burst: 10 };
    let node = Node::start(&fixture, HostCommand::new("seq").arg("100000").line_limit(limit));
    let (mut told, mut suppressed) = (0, 0);
    loop {
        match soon(&node.seen) {
            Seen::Line(_, text) => {
                told += 1;
                assert_eq!(text, told.to_string());
            }
            Seen::Suppressed(lines) => suppressed += lines,
            Seen::Ended(_) => break,
            Seen::Started(_) => panic!("twice"),
        }
    }
    assert_eq!((told, suppressed), (10, 99_990));
    node.ends();
}

#[test]
fn it_has_the_environment_and_the_directory_it_is_given() {
    let fixture = Fixture::boot();
    let command = shell("pwd; echo $MINE; env | grep -c .")
        .env_clear()
        .env("MINE", "yes")
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/")
        .env_remove("HOME")
        .directory("/");
    let node = Node::start(&fixture, command);
    assert_eq!((node.line(), node.line()), ("/".to_owned(), "yes".to_owned()));
    // PWD, which the shell itself makes, and perhaps some more of its own.
    assert!(node.line().parse::<u32>().expect("a number") < 7);
    assert!(node.ends().success());
}

#[test]
fn what_it_used_is_reported() {
    let fixture = Fixture::boot();
    let (tell, told) = unbounded();
    let burner = shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");
    let child = fixture.child("burner", move |p: &Process| {
        burner.run_seeing(p, |event| {
            if let HostEvent::Ended { usage, .. } = event {
                tell.send(usage).expect("the test listens");
            }
        })
    });
    let usage = soon(&told);
    assert!(usage.user + usage.system > Duration::from_millis(5), "{usage:?}");
    assert!(usage.max_resident_kib > 100, "{usage:?}");
    assert!(child.wait().expect("mine").status.success());
}

#[test]
fn the_table_says_which_is_whose() {
    let fixture = Fixture::boot();
    let table = HostTable::new();
    let command = HostCommand::new("sleep").arg("1000").table(&table);
    let nodes = [Node::start(&fixture, command.clone()), Node::start(&fixture, command)];
    for node in &nodes {
        let entry = table.get(node.child.id()).expect("it runs");
        assert_eq!((entry.name.as_str(), entry.host_pid), ("node", node.host_pid));
    }
    assert_eq!(table.entries().len(), 2);
    for node in nodes {
        node.child.kill().expect("it lives");
        node.ends();
    }
    assert!(table.entries().is_empty());
}

#[test]
fn a_probe_has_a_time_limit() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(shell("exit 4").check(p, AN_HOUR).expect("it starts"), Some(ExitStatus::exited(4)));
        let slow = HostCommand::new("sleep").arg("1000");
        assert_eq!(slow.check(p, Duration::from_millis(10)).expect("it starts"), None);
    });
}

#[test]
fn a_probe_goes_with_its_process() {
    let fixture = Fixture::boot();
    let (tell, told) = unbounded();
    let node = fixture.child("node", move |p: &Process| {
        let probe = shell("echo $$ >\"$0\"; sleep 1000");
        let fifo = fifo_here();
        let path = fifo.path().to_owned();
        let lwp = p.spawn_lwp(move |p| drop(probe.arg(path).check(p, AN_HOUR)))?;
        let pid = p.blocking(|| fs::read_to_string(fifo.path()))?;
        tell.send(open(pid.trim())).expect("the test listens");
        lwp.join(p)?;
        Ok::<(), Box<dyn std::error::Error>>(())
    });
    let probe = soon(&told);
    node.kill().expect("it lives");
    assert_eq!(node.wait().expect("mine").status.signal(), Some(Signal::KILL));
    is_gone(&probe);
}

#[test]
fn what_cannot_be_started_is_said() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let missing =
            HostCommand::new("/nonexistent/program").check(p, AN_HOUR).expect_err("it is not there");
        assert!(matches!(missing, HostError::Start { .. }));
        assert_eq!(
            missing.to_string(),
            "cannot start /nonexistent/program: No such file or directory (os error 2)"
        );
        HostCommand::new("true")
            .directory("/nonexistent")
            .check(p, AN_HOUR)
            .expect_err("nor is the directory");
    });
    let failed =
        fixture.spawn(Command::new("node", |p| HostCommand::new("/nonexistent").run(p))).expect("room");
    assert_eq!(failed.wait().expect("mine").status.code(), Some(1));
}

#[test]
fn an_end_that_somebody_else_took_is_said() {
    let fixture = Fixture::boot();
    let node = Node::start(&fixture, shell(&format!("echo ready; {FOREVER}")));
    assert_eq!(node.line(), "ready");
    // It stands still, so it cannot be the first to take the end.
    node.child.signal(Signal::STOP).expect("it lives");
    while fixture.inspect(node.child.id()).expect("its handle owns it").process.state != State::Stopped {
        std::thread::yield_now();
    }
    let host = nix::unistd::Pid::from_raw(node.host_pid);
    nix::sys::signal::kill(host, nix::sys::signal::Signal::SIGKILL).expect("it lives");
    nix::sys::wait::waitpid(host, None).expect("it is a child of this OS process");
    node.child.signal(Signal::CONT).expect("it lives");
    let waited = node.child.wait().expect("mine");
    assert_eq!(waited.status.code(), Some(1));
    assert!(
        greenproc_tests::describe(&waited).contains("cannot wait for sh"),
        "{}",
        greenproc_tests::describe(&waited)
    );
}

struct Fifo(std::path::PathBuf);

impl Fifo {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn fifo_here() -> Fifo {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("greenproc-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a new name");
    Fifo(path)
}
