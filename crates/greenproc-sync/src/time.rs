//! The clock.
//!
//! The only place that reads it, so that a virtual clock has one place to stand.

use std::time::Instant;

/// Reads the monotonic clock.
#[inline]
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the function all others are sent to")]
pub fn now() -> Instant {
    Instant::now()
}
