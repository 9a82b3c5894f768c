//! Descriptors: what a process has open, by number (row 17).
//!
//! A table belongs to a process and is shared by its LWPs. What stands in it is an *open description*, shared with the
//! tables of whoever inherited it, and dropped with the last of them. The table is a leaf: nothing that was in it is
//! dropped under its lock.

mod heritage;
mod known;
mod open;
mod stream;
mod table;

use std::fmt;

pub(crate) use heritage::{Given, for_child};
pub(crate) use open::Open;
pub use stream::{Stream, Waiting};
pub(crate) use table::{Refused, Slot, Table};

use greenproc_sync::Mutex;

use crate::locks::Leaf;
use crate::process::Process;
use crate::worker::drop_isolated;

/// Numbers something that a process has open. A plain number: it may mean something else once it was closed.
///
/// No number is special to the runtime, and a process begins with nothing open that its parent or its command did not give
/// it. [`STDIN`](Fd::STDIN), [`STDOUT`](Fd::STDOUT) and [`STDERR`](Fd::STDERR) are what programs agree upon.
///
/// Source: POSIX file descriptors.
///
/// ```
/// use greenproc::Fd;
/// assert_eq!(Fd::new(2), Some(Fd::STDERR));
/// assert_eq!(Fd::new(-1), None);
/// assert_eq!(Fd::STDOUT.as_raw(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fd(u32);

impl Fd {
    /// Where a program reads its input.
    pub const STDIN: Fd = Fd(0);
    /// Where it writes its output.
    pub const STDOUT: Fd = Fd(1);
    /// Where it writes its complaints.
    pub const STDERR: Fd = Fd(2);

    /// Makes one of a number; a negative one numbers nothing.
    pub const fn new(raw: i32) -> Option<Fd> {
        if raw >= 0 { Some(Fd(raw.cast_unsigned())) } else { None }
    }

    /// The number itself.
    pub const fn as_raw(self) -> i32 {
        self.0.cast_signed()
    }

    fn at(index: usize) -> Option<Fd> {
        i32::try_from(index).ok().and_then(Fd::new)
    }

    fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Fd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A line of the list of what a process has open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DescriptorInfo {
    /// Its number.
    pub fd: Fd,
    /// The type of what is open, as Rust names it.
    pub type_name: &'static str,
    /// Whether an exec closes it.
    pub close_on_exec: bool,
    /// Whether reading and writing it says EAGAIN instead of waiting.
    pub nonblocking: bool,
}

/// How many descriptors a process may have if its limits say nothing. Linux's `fs.nr_open`.
pub(crate) const MOST: u32 = 1 << 20;

/// What a process has open.
#[derive(Default)]
pub(crate) struct Descriptors(pub(crate) Mutex<Leaf, Table>);

impl Descriptors {
    /// A new process's.
    pub(crate) fn fill(&self, table: Table) {
        let before = std::mem::replace(&mut *self.0.lock(), table);
        drop(before);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().count()
    }

    /// Closes what is marked so, for another body that takes the process over.
    pub(crate) fn close_on_exec(&self, process: &Process) {
        let marked = self.0.lock().take_marked();
        for slot in marked {
            process.let_go(slot.open);
        }
    }

    /// Closes all, lowest number first, each isolated, and opens nothing any more (row 17).
    pub(crate) fn close_all(&self, process: &Process) {
        let slots = self.0.lock().end();
        if slots.is_empty() {
            return;
        }
        // Destructors of the user's own may stay where no request reaches them: then the LWP is to be named (state D).
        let watched = slots.iter().any(|slot| slot.open.runs_user_code());
        if watched {
            process.begin_last_code();
        }
        for slot in slots {
            drop_isolated(process, slot);
        }
        if watched {
            process.end_last_code();
        }
    }
}

impl Process {
    /// Lets go of what was open. If nobody else has it, it is dropped: without a lock, as in `critical`, and isolated.
    pub(crate) fn let_go(&self, open: std::sync::Arc<Open>) {
        if let Some(last) = std::sync::Arc::into_inner(open) {
            self.critical(|| drop_isolated(self, last));
        }
    }
}
