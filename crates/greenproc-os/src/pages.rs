//! Hints to the host about memory.
#![allow(unsafe_code, reason = "madvise")]

use std::mem::MaybeUninit;

/// What the host calls a huge page on the common targets; smaller regions are left alone.
const HUGE: usize = 2 << 20;

/// Asks the host to back memory that has not been touched yet with huge pages, where they lie whole inside it.
///
/// A hint: nothing happens where the host has none, and contents are never changed. It saves address translations on
/// large regions that are read in no order.
///
/// ```
/// let mut table: Vec<u64> = Vec::with_capacity(1 << 20);
/// greenproc_os::pages::advise_huge(table.spare_capacity_mut());
/// table.resize(1 << 20, 7);
/// assert_eq!(table[12345], 7);
/// ```
#[doc(alias = "MADV_HUGEPAGE")]
pub fn advise_huge<T>(memory: &mut [MaybeUninit<T>]) {
    let bytes = memory.as_mut_ptr_range();
    let (begin, end) = (bytes.start.addr().next_multiple_of(HUGE), bytes.end.addr() / HUGE * HUGE);
    if begin >= end {
        return;
    }
    let at = bytes.start.with_addr(begin).cast::<libc::c_void>();
    // SAFETY: the range lies inside `memory`, which is borrowed mutably, and its ends are page-aligned. MADV_HUGEPAGE
    // only changes how the host backs the range, never what is in it. Its answer does not matter.
    unsafe { libc::madvise(at, end - begin, libc::MADV_HUGEPAGE) };
}
