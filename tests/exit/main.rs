//! Exiting: rows 4 to 7, 13, 14, 17, 37, 38, 42, 44 to 46, 49 to 51 of the kernel map, decisions 12, 13, 17 and 20,
//! mistakes f and m.

mod dying;
mod init;
mod leaving;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenproc::Process;
use greenproc_tests::Fixture;

/// What a process of a case does, and what it is called in a failure.
type Case<R = ()> = (&'static str, fn(&Process) -> R);

/// Counts how many of it were dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Gives others that are about to sleep the time to do so. Nothing depends on it but which way a test goes.
fn round_trip(fixture: &Fixture) {
    (0..3).for_each(|_| fixture.inside(|_| {}));
}
