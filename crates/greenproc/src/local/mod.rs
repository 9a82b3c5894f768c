//! Values that belong to a process, or to one of its LWPs, and go with it (rows 26 and 32).

mod lwp;
mod process;

use std::any::TypeId;

pub use lwp::LwpLocal;
pub(crate) use lwp::LwpValues;
pub use process::Local;
pub(crate) use process::Locals;

/// How often values that are made while others are dropped are dropped in turn; then none is made any more.
///
/// Source: POSIX `PTHREAD_DESTRUCTOR_ITERATIONS`.
const ROUNDS: usize = 4;

/// Which value is meant: where its key is, and of which type it is, as keys that are constants may share a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key(usize, TypeId);

impl Key {
    fn of<K, T: 'static>(key: &'static K) -> Key {
        Key(std::ptr::from_ref(key) as usize, TypeId::of::<T>())
    }
}
