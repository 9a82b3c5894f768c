//! Stacks for native threads: one mapping each.
//!
//! ```text
//! low address                                                   high address
//! | guard page, PROT_NONE | usable stack, grows down | alternate signal stack |
//! |<----- map one ------->|<------------------- map two ------------------->|
//! ```
//!
//! Two memory maps a thread, where a std thread takes four; and both exist before the thread does, so that a
//! host that has no more maps to give refuses with an error, here, and not in a thread that has begun.
//! Neighbouring mappings do not merge: each begins with a page that nobody may touch.
#![allow(unsafe_code, reason = "mmap, mprotect and munmap, and the host's sizes")]

use std::ffi::c_void;
use std::io;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// What Rust code may need on a stack, over what the C library asks for: the thread's start, a panic with its
/// message, and thread-local destructors.
const RUST_NEEDS: usize = 16 * 1024;

/// What a handler on the alternate signal stack may use, over the frame that the kernel pushes.
const HANDLER_NEEDS: usize = 8 * 1024;

/// A stack for one native thread: guard page, usable stack and alternate signal stack in one mapping.
///
/// Immutable, and owned: dropping it gives the mapping back. While a thread runs on it, its
/// [`NativeThread`](crate::thread::NativeThread) owns it.
///
/// ```
/// use greenproc_os::stack::{self, Stack};
///
/// let stack = Stack::map(100_000)?;
/// assert!(stack.size() >= 100_000);
/// assert_eq!(stack.size() % stack::page_size(), 0);
/// assert!(Stack::map(usize::MAX).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Stack {
    base: NonNull<c_void>,
    usable: usize,
}

// SAFETY: a `Stack` is a range of addresses which it alone owns. It hands out no reference into it, and
// munmap may be called from any thread.
unsafe impl Send for Stack {}
// SAFETY: behind a shared reference only the range's bounds can be read, and those never change.
unsafe impl Sync for Stack {}

/// The three parts of a [`Stack`], as the code that starts a thread on it needs them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) guard: *mut c_void,
    pub(crate) guard_size: usize,
    pub(crate) usable: *mut c_void,
    pub(crate) usable_size: usize,
    pub(crate) alternate: *mut c_void,
    pub(crate) alternate_size: usize,
}

impl Stack {
    /// Maps a stack of at least `usable` bytes: rounded up to whole pages, and to [`minimum`].
    ///
    /// The thread's control block and the static thread-local storage come out of the usable part, as with
    /// any pthread. Memory is taken from the host page by page, when it is first touched.
    ///
    /// # Errors
    /// - `EINVAL`: the size, with guard and signal stack, does not fit the address space.
    /// - `ENOMEM`: the host has no such range of addresses, or no memory map left for it.
    pub fn map(usable: usize) -> io::Result<Stack> {
        let sizes = Sizes::of_host();
        let (usable, total) =
            sizes.round(usable).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice changes no memory that
        // anything in this program refers to.
        let base = unsafe { libc::mmap(ptr::null_mut(), total, protection, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let Some(base) = NonNull::new(base) else {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        };
        // From here on dropping `stack` gives the mapping back, also where the guard is refused.
        let stack = Stack { base, usable };
        // SAFETY: the page is the first of the mapping made above, which nothing refers to yet.
        if unsafe { libc::mprotect(base.as_ptr(), sizes.page, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }

    /// The usable size in bytes: what a message about an overflow names.
    pub fn size(&self) -> usize {
        self.usable
    }

    pub(crate) fn parts(&self) -> Parts {
        let sizes = Sizes::of_host();
        let guard = self.base.as_ptr();
        let usable = guard.wrapping_byte_add(sizes.page);
        Parts {
            guard,
            guard_size: sizes.page,
            usable,
            usable_size: self.usable,
            alternate: usable.wrapping_byte_add(self.usable),
            alternate_size: sizes.alternate,
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let sizes = Sizes::of_host();
        let total = sizes.page + self.usable + sizes.alternate;
        // SAFETY: the range is exactly the mapping that `map` made and that this value alone owns. No thread
        // runs on it: `NativeThread` keeps the `Stack` until the thread was joined, and never drops it
        // otherwise.
        let result = unsafe { libc::munmap(self.base.as_ptr(), total) };
        debug_assert_eq!(result, 0, "munmap of a whole stack");
    }
}

/// The least usable size that [`Stack::map`] gives, in bytes: what the C library needs for any thread (the
/// static thread-local storage included) and 16 KiB for Rust.
pub fn minimum() -> usize {
    Sizes::of_host().minimum
}

/// The host's page size in bytes.
pub fn page_size() -> usize {
    Sizes::of_host().page
}

/// What the host and the C library say once and for all.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    page: usize,
    minimum: usize,
    alternate: usize,
}

impl Sizes {
    fn of_host() -> Sizes {
        static SIZES: OnceLock<Sizes> = OnceLock::new();
        *SIZES.get_or_init(|| {
            let page = system_value(libc::_SC_PAGESIZE).unwrap_or(4096);
            let least = system_value(libc::_SC_THREAD_STACK_MIN).unwrap_or(0).max(library_minimum());
            // SAFETY: getauxval reads a table that the kernel made at exec and that never changes; 0 means
            // that the host does not say.
            let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
            Sizes {
                page,
                minimum: (least + RUST_NEEDS).next_multiple_of(page),
                alternate: (frame.max(libc::MINSIGSTKSZ) + HANDLER_NEEDS).next_multiple_of(page),
            }
        })
    }

    /// The usable size and the size of the whole mapping, or nothing where they fit no address space.
    fn round(&self, usable: usize) -> Option<(usize, usize)> {
        let usable = usable.max(self.minimum).checked_next_multiple_of(self.page)?;
        let total = usable.checked_add(self.page + self.alternate)?;
        isize::try_from(total).is_ok().then_some((usable, total))
    }
}

fn system_value(name: libc::c_int) -> Option<usize> {
    // SAFETY: sysconf only reads; an unknown name or an unlimited value gives -1.
    usize::try_from(unsafe { libc::sysconf(name) }).ok().filter(|&value| value > 0)
}

/// What glibc needs with the static thread-local storage of this program, which older glibcs leave out of
/// `_SC_THREAD_STACK_MIN`; 0 where the C library has no such question. (std asks the same.)
fn library_minimum() -> usize {
    // SAFETY: dlsym with a NUL-terminated name only looks a symbol up.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__pthread_get_minstack".as_ptr()) };
    if symbol.is_null() {
        return 0;
    }
    // SAFETY: glibc has had `size_t __pthread_get_minstack(const pthread_attr_t *)` with this signature since
    // 2.15 under this private name, and no other C library has the name.
    let minimum = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*const libc::pthread_attr_t) -> usize>(symbol)
    };
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: init writes the attributes before they are asked about, and they are destroyed once.
    unsafe {
        if libc::pthread_attr_init(attributes.as_mut_ptr()) != 0 {
            return 0;
        }
        let size = minimum(attributes.as_ptr());
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { page: 4096, minimum: 32768, alternate: 12288 };

    #[test]
    fn sizes_are_rounded_or_refused() {
        let most = isize::MAX as usize;
        let cases = [
            (0, Some((32768, 49152))),
            (1, Some((32768, 49152))),
            (32768, Some((32768, 49152))),
            (32769, Some((36864, 53248))),
            (65536, Some((65536, 81920))),
            (most, None),
            (most - 20478, None),
            (most - 20479, Some((most + 1 - 20480, most + 1 - 4096))),
            (usize::MAX, None),
            (usize::MAX - 4095, None),
        ];
        for (asked, expected) in cases {
            assert_eq!(SIZES.round(asked), expected, "asked for {asked}");
        }
    }

    #[test]
    fn huge_sizes_are_errors() {
        for size in [usize::MAX, usize::MAX - 4096, isize::MAX as usize, isize::MAX as usize / 2] {
            let error = Stack::map(size).unwrap_err().raw_os_error();
            assert!(matches!(error, Some(libc::EINVAL | libc::ENOMEM)), "{size}: {error:?}");
        }
    }

    #[test]
    fn a_small_wish_gets_the_minimum() {
        assert_eq!(Stack::map(0).unwrap().size(), minimum());
        assert!(minimum() >= RUST_NEEDS + library_minimum());
        assert_eq!(minimum() % page_size(), 0);
    }

    /// One line of `/proc/self/maps`: its range and whether it may be written.
    fn maps() -> Vec<(usize, usize, bool)> {
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        let parse = |line: &str| {
            let (range, rest) = line.split_once(' ')?;
            let (low, high) = range.split_once('-')?;
            let hex = |number| usize::from_str_radix(number, 16).ok();
            Some((hex(low)?, hex(high)?, rest.starts_with("rw")))
        };
        text.lines().filter_map(parse).collect()
    }

    #[test]
    fn many_stacks_take_two_maps_each() {
        let stacks: Vec<Stack> = (0..100).map(|_| Stack::map(minimum()).unwrap()).collect();
        let maps = maps();
        for stack in &stacks {
            let parts = stack.parts();
            let (low, middle) = (parts.guard as usize, parts.usable as usize);
            let high = parts.alternate as usize + parts.alternate_size;
            let mine: Vec<_> = maps.iter().filter(|map| map.0 < high && map.1 > low).copied().collect();
            assert_eq!(mine, [(low, middle, false), (middle, high, true)]);
        }
    }
}
