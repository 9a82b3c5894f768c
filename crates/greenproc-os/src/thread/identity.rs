//! Which process the calling thread runs: what the message about a stack overflow names.
//!
//! Written by the thread itself, read by the same thread in the fault handler, which may come at any
//! instruction. So the length is taken away first and set last, with compiler fences between; the fields are
//! atomic only so that this order holds. No other thread sees them.

use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering, compiler_fence};

/// What is kept of a name, in bytes.
const LONGEST: usize = WORDS * WORD;
const WORDS: usize = 6;
const WORD: usize = size_of::<u64>();

/// The length that means: there is no identity.
const NONE: usize = usize::MAX;

struct Identity {
    pid: AtomicI32,
    length: AtomicUsize,
    name: [AtomicU64; WORDS],
}

thread_local! {
    /// Constant and without a destructor: readable in a signal handler.
    static IDENTITY: Identity = const {
        Identity {
            pid: AtomicI32::new(0),
            length: AtomicUsize::new(NONE),
            name: [const { AtomicU64::new(0) }; WORDS],
        }
    };
}

/// Says that the calling thread now runs the process `pid` called `name`.
///
/// Up to 48 bytes of the name are kept, cut between two characters. A copy into a thread-local value, no
/// system call: cheap enough for every start of a process.
///
/// ```
/// use greenproc_os::thread::{clear_identity, set_identity};
///
/// set_identity(17, "worker");
/// clear_identity();
/// ```
pub fn set_identity(pid: i32, name: &str) {
    let kept = &name.as_bytes()[..name.floor_char_boundary(LONGEST)];
    IDENTITY.with(|identity| {
        identity.length.store(NONE, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        identity.pid.store(pid, Ordering::Relaxed);
        for (word, bytes) in identity.name.iter().zip(kept.chunks(WORD)) {
            let mut padded = [0; WORD];
            padded[..bytes.len()].copy_from_slice(bytes);
            word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
        }
        compiler_fence(Ordering::SeqCst);
        identity.length.store(kept.len(), Ordering::Relaxed);
    });
}

/// Says that the calling thread runs no process.
pub fn clear_identity() {
    IDENTITY.with(|identity| identity.length.store(NONE, Ordering::Relaxed));
}

/// Calls `f` with the calling thread's identity, if it has one. Async-signal-safe, if `f` is.
pub(crate) fn with_identity<R>(f: impl FnOnce(Option<(i32, &[u8])>) -> R) -> R {
    IDENTITY.with(|identity| {
        let length = identity.length.load(Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        if length > LONGEST {
            return f(None);
        }
        let mut name = [0; LONGEST];
        for (bytes, word) in name.chunks_exact_mut(WORD).zip(&identity.name) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        f(Some((identity.pid.load(Ordering::Relaxed), &name[..length])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Option<(i32, String)> {
        with_identity(|found| found.map(|(pid, name)| (pid, String::from_utf8(name.to_vec()).unwrap())))
    }

    #[test]
    fn the_last_one_set_is_found_until_cleared() {
        assert_eq!(now(), None);
        set_identity(17, "a name of more than one word");
        assert_eq!(now(), Some((17, "a name of more than one word".into())));
        set_identity(-3, "");
        assert_eq!(now(), Some((-3, String::new())));
        set_identity(4, "w");
        assert_eq!(now(), Some((4, "w".into())));
        clear_identity();
        assert_eq!(now(), None);
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        set_identity(1, &"x".repeat(60));
        assert_eq!(now(), Some((1, "x".repeat(48))));
        set_identity(1, &("x".to_owned() + &"é".repeat(30)));
        assert_eq!(now(), Some((1, "x".to_owned() + &"é".repeat(23))));
    }
}
