//! A value that a process computes for whoever made it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::command::Command;
use crate::locks::Leaf;
use crate::process::Process;

/// Where the value of a process made by `spawn_returning` appears.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::Runtime;
/// let runtime = Runtime::boot()?;
/// let (child, sum) = runtime.spawn_returning("sum", |_| (1..=100).sum::<i32>())?;
/// assert!(child.wait()?.status.success());
/// assert_eq!(sum.take(), Some(5050));
/// # Ok(())
/// # }
/// ```
pub struct Returned<T>(Arc<Mutex<Leaf, Option<T>>>);

impl<T> Returned<T> {
    /// Takes the value out. It is there once the process has been waited for with success; `None` before, after a
    /// former call, and for ever if the process was killed, panicked or called `exit`: its exit status says which.
    pub fn take(&self) -> Option<T> {
        self.0.lock().take()
    }
}

impl<T> fmt::Debug for Returned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Returned").field(&self.0.lock().is_some()).finish()
    }
}

pub(crate) fn command<T: Send + 'static>(
    name: impl Into<Cow<'static, str>>,
    body: impl FnOnce(&Process) -> T + Send + 'static,
) -> (Command, Returned<T>) {
    let slot = Arc::new(Mutex::new(None));
    let filled = Arc::clone(&slot);
    let command = Command::new(name, move |process: &Process| {
        let value = body(process);
        let before = filled.lock().replace(value);
        drop(before);
    });
    (command, Returned(slot))
}
