//! What was installed for the fault signals before, and how a fault is passed on to it.
#![allow(unsafe_code, reason = "sigaction, and calling a handler by its address")]

use std::ffi::c_void;
use std::mem::{MaybeUninit, transmute};
use std::ptr;
use std::sync::OnceLock;

pub(super) const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Written once, before our handler is installed; after that only read, which takes no lock.
static FORMER: [OnceLock<libc::sigaction>; SIGNALS.len()] = [const { OnceLock::new() }; SIGNALS.len()];

fn slot(signal: libc::c_int) -> Option<&'static OnceLock<libc::sigaction>> {
    SIGNALS.iter().position(|&known| known == signal).map(|index| &FORMER[index])
}

pub(super) fn remember(signal: libc::c_int) {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action the call only writes the present one into `action`, which is valid as zeros,
    // too.
    let action = unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    if let Some(slot) = slot(signal) {
        slot.get_or_init(|| action);
    }
}

/// Does with the signal what would have been done without our handler. (Only the former handler's mask is not
/// applied while it runs.)
///
/// # Safety
/// The arguments are those that the kernel gave to a handler with `SA_SIGINFO` that is now running.
pub(super) unsafe fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the caller says that `info` is the kernel's.
    let sent = unsafe { (*info).si_code } <= 0;
    let former = slot(signal).and_then(OnceLock::get);
    let (handler, flags) = former.map_or((libc::SIG_DFL, 0), |action| (action.sa_sigaction, action.sa_flags));
    match handler {
        // A fault cannot be ignored, the kernel would not either; a signal that somebody sent can.
        libc::SIG_IGN if sent => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            restore_default(signal);
            if sent {
                // A sent signal, unlike a fault, does not come again by itself. It is blocked until this
                // handler returns, and then ends the OS process.
                // SAFETY: raise is async-signal-safe.
                unsafe { libc::raise(signal) };
            }
        }
        handler => {
            if flags & libc::SA_RESETHAND != 0 {
                restore_default(signal);
            }
            if flags & libc::SA_SIGINFO != 0 {
                // SAFETY: the address is what somebody installed with SA_SIGINFO, hence a function of this
                // signature, and it gets what the kernel would have given it.
                unsafe {
                    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut c_void) =
                        transmute(handler);
                    handler(signal, info, context);
                }
            } else {
                // SAFETY: the address is what somebody installed without SA_SIGINFO, hence a function of one
                // number.
                let handler: extern "C" fn(libc::c_int) = unsafe { transmute(handler) };
                handler(signal);
            }
        }
    }
}

pub(super) fn restore_default(signal: libc::c_int) {
    let action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeros are SIG_DFL with an empty mask and no flags. sigaction is async-signal-safe.
    unsafe { libc::sigaction(signal, action.as_ptr(), ptr::null_mut()) };
}
