//! The host refuses threads after the runtime has booted: no abort, nothing lost, and everything works again afterwards.
//!
//! Design "Admission by reservation": the capacity shrinks to what there is, spawns get EAGAIN, a start that was admitted
//! is run by the next thread that finishes, and one that waits for a second is undone as death by SIGKILL, with an event.
//!
//! The kernel does not hold root to `RLIMIT_NPROC`, and counts all threads of a user: root runs each child as a user whom
//! nobody else is.

mod child;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command as HostCommand;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use greenproc::{Child, Command, Error, EventFilter, EventKind, Exhausted, ExitStatus, Pid, Runtime, Signal};
use greenproc_os::limits::{self, HostLimits};
use greenproc_tests::{Fixture, next_event, stay, succeeded};

/// How many more threads the host gives, once it is short of them.
const ROOM: u64 = 40;

/// Spawns that are certainly more.
const ATTEMPTS: usize = 400;

/// A copy of this test binary that any user can run; gone when dropped.
struct Copy {
    directory: PathBuf,
}

impl Copy {
    fn make(test: &str) -> io::Result<Copy> {
        let directory = std::env::temp_dir().join(format!("greenproc-{test}-{}", std::process::id()));
        fs::create_dir(&directory)?;
        let copy = Copy { directory };
        fs::set_permissions(&copy.directory, fs::Permissions::from_mode(0o755))?;
        fs::copy(std::env::current_exe()?, copy.binary())?;
        fs::set_permissions(copy.binary(), fs::Permissions::from_mode(0o755))?;
        Ok(copy)
    }

    fn binary(&self) -> PathBuf {
        self.directory.join("refusal")
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// One child at a time: a copy that is open for writing while another test forks could not be run.
static TURN: LazyLock<(Sender<()>, Receiver<()>)> = LazyLock::new(|| bounded(1));

/// Whether this is the child that is to do what is tested; else runs it and asserts that it passed. `user` is another for
/// each test, since they run at the same time.
fn in_child(test: &str, user: u32) -> bool {
    if child::is(test) {
        return true;
    }
    let command = child::command(test);
    if limits::user_id() != 0 {
        child::passed(&{ command }.output().expect("it runs"));
        return false;
    }
    TURN.0.send(()).expect("it never closes");
    let copy = Copy::make(test).expect("room for a copy");
    let id = 40_000 + 8 * (std::process::id() % 2000) + user;
    let mut as_user = HostCommand::new(copy.binary());
    as_user.args(command.get_args()).uid(id).gid(id).current_dir("/");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => as_user.env(name, value),
            None => as_user.env_remove(name),
        };
    }
    let output = as_user.output();
    drop(copy);
    TURN.1.recv().expect("it never closes");
    child::passed(&output.expect("it runs"));
    false
}

/// Makes the host short of threads from now on: it has room for `more` of this user.
fn leave_room_for(more: u64) {
    let set = |limit: u64| {
        let mut prlimit = HostCommand::new("prlimit");
        prlimit.arg(format!("--pid={}", std::process::id())).arg(format!("--nproc={limit}:"));
        assert!(prlimit.status().expect("prlimit runs").success());
    };
    if HostLimits::read().nproc.is_none() {
        // Without a limit the threads are not counted.
        set(1 << 20);
    }
    set(HostLimits::read().threads_of_user.expect("proc") + more);
}

/// What happened to processes that were spawned until the host had no thread left.
struct Full {
    /// Those that have a thread, each with what lets it go.
    running: Vec<(Child, Sender<()>)>,
    /// The one for which the host refused it.
    late: (Child, Sender<()>),
    /// The pid of each that begins from now on.
    begun: Receiver<Pid>,
    /// As long as a process or its closure is there, it has one of these.
    alive: Arc<()>,
}

/// Spawns processes that stay, one after another, until the host refuses a thread; asserts that no more are admitted then.
fn fill(runtime: &Runtime) -> Full {
    let (say, begun) = unbounded();
    let alive = Arc::new(());
    let spawn = || {
        let (say, alive, (release, released)) = (say.clone(), Arc::clone(&alive), bounded(0));
        let body = move |p: &greenproc::Process| {
            say.send(p.pid()).expect("the test listens");
            stay(p, &released);
            drop(alive);
        };
        runtime.spawn(Command::new("stays", body)).map(|child| (child, release))
    };
    let capacity = runtime.stats().lwp_capacity;
    let mut running = Vec::new();
    let late = loop {
        let spawned = spawn().expect("what the runtime knows of the host has room");
        if runtime.stats().lwp_capacity < capacity {
            break spawned;
        }
        assert_eq!(begun.recv().expect("it has a thread"), spawned.0.id());
        running.push(spawned);
        assert!(running.len() < ATTEMPTS, "the host has no room for so many");
    };
    let before = runtime.stats();
    for _ in 0..ATTEMPTS {
        match spawn() {
            Err(Error::Exhausted(Exhausted::Lwps { .. })) => {}
            other => panic!("{other:?}"),
        }
    }
    let after = runtime.stats();
    assert_eq!((after.processes, after.pids_in_use), (before.processes, before.pids_in_use));
    assert_eq!(Arc::strong_count(&alive), 2 + running.len(), "nothing of the refused is left");
    Full { running, late, begun, alive }
}

/// Asserts that the runtime is as good as new, within its new capacity.
fn works_again(fixture: &Fixture) {
    for code in 0..200 {
        assert_eq!(fixture.run(Command::new("after", move |_| code)).expect("room").code(), Some(code));
    }
    let stats = fixture.stats();
    assert_eq!((stats.processes, stats.zombies, stats.lwps, stats.queued_starts), (1, 0, 1, 0), "{stats:?}");
    // Many at once, as many as there is room for now.
    let room = stats.lwp_capacity - stats.lwps;
    assert!(room > 1, "{stats:?}");
    let (say, said) = unbounded();
    let (hold, held) = bounded::<()>(0);
    let children: Vec<Child> = (0..room)
        .map(|_| {
            let (say, held) = (say.clone(), held.clone());
            fixture.child("at once", move |p| {
                say.send(()).expect("the test listens");
                stay(p, &held);
            })
        })
        .collect();
    (0..room).for_each(|_| said.recv().expect("all run at once"));
    drop(hold);
    for child in &children {
        succeeded(&child.wait().expect("mine"));
    }
}

/// A start that gets no thread for a second is undone: an event, SIGKILL, its closure dropped; whoever has a thread lives on.
#[test]
fn a_start_without_a_thread_is_undone_after_a_second() {
    if !in_child("a_start_without_a_thread_is_undone_after_a_second", 0) {
        return;
    }
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    leave_room_for(ROOM);
    let Full { running, late: (late, _release), begun, alive } = fill(&fixture);
    next_event(&events, late.id(), |kind| matches!(kind, EventKind::StartFailed).then_some(()));
    assert_eq!(late.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    assert_eq!(Arc::strong_count(&alive), 1 + running.len(), "its closure was dropped");
    assert_eq!(begun.len(), 0, "it never began");
    assert_eq!(fixture.run(Command::new("refused", |_| {})).expect_err("still full").errno(), libc::EAGAIN);
    for (child, release) in running {
        drop(release);
        succeeded(&child.wait().expect("mine"));
    }
    works_again(&fixture);
}

/// A start that waits for a thread is run by one that finishes meanwhile: nobody is lost.
#[test]
fn a_start_without_a_thread_is_run_by_one_that_finishes() {
    if !in_child("a_start_without_a_thread_is_run_by_one_that_finishes", 1) {
        return;
    }
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    leave_room_for(ROOM);
    let Full { mut running, late, begun, .. } = fill(&fixture);
    let (first, release) = running.pop().expect("the host had room for more than one");
    drop(release);
    succeeded(&first.wait().expect("mine"));
    assert_eq!(begun.recv().expect("it begins"), late.0.id());
    for (child, release) in running.into_iter().chain([late]) {
        drop(release);
        succeeded(&child.wait().expect("mine"));
    }
    assert!(events.try_iter().all(|event| !matches!(event.kind, EventKind::StartFailed)));
    works_again(&fixture);
}

/// A burst is admitted before the host has refused anything; each of it runs or is undone, and says which.
#[test]
fn of_a_burst_each_runs_or_is_undone() {
    if !in_child("of_a_burst_each_runs_or_is_undone", 2) {
        return;
    }
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    leave_room_for(ROOM);
    let (say, begun) = unbounded();
    let (hold, held) = bounded::<()>(0);
    let mut burst: HashMap<Pid, Child> = HashMap::new();
    for _ in 0..ATTEMPTS {
        let (say, held) = (say.clone(), held.clone());
        let body = move |p: &greenproc::Process| {
            say.send(p.pid()).expect("the test listens");
            stay(p, &held);
        };
        match fixture.spawn(Command::new("one of many", body)) {
            Ok(child) => drop(burst.insert(child.id(), child)),
            Err(error) => assert_eq!(error.errno(), libc::EAGAIN),
        }
    }
    let (mut running, mut undone) = (Vec::new(), 0);
    while running.len() + undone < burst.len() {
        select! {
            recv(begun) -> pid => running.push(pid.expect("open")),
            recv(events) -> event => {
                let event = event.expect("the runtime is up");
                if matches!(event.kind, EventKind::StartFailed) {
                    let status = burst[&event.pid].wait().expect("mine").status;
                    assert_eq!(status, ExitStatus::killed(Signal::KILL));
                    undone += 1;
                }
            }
        }
    }
    assert!(!running.is_empty() && undone > 0, "{} run, {undone} were undone", running.len());
    drop(hold);
    for pid in running {
        succeeded(&burst[&pid].wait().expect("mine"));
    }
    works_again(&fixture);
}

/// An LWP that got no thread takes its process along.
#[test]
fn the_process_of_an_lwp_without_a_thread_is_killed() {
    if !in_child("the_process_of_an_lwp_without_a_thread_is_killed", 3) {
        return;
    }
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    leave_room_for(ROOM);
    let runtime = (*fixture).clone();
    let many = fixture.child("many lwps", move |p| {
        let capacity = runtime.stats().lwp_capacity;
        let (say, begun) = unbounded();
        for _ in 0..ATTEMPTS {
            let say = say.clone();
            let lwp = p.spawn_lwp(move |p| {
                say.send(()).expect("the main LWP listens");
                p.sleep(Duration::MAX)
            });
            lwp.expect("what the runtime knows of the host has room").detach();
            if runtime.stats().lwp_capacity < capacity {
                drop(runtime);
                assert_eq!(p.spawn_lwp(|_| ()).expect_err("full").errno(), libc::EAGAIN);
                return p.sleep(Duration::MAX).map(|()| 1);
            }
            p.recv(&begun).expect("it has a thread");
        }
        unreachable!("the host has no room for so many");
    });
    next_event(&events, many.id(), |kind| matches!(kind, EventKind::StartFailed).then_some(()));
    assert_eq!(many.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    works_again(&fixture);
}

/// Processes with a thread of their own meet the same refusal; those that have one end as always.
#[test]
fn own_threads_are_refused_and_come_again() {
    if !in_child("own_threads_are_refused_and_come_again", 4) {
        return;
    }
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::TROUBLE);
    leave_room_for(ROOM);
    let capacity = fixture.stats().lwp_capacity;
    let (hold, held) = bounded::<()>(0);
    let (say, begun) = unbounded();
    let mut running = Vec::new();
    let late = loop {
        let (say, held) = (say.clone(), held.clone());
        let body = move |p: &greenproc::Process| {
            say.send(()).expect("the test listens");
            stay(p, &held);
        };
        let child = fixture.spawn(Command::new("own", body).own_thread()).expect("room");
        if fixture.stats().lwp_capacity < capacity {
            break child;
        }
        begun.recv().expect("it has a thread");
        running.push(child);
        assert!(running.len() < ATTEMPTS, "the host has no room for so many");
    };
    next_event(&events, late.id(), |kind| matches!(kind, EventKind::StartFailed).then_some(()));
    assert_eq!(late.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    drop(hold);
    for child in &running {
        succeeded(&child.wait().expect("mine"));
    }
    let again = fixture.run(Command::new("own", |_| 5).own_thread());
    assert_eq!(again.expect("room").code(), Some(5));
    works_again(&fixture);
}

/// `Builder::boot`: EAGAIN where the host has no thread left.
#[test]
fn a_boot_without_a_thread_is_an_error() {
    if !in_child("a_boot_without_a_thread_is_an_error", 5) {
        return;
    }
    leave_room_for(0);
    for _ in 0..10 {
        assert_eq!(Runtime::boot().expect_err("no thread").errno(), libc::EAGAIN);
    }
}

/// The same where there is one thread, which init does not get: it is undone as any other start, and the runtime is down.
#[test]
fn a_boot_without_a_thread_for_init_ends_by_itself() {
    if !in_child("a_boot_without_a_thread_for_init_ends_by_itself", 6) {
        return;
    }
    leave_room_for(1);
    let runtime = match Runtime::boot() {
        Ok(runtime) => runtime,
        Err(error) => {
            assert_eq!(error.errno(), libc::EAGAIN);
            return;
        }
    };
    match runtime.wait() {
        Err(Error::InitEnded { status }) => assert_eq!(status, ExitStatus::killed(Signal::KILL)),
        other => panic!("{other:?}"),
    }
    assert_eq!(runtime.run(Command::new("late", |_| {})).expect_err("it is down").errno(), libc::ESHUTDOWN);
}
