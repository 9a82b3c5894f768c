//! Tests that end their OS process, or change what all of it sees, run in a child: the test binary again,
//! with this one test.

use std::env;
use std::process::Command;

/// The test that the child is to run.
const CHILD: &str = "GREENPROC_OS_CHILD_TEST";

/// Whether this is the child that runs `test`.
pub(crate) fn is(test: &str) -> bool {
    let is_child = env::var(CHILD).is_ok_and(|named| named == test);
    if is_child {
        // SAFETY: alarm touches no memory. It is the watchdog: nothing else ends a child that hangs.
        unsafe { libc::alarm(120) };
    }
    is_child
}

/// This test binary, to be run with `test` alone.
pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("the running binary has a path"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, test);
    command
}
