//! Signals of the host, and the orphans it gives: `docs/host-signals.md`. Each test has an OS process of its own.

mod child;

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command as HostCommand, Stdio};
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use greenproc::{
    Builder, Child, Command, Error, ExitStatus, HostAction, HostSignals, Pid, Process, ProcessGroup, Runtime,
    Signal, Target,
};
use greenproc_sync::time;
use greenproc_tests::{AN_HOUR, assert_empty, errno, soon};
use nix::sys::prctl;
use nix::sys::signal::{self, Signal as HostSignal};
use nix::sys::wait::{Id, WaitPidFlag, waitid};

/// Whether this is the child that is to do what is tested; else runs it and asserts that it passed.
fn in_child(test: &str) -> bool {
    if child::is(test) {
        return true;
    }
    child::passed(&child::command(test).output().expect("it runs"));
    false
}

/// The same for a child that is to die of a signal of the host.
#[track_caller]
fn in_child_that_dies_of(signal: HostSignal, test: &str) -> bool {
    if child::is(test) {
        return true;
    }
    let output = child::command(test).output().expect("it runs");
    assert_eq!(output.status.signal(), Some(signal as i32), "{}", child::errors(&output));
    false
}

/// Sends a signal to this OS process, not to a thread of it.
fn raise(signal: HostSignal) {
    signal::kill(nix::unistd::Pid::this(), signal).expect("this process is there");
}

/// Where the signal that was raised has to have an effect: the watchdog ends who comes here for good.
fn wait_for_death() -> ! {
    loop {
        std::thread::park();
    }
}

fn boot(signals: HostSignals) -> Runtime {
    boot_with(|builder| builder.host_signals(signals))
}

fn boot_with(change: impl FnOnce(Builder) -> Builder) -> Runtime {
    change(Runtime::builder()).boot().expect("it boots")
}

/// Ends with 7 when it is asked to; says so when it is ready.
fn polite(ready: Sender<()>) -> impl FnOnce(&Process) -> i32 + Send + 'static {
    move |p| {
        while !p.stop_requested() {
            ready.send(()).expect("the test listens");
            assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        }
        7
    }
}

/// Says when it is ready, and each time it is asked to end; stays.
fn stubborn(says: Sender<()>) -> impl FnOnce(&Process) + Send + 'static {
    move |p| {
        assert!(!p.stop_requested());
        loop {
            says.send(()).expect("the test listens");
            assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        }
    }
}

#[test]
fn sigterm_shuts_down_gracefully() {
    if !in_child("sigterm_shuts_down_gracefully") {
        return;
    }
    let runtime = boot(HostSignals::shutdown(AN_HOUR));
    let (ready, is_ready) = unbounded();
    let child = runtime.spawn(Command::new("polite", polite(ready))).expect("room");
    soon(&is_ready);
    raise(HostSignal::SIGTERM);
    assert_eq!(child.wait().expect("mine").status, ExitStatus::exited(7));
    let end = runtime.host_shutdown().expect("from outside").expect("a signal began it");
    assert_eq!((end.signal, end.report.asked, end.report.killed), (Signal::TERM, 1, 0));
    assert!(end.report.is_clean(), "{}", end.report);
    assert_eq!(runtime.wait().expect("init ended by itself"), ExitStatus::exited(0));
    assert_eq!(errno(runtime.shutdown(AN_HOUR)), libc::ESHUTDOWN);
    assert_empty(&runtime);
}

#[test]
fn a_second_sigint_ends_the_grace() {
    if !in_child("a_second_sigint_ends_the_grace") {
        return;
    }
    let runtime = boot(HostSignals::shutdown(AN_HOUR));
    let (says, said) = unbounded();
    let child = runtime.spawn(Command::new("stubborn", stubborn(says))).expect("room");
    soon(&said);
    raise(HostSignal::SIGINT);
    soon(&said);
    assert_eq!(errno(runtime.spawn(Command::new("late", |_| {}))), libc::EAGAIN);
    raise(HostSignal::SIGINT);
    assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    let end = runtime.host_shutdown().expect("from outside").expect("a signal began it");
    assert_eq!((end.signal, end.report.asked, end.report.killed), (Signal::INT, 1, 1));
    assert_empty(&runtime);
}

#[test]
fn a_signal_ends_the_grace_of_init_too() {
    if !in_child("a_signal_ends_the_grace_of_init_too") {
        return;
    }
    let (says, said) = unbounded();
    let signals = HostSignals::shutdown(AN_HOUR);
    let runtime = boot_with(|builder| builder.host_signals(signals).init(stubborn(says)));
    soon(&said);
    raise(HostSignal::SIGINT);
    soon(&said);
    raise(HostSignal::SIGTERM);
    let end = runtime.host_shutdown().expect("from outside").expect("a signal began it");
    assert_eq!((end.signal, end.report.init), (Signal::INT, ExitStatus::killed(Signal::KILL)));
    assert_empty(&runtime);
}

#[test]
fn a_signal_ends_the_grace_of_a_shutdown_that_the_program_began() {
    if !in_child("a_signal_ends_the_grace_of_a_shutdown_that_the_program_began") {
        return;
    }
    let runtime = boot(HostSignals::shutdown(AN_HOUR));
    let (says, said) = unbounded();
    let child = runtime.spawn(Command::new("stubborn", stubborn(says))).expect("room");
    soon(&said);
    let report = std::thread::scope(|scope| {
        let shutdown = scope.spawn(|| runtime.shutdown(AN_HOUR).expect("the first"));
        soon(&said);
        raise(HostSignal::SIGTERM);
        shutdown.join().expect("it does not panic")
    });
    assert_eq!((report.asked, report.killed), (1, 1));
    assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    assert!(runtime.host_shutdown().expect("from outside").is_none());
    assert_empty(&runtime);
}

/// Longer than a runtime that is dropped waits for threads: the drop waits for the shutdown instead.
#[test]
fn the_drop_of_the_last_handle_waits_for_the_shutdown_that_a_signal_began() {
    if !in_child("the_drop_of_the_last_handle_waits_for_the_shutdown_that_a_signal_began") {
        return;
    }
    let runtime = boot(HostSignals::shutdown(AN_HOUR));
    let (says, said) = unbounded();
    let (say_done, done) = unbounded();
    let slow = move |p: &Process| {
        assert!(!p.stop_requested());
        says.send(()).expect("the test listens");
        assert_eq!(errno(p.sleep(AN_HOUR)), libc::EINTR);
        says.send(()).expect("the test listens");
        p.sleep(Duration::from_millis(1500)).expect("nobody asks again");
        say_done.send(()).expect("the test listens");
    };
    runtime.spawn(Command::new("slow", slow)).expect("room");
    soon(&said);
    raise(HostSignal::SIGTERM);
    soon(&said);
    drop(runtime);
    assert_eq!(done.try_recv(), Ok(()));
}

/// Says that it is there, and stays.
fn sleeper(says: &Sender<()>) -> Command {
    let says = says.clone();
    Command::new("sleeper", move |p| {
        says.send(()).expect("the test listens");
        p.sleep(AN_HOUR)
    })
}

fn status(child: &Child) -> ExitStatus {
    child.wait().expect("mine").status
}

#[test]
fn sighup_is_sent_to_a_group() {
    if !in_child("sighup_is_sent_to_a_group") {
        return;
    }
    let group = Pid::new(2).expect("positive");
    let runtime = boot(HostSignals::new().on(Signal::HUP, HostAction::Send(Target::Group(group))));
    let (says, said) = unbounded();
    let leader = runtime.spawn(sleeper(&says).process_group(ProcessGroup::New)).expect("room");
    let member = runtime.spawn(sleeper(&says).process_group(ProcessGroup::Join(group))).expect("room");
    let outsider = runtime.spawn(sleeper(&says)).expect("room");
    (0..3).for_each(|_| soon(&said));
    assert_eq!(leader.id(), group);
    raise(HostSignal::SIGHUP);
    assert_eq!(status(&leader), ExitStatus::killed(Signal::HUP));
    assert_eq!(status(&member), ExitStatus::killed(Signal::HUP));
    assert!(outsider.try_wait().expect("mine").is_none());
    assert!(runtime.host_shutdown().expect("from outside").is_none());
}

#[test]
fn what_is_sent_to_init_ends_the_runtime() {
    if !in_child("what_is_sent_to_init_ends_the_runtime") {
        return;
    }
    let runtime = boot(HostSignals::new().on(Signal::HUP, HostAction::Init));
    raise(HostSignal::SIGHUP);
    match runtime.wait() {
        Err(Error::InitEnded { status }) => assert_eq!(status, ExitStatus::killed(Signal::HUP)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_runtime_that_asked_gets_it_and_no_other() {
    if !in_child("each_runtime_that_asked_gets_it_and_no_other") {
        return;
    }
    let (ready, is_ready) = unbounded();
    let spawn = |runtime: &Runtime| {
        let child = runtime.spawn(Command::new("polite", polite(ready.clone()))).expect("room");
        soon(&is_ready);
        child
    };
    let shut_down = [(); 3].map(|()| boot(HostSignals::shutdown(AN_HOUR)));
    let told = boot(HostSignals::sent_to(Target::MyGroup));
    let other = boot(HostSignals::new().on(Signal::HUP, HostAction::Init));
    let unasked = boot_with(|builder| builder);
    let asked: Vec<Child> = shut_down.iter().chain([&told]).map(spawn).collect();
    let left_alone = [&other, &unasked].map(spawn);
    raise(HostSignal::SIGTERM);
    for child in &asked {
        assert_eq!(status(child), ExitStatus::exited(7));
    }
    for runtime in &shut_down {
        let end = runtime.host_shutdown().expect("from outside").expect("a signal began it");
        assert_eq!((end.signal, end.report.asked, end.report.killed), (Signal::TERM, 1, 0));
    }
    for runtime in [&told, &other, &unasked] {
        assert_eq!(runtime.run(Command::new("after", |_| 3)).expect("it is up").code(), Some(3));
        assert!(runtime.host_shutdown().expect("from outside").is_none());
    }
    assert!(left_alone.iter().all(|child| child.try_wait().expect("mine").is_none()));
}

#[test]
fn no_signal_is_taken_unasked() {
    if !in_child_that_dies_of(HostSignal::SIGTERM, "no_signal_is_taken_unasked") {
        return;
    }
    let _runtime = boot_with(|builder| builder);
    raise(HostSignal::SIGTERM);
    wait_for_death();
}

#[test]
fn the_default_is_done_when_the_last_runtime_was_shut_down() {
    let test = "the_default_is_done_when_the_last_runtime_was_shut_down";
    if !in_child_that_dies_of(HostSignal::SIGTERM, test) {
        return;
    }
    let runtimes = [(); 2].map(|()| boot(HostSignals::shutdown(AN_HOUR)));
    for runtime in &runtimes {
        assert!(runtime.shutdown(AN_HOUR).expect("the first").is_clean());
    }
    raise(HostSignal::SIGTERM);
    wait_for_death();
}

#[test]
fn the_default_is_done_when_the_last_runtime_is_down_by_itself() {
    let test = "the_default_is_done_when_the_last_runtime_is_down_by_itself";
    if !in_child_that_dies_of(HostSignal::SIGTERM, test) {
        return;
    }
    let runtime = boot_with(|builder| builder.host_signals(HostSignals::shutdown(AN_HOUR)).init(|_| 0));
    assert_eq!(runtime.wait().expect("it ended by itself"), ExitStatus::exited(0));
    drop(runtime);
    raise(HostSignal::SIGTERM);
    wait_for_death();
}

#[test]
fn the_default_is_done_after_a_shutdown_by_the_same_signal() {
    let test = "the_default_is_done_after_a_shutdown_by_the_same_signal";
    if !in_child_that_dies_of(HostSignal::SIGINT, test) {
        return;
    }
    let runtime = boot(HostSignals::shutdown(AN_HOUR));
    raise(HostSignal::SIGINT);
    runtime.wait().expect("init ended by itself");
    assert!(runtime.host_shutdown().expect("from outside").is_some());
    raise(HostSignal::SIGINT);
    wait_for_death();
}

/// As under `nohup`: of two signals that are both there, the dispatcher looks at the lower number first.
#[test]
fn what_was_ignored_is_ignored_again_when_no_runtime_is_left() {
    let test = "what_was_ignored_is_ignored_again_when_no_runtime_is_left";
    if !child::is(test) {
        let command = child::command(test);
        let mut shell = HostCommand::new("sh");
        shell
            .args(["-c", r#"trap "" HUP; exec "$0" "$@""#])
            .arg(command.get_program())
            .args(command.get_args());
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = shell.output().expect("a shell");
        assert_eq!(output.status.signal(), Some(libc::SIGTERM), "{}", child::errors(&output));
        return;
    }
    let runtime = boot(HostSignals::sent_to(Target::All));
    drop(runtime);
    raise(HostSignal::SIGHUP);
    raise(HostSignal::SIGTERM);
    wait_for_death();
}

#[test]
fn what_cannot_be_taken_is_refused_at_boot() {
    if !in_child("what_cannot_be_taken_is_refused_at_boot") {
        return;
    }
    let shutdown = HostAction::Shutdown { grace: AN_HOUR };
    let refused = |signal: Signal, action: HostAction, kick: i32| {
        let signals = HostSignals::new().on(signal, action);
        let boot = Runtime::builder().kick_signal(kick).host_signals(signals).boot();
        assert_eq!(boot.expect_err("refused").errno(), libc::EINVAL, "{signal}");
    };
    let kick = libc::SIGRTMIN() + 8;
    for signal in [Signal::KILL, Signal::STOP, Signal::SEGV, Signal::ILL, Signal::FPE, Signal::BUS] {
        refused(signal, shutdown, kick);
    }
    let real_time = Signal::from_raw(libc::SIGRTMAX()).expect("the last one");
    refused(real_time, shutdown, kick);
    refused(Signal::from_raw(kick).expect("a signal"), shutdown, kick);
    refused(Signal::USR1, shutdown, libc::SIGUSR1);
    // It is a kick signal for good, whosever.
    refused(Signal::USR1, shutdown, kick);
    drop(boot(HostSignals::new().on(Signal::USR2, shutdown)));
    let taken = Runtime::builder().kick_signal(libc::SIGUSR2).boot();
    assert_eq!(taken.expect_err("it has a handler").errno(), libc::EINVAL);
}

#[test]
fn a_process_cannot_wait_for_the_shutdown_of_its_runtime() {
    if !in_child("a_process_cannot_wait_for_the_shutdown_of_its_runtime") {
        return;
    }
    let runtime = boot(HostSignals::shutdown(AN_HOUR));
    let handle = runtime.clone();
    let inside = runtime.spawn_returning("inside", move |_| errno(handle.host_shutdown())).expect("room");
    assert!(inside.0.wait().expect("mine").status.success());
    assert_eq!(inside.1.take(), Some(libc::EDEADLK));
}

/// An orphan of the host that was given to this OS process, and lives until its input is closed.
struct Orphan {
    pid: i32,
    input: std::process::ChildStdin,
}

impl Orphan {
    fn make() -> Orphan {
        let script = "exec 3<&0; { read line <&3; } >/dev/null & echo $!";
        let mut shell = HostCommand::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let input = shell.stdin.take().expect("piped");
        assert!(shell.wait().expect("mine").success());
        Orphan { pid: line.trim().parse().expect("a pid"), input }
    }
}

/// Looks until the host knows nothing of this process any more: nothing tells of a reaping. The watchdog ends who looks
/// too long.
fn is_gone(pid: i32) {
    while Path::new(&format!("/proc/{pid}")).exists() {
        std::thread::yield_now();
    }
}

/// Waits until a child is a zombie, and leaves it one.
fn is_zombie(pid: i32) {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(nix::unistd::Pid::from_raw(pid)), flags).expect("a child");
}

#[test]
fn an_orphan_is_reaped_after_the_grace_and_no_child_is_stolen() {
    if !in_child("an_orphan_is_reaped_after_the_grace_and_no_child_is_stolen") {
        return;
    }
    let grace = Duration::from_secs(3);
    prctl::set_child_subreaper(true).expect("Linux");
    let _runtime = boot_with(|builder| builder.reap_host_orphans(grace));
    let orphan = Orphan::make();
    let mut late = HostCommand::new("sh").args(["-c", "exit 4"]).spawn().expect("a shell");
    is_zombie(late.id() as i32);
    let before = time::now();
    drop(orphan.input);
    assert_eq!(late.wait().expect("nobody took it").code(), Some(4));
    for code in 0..20 {
        let status = HostCommand::new("sh").args(["-c", &format!("exit {code}")]).status();
        assert_eq!(status.expect("nobody took it").code(), Some(code));
    }
    is_gone(orphan.pid);
    assert!(before.elapsed() >= grace);
}

#[test]
fn a_zombie_from_before_the_boot_is_reaped() {
    if !in_child("a_zombie_from_before_the_boot_is_reaped") {
        return;
    }
    prctl::set_child_subreaper(true).expect("Linux");
    let orphans = [(); 3].map(|()| Orphan::make());
    let pids = orphans.map(|orphan| orphan.pid);
    pids.into_iter().for_each(is_zombie);
    let _runtime = boot_with(|builder| builder.reap_host_orphans(Duration::ZERO));
    pids.into_iter().for_each(is_gone);
}
