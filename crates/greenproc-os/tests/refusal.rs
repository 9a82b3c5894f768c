//! At the host's limits: every refusal is an error that gives everything back, and none is an abort.
#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]
#![allow(unsafe_code, reason = "resource limits are lowered")]

mod child;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use greenproc_os::kick::Kick;
use greenproc_os::limits::{self, HostLimits};
use greenproc_os::memory;
use greenproc_os::stack::{self, Stack};
use greenproc_os::thread::{NativeThread, Refused};

const NOBODY: u32 = 65534;

fn assert_success(output: &Output) {
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{errors}", output.status);
    assert!(out.contains("1 passed"), "{out}");
}

/// A copy of this test binary that any user can run; gone when dropped.
struct Copy {
    directory: PathBuf,
}

impl Copy {
    fn make() -> io::Result<Copy> {
        let directory = std::env::temp_dir().join(format!("greenproc-os-{}", std::process::id()));
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

/// The kernel does not hold root to `RLIMIT_NPROC`: so root runs the child as somebody else.
#[test]
fn thousands_of_refused_threads_are_errors() {
    const TEST: &str = "thousands_of_refused_threads_are_errors";
    if child::is(TEST) {
        refuse_thousands();
        return;
    }
    if limits::user_id() != 0 {
        assert_success(&child::command(TEST).output().unwrap());
        return;
    }
    let copy = Copy::make().unwrap();
    let command = child::command(TEST);
    let mut as_nobody = std::process::Command::new(copy.binary());
    as_nobody.args(command.get_args()).uid(NOBODY).gid(NOBODY).current_dir("/");
    for (name, value) in command.get_envs() {
        as_nobody.env(name, value.unwrap_or_default());
    }
    assert_success(&as_nobody.output().unwrap());
}

/// More threads than the lowered limit has room for.
const ATTEMPTS: usize = 3000;
const ROOM: usize = 200;

fn refuse_thousands() {
    let kick = Kick::install(Kick::default_signal()).unwrap();
    lower_process_limit(ROOM as u64);
    let capacity = HostLimits::read().thread_capacity();
    assert!(capacity < ATTEMPTS / 2, "{capacity}");

    let called = Arc::new(AtomicUsize::new(0));
    let dropped = Arc::new(());
    let mut releases = Vec::new();
    let mut threads = Vec::new();
    let mut refused = 0;
    let mut spare = None;
    for _ in 0..ATTEMPTS {
        let stack = spare.take().unwrap_or_else(|| Stack::map(0).unwrap());
        let (release, released) = mpsc::channel::<()>();
        let (called, witness) = (Arc::clone(&called), Arc::clone(&dropped));
        let entry = Box::new(move || {
            called.fetch_add(1, Ordering::Relaxed);
            let _ = released.recv();
            drop(witness);
        });
        match NativeThread::spawn(stack, &kick, entry) {
            Ok(thread) => {
                releases.push(release);
                threads.push(thread);
            }
            Err(Refused { error, stack, entry }) => {
                assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
                refused += 1;
                drop(entry);
                spare = Some(stack);
            }
        }
    }
    let running = threads.len();
    // Not exactly `ROOM`: the user's other processes start and end threads meanwhile.
    assert!(running >= 1 && refused >= ATTEMPTS / 2, "{running} run, {refused} refused");
    println!("{running} run, {refused} refused, capacity was {capacity}");
    assert_eq!(Arc::strong_count(&dropped), 1 + running, "refused entries came back and are gone");

    releases.clear();
    let stacks: Vec<Stack> = threads.into_iter().map(NativeThread::join).collect();
    assert_eq!((called.load(Ordering::Relaxed), Arc::strong_count(&dropped)), (running, 1));
    for stack in stacks {
        start_again(stack, kick);
    }
}

/// A refused attempt is made again with what came back: the kernel counts threads an instant longer than the
/// join.
fn start_again(mut stack: Stack, kick: Kick) {
    let (report, reported) = mpsc::channel();
    let mut entry: greenproc_os::thread::Entry = Box::new(move || report.send(7).unwrap());
    let thread = loop {
        match NativeThread::spawn(stack, &kick, entry) {
            Ok(thread) => break thread,
            Err(refused) => (stack, entry) = (refused.stack, refused.entry),
        }
        std::thread::yield_now();
    };
    assert_eq!(reported.recv(), Ok(7));
    thread.join();
}

/// Leaves room for `more` threads of this user.
fn lower_process_limit(more: u64) {
    if HostLimits::read().nproc.is_none() {
        // Without a limit the threads are not counted.
        set_process_limit(1 << 20);
    }
    set_process_limit(HostLimits::read().threads_of_user.unwrap() + more);
}

fn set_process_limit(threads: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the calls write and read the one `rlimit` that they are given.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NPROC, &raw mut limit), 0);
        limit.rlim_cur = threads.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit), 0);
    }
}

/// Mapping ends in an error, nothing of a failed attempt stays, and what is given back can be mapped again.
#[test]
fn stacks_at_the_limit_of_memory_maps_are_errors() {
    const TEST: &str = "stacks_at_the_limit_of_memory_maps_are_errors";
    if !child::is(TEST) {
        assert_success(&child::command(TEST).output().unwrap());
        return;
    }
    let most = HostLimits::read().map_count.unwrap() as usize / 2;
    if most > 600_000 {
        eprintln!("this host has too many maps to use them all up in a test");
        return;
    }
    let mut stacks = Vec::with_capacity(most + 1);
    let before = memory::map_count().unwrap();
    let error = loop {
        match Stack::map(stack::minimum()) {
            Ok(stack) => stacks.push(stack),
            Err(error) => break error,
        }
        assert!(stacks.len() <= most, "the limit holds");
    };
    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
    for _ in 0..1000 {
        assert!(Stack::map(stack::minimum()).is_err());
    }
    stacks.truncate(stacks.len() - 100);
    stacks.extend((0..99).map(|_| Stack::map(stack::minimum()).unwrap()));
    drop(stacks);
    let after = memory::map_count().unwrap();
    assert!(after.abs_diff(before) < 10, "{before} maps before, {after} after");
}
