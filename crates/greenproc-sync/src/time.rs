//! The clocks.
//!
//! The only place that reads it, so that a virtual clock has one place to stand.

use std::time::{Instant, SystemTime};

/// Reads the monotonic clock.
#[inline]
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the function all others are sent to")]
pub fn now() -> Instant {
    #[cfg(feature = "racelab")]
    if let Some(control) = crate::lab::control() {
        return control.by.now();
    }
    Instant::now()
}

/// Reads the calendar clock, which people may set.
#[inline]
#[must_use]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
