//! The native threads under the LWPs: what a body finds on one, what it leaves there, and how crashes are told.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | the standard library's thread functions work in an LWP | design "Life of a process" |
//! | `own_thread`, `retire_thread`: nothing of one process is found by another | row 49, design "What a thread carries over" |
//! | name, signal mask, stack of the thread | design "Names", "Stacks" |
//! | a stack overflow names the process | decision 13 |
//! | `panic = "abort"` is refused | design "How an LWP ends" |
//! | crash reports: message, location, backtrace; the line, and how many of them | decision 12 |

mod child;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fs;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded, unbounded};
use greenproc::{
    Command, CrashReport, ExitReport, ExitStatus, KillableMutex, PanicReport, Process, Runtime, SigAction,
    Signal, WaitFlags, WaitFor, Waited,
};
use greenproc_os::kick::Kick;
use greenproc_sync::time;
use greenproc_tests::{Fixture, hold, stay, succeeded};
use nix::sys::signal::{SigSet, Signal as NixSignal};

/// `std::thread::current`: LWPs that run at once are threads of their own; park and unpark work between them.
#[test]
fn lwps_are_threads_to_the_standard_library() {
    Fixture::boot().inside(|p| {
        let (say, said) = bounded(1);
        let woken = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&woken);
        let parked = Command::new("parked", move |_| {
            say.send(thread::current()).expect("room");
            while !theirs.load(Ordering::Acquire) {
                thread::park();
            }
        });
        let parked = p.spawn(parked).expect("room");
        let theirs = p.recv(&said).expect("it begins");
        assert_ne!(theirs.id(), thread::current().id());
        woken.store(true, Ordering::Release);
        theirs.unpark();
        succeeded(&parked.wait().expect("mine"));
        let id = || thread::current().id();
        let (mine, other): (ThreadId, ThreadId) =
            (id(), p.spawn_lwp(move |_| id()).expect("room").join(p).expect("returns"));
        assert_ne!(mine, other);
    });
}

/// `std::thread::scope`: a body may use threads that borrow from it.
#[test]
fn scoped_threads_work_in_a_process() {
    let fixture = Fixture::boot();
    let sum = fixture.inside(|_| {
        let numbers: Vec<u64> = (1..=100).collect();
        let halves = numbers.split_at(50);
        thread::scope(|scope| {
            let [first, second] = [halves.0, halves.1].map(|half| scope.spawn(|| half.iter().sum::<u64>()));
            first.join().expect("no panic") + second.join().expect("no panic")
        })
    });
    assert_eq!(sum, 5050);
}

thread_local! {
    /// What a process leaves on its thread.
    static SECRET: RefCell<Option<Secret>> = const { RefCell::new(None) };
    /// Set by processes that ran on this thread.
    static MARK: Cell<bool> = const { Cell::new(false) };
}

/// Says when it is dropped.
struct Secret(Sender<()>);

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Leaves a secret; whether there was one already, or a mark.
fn leave_secret(dropped: Sender<()>) -> bool {
    SECRET.replace(Some(Secret(dropped))).is_some() || MARK.get()
}

/// Row 49, `Command::own_thread`: what a process leaves in a thread-local no later one finds, of either kind, and its
/// destructor has run when the wait returns.
#[test]
fn nobody_finds_what_a_process_with_its_own_thread_left() {
    const LATER: usize = 10_000;
    let fixture = Fixture::boot();
    let (seen, own) = fixture.inside(|p| {
        let (mut seen, mut own) = (0, 0);
        let mut count =
            |value: &greenproc::Returned<bool>| seen += u32::from(value.take().expect("it returned"));
        for round in 0..LATER {
            if round % 10 == 0 {
                own += 1;
                let (dropped, was_dropped) = unbounded();
                let (command, found) = returning(move |_| leave_secret(dropped));
                let child = p.spawn(command.own_thread()).expect("room");
                succeeded(&child.wait().expect("mine"));
                assert!(was_dropped.try_recv().is_ok(), "its destructor ran before that");
                assert!(!found.load(Ordering::Relaxed), "its thread was fresh");
            } else {
                let (child, found) =
                    p.spawn_returning("later", |_| SECRET.with_borrow(Option::is_some)).expect("room");
                succeeded(&child.wait().expect("mine"));
                count(&found);
            }
        }
        (seen, own)
    });
    assert_eq!((seen, own), (0, LATER / 10));
}

/// A command whose body says yes or no.
fn returning(body: impl FnOnce(&Process) -> bool + Send + 'static) -> (Command, Arc<AtomicBool>) {
    let said = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&said);
    (Command::new("says", move |p| theirs.store(body(p), Ordering::Relaxed)), said)
}

/// The same of all LWPs of the process: of those that left before it too.
#[test]
fn all_lwps_of_such_a_process_have_their_own_threads() {
    let fixture = Fixture::boot();
    for _ in 0..200 {
        let (dropped, was_dropped) = unbounded();
        let (command, found) = returning(move |p| {
            let lwps = [(); 3].map(|()| {
                let dropped = dropped.clone();
                p.spawn_lwp(move |_| leave_secret(dropped)).expect("room")
            });
            let mine = leave_secret(dropped);
            lwps.into_iter().fold(mine, |found, lwp| lwp.join(p).expect("it returns") | found)
        });
        let child = fixture.spawn(command.own_thread()).expect("room");
        succeeded(&child.wait().expect("mine"));
        assert!(!found.load(Ordering::Relaxed), "their threads were fresh");
        assert_eq!(was_dropped.try_iter().count(), 4, "all destructors ran before that");
    }
}

/// Design "Threads": other threads are used again, and what was left there is found. (So the tests above can fail.)
#[test]
fn other_threads_are_used_again() {
    let fixture = Fixture::boot();
    let mut found = 0;
    for _ in 0..200 {
        let (command, marked) = returning(|_| MARK.replace(true));
        assert!(fixture.run(command).expect("room").success());
        found += u32::from(marked.load(Ordering::Relaxed));
    }
    assert!(found > 100, "found {found} times of 200");
}

/// Runs 500 processes, as many at once as come, whose bodies have to find no mark; how many did.
fn marks_found(fixture: &Fixture, after: impl Fn(&Process) + Clone + Send + 'static) -> usize {
    let (say, found) = unbounded();
    let children: Vec<_> = (0..500)
        .map(|_| {
            let (after, say) = (after.clone(), say.clone());
            fixture.child("marks", move |p| {
                say.send(MARK.replace(true)).expect("the test listens");
                after(p);
            })
        })
        .collect();
    for child in &children {
        drop(child.wait().expect("mine"));
    }
    assert_eq!(found.len(), 500);
    found.try_iter().filter(|&found| found).count()
}

/// `Process::retire_thread`: the thread is not used again, although more processes wait for one.
#[test]
fn a_retired_thread_is_not_used_again() {
    let fixture = Fixture::boot();
    assert_eq!(marks_found(&fixture, Process::retire_thread), 0);
}

/// Design "What a thread carries over": a thread that a panic went through is not used again.
#[test]
fn a_thread_that_a_panic_went_through_is_not_used_again() {
    let fixture = Fixture::boot();
    assert_eq!(marks_found(&fixture, |_| panic!("on purpose")), 0);
}

/// Design "What a thread carries over": a signal mask that a body changed is not found by the next one on the thread.
#[test]
fn a_changed_signal_mask_is_put_back() {
    let fixture = Fixture::boot();
    let kick = NixSignal::SIGTERM;
    let (say, said) = unbounded();
    let see = move |_: &Process| {
        let found = SigSet::thread_get_mask().expect("a mask").contains(kick);
        SigSet::empty().thread_set_mask().expect("it can be set");
        assert!(!SigSet::thread_get_mask().expect("a mask").contains(kick), "the body has changed it");
        say.send((thread::current().id(), found)).expect("the test listens");
    };
    for _ in 0..200 {
        let see = see.clone();
        assert!(fixture.run(Command::new("opens its mask", see)).expect("room").success());
    }
    drop(see);
    let seen: Vec<(ThreadId, bool)> = said.iter().collect();
    assert!(seen.iter().all(|(_, blocked)| *blocked), "each began with SIGTERM blocked");
    let threads: HashSet<ThreadId> = seen.iter().map(|(thread, _)| *thread).collect();
    assert!(threads.len() < seen.len(), "some thread was used again");
}

/// The same: a body that was over at once is known not to have changed the mask (ADR 16). One that does nothing but change it
/// is not taken for that, and neither is one after which code of another kind changes it.
#[test]
fn a_mask_is_put_back_whatever_has_changed_it() {
    fn open_mask() {
        SigSet::empty().thread_set_mask().expect("it can be set");
    }
    let fixture = Fixture::boot();
    let changes: [fn(&Process); 3] = [
        |_| open_mask(),
        |p| p.on_exit(|_, _| open_mask()).map(drop).expect("it lives"),
        |p| {
            p.sigaction(Signal::USR1, SigAction::handler(|_, _| open_mask())).expect("it can be caught");
            p.kill(p.pid(), Signal::USR1).expect("it is there");
        },
    ];
    for change in changes {
        for _ in 0..100 {
            assert!(fixture.run(Command::new("opens its mask", change)).expect("room").success());
            let status = fixture.run(Command::new("sees its mask", |_| {
                i32::from(!SigSet::thread_get_mask().expect("a mask").contains(NixSignal::SIGTERM))
            }));
            assert_eq!(status.expect("room").code(), Some(0), "SIGTERM is blocked in a new process");
        }
    }
}

fn comm(tid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/self/task/{tid}/comm")).expect("the thread lives");
    name.trim_end().to_owned()
}

/// Design "Names": from its first sleep on, of whatever kind, the host's tools show the process's name for the thread, and
/// not longer than it runs there.
#[test]
fn the_host_sees_the_name_of_a_process_that_slept() {
    let first_sleeps: [fn(&Process); 6] = [
        |p| p.sleep(Duration::ZERO).expect("nothing is pending"),
        |p| drop(p.recv_timeout(&bounded::<()>(1).1, Duration::ZERO)),
        |p| drop(p.blocking(|| Ok(()))),
        |p| p.spawn_lwp(|_| ()).expect("room").join(p).expect("it returns"),
        |p| {
            let (hold, held) = hold();
            let child = p.spawn(Command::new("child", held)).expect("room");
            assert!(
                p.wait_timeout(WaitFor::Any, WaitFlags::empty(), Duration::ZERO).expect("a child").is_none()
            );
            drop(hold);
            succeeded(&child.wait().expect("mine"));
        },
        |p| {
            let lock = Arc::new(KillableMutex::new(()));
            let theirs = Arc::clone(&lock);
            let (say, held) = bounded(1);
            let (release, released) = bounded::<()>(0);
            let holder = p.spawn_lwp(move |p| {
                let guard = theirs.lock(p).expect("free");
                say.send(release).expect("room");
                stay(p, &released);
                drop(guard);
            });
            // `released` is closed by this drop, so the holder may be done before the lock is asked for.
            drop(held.recv().expect("it is held"));
            drop(lock.lock(p).expect("it comes free"));
            holder.expect("room").join(p).expect("it returns");
        },
    ];
    let fixture = Fixture::with(|builder| builder.spin(Duration::ZERO));
    let mut same_thread = 0;
    for (kind, first_sleep) in first_sleeps.into_iter().enumerate() {
        let tid = || greenproc_os::thread::tid().as_raw();
        let (ready, is_ready) = bounded(0);
        let (release, released) = bounded::<()>(0);
        let named = fixture.child("a long name indeed", move |p| {
            first_sleep(p);
            ready.send(tid()).expect("the test listens");
            let _ = released.recv();
        });
        let its_tid = is_ready.recv().expect("it begins");
        let expected: String = format!("gp{}:a long name indeed", named.id()).chars().take(15).collect();
        assert_eq!(comm(its_tid), expected, "after a sleep of kind {kind}");
        drop(release);
        succeeded(&named.wait().expect("mine"));
        let next = fixture.inside(move |_| (tid(), comm(tid())));
        same_thread += u32::from(next.0 == its_tid);
        assert!(!next.1.starts_with(&expected[..4]), "{next:?} has the name of {}", named.id());
    }
    assert!(same_thread > 0, "threads are used again");
}

/// Design "Names": the host gives a new thread the name of the one that made it; a process's name does not spread like that.
#[test]
fn a_thread_does_not_have_the_name_of_the_process_that_made_it() {
    let (makers_name, childs_name) = Fixture::boot().inside(|p| {
        p.sleep(Duration::ZERO).expect("nothing is pending");
        let own = || comm(greenproc_os::thread::tid().as_raw());
        let makers_name = own();
        let (child, value) = p.spawn_returning("child", move |_| own()).expect("room");
        succeeded(&child.wait().expect("mine"));
        (makers_name, value.take().expect("it returned"))
    });
    assert!(makers_name.ends_with(":inside"), "{makers_name}");
    assert_eq!(childs_name, "gp-idle");
}

/// Design "How an LWP ends": threads are made with the kick signal open and every other host signal blocked but faults.
#[test]
fn only_the_kick_and_faults_reach_a_thread_of_the_runtime() {
    let status = Fixture::boot().inside(|_| fs::read_to_string("/proc/thread-self/status").expect("proc"));
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).expect("a mask");
    let blocked = u64::from_str_radix(blocked.trim(), 16).expect("a hexadecimal number");
    let is_blocked = |signal: i32| blocked >> (signal - 1) & 1 == 1;
    let open =
        [Kick::default_signal(), libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];
    let closed = [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGCHLD,
        libc::SIGUSR1,
        libc::SIGWINCH,
        libc::SIGRTMAX(),
    ];
    assert!(!open.into_iter().any(is_blocked) && closed.into_iter().all(is_blocked), "{blocked:#x}");
}

/// Takes about a kilobyte of stack for each level.
fn deep(levels: u32) -> u64 {
    let frame = black_box([u64::from(levels); 128]);
    if levels == 0 { frame[0] } else { black_box(deep(levels - 1)) + frame[127] }
}

/// `Command::stack_size`, `Builder::stack_size`: what was asked for is there.
#[test]
fn a_stack_is_as_large_as_was_asked() {
    let fixture = Fixture::with(|builder| builder.stack_size(512 << 10));
    let body = |levels: u32| {
        move |_: &Process| i32::from(deep(levels) == u64::from(levels) * u64::from(levels + 1) / 2)
    };
    let large = Command::new("large", body(12 << 10)).stack_size(64 << 20);
    assert_eq!(fixture.run(large).expect("room").code(), Some(1));
    assert_eq!(fixture.run(Command::new("builder's", body(64))).expect("room").code(), Some(1));
}

/// Decision 13: a stack overflow takes the host process along, and says whose it was.
#[test]
fn a_stack_overflow_names_the_process() {
    const TEST: &str = "a_stack_overflow_names_the_process";
    if child::is(TEST) {
        let runtime = Runtime::boot().expect("it boots");
        let bottomless = Command::new("bottomless", |_| deep(u32::MAX) as i32).stack_size(64 << 10);
        let _ = runtime.run(bottomless);
        return;
    }
    let output = child::command(TEST).output().expect("it runs");
    let errors = child::errors(&output);
    assert!(errors.contains("greenproc: process 2 (bottomless) has overflowed its stack of "), "{errors}");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{errors}");
}

/// A package that uses greenproc, with this panic strategy; what `cargo check` says of it.
fn check_with(strategy: &str) -> (bool, String) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let greenproc = here.join("../crates/greenproc").canonicalize().expect("the crate is beside the tests");
    let package: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("panic-{strategy}"));
    fs::create_dir_all(package.join("src")).expect("room");
    let manifest = format!(
        "[package]\nname = \"user\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [profile.dev]\npanic = \"{strategy}\"\n[dependencies]\ngreenproc = {{ path = \"{}\" }}\n",
        greenproc.display()
    );
    fs::write(package.join("Cargo.toml"), manifest).expect("room");
    fs::write(package.join("src/main.rs"), "fn main() { let _ = greenproc::Runtime::boot(); }\n")
        .expect("room");
    fs::copy(here.join("../Cargo.lock"), package.join("Cargo.lock")).expect("room");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut check = std::process::Command::new(cargo);
    check
        .args(["check", "--offline", "--jobs=1", "--color=never", "--target-dir"])
        .arg(package.join("target"));
    check.current_dir(&package).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = check.output().expect("cargo runs");
    (output.status.success(), child::errors(&output))
}

/// Design "How an LWP ends": built with panic = "abort" the crate refuses to compile and says why; with "unwind" it compiles.
#[test]
fn a_build_that_aborts_on_panic_is_refused() {
    let (compiles, errors) = check_with("abort");
    assert!(!compiles && errors.contains("greenproc cannot work with panic = \"abort\""), "{errors}");
    let (compiles, errors) = check_with("unwind");
    assert!(compiles, "{errors}");
}

fn crash(waited: &Waited) -> CrashReport {
    assert_eq!(waited.status, ExitStatus::dumped(Signal::ABRT));
    match waited.report.as_deref() {
        Some(ExitReport::Panic(crash)) => crash.clone(),
        other => panic!("{other:?}"),
    }
}

/// Decision 12: the report has the message of every kind of panic, and its place.
#[test]
fn a_crash_report_has_message_and_location() {
    let fixture = Fixture::boot();
    let crash_of = |body: fn(&Process)| crash(&fixture.child("crashes", body).wait().expect("mine"));
    let line = line!() + 1;
    let report = crash_of(|p| panic!("process {} is lost", p.pid()));
    assert!(report.message.starts_with("process ") && report.message.ends_with(" is lost"), "{report}");
    let location = report.location.clone().expect("the hook is there");
    assert!(location.starts_with(&format!("{}:{line}:", file!())), "{location}");
    assert_eq!(report.to_string(), format!("panicked at {location}: {}", report.message));
    assert_eq!(crash_of(|_| panic!("a text")).message, "a text");
    assert_eq!(crash_of(|_| panic_any("a text".to_owned())).message, "a text");
    assert_eq!(crash_of(|_| panic_any(7)).message, "a value that is no text");
    let report = crash_of(|_| {
        assert!(catch_unwind(|| panic!("the first")).is_err());
        panic!("the second")
    });
    assert_eq!(report.message, "the second", "a panic that was caught is not this one");
}

/// Decision 12: a panic that a body caught is not that of a later unwinding of which the hook heard nothing, in the same
/// process or in the next one on the thread.
#[test]
fn a_caught_panic_is_in_no_later_crash_report() {
    let fixture = Fixture::boot();
    let silent = |_: &Process| std::panic::resume_unwind(Box::new("no hook is called"));
    for _ in 0..20 {
        let caught = fixture.child("catches", |_| i32::from(catch_unwind(|| panic!("caught")).is_err()));
        assert_eq!(caught.wait().expect("mine").status, ExitStatus::exited(1));
        let next = crash(&fixture.child("next", silent).wait().expect("mine"));
        assert_eq!((next.message.as_str(), next.location), ("no hook is called", None));
    }
}

/// Decision 12: the backtrace is there if `RUST_BACKTRACE` asks for it.
#[test]
fn a_crash_report_has_a_backtrace_if_asked() {
    const TEST: &str = "a_crash_report_has_a_backtrace_if_asked";
    if child::is(TEST) {
        let runtime = Runtime::builder().panic_report(PanicReport::Silent).boot().expect("it boots");
        let crashed =
            runtime.spawn(Command::new("crashes", |_| deep_inside())).expect("room").wait().expect("mine");
        let backtrace = crash(&crashed).backtrace;
        eprintln!("it has {}", backtrace.as_deref().map_or("none", |text| text));
        return;
    }
    let mut command = child::command(TEST);
    command.env_remove("RUST_LIB_BACKTRACE");
    let without = command.output().expect("it runs");
    child::passed(&without);
    assert!(child::errors(&without).contains("it has none"), "{}", child::errors(&without));
    let with = command.env("RUST_BACKTRACE", "1").output().expect("it runs");
    child::passed(&with);
    assert!(child::errors(&with).contains("threads::deep_inside"), "{}", child::errors(&with));
}

#[inline(never)]
fn deep_inside() {
    panic!("on purpose");
}

/// Decision 12: a hook that the program installs after the boot keeps the place to itself; the message is known all the same.
#[test]
fn a_replaced_hook_costs_the_location() {
    const TEST: &str = "a_replaced_hook_costs_the_location";
    if !child::is(TEST) {
        child::passed(&child::command(TEST).output().expect("it runs"));
        return;
    }
    let runtime = Runtime::boot().expect("it boots");
    std::panic::set_hook(Box::new(|_| {}));
    let crashed = runtime.spawn(Command::new("crashes", |_| panic!("on purpose"))).expect("room").wait();
    let report = crash(&crashed.expect("mine"));
    assert_eq!((report.message.as_str(), report.location, report.backtrace), ("on purpose", None, None));
}

/// How long the child of the next test goes on panicking: more than the second that the limit is for.
const LOAD: Duration = Duration::from_millis(1500);

/// Decision 12: a panic of a process writes one line, and at most ten a second; the next one says how many were not shown.
/// Panics elsewhere go to the former hook.
#[test]
fn panics_write_one_line_each_and_not_too_many() {
    const TEST: &str = "panics_write_one_line_each_and_not_too_many";
    if child::is(TEST) {
        let runtime = Runtime::boot().expect("it boots");
        let begun = time::now();
        let mut panics = 0;
        while begun.elapsed() < LOAD {
            let status = runtime.run(Command::new("bang", |_| panic!("on purpose"))).expect("room");
            assert_eq!(status, ExitStatus::dumped(Signal::ABRT));
            panics += 1;
        }
        assert!(catch_unwind(AssertUnwindSafe(|| panic!("of nobody's"))).is_err());
        eprintln!("{panics} panics in {} ms", begun.elapsed().as_millis());
        return;
    }
    let output = child::command(TEST).output().expect("it runs");
    child::passed(&output);
    let errors = child::errors(&output);
    let lines: Vec<&str> = errors.lines().filter(|line| line.starts_with("process ")).collect();
    let summary = errors.lines().find(|line| line.contains(" panics in ")).expect("the child's last word");
    let mut numbers = summary.split(' ').filter_map(|word| word.parse::<usize>().ok());
    let (panics, milliseconds) = (numbers.next().expect("a number"), numbers.next().expect("a number"));
    assert!(lines[0].starts_with("process 2 (bang) panicked at "), "{errors}");
    assert!(lines.len() <= 10 * (milliseconds / 1000 + 1), "{} lines for {panics} panics", lines.len());
    assert!(panics > lines.len(), "{panics} panics are too few for this test");
    assert!(lines.iter().any(|line| line.contains(" panics before this one were not shown]")), "{errors}");
    assert!(errors.contains(&format!("thread '{TEST}'")) && errors.contains("of nobody's"), "{errors}");
}

/// Decision 12, `PanicReport::Line`: one line also for a message that has several, as that of `assert_eq!` has.
#[test]
fn a_message_of_several_lines_is_written_as_one() {
    const TEST: &str = "a_message_of_several_lines_is_written_as_one";
    if child::is(TEST) {
        let runtime = Runtime::boot().expect("it boots");
        let crashed = runtime.spawn(Command::new("bang", |_| panic!("first\nsecond"))).expect("room").wait();
        assert_eq!(crash(&crashed.expect("mine")).message, "first\nsecond");
        return;
    }
    let output = child::command(TEST).output().expect("it runs");
    child::passed(&output);
    let errors = child::errors(&output);
    assert!(errors.lines().count() == 1 && errors.contains("second"), "{errors}");
}

/// `PanicReport::Silent`: no line at all; the report is there.
#[test]
fn silent_panics_write_nothing() {
    const TEST: &str = "silent_panics_write_nothing";
    if child::is(TEST) {
        let runtime = Runtime::builder().panic_report(PanicReport::Silent).boot().expect("it boots");
        let crashed = runtime.spawn(Command::new("bang", |_| panic!("on purpose"))).expect("room").wait();
        assert_eq!(crash(&crashed.expect("mine")).message, "on purpose");
        return;
    }
    let output = child::command(TEST).output().expect("it runs");
    child::passed(&output);
    assert_eq!(child::errors(&output), "");
}
