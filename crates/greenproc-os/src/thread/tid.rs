//! The kernel's thread id.
#![allow(unsafe_code, reason = "gettid")]

use std::cell::Cell;
use std::fmt;

/// A kernel thread id of this OS process, from [`tid`].
///
/// The kernel gives the number out again once the thread is gone; whoever keeps a `Tid` sees to it that the
/// thread still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tid(i32);

impl Tid {
    /// The number itself, always positive.
    pub fn as_raw(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

thread_local! {
    /// 0 until asked. Constant and without a destructor, so that it can be read while other thread-local
    /// values are being destroyed, and in a signal handler.
    static TID: Cell<i32> = const { Cell::new(0) };
}

/// The calling thread's id: a system call the first time, then a read of a thread-local value.
///
/// In the child of a `fork` made by this thread the remembered number is the parent's; greenproc does not run
/// on in such a child.
///
/// ```
/// use greenproc_os::thread::tid;
///
/// assert_eq!(tid().as_raw(), std::process::id() as i32, "the first thread bears the number of the process");
/// ```
#[doc(alias = "gettid")]
pub fn tid() -> Tid {
    let known = TID.get();
    if known != 0 {
        return Tid(known);
    }
    // SAFETY: gettid takes nothing, touches no memory and cannot fail. (The system call, since the function
    // is missing in glibc before 2.30.)
    let number = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
    TID.set(number);
    Tid(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_kernels_number() {
        let link = std::fs::read_link("/proc/thread-self").unwrap();
        let expected = link.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(tid().to_string(), expected);
        assert_eq!(tid(), tid());
    }
}
