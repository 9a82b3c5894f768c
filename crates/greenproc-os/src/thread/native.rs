//! A joinable pthread that owns its stack.
//!
//! The order that keeps the stack safe: the [`Stack`] moves into the [`NativeThread`] when the thread starts,
//! and comes out of it only when the host has said that the thread is joined. The C library keeps the
//! thread's control block and thread-local storage on that stack too, so "the entry has returned" would be
//! too early.
#![allow(unsafe_code, reason = "pthread_create, pthread_join and sigaltstack")]

use std::any::Any;
use std::ffi::c_void;
use std::fmt;
use std::io::{self, Write as _};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::Duration;

use super::guard::Guard;
use super::mask::{self, SignalMask};
use crate::clock;
use crate::kick::Kick;
use crate::stack::{Parts, Stack};

/// What a native thread runs.
pub type Entry = Box<dyn FnOnce() + Send + 'static>;

/// A native thread that runs, or has ended and was not joined yet.
///
/// It must be joined to get its stack back. Dropped without that, the thread is detached and its stack
/// mapping leaks, on purpose: the thread may still run on it. A debug build says so on stderr.
///
/// ```
/// use greenproc_os::{kick::Kick, stack::Stack, thread::NativeThread};
/// use std::sync::mpsc;
///
/// let kick = Kick::install(Kick::default_signal())?;
/// let (sender, receiver) = mpsc::channel();
/// let entry = Box::new(move || sender.send(6 * 7).expect("the receiver waits"));
/// let thread = NativeThread::spawn(Stack::map(0)?, &kick, entry)?;
/// assert_eq!(receiver.recv()?, 42);
/// drop(thread.join());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct NativeThread {
    /// Immutable. Valid until joined or detached, which consumes the value.
    handle: libc::pthread_t,
    /// Taken out only after a join.
    stack: ManuallyDrop<Stack>,
}

// SAFETY: a pthread handle names a thread; any thread of the process may join or detach it, and each of those
// takes the value itself, so that it happens once.
unsafe impl Send for NativeThread {}
// SAFETY: behind a shared reference the handle is only compared, and the stack's bounds are only read.
unsafe impl Sync for NativeThread {}

/// The host gave no thread; everything that was handed in is still here.
pub struct Refused {
    /// Why: `EAGAIN` at a limit of the host's, `EINVAL` where the program's static thread-local storage does
    /// not fit the stack.
    pub error: io::Error,
    /// The stack, never run on by this attempt.
    pub stack: Stack,
    /// The entry, not called.
    pub entry: Entry,
}

impl NativeThread {
    /// Starts `entry` in a new thread on `stack`.
    ///
    /// From its first instruction on the thread has the kick signal and the synchronous fault signals
    /// (`SIGSEGV`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP`, `SIGABRT`, `SIGSYS`) unblocked and every other
    /// host signal blocked. While `entry` runs, the alternate signal stack is in place.
    ///
    /// A panic that leaves `entry` ends the thread and goes no further; its payload is dropped there. Who
    /// wants to hear of it catches it in `entry`. Thread-local destructors run after `entry` has returned
    /// and before [`join`](Self::join) does.
    ///
    /// # Errors
    /// [`Refused`], with stack and entry in it, when the host refuses; nothing is lost or leaked.
    pub fn spawn(stack: Stack, kick: &Kick, entry: Entry) -> Result<NativeThread, Refused> {
        let parts = stack.parts();
        let start = Box::into_raw(Box::new(Start { entry, parts }));
        let mask = SignalMask::of_native_threads(kick);
        // A new thread has its maker's mask. So the maker takes the new thread's for the time of the call,
        // and no signal finds the new thread with another.
        let own_mask = mask::exchange(mask.as_set());
        let created = create(&parts, start);
        mask::exchange(&own_mask);
        match created {
            Ok(handle) => Ok(NativeThread { handle, stack: ManuallyDrop::new(stack) }),
            Err(error) => {
                // SAFETY: `start` came from `Box::into_raw` above, and no thread was made that could have
                // taken it.
                let start = unsafe { Box::from_raw(start) };
                Err(Refused { error, stack, entry: start.entry })
            }
        }
    }

    /// Waits for the thread to end and returns its stack.
    ///
    /// The thread's thread-local destructors have run. The kernel may list it under `/proc`, and count it
    /// against its limits, for an instant longer.
    ///
    /// # Panics
    /// When a thread joins itself; its stack leaks then.
    pub fn join(self) -> Stack {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: the handle is of a thread that was neither joined nor detached, since both consume the
        // value and this call has it. No result is asked for.
        let result = unsafe { libc::pthread_join(this.handle, ptr::null_mut()) };
        assert_eq!(result, 0, "a thread cannot join itself");
        // SAFETY: taken once: the value was consumed, and `ManuallyDrop` keeps its `Drop` from running. The
        // thread is joined, so nothing runs on the stack any more.
        unsafe { ManuallyDrop::take(&mut this.stack) }
    }

    /// Waits up to `timeout` for the thread to end, and returns its stack.
    ///
    /// # Errors
    /// The thread, still to be joined, when the time is over.
    ///
    /// # Panics
    /// When a thread joins itself; its stack leaks then.
    pub fn join_timeout(self, timeout: Duration) -> Result<Stack, NativeThread> {
        let mut this = ManuallyDrop::new(self);
        match timed_join(this.handle, timeout) {
            libc::ETIMEDOUT => Err(ManuallyDrop::into_inner(this)),
            result => {
                assert_eq!(result, 0, "a thread cannot join itself");
                // SAFETY: as in `join`.
                Ok(unsafe { ManuallyDrop::take(&mut this.stack) })
            }
        }
    }

    /// Whether the calling thread is this one.
    pub fn is_current(&self) -> bool {
        // SAFETY: both handles are valid: one is the caller's own, the other of a thread not joined or
        // detached.
        unsafe { libc::pthread_equal(libc::pthread_self(), self.handle) != 0 }
    }
}

impl Drop for NativeThread {
    fn drop(&mut self) {
        // SAFETY: the handle is of a thread not joined or detached before, since a join keeps this from
        // running. The C library frees no stack that it did not map, and `self.stack` is never dropped.
        unsafe { libc::pthread_detach(self.handle) };
        if cfg!(debug_assertions) {
            let size = self.stack.size();
            // A note that cannot be written is not worth a panic in a destructor.
            let _ =
                writeln!(io::stderr(), "greenproc: a thread was not joined; its stack of {size} bytes leaks");
        }
    }
}

impl fmt::Debug for NativeThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeThread").field("stack_size", &self.stack.size()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("error", &self.error).finish_non_exhaustive()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host refuses a thread: {}", self.error)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// What the new thread finds; boxed, since a pthread takes one pointer.
struct Start {
    entry: Entry,
    parts: Parts,
}

/// Makes the thread. On success the box behind `start` is the new thread's; on an error it is still the
/// caller's.
fn create(parts: &Parts, start: *mut Start) -> io::Result<libc::pthread_t> {
    let mut attributes = MaybeUninit::uninit();
    let mut handle = MaybeUninit::uninit();
    // SAFETY: the attributes are initialised before they are used and destroyed once, after. The stack handed
    // over is the usable part of a mapping that `spawn` owns and puts into the `NativeThread`, so it stays
    // until the join; no other thread runs on it, since a `Stack` is owned by one thread at a time.
    // `trampoline` takes the box behind `start` exactly once, in the new thread. `handle` is read only if
    // pthread_create has said that it wrote it.
    unsafe {
        check(libc::pthread_attr_init(attributes.as_mut_ptr()))?;
        let set = libc::pthread_attr_setstack(attributes.as_mut_ptr(), parts.usable, parts.usable_size);
        let created = check(set).and_then(|()| {
            let attributes = attributes.as_ptr();
            check(libc::pthread_create(handle.as_mut_ptr(), attributes, trampoline, start.cast()))
        });
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        created.map(|()| handle.assume_init())
    }
}

/// The pthread functions return the error number.
fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
}

/// Where the new thread begins. Nothing may unwind out of it: the C library is below.
extern "C" fn trampoline(start: *mut c_void) -> *mut c_void {
    // SAFETY: `create` was given this pointer from `Box::into_raw`, and hands it to one thread only.
    let Start { entry, parts } = *unsafe { Box::from_raw(start.cast::<Start>()) };
    set_signal_stack(parts.alternate, parts.alternate_size, 0);
    Guard::of(&parts).make_current();
    if let Err(payload) = catch_unwind(AssertUnwindSafe(entry)) {
        drop_payload(payload);
    }
    // Thread-local destructors still come. A fault in one of them must not find a signal stack that belongs
    // to a mapping which is about to be handed back.
    set_signal_stack(ptr::null_mut(), 0, libc::SS_DISABLE);
    ptr::null_mut()
}

/// Drops what a panic carried. Its destructor is user code too and may panic itself; what that carries is
/// leaked, since dropping it could go on like this for ever.
fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// Sets or disables the alternate signal stack of the calling thread. Refused by a kernel to which it is too
/// small, it is just not there: an overflow then ends the OS process without the message.
fn set_signal_stack(base: *mut c_void, size: usize, flags: libc::c_int) {
    let stack = libc::stack_t { ss_sp: base, ss_flags: flags, ss_size: size };
    // SAFETY: the range is the top part of the calling thread's mapping, which is readable and writable, used
    // for nothing else, and outlives the thread; with SS_DISABLE no range is looked at. The calling thread
    // does not run on its signal stack here.
    unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
}

/// `pthread_join` with a time-out against the monotonic clock.
#[cfg(all(target_env = "gnu", target_pointer_width = "64", not(tsan)))]
fn timed_join(handle: libc::pthread_t, timeout: Duration) -> libc::c_int {
    unsafe extern "C" {
        /// In glibc since 2.31; the libc crate does not have it.
        fn pthread_clockjoin_np(
            thread: libc::pthread_t,
            result: *mut *mut c_void,
            clock: libc::clockid_t,
            deadline: *const libc::timespec,
        ) -> libc::c_int;
    }
    let deadline = clock::after(libc::CLOCK_MONOTONIC, timeout);
    // SAFETY: the declaration is glibc's, `time_t` having 64 bits in either. The caller holds the one
    // `NativeThread` of this handle, so that the thread is neither joined nor detached; the deadline lives
    // through the call.
    unsafe { pthread_clockjoin_np(handle, ptr::null_mut(), libc::CLOCK_MONOTONIC, &raw const deadline) }
}

/// `pthread_join` with a time-out against the wall clock, where the C library has no other. Setting the clock
/// back makes the wait longer. `ThreadSanitizer` knows this one only.
#[cfg(not(all(target_env = "gnu", target_pointer_width = "64", not(tsan))))]
fn timed_join(handle: libc::pthread_t, timeout: Duration) -> libc::c_int {
    let deadline = clock::after(libc::CLOCK_REALTIME, timeout);
    // SAFETY: the caller holds the one `NativeThread` of this handle, so that the thread is neither joined
    // nor detached; the deadline lives through the call.
    unsafe { libc::pthread_timedjoin_np(handle, ptr::null_mut(), &raw const deadline) }
}
