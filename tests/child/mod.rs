//! Tests that end their OS process, or change what all of it sees, run in a child: the test binary again, with this
//! one test.

use std::process::{Command, Output};
use std::time::Duration;

/// The test that the child is to run.
const CHILD: &str = "GREENPROC_CHILD_TEST";

/// How long a child may take.
const LIMIT: Duration = Duration::from_secs(100);

/// Whether this is the child that runs `test`.
pub(crate) fn is(test: &str) -> bool {
    let is_child = std::env::var(CHILD).is_ok_and(|named| named == test);
    if is_child {
        // The watchdog: nothing else ends a child that hangs.
        let watchdog = std::thread::Builder::new().name("watchdog".to_owned()).spawn(|| {
            let (_open, never) = crossbeam_channel::bounded::<()>(0);
            let _ = never.recv_timeout(LIMIT);
            std::process::abort();
        });
        drop(watchdog.expect("a thread for the watchdog"));
    }
    is_child
}

/// This test binary, to be run with `test` alone.
pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the running binary has a path"));
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .env_remove("RUST_BACKTRACE");
    command
}

/// What a child wrote to standard error.
pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that the child ran its one test, and that it passed.
#[track_caller]
pub(crate) fn passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{said}\n{}", output.status, errors(output));
    assert!(said.contains("1 passed"), "{said}");
}
