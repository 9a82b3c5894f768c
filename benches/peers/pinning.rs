//! The CPUs a measurement may use.
#![allow(unsafe_code, reason = "std has no call for CPU affinity")]

use std::fmt;
use std::io;
use std::mem::{MaybeUninit, size_of};

/// Whether the measuring OS process keeps its CPUs or is confined to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pinning {
    /// All that this OS process was given.
    AllCpus,
    /// One of them.
    OneCpu,
}

impl Pinning {
    pub(crate) const ALL: [Pinning; 2] = [Pinning::AllCpus, Pinning::OneCpu];

    /// Confines the calling thread, and with it every thread that it will start. Call it before any other exists.
    pub(crate) fn apply(self) -> io::Result<()> {
        match self {
            Pinning::AllCpus => Ok(()),
            Pinning::OneCpu => pin_to_last_cpu(),
        }
    }
}

impl fmt::Display for Pinning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pinning::AllCpus => "all CPUs",
            Pinning::OneCpu => "one CPU",
        })
    }
}

/// The last one, because hosts tend to take their interrupts on the first.
fn pin_to_last_cpu() -> io::Result<()> {
    let mut usable = MaybeUninit::<libc::cpu_set_t>::zeroed();
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: `usable` is writable memory of `size` bytes; thread 0 is the calling one.
    if unsafe { libc::sched_getaffinity(0, size, usable.as_mut_ptr()) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a bit set, valid with all bits zero and filled by the call above.
    let usable = unsafe { usable.assume_init() };
    let last = (0..libc::CPU_SETSIZE as usize)
        .rev()
        // SAFETY: the index is below CPU_SETSIZE, hence inside the set.
        .find(|&cpu| unsafe { libc::CPU_ISSET(cpu, &usable) })
        .ok_or_else(|| io::Error::other("no usable CPU"))?;
    // SAFETY: all zero is the empty set, and `last` is below CPU_SETSIZE.
    let only = unsafe {
        let mut only = MaybeUninit::<libc::cpu_set_t>::zeroed().assume_init();
        libc::CPU_SET(last, &mut only);
        only
    };
    // SAFETY: `only` is readable memory of `size` bytes; thread 0 is the calling one.
    if unsafe { libc::sched_setaffinity(0, size, &raw const only) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
