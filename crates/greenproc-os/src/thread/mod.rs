//! Native threads, and what the calling thread can say and set of itself.
//!
//! A [`NativeThread`] is a joinable pthread on a [`Stack`](crate::stack::Stack) that was mapped before. It is
//! an ordinary thread to std: `std::thread::current`, `park` and `unpark`, `std::thread::scope` and
//! `thread_local!` values with their destructors work in it.

mod cpu;
mod guard;
mod identity;
mod mask;
mod name;
mod native;
mod niceness;
mod tid;

pub use cpu::{OnCpu, current_cpu, pin_to_one_cpu};
pub use identity::{clear_identity, set_identity};
pub use mask::{ForeignCode, SignalMask};
pub use name::set_name;
pub use native::{Entry, NativeThread, Refused};
pub use niceness::{NICENESS, niceness, set_niceness};
pub use tid::{Tid, tid};

pub(crate) use guard::{Guard, current_guard};
pub(crate) use identity::with_identity;
pub(crate) use mask::FAULTS;
