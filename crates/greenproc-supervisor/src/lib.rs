//! Supervision trees on greenproc: processes that start, watch, restart and stop other processes.

#[cfg(feature = "host")]
pub mod host;
