//! A stack overflow that says whose it was.
//!
//! A fault in the guard page of the calling [`NativeThread`](crate::thread::NativeThread) is an overflow: one
//! line on stderr names the process (from [`set_identity`](crate::thread::set_identity)) and the OS process
//! aborts. Any other fault is left to whoever handled it before: std's own handler, a crash reporter, the
//! host.
//!
//! Everything the handler calls is async-signal-safe: it reads constant thread-local values and a cell
//! written before the handler was installed, formats into an array, and calls write, sigaction and abort.
#![allow(unsafe_code, reason = "sigaction, and what a signal handler is given")]

mod former;
mod line;

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Once;

use self::line::Line;
use crate::thread::{self, Guard};

/// Installs the handler for `SIGSEGV` and `SIGBUS`, once per OS process; further calls do nothing.
///
/// What was installed for these signals before stays in use for every fault but an overflow of a native
/// thread's stack. A handler that somebody installs later replaces this one; so a crash reporter is to be set
/// up first, or has to chain as this one does.
///
/// ```
/// greenproc_os::overflow::install();
/// ```
pub fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        for signal in former::SIGNALS {
            former::remember(signal);
            set_handler(signal);
        }
    });
}

fn set_handler(signal: libc::c_int) {
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void) = on_fault;
    // SAFETY: all zeros are a valid `sigaction`: no handler, no flags, an empty mask.
    let mut action = unsafe { MaybeUninit::<libc::sigaction>::zeroed().assume_init() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_ONSTACK | libc::SA_SIGINFO;
    // SAFETY: the handler has the signature that SA_SIGINFO asks for and does only what is async-signal-safe.
    let result = unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
    debug_assert_eq!(result, 0, "sigaction({signal})");
}

extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel gives a valid siginfo. Its address field means something where the
    // code says that the kernel raised the signal for a fault, which the condition below asks.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    let guard = thread::current_guard();
    if code > 0 && guard.contains(address) {
        report(&guard);
        die();
    }
    // SAFETY: these are the arguments that the kernel gave to this handler.
    unsafe { former::pass_on(signal, info, context) };
}

fn report(guard: &Guard) {
    let mut line = Line::new();
    line.text(b"greenproc: ");
    thread::with_identity(|identity| {
        let Some((pid, name)) = identity else {
            line.text(b"thread ");
            line.number(i64::from(thread::tid().as_raw()));
            return;
        };
        line.text(b"process ");
        line.number(i64::from(pid));
        if !name.is_empty() {
            line.text(b" (");
            line.foreign(name);
            line.text(b")");
        }
    });
    line.text(b" has overflowed its stack of ");
    line.number(guard.stack_size as i64);
    line.text(b" bytes; give it more with Command::stack_size\n");
    line.write_to_stderr();
}

/// Ends the OS process with `SIGABRT`, whatever was installed for it.
fn die() -> ! {
    former::restore_default(libc::SIGABRT);
    // SAFETY: abort is async-signal-safe, and does not return.
    unsafe { libc::abort() }
}
