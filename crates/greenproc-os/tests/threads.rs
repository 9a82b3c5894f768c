//! Native threads: what std sees in them, their signal mask, their ends, and their memory maps.
#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]
#![allow(unsafe_code, reason = "signal masks and raw addresses are what is tested")]

use std::cell::RefCell;
use std::fs;
use std::mem::MaybeUninit;
use std::panic::resume_unwind;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread as std_thread;
use std::time::Duration;

use greenproc_os::kick::Kick;
use greenproc_os::stack::{self, Stack};
use greenproc_os::thread::{self, NativeThread};

const WATCHDOG: Duration = Duration::from_mins(1);

fn kick() -> Kick {
    Kick::install(Kick::default_signal()).unwrap()
}

fn start(entry: impl FnOnce() + Send + 'static) -> NativeThread {
    NativeThread::spawn(Stack::map(256 * 1024).unwrap(), &kick(), Box::new(entry)).unwrap()
}

/// Runs `f` in a native thread and returns what it returns.
fn run<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = start(move || sender.send(f()).unwrap());
    let value = receiver.recv_timeout(WATCHDOG).unwrap();
    thread.join();
    value
}

#[test]
fn the_entry_runs_once_in_another_thread() {
    let here = thread::tid();
    assert_ne!(run(thread::tid), here);
    assert_eq!(thread::tid(), here);
}

#[test]
fn a_stack_comes_back_and_serves_again() {
    let mut stack = Stack::map(stack::minimum()).unwrap();
    let size = stack.size();
    let runs = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let runs = Arc::clone(&runs);
        let entry = Box::new(move || _ = runs.fetch_add(1, Ordering::Relaxed));
        stack = NativeThread::spawn(stack, &kick(), entry).unwrap().join();
    }
    assert_eq!((runs.load(Ordering::Relaxed), stack.size()), (100, size));
}

#[test]
fn std_knows_the_thread() {
    let (sender, receiver) = mpsc::channel();
    let unparked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&unparked);
    let thread = start(move || {
        sender.send(std_thread::current()).unwrap();
        while !seen.load(Ordering::Acquire) {
            std_thread::park();
        }
        sender.send(std_thread::current()).unwrap();
    });
    let handle = receiver.recv_timeout(WATCHDOG).unwrap();
    unparked.store(true, Ordering::Release);
    handle.unpark();
    assert_eq!(receiver.recv_timeout(WATCHDOG).unwrap().id(), handle.id());
    assert_ne!(handle.id(), std_thread::current().id());
    thread.join();
}

#[test]
fn scoped_std_threads_work_inside() {
    let sum = run(|| {
        let numbers = [1, 2, 3, 4];
        let (left, right) = numbers.split_at(2);
        std_thread::scope(|scope| {
            let half = scope.spawn(|| left.iter().sum::<i32>());
            right.iter().sum::<i32>() + half.join().unwrap()
        })
    });
    assert_eq!(sum, 10);
}

#[test]
fn thread_local_destructors_have_run_when_join_returns() {
    struct Sets(Arc<AtomicUsize>);
    impl Drop for Sets {
        fn drop(&mut self) {
            // Slow enough that a join that did not wait for it would be seen.
            for _ in 0..1000 {
                std_thread::yield_now();
            }
            assert!(thread::tid().as_raw() > 0, "the id is there in destructors too");
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! {
        static LOCAL: RefCell<Option<Sets>> = const { RefCell::new(None) };
        static LAZY: RefCell<Vec<Sets>> = RefCell::new(Vec::with_capacity(1));
    }
    let destroyed = Arc::new(AtomicUsize::new(0));
    let (first, second) = (Sets(Arc::clone(&destroyed)), Sets(Arc::clone(&destroyed)));
    let thread = start(move || {
        LOCAL.set(Some(first));
        LAZY.with_borrow_mut(|all| all.push(second));
    });
    thread.join();
    assert_eq!(destroyed.load(Ordering::Relaxed), 2);
}

#[test]
fn a_panic_ends_the_thread_alone() {
    struct PanicsTwice;
    impl Drop for PanicsTwice {
        fn drop(&mut self) {
            resume_unwind(Box::new("from the payload's destructor"));
        }
    }
    // resume_unwind, so that no panic message disturbs the test's output.
    start(|| resume_unwind(Box::new("payload"))).join();
    start(|| resume_unwind(Box::new(PanicsTwice))).join();
    assert_eq!(run(|| 1), 1);
}

#[test]
fn a_join_with_time_out_gives_the_thread_back() {
    let (release, released) = mpsc::channel::<()>();
    let thread = start(move || released.recv().unwrap());
    let thread = thread.join_timeout(Duration::ZERO).unwrap_err();
    let thread = thread.join_timeout(Duration::from_millis(5)).unwrap_err();
    release.send(()).unwrap();
    assert_eq!(thread.join_timeout(Duration::MAX).unwrap().size(), 256 * 1024);
}

#[test]
fn a_thread_knows_its_own_handle() {
    let (give, take) = mpsc::channel::<NativeThread>();
    let (back, returned) = mpsc::channel();
    let thread = start(move || {
        let own = take.recv().unwrap();
        let is_current = own.is_current();
        back.send((own, is_current)).unwrap();
    });
    assert!(!thread.is_current());
    give.send(thread).unwrap();
    let (thread, was_current) = returned.recv_timeout(WATCHDOG).unwrap();
    assert!(was_current);
    thread.join();
}

#[test]
fn joining_oneself_is_a_panic() {
    let (give, take) = mpsc::channel::<NativeThread>();
    let (report, reported) = mpsc::channel();
    let thread = start(move || {
        let own = take.recv().unwrap();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| own.join()));
        report.send(result.is_err()).unwrap();
    });
    give.send(thread).unwrap();
    assert!(reported.recv_timeout(WATCHDOG).unwrap());
}

#[test]
fn a_thread_dropped_without_join_runs_on() {
    let (release, released) = mpsc::channel::<()>();
    let (report, reported) = mpsc::channel();
    drop(start(move || {
        released.recv().unwrap();
        let deep: usize = std::hint::black_box([1_u8; 16 * 1024]).iter().map(|&byte| usize::from(byte)).sum();
        report.send(deep).unwrap();
    }));
    release.send(()).unwrap();
    assert_eq!(reported.recv_timeout(WATCHDOG), Ok(16 * 1024));
}

/// The blocked signals of the calling thread, signal `n` being bit `n - 1`.
fn blocked() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap()
}

/// The mask that a native thread is promised. Open besides: the signals that the C library keeps for itself,
/// and those two that nobody can block.
fn promised() -> u64 {
    let faults =
        [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];
    let reserved = 32..libc::SIGRTMIN();
    let open =
        faults.into_iter().chain(reserved).chain([libc::SIGKILL, libc::SIGSTOP, Kick::default_signal()]);
    open.fold(u64::MAX, |mask, signal| mask & !(1 << (signal - 1)))
}

#[test]
fn the_mask_is_the_promised_one_and_the_makers_is_untouched() {
    let before = blocked();
    assert_eq!(run(blocked), promised());
    assert_eq!(blocked(), before);
    assert_eq!(run(|| run(blocked)), promised(), "whoever makes it");
}

#[test]
fn the_mask_can_be_put_back() {
    let (changed, restored) = run(|| {
        let mut all_open = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the set is initialised before it is used; only the mask of this thread changes.
        unsafe {
            libc::sigemptyset(all_open.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all_open.as_ptr(), ptr::null_mut());
        }
        let changed = blocked();
        thread::SignalMask::of_native_threads(&kick()).restore();
        (changed, blocked())
    });
    assert_eq!((changed, restored), (0, promised()));
}

#[test]
fn the_kernel_shows_the_name() {
    let comm = run(|| {
        thread::set_name("gp17:a-very-long-name");
        fs::read_to_string("/proc/thread-self/comm").unwrap()
    });
    assert_eq!(comm, "gp17:a-very-lon\n");
}

/// The alternate signal stack of the calling thread.
fn signal_stack() -> libc::stack_t {
    let mut stack = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: with no new stack the call only writes the present one, and all zeros are valid too.
    unsafe {
        libc::sigaltstack(ptr::null(), stack.as_mut_ptr());
        stack.assume_init()
    }
}

#[test]
fn the_signal_stack_is_the_top_of_the_mapping() {
    let (local, base, size, flags) = run(|| {
        let stack = signal_stack();
        (ptr::from_ref(&stack) as usize, stack.ss_sp as usize, stack.ss_size, stack.ss_flags)
    });
    assert_eq!(flags & libc::SS_DISABLE, 0);
    assert!(size >= 8 * 1024 + libc::MINSIGSTKSZ);
    assert!((base - 256 * 1024..base).contains(&local), "the frame is right below the signal stack");
}

#[test]
fn the_signal_stack_is_off_when_the_entry_has_returned() {
    struct Reports(mpsc::Sender<libc::c_int>);
    impl Drop for Reports {
        fn drop(&mut self) {
            self.0.send(signal_stack().ss_flags).unwrap();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Reports>> = const { RefCell::new(None) };
    }
    let (report, reported) = mpsc::channel();
    run(|| LAST.set(Some(Reports(report))));
    assert_eq!(reported.recv_timeout(WATCHDOG), Ok(libc::SS_DISABLE));
}

#[test]
fn every_running_thread_has_two_maps_of_its_own() {
    const THREADS: usize = 50;
    let (report, reported) = mpsc::channel();
    let mut releases = Vec::new();
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let report = report.clone();
        let (release, released) = mpsc::channel::<()>();
        releases.push(release);
        threads.push(start(move || {
            let local = 0_u8;
            report.send(ptr::from_ref(std::hint::black_box(&local)) as usize).unwrap();
            let _ = released.recv();
        }));
    }
    let locals: Vec<usize> = (0..THREADS).map(|_| reported.recv_timeout(WATCHDOG).unwrap()).collect();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let maps: Vec<(usize, usize, &str)> = maps
        .lines()
        .map(|line| {
            let (range, rest) = line.split_once(' ').unwrap();
            let (low, high) = range.split_once('-').unwrap();
            let hex = |number| usize::from_str_radix(number, 16).unwrap();
            (hex(low), hex(high), &rest[..4])
        })
        .collect();
    let mut stacks: Vec<usize> = Vec::new();
    for local in locals {
        let index = maps.iter().position(|map| (map.0..map.1).contains(&local)).unwrap();
        let (guard, stack) = (maps[index - 1], maps[index]);
        assert_eq!((guard.2, stack.2), ("---p", "rw-p"));
        assert_eq!((guard.1, guard.1 - guard.0), (stack.0, stack::page_size()), "the guard is right below");
        let size = stack.1 - stack.0;
        assert!((256 * 1024..320 * 1024).contains(&size), "one stack and no neighbour: {size}");
        stacks.push(index);
    }
    stacks.sort_unstable();
    stacks.dedup();
    assert_eq!(stacks.len(), THREADS, "no two threads share a map");
    releases.clear();
    for thread in threads {
        thread.join();
    }
}
