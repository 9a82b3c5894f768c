//! What holds at all times, looked at while everybody stands still.

use crate::runtime::Runtime;

impl Runtime {
    /// What is wrong with the runtime, if anything, in a sentence that names the processes. For a moment at which none of
    /// its threads runs: nothing is taken that somebody has, so somebody in the middle of a change of the tree keeps it from
    /// being looked at until he is through.
    pub fn audit(&self) -> Option<String> {
        let kernel = self.kernel();
        let list = kernel.try_lock_as_it_is()?;
        kernel.audit(&list).err()
    }
}
