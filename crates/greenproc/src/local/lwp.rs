//! Values of an LWP. They are on the native thread that it runs on, so no lock guards them.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::{Key, ROUNDS};
use crate::error::{Error, Result};
use crate::process::Process;
use crate::worker::drop_isolated;

/// A value of each LWP: what `thread_local!` is to a thread.
///
/// A native thread is used by one LWP after another, and its `thread_local!` values with it. An `LwpLocal` is the LWP's
/// own: the next LWP on the thread finds none, and it is dropped when the LWP ends, before its process can be seen to
/// have ended or a join of it returns. So a cache or a connection of a killed LWP is closed in time.
///
/// Values are made when they are first used, and dropped when the LWP's body is over, the last made first; a panic in a
/// destructor is the event [`DropPanicked`](crate::EventKind::DropPanicked) and stops nothing. A destructor finds the
/// values that were made before its own, and may make others anew: those are dropped in another round. In the fourth round
/// none is made any more. What exit hooks make is dropped when they have run.
///
/// Source: POSIX `pthread_key_create`, row 32 of the kernel map.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, LwpLocal, Runtime};
/// use std::cell::Cell;
/// static CALLS: LwpLocal<Cell<u32>> = LwpLocal::new(|| Cell::new(0));
/// let runtime = Runtime::boot()?;
/// for _ in 0..3 {
///     let status = runtime.run(Command::new("counts", |p| {
///         CALLS.with(p, |calls| calls.set(calls.get() + 1)).expect("it lives");
///         CALLS.with(p, |calls| calls.get() as i32).expect("it lives")
///     }))?;
///     assert_eq!(status.code(), Some(1), "whatever ran on the thread before");
/// }
/// # Ok(())
/// # }
/// ```
pub struct LwpLocal<T: 'static> {
    make: fn() -> T,
}

/// The values of the LWP on a native thread.
#[derive(Default)]
pub(crate) struct LwpValues {
    /// By the place of the key, in the order in which they were made.
    values: RefCell<Vec<(Key, Rc<dyn Any>)>>,
    /// Those that are being made.
    making: RefCell<Vec<Key>>,
    /// None is made any more.
    closed: Cell<bool>,
}

impl<T: 'static> LwpLocal<T> {
    /// A key; `make` makes the value of an LWP that uses it for the first time.
    pub const fn new(make: fn() -> T) -> LwpLocal<T> {
        LwpLocal { make }
    }

    /// Uses the value of the calling LWP, which is made now if it was not used before. `process` is the caller's own.
    ///
    /// No checkpoint. If the making panics, the next use makes it.
    ///
    /// # Errors
    /// - EDEADLK: the value is used while it is being made, by its own `make`.
    /// - ESRCH: this was kept beyond its LWP's end, or the LWP is ending and makes no values any more.
    pub fn with<R>(&'static self, process: &Process, function: impl FnOnce(&T) -> R) -> Result<R> {
        process.check_live()?;
        let values = &process.worker.values;
        let key = Key::of::<_, T>(self);
        let found = values.find(key);
        let value = match found {
            Some(value) => value,
            None if values.closed.get() => return Err(Error::Exiting { pid: process.record.pid }),
            None => {
                let making = values.begin(key)?;
                let value: Rc<dyn Any> = Rc::new((self.make)());
                drop(making);
                values.values.borrow_mut().push((key, Rc::clone(&value)));
                value
            }
        };
        let Ok(value) = value.downcast::<T>() else { unreachable!("a key is of one type") };
        Ok(function(&value))
    }
}

impl LwpValues {
    fn find(&self, key: Key) -> Option<Rc<dyn Any>> {
        let values = self.values.borrow();
        values.iter().find(|(of, _)| *of == key).map(|(_, value)| Rc::clone(value))
    }

    fn begin(&self, key: Key) -> Result<Unmade<'_>> {
        let mut making = self.making.borrow_mut();
        if making.contains(&key) {
            return Err(Error::Deadlock { what: "a value that is used while it is being made" });
        }
        making.push(key);
        Ok(Unmade { values: self, key })
    }

    /// The LWP's body, or its exit, is over.
    pub(crate) fn drop_all(&self, process: &Process) {
        for round in 1..=ROUNDS {
            let count = self.values.borrow().len();
            if count == 0 {
                break;
            }
            self.closed.set(round == ROUNDS);
            for place in (0..count).rev() {
                let (_, value) = self.values.borrow_mut().remove(place);
                drop_isolated(process, value);
            }
        }
        self.closed.set(false);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.borrow().is_empty()
    }
}

/// Stands for a value that is being made.
struct Unmade<'a> {
    values: &'a LwpValues,
    key: Key,
}

impl Drop for Unmade<'_> {
    fn drop(&mut self) {
        self.values.making.borrow_mut().retain(|making| *making != self.key);
    }
}

impl<T> fmt::Debug for LwpLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LwpLocal").finish_non_exhaustive()
    }
}
