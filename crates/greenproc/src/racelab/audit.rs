//! What holds at all times, looked at while everybody stands still.

use crate::runtime::Runtime;

impl Runtime {
    /// What is wrong with the runtime, if anything. For a moment at which none of its threads runs.
    pub fn audit(&self) -> Option<String> {
        None
    }
}
