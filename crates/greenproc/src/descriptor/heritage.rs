//! What a new process has open: its parent's, and what its command says.

use std::any::Any;
use std::sync::Arc;

use super::{Fd, MOST, Open, Slot, Table};
use crate::command::Command;
use crate::error::{Error, Result};
use crate::extras::Extras;
use crate::limits::Limits;

/// What a command says of descriptors.
#[derive(Default)]
pub(crate) struct Given {
    /// Of its parent's it has these only.
    only: Option<Vec<Fd>>,
    /// In the order in which they were said.
    changes: Vec<(Fd, Source)>,
}

/// What a descriptor of a new process is.
enum Source {
    Value(Arc<Open>),
    /// The parent's of this number.
    Parents(Fd),
}

impl Command {
    /// Opens `value` in the process under this number, in place of what it would have inherited there.
    ///
    /// A spawn says EBADF if the number is over the limit of descriptors. If the process cannot be made, the value is
    /// dropped.
    ///
    /// Source: POSIX `posix_spawn_file_actions_addopen`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Fd, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let (reader, writer) = greenproc::pipe();
    /// let command = Command::new("says hello", |p| p.write(Fd::STDOUT, b"hello").map(drop));
    /// assert!(runtime.run(command.descriptor(Fd::STDOUT, writer))?.success());
    /// assert_eq!(std::io::read_to_string(reader).expect("text"), "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn descriptor<T: Any + Send + Sync>(self, fd: Fd, value: T) -> Command {
        self.change_descriptor(fd, Source::Value(Open::new(value)))
    }

    /// Gives the process under `fd` what its parent has open under `parents` when it is spawned.
    ///
    /// A spawn says EBADF if the parent has nothing there, or `fd` is over the limit of descriptors.
    ///
    /// Source: POSIX `posix_spawn_file_actions_adddup2`.
    pub fn descriptor_from(self, fd: Fd, parents: Fd) -> Command {
        self.change_descriptor(fd, Source::Parents(parents))
    }

    /// Lets the process inherit only these of its parent's descriptors, under the same numbers; none, if the list is empty.
    /// What the command gives it comes on top.
    ///
    /// A spawn says EBADF if one is not open.
    ///
    /// Source: the BSDs' `closefrom`, the other way round.
    pub fn only_descriptors(mut self, parents: impl IntoIterator<Item = Fd>) -> Command {
        self.more().descriptors.get_or_insert_default().only = Some(parents.into_iter().collect());
        self
    }

    fn change_descriptor(mut self, fd: Fd, source: Source) -> Command {
        self.more().descriptors.get_or_insert_default().changes.push((fd, source));
        self
    }
}

/// The table of a child: as its parent's is now, in one look, with what the command changes. `None` if it is empty.
///
/// # Errors
/// EBADF: what the command names is not open in the parent, or a number is over the limit.
pub(crate) fn for_child(
    parents: Option<&Extras>,
    given: Option<Given>,
    limits: impl FnOnce() -> Limits,
) -> Result<Option<Table>> {
    let inherited = match parents {
        Some(extras) => {
            let table = extras.descriptors.0.lock();
            (table.count() > 0).then(|| table.copy())
        }
        None => None,
    };
    let Some(given) = given else { return Ok(inherited) };
    let parents = inherited.unwrap_or_default();
    let of_parent = |fd: Fd| parents.get(fd).ok_or(Error::BadDescriptor { fd });
    let mut table = match &given.only {
        None => parents.copy(),
        Some(only) => {
            let mut table = Table::default();
            for &fd in only {
                // A number that is said twice is the same.
                drop(table.put(fd, of_parent(fd)?.clone()));
            }
            table
        }
    };
    let limit = limits().descriptors.unwrap_or(MOST);
    for (fd, source) in &given.changes {
        if fd.as_raw().cast_unsigned() >= limit {
            return Err(Error::BadDescriptor { fd: *fd });
        }
        let open = match source {
            Source::Value(open) => open,
            Source::Parents(from) => &of_parent(*from)?.open,
        };
        // The parents' table has what was there.
        drop(table.put(*fd, Slot::of(open)));
    }
    Ok((table.count() > 0).then_some(table))
}
