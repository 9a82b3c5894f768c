//! Whether the calling thread has kept its CPU since a certain moment.
//!
//! Linux clears the `rseq_cs` word of a thread whenever it takes the thread off its CPU (`rseq(2)`), unless the thread was inside the critical section that the word points
//! to. The word is pointed to a section that has no instructions: while it still is, the thread has not been away, and the time that has passed is CPU time.
#![allow(unsafe_code, reason = "the rseq area is the kernel's, found by symbols of the C library")]

use std::ffi::CStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

/// The kernel's `struct rseq_cs`.
#[repr(C, align(32))]
#[derive(Debug)]
struct Section {
    version: u32,
    flags: u32,
    start: *const u32,
    length: u64,
    abort: *const u32,
}

// SAFETY: nothing is ever read or written through its pointers; the kernel looks at what they point to, which is immutable.
unsafe impl Sync for Section {}

/// What glibc told the kernel to find in front of an abort handler.
const SIGNATURE: u32 = if cfg!(target_arch = "aarch64") { 0xd428_bc00 } else { 0x5305_3053 };

static SIGNED: [u32; 2] = [SIGNATURE, 0];

/// A section without instructions: no thread is ever inside it, so nothing is ever aborted.
static NOWHERE: Section =
    Section { version: 0, flags: 0, start: SIGNED.as_ptr(), length: 0, abort: &raw const SIGNED[1] };

/// The same for whoever else asks: each notices what the other does to the word.
static ELSEWHERE: Section =
    Section { version: 0, flags: 0, start: SIGNED.as_ptr(), length: 0, abort: &raw const SIGNED[1] };

/// The calling thread's `rseq_cs`, and to what it is pointed; `None` if the C library has not registered one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(&'static AtomicU64, &'static Section);

impl Mark {
    /// For the thread's CPU clock. The reference is only good on the thread that asks.
    pub(super) fn of_this_thread() -> Option<Mark> {
        Mark::at(&NOWHERE)
    }

    /// For others: the clock notices that the word was used.
    pub(crate) fn elsewhere() -> Option<Mark> {
        Mark::at(&ELSEWHERE)
    }

    fn at(section: &'static Section) -> Option<Mark> {
        static OFFSET: OnceLock<Option<isize>> = OnceLock::new();
        let offset = (*OFFSET.get_or_init(area_offset))?;
        let base = thread_pointer();
        if base.is_null() {
            return None;
        }
        // SAFETY: the C library says that the thread's `struct rseq` is at this distance from its thread pointer and registered, so
        // it lives as long as the thread. The word at offset 8 is `rseq_cs`; it is aligned, and the kernel writes it on this thread only.
        Some(Mark(unsafe { AtomicU64::from_ptr(base.offset(offset + 8).cast()) }, section))
    }

    /// From here on it is noticed if the thread leaves its CPU.
    pub(crate) fn set(self) {
        self.0.store(std::ptr::from_ref(self.1) as u64, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }

    /// Whether the thread has been on its CPU ever since it was set, and nobody else used the word.
    pub(crate) fn stands(self) -> bool {
        compiler_fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) == std::ptr::from_ref(self.1) as u64
    }
}

/// Where the area is from the thread pointer (glibc 2.35 and later); `None` where it is not registered.
fn area_offset() -> Option<isize> {
    fn symbol(name: &CStr) -> Option<*const libc::c_void> {
        // SAFETY: a look-up by a valid name.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        (!found.is_null()).then_some(found.cast_const())
    }
    let (size, offset) = (symbol(c"__rseq_size")?, symbol(c"__rseq_offset")?);
    // SAFETY: glibc documents the symbols as `const unsigned int` and `const ptrdiff_t`.
    let (size, offset) = unsafe { (size.cast::<u32>().read(), offset.cast::<isize>().read()) };
    // The size is zero if the kernel refused, or was told not to.
    (size > 0).then_some(offset)
}

#[cfg(target_arch = "x86_64")]
fn thread_pointer() -> *mut u8 {
    let pointer: *mut u8;
    // SAFETY: the ABI has the thread pointer at its own address; only that word is read.
    unsafe { std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, readonly, preserves_flags)) };
    pointer
}

#[cfg(target_arch = "aarch64")]
fn thread_pointer() -> *mut u8 {
    let pointer: *mut u8;
    // SAFETY: reads a register that user code may read.
    unsafe {
        std::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, nomem, preserves_flags))
    };
    pointer
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn thread_pointer() -> *mut u8 {
    std::ptr::null_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_use_of_the_word_is_noticed_by_the_other() {
        let (Some(clock), Some(other)) = (Mark::of_this_thread(), Mark::elsewhere()) else { return };
        clock.set();
        other.set();
        assert!(!clock.stands());
        clock.set();
        assert!(!other.stands());
    }

    #[test]
    fn whoever_was_away_is_noticed() {
        let Some(mark) = Mark::of_this_thread() else {
            assert!(area_offset().is_none(), "the area is registered, so it is found");
            return;
        };
        let stood = (0..1_000).any(|_| {
            mark.set();
            mark.stands()
        });
        assert!(stood, "a thousand times in a row it was taken off its CPU");
        mark.set();
        while mark.stands() {
            std::thread::park_timeout(std::time::Duration::from_micros(1));
        }
    }
}
