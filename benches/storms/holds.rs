//! How long `proclist_lock` was held at a time, if the benchmark is built with the feature that records it.
#![allow(clippy::unnecessary_wraps, reason = "whether there is one depends on how it is built")]

use std::time::Duration;

use greenproc::Runtime;

/// The longest hold since this was last called; `None` without the feature `hold-times`.
#[cfg(feature = "hold-times")]
pub(crate) fn longest(runtime: &Runtime) -> Option<Duration> {
    Some(runtime.take_hold_times().longest())
}

#[cfg(not(feature = "hold-times"))]
pub(crate) fn longest(_: &Runtime) -> Option<Duration> {
    None
}
