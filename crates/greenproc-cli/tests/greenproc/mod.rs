//! Running the real binary.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// Longer than any of the tests' commands takes. Only where something hangs does it end one, with exit status 124.
const WATCHDOG_SECONDS: &str = "300";

/// What came of a run.
pub(crate) struct Run {
    /// The exit status.
    pub(crate) code: Option<i32>,
    /// What it wrote to standard output.
    pub(crate) stdout: String,
    /// What it wrote to standard error.
    pub(crate) stderr: String,
}

/// Runs the binary with these arguments, neither of its outputs a terminal.
pub(crate) fn greenproc<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    let output = Command::new("timeout")
        .args(["--kill-after=5", WATCHDOG_SECONDS, env!("CARGO_BIN_EXE_greenproc")])
        .args(arguments)
        .output()
        .expect("coreutils' timeout runs");
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    Run { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}
