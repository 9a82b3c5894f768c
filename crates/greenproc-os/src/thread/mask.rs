//! The host's signal mask of a native thread: open to the kick and to its own faults, closed to the rest.
#![allow(unsafe_code, reason = "signal sets and pthread_sigmask")]

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use crate::clock;
use crate::kick::Kick;

/// Signals that the kernel raises in a thread for what the thread itself did. Blocked, they would end the OS
/// process without a word.
pub(crate) const FAULTS: [libc::c_int; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];

/// The host's signal mask of native threads: the kick signal and the synchronous fault signals open, everything else
/// blocked.
#[derive(Clone, Copy)]
pub struct SignalMask(libc::sigset_t);

impl SignalMask {
    /// The mask that [`NativeThread::spawn`](super::NativeThread::spawn) gives with this kick.
    pub fn of_native_threads(kick: &Kick) -> SignalMask {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises the whole set before anything reads it. sigdelset changes only the set,
        // and every number is valid: the constants of the host, and one that `Kick::install` has checked.
        unsafe {
            libc::sigfillset(set.as_mut_ptr());
            for signal in FAULTS {
                libc::sigdelset(set.as_mut_ptr(), signal);
            }
            libc::sigdelset(set.as_mut_ptr(), kick.signal());
            SignalMask(set.assume_init())
        }
    }

    /// Gives the calling thread this mask: for a thread that ran foreign code, which may have left another one. Costs
    /// a system call.
    pub fn restore(&self) {
        // SAFETY: the set is initialised, SIG_SETMASK is a valid request, and the old mask is not asked for. The mask
        // of the calling thread alone changes; no memory does.
        let result = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
        debug_assert_eq!(result, 0, "pthread_sigmask");
    }

    pub(crate) fn as_set(&self) -> &libc::sigset_t {
        &self.0
    }
}

impl std::fmt::Debug for SignalMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignalMask")
    }
}

/// Gives the calling thread the mask `new` and returns the one it had.
pub(crate) fn exchange(new: &libc::sigset_t) -> libc::sigset_t {
    let mut old = MaybeUninit::uninit();
    // SAFETY: `new` is an initialised set, `old` is room for one, and SIG_SETMASK is a valid request, so the
    // call cannot fail and has written `old`. The mask of the calling thread alone changes; no memory does.
    unsafe {
        // Zeroed first, since glibc writes only the part of the set that the kernel knows.
        ptr::write_bytes(old.as_mut_ptr(), 0, 1);
        let result = libc::pthread_sigmask(libc::SIG_SETMASK, new, old.as_mut_ptr());
        debug_assert_eq!(result, 0, "pthread_sigmask");
        old.assume_init()
    }
}

/// The beginning of code on the calling thread that is not known, and may change the thread's signal mask.
///
/// To change a mask is a system call, and nothing tells afterwards whether there was one, but time: code that was over in less
/// than a system call takes has made none.
///
/// ```
/// use greenproc_os::thread::ForeignCode;
///
/// let code = ForeignCode::begins();
/// std::thread::yield_now(); // a system call
/// assert!(code.may_have_changed_mask());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ForeignCode(u64);

/// No host changes a mask in less: to enter the kernel and to come back takes longer.
const SOONEST_NS: u64 = 36;

/// How much faster a system call may get than it was measured to be.
const FASTER: u64 = 4;

impl ForeignCode {
    /// It begins now. Costs some nanoseconds.
    #[inline]
    pub fn begins() -> ForeignCode {
        ForeignCode(ticks())
    }

    /// Whether the code, which is over, may have changed the calling thread's mask. False only if it cannot: it was over in less
    /// than 36 ns, in less than a quarter of what a call that changes a mask takes at least on this host, and the thread has
    /// kept its CPU since its [CPU clock](crate::clock::thread_cpu_ns) was read. Always true where the CPU has no counter that
    /// says so.
    #[inline]
    pub fn may_have_changed_mask(self) -> bool {
        let passed = ticks().checked_sub(self.0);
        // Another CPU's counter may stand elsewhere.
        passed.is_none_or(|passed| passed >= soonest() || !clock::is_on_its_cpu())
    }
}

/// The CPU's own counter. A system call is entered when all before it is done, and nothing after it is begun before it has
/// come back: so what is read on both sides of one is at least as far apart as it takes, without a fence. Always zero where
/// there is none.
#[inline]
fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: every x86-64 CPU has the instruction, and Linux lets everybody use it unless somebody has asked to be stopped.
        unsafe { std::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}

/// Within how many ticks no mask can be changed; none where there is no counter. Measured once, within some microseconds.
#[inline]
fn soonest() -> u64 {
    static SOONEST: OnceLock<u64> = OnceLock::new();
    *SOONEST.get_or_init(measure)
}

fn measure() -> u64 {
    const CALLS: u32 = 32;
    let (begin_ns, begin) = (clock::monotonic_ns(), ticks());
    let mut fastest = u64::MAX;
    for _ in 0..CALLS {
        let begin = ticks();
        block_nothing();
        fastest = fastest.min(ticks().saturating_sub(begin));
    }
    let passed = ticks().saturating_sub(begin);
    let passed_ns = clock::monotonic_ns().saturating_sub(begin_ns);
    (fastest / FASTER).min((SOONEST_NS * passed).checked_div(passed_ns).unwrap_or(0))
}

/// A call of the kind that changes a mask, which changes nothing.
fn block_nothing() {
    let mut none = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set before it is read; SIG_BLOCK is a valid request, and the old mask is not asked
    // for.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, none.as_ptr(), ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_changes_a_mask_is_never_taken_for_code_that_cannot() {
        for _ in 0..100_000 {
            let code = ForeignCode::begins();
            block_nothing();
            assert!(code.may_have_changed_mask());
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn code_that_does_nothing_is_known_not_to_have() {
        // Whoever is taken off its CPU meanwhile has taken long.
        let known = (0..100_000).any(|_| {
            clock::thread_cpu_ns();
            !ForeignCode::begins().may_have_changed_mask()
        });
        assert!(known || !clock::is_on_its_cpu(), "code that does nothing takes as long as a system call");
    }
}
