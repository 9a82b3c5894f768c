//! What the host allows: threads, CPUs, and who asks.

mod capacity;
mod cgroup;
mod cpus;
mod host;
mod user;

pub use cpus::usable_cpus;
pub use host::HostLimits;
pub use user::{group_id, user_id};
