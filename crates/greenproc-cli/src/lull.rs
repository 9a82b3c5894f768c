//! Waiting for the host to notice that something is gone.

use std::time::Duration;

use greenproc_sync::time;

/// Looks again and again, yielding in between, until `quiet` holds; says whether it did in time.
///
/// For what sends no event when it happens: the host counts a thread for an instant after it was joined.
pub(crate) fn within(patience: Duration, mut quiet: impl FnMut() -> bool) -> bool {
    let deadline = time::now() + patience;
    loop {
        if quiet() {
            return true;
        }
        if time::now() >= deadline {
            return false;
        }
        std::thread::yield_now();
    }
}
