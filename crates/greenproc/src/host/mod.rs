//! What a runtime takes from the host if it was asked to: signals, and orphans.
//!
//! | file | what | lock |
//! |---|---|---|
//! | `signals.rs` | which signals, and what is done about them: values | |
//! | `members.rs` | the runtimes that asked, of the whole OS process | leaf |
//! | `dispatcher.rs` | the one thread that is told of signals | leaf |
//! | `closing.rs` | the shutdown that a signal begins, and its thread | `proclist_lock` |
//! | `orphans.rs` | how long zombies of the host have been there | |
//!
//! Nothing of it is there before the first runtime asks.

mod closing;
mod dispatcher;
mod members;
mod orphans;
mod signals;

pub use closing::HostShutdown;
pub(crate) use closing::{HostEnd, ended, settle};
pub(crate) use members::{Plan, join, leave};
pub use signals::{HostAction, HostSignals};
