//! How faults end the OS process: each in a child.
#![allow(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]
#![allow(unsafe_code, reason = "faults and signal handlers are what is tested")]

mod child;

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Output;
use std::ptr;

use greenproc_os::kick::Kick;
use greenproc_os::overflow;
use greenproc_os::stack::Stack;
use greenproc_os::thread::{self, NativeThread};

const STACK: usize = 64 * 1024;

fn run(entry: impl FnOnce() + Send + 'static) {
    let kick = Kick::install(Kick::default_signal()).unwrap();
    NativeThread::spawn(Stack::map(STACK).unwrap(), &kick, Box::new(entry)).unwrap().join();
}

/// Calls itself until the stack is full; `black_box` keeps it from becoming a loop.
#[allow(unconditional_recursion, reason = "that it does not end is the point")]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 16]);
    std::hint::black_box(recurse(frame[0] + 1)) + frame[15]
}

/// Reads from a page that nobody may read.
fn fault() {
    // SAFETY: a new mapping harms nobody. That the read of it faults is what the test wants.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let page = libc::mmap(ptr::null_mut(), 4096, libc::PROT_NONE, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        page.cast::<u8>().read_volatile();
    }
}

fn output(test: &str) -> (Output, String) {
    let output = child::command(test).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, errors)
}

#[test]
fn an_overflow_names_the_process_and_aborts() {
    const TEST: &str = "an_overflow_names_the_process_and_aborts";
    if child::is(TEST) {
        overflow::install();
        overflow::install();
        run(|| {
            thread::set_identity(17, "worker");
            recurse(0);
        });
        return;
    }
    let (output, errors) = output(TEST);
    // Hosts whose signal frames are large round up.
    let size = Stack::map(STACK).unwrap().size();
    let line = format!(
        "greenproc: process 17 (worker) has overflowed its stack of {size} bytes; \
         give it more with Command::stack_size"
    );
    assert_eq!(errors.lines().filter(|&found| found == line).count(), 1, "{errors}");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{errors}");
}

#[test]
fn an_overflow_without_identity_names_the_thread() {
    const TEST: &str = "an_overflow_without_identity_names_the_thread";
    if child::is(TEST) {
        overflow::install();
        run(|| {
            thread::set_identity(17, "worker");
            thread::clear_identity();
            eprintln!("it is {}", thread::tid());
            recurse(0);
        });
        return;
    }
    let (output, errors) = output(TEST);
    let tid = errors.lines().find_map(|line| line.strip_prefix("it is ")).unwrap();
    assert!(errors.contains(&format!("greenproc: thread {tid} has overflowed its stack of ")), "{errors}");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{errors}");
}

/// The second thread on a stack finds guard and signal stack as the first did; a handler for SIGABRT does not
/// keep the OS process alive.
#[test]
fn a_stack_used_before_is_guarded_and_the_abort_is_certain() {
    const TEST: &str = "a_stack_used_before_is_guarded_and_the_abort_is_certain";
    if child::is(TEST) {
        extern "C" fn exit_well(_: libc::c_int) {
            // SAFETY: _exit is async-signal-safe.
            unsafe { libc::_exit(0) };
        }
        let handler: extern "C" fn(libc::c_int) = exit_well;
        // SAFETY: the handler does only what is async-signal-safe.
        unsafe { libc::signal(libc::SIGABRT, handler as *const () as usize) };
        overflow::install();
        let kick = Kick::install(Kick::default_signal()).unwrap();
        let stack = Stack::map(STACK).unwrap();
        let stack = NativeThread::spawn(stack, &kick, Box::new(|| ())).unwrap().join();
        let second = Box::new(|| {
            thread::set_identity(18, "");
            recurse(0);
        });
        NativeThread::spawn(stack, &kick, second).unwrap().join();
        return;
    }
    let (output, errors) = output(TEST);
    assert!(errors.contains("greenproc: process 18 has overflowed"), "{errors}");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{errors}");
}

#[test]
fn another_fault_is_left_to_the_host() {
    const TEST: &str = "another_fault_is_left_to_the_host";
    if child::is(TEST) {
        overflow::install();
        run(|| {
            thread::set_identity(17, "worker");
            fault();
        });
        return;
    }
    let (output, errors) = output(TEST);
    assert!(!errors.contains("greenproc:"), "{errors}");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{errors}");
}

#[test]
fn a_sent_fault_signal_is_left_to_the_host() {
    const TEST: &str = "a_sent_fault_signal_is_left_to_the_host";
    if child::is(TEST) {
        // SAFETY: without std's handler it is ours that meets the default. No handler is installed by this.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
        overflow::install();
        // SAFETY: raise touches no memory.
        run(|| _ = unsafe { libc::raise(libc::SIGBUS) });
        return;
    }
    let (output, errors) = output(TEST);
    assert!(!errors.contains("greenproc:"), "{errors}");
    assert_eq!(output.status.signal(), Some(libc::SIGBUS), "{errors}");
}

/// std's own message for its own threads is still there.
#[test]
fn an_overflow_of_a_std_thread_is_left_to_std() {
    const TEST: &str = "an_overflow_of_a_std_thread_is_left_to_std";
    if child::is(TEST) {
        overflow::install();
        std::thread::scope(|scope| {
            scope.spawn(|| recurse(0));
        });
        return;
    }
    let (output, errors) = output(TEST);
    assert!(!errors.contains("greenproc:") && errors.contains("overflowed its stack"), "{errors}");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{errors}");
}

#[test]
fn a_former_handler_gets_the_fault() {
    const TEST: &str = "a_former_handler_gets_the_fault";
    extern "C" fn with_info(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        // SAFETY: the kernel's siginfo; _exit is async-signal-safe.
        unsafe {
            let all = signal == libc::SIGSEGV && (*info).si_signo == signal && !context.is_null();
            libc::_exit(if all { 42 } else { 1 });
        }
    }
    if child::is(TEST) {
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void) = with_info;
        // SAFETY: all zeros are a valid action; the handler has the signature that SA_SIGINFO asks for.
        unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut());
        }
        overflow::install();
        run(fault);
        return;
    }
    assert_eq!(output(TEST).0.status.code(), Some(42));
}

#[test]
fn a_former_handler_of_the_plain_kind_gets_it_too() {
    const TEST: &str = "a_former_handler_of_the_plain_kind_gets_it_too";
    extern "C" fn plain(signal: libc::c_int) {
        // SAFETY: _exit is async-signal-safe.
        unsafe { libc::_exit(if signal == libc::SIGSEGV { 43 } else { 1 }) };
    }
    if child::is(TEST) {
        let handler: extern "C" fn(libc::c_int) = plain;
        // SAFETY: the handler does only what is async-signal-safe.
        unsafe { libc::signal(libc::SIGSEGV, handler as *const () as usize) };
        overflow::install();
        run(fault);
        return;
    }
    assert_eq!(output(TEST).0.status.code(), Some(43));
}
