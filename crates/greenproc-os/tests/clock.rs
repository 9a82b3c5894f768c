//! CPU clocks of single threads.
#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use greenproc_os::clock::{other_thread_cpu_ns, thread_cpu_ns, thread_usage};
use greenproc_os::kick::Kick;
use greenproc_os::stack::Stack;
use greenproc_os::thread::{self, NativeThread, Tid};

fn start(entry: impl FnOnce(Tid) + Send + 'static) -> (NativeThread, Tid) {
    let kick = Kick::install(Kick::default_signal()).unwrap();
    let (give, take) = mpsc::channel();
    let entry = Box::new(move || {
        give.send(thread::tid()).unwrap();
        entry(thread::tid());
    });
    let thread = NativeThread::spawn(Stack::map(0).unwrap(), &kick, entry).unwrap();
    (thread, take.recv().unwrap())
}

#[test]
fn work_makes_the_own_clock_go() {
    const WORK: u64 = 2_000_000;
    let start = thread_cpu_ns();
    while thread_cpu_ns() < start + WORK {
        std::hint::black_box(());
    }
    let exact = other_thread_cpu_ns(thread::tid()).unwrap();
    assert!(exact >= start + WORK / 2, "the same clock under the thread's id, but for interrupts");
}

#[test]
fn the_clock_of_a_spinning_thread_goes() {
    const WORK: u64 = 5_000_000;
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let (thread, tid) = start(move |_| {
        while !seen.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    let first = other_thread_cpu_ns(tid).unwrap();
    while other_thread_cpu_ns(tid).unwrap() < first + WORK {
        std::thread::yield_now();
    }
    stop.store(true, Ordering::Relaxed);
    thread.join();
}

#[test]
fn the_clock_of_a_sleeping_thread_stands_and_of_a_gone_one_is_nothing() {
    let (release, released) = mpsc::channel::<()>();
    let (thread, tid) = start(move |_| released.recv().unwrap());
    let mut last = other_thread_cpu_ns(tid).unwrap();
    loop {
        // It is asleep once two readings with this thread's own work between them agree.
        let until = thread_cpu_ns() + 1_000_000;
        while thread_cpu_ns() < until {
            std::thread::yield_now();
        }
        let now = other_thread_cpu_ns(tid).unwrap();
        if now == last {
            break;
        }
        last = now;
    }
    release.send(()).unwrap();
    thread.join();
    // The kernel may take an instant longer than the join, and tells nobody when it is done.
    while other_thread_cpu_ns(tid).is_some() {
        std::thread::yield_now();
    }
}

#[test]
fn usage_is_of_the_calling_thread_alone() {
    let (report, reported) = mpsc::channel();
    let (thread, _) = start(move |_| {
        let fresh = thread_usage();
        let pages = std::hint::black_box(vec![1_u8; 4 << 20]);
        while thread_cpu_ns() < 30_000_000 {
            std::hint::black_box(&pages);
        }
        report.send((fresh, thread_usage())).unwrap();
    });
    let (fresh, used) = reported.recv().unwrap();
    thread.join();
    assert!(fresh.user_ns + fresh.system_ns < 30_000_000, "{fresh:?}");
    assert!(used.user_ns + used.system_ns >= 10_000_000, "{used:?}");
    assert!(used.minor_faults > fresh.minor_faults, "{used:?}");
}
