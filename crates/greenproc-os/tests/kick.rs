//! The kick: what it interrupts, and where it is refused.
#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]
#![allow(unsafe_code, reason = "raw system calls are what is interrupted")]

use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use greenproc_os::kick::{InstallError, Kick};
use greenproc_os::stack::Stack;
use greenproc_os::thread::{self, NativeThread};

/// How long a kick is given before the next. Not a wait for something to have happened: the kick may come
/// before the thread is in its system call.
const BETWEEN_KICKS: Duration = Duration::from_millis(1);

/// The watchdog.
const MOST_KICKS: u32 = 30_000;

#[test]
fn a_kick_interrupts_a_blocked_read() {
    let kick = Kick::install(Kick::default_signal()).unwrap();
    let (reader, _writer) = io::pipe().unwrap();
    let (give_tid, take_tid) = mpsc::channel();
    let (report, reported) = mpsc::channel();
    let entry = Box::new(move || {
        give_tid.send(thread::tid()).unwrap();
        let mut byte = 0_u8;
        // SAFETY: the descriptor is open and `byte` is room for the one byte asked for.
        let read = unsafe { libc::read(reader.as_raw_fd(), (&raw mut byte).cast(), 1) };
        report.send((read, io::Error::last_os_error().raw_os_error())).unwrap();
    });
    let thread = NativeThread::spawn(Stack::map(0).unwrap(), &kick, entry).unwrap();
    let tid = take_tid.recv().unwrap();
    let result = (0..MOST_KICKS).find_map(|_| {
        kick.send(tid).unwrap();
        match reported.recv_timeout(BETWEEN_KICKS) {
            Err(RecvTimeoutError::Timeout) => None,
            result => Some(result.unwrap()),
        }
    });
    let result = result.expect("the read goes on in spite of kicks");
    assert_eq!(result, (-1, Some(libc::EINTR)));
    thread.join();
}

#[test]
fn a_thread_that_is_gone_cannot_be_kicked() {
    let kick = Kick::install(Kick::default_signal()).unwrap();
    let (give_tid, take_tid) = mpsc::channel();
    let entry = Box::new(move || give_tid.send(thread::tid()).unwrap());
    NativeThread::spawn(Stack::map(0).unwrap(), &kick, entry).unwrap().join();
    let tid = take_tid.recv().unwrap();
    // The kernel may take an instant longer than the join, and tells nobody when it is done.
    let error = loop {
        match kick.send(tid) {
            Ok(()) => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.raw_os_error(), Some(libc::ESRCH));
}

#[test]
fn installing_again_finds_it_installed() {
    let signal = Kick::default_signal() + 1;
    let first = Kick::install(signal).unwrap();
    assert_eq!(first.signal(), signal);
    assert_eq!(Kick::install(signal), Ok(first));
}

#[test]
fn a_signal_in_use_is_refused_and_left_alone() {
    extern "C" fn foreign(_: libc::c_int) {
        // Not empty, so that no linker takes it for the kick's handler.
        std::hint::black_box(1);
    }
    let handler: extern "C" fn(libc::c_int) = foreign;
    let uses = [
        (Kick::default_signal() + 2, handler as *const () as usize),
        (Kick::default_signal() + 3, libc::SIG_IGN),
    ];
    for (signal, action) in uses {
        // SAFETY: the signals are used by this test alone, and the handler does nothing.
        unsafe { libc::signal(signal, action) };
        assert_eq!(Kick::install(signal), Err(InstallError::Foreign { signal }));
        // SAFETY: as above; the call returns what was installed.
        assert_eq!(unsafe { libc::signal(signal, libc::SIG_DFL) }, action);
    }
}

#[test]
fn signals_that_cannot_be_handled_are_refused() {
    for signal in
        [0, -1, libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGABRT, 32, 33, libc::SIGRTMAX() + 1]
    {
        assert_eq!(Kick::install(signal), Err(InstallError::Invalid { signal }));
    }
}
