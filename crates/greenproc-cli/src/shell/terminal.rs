//! Which job has the terminal: the place where terminal job control is to be wired.
//!
//! So far nobody arbitrates. The shell lets each foreground job have the terminal through [`lend`]; a job in the
//! background must not read from it, so that it gets an empty input.

use greenproc::Pid;

use super::stream::{Input, Streams};

/// Runs `wait`, which waits for the job of this process group in the foreground, while the job has the terminal.
pub(crate) fn lend<T>(_group: Pid, wait: impl FnOnce() -> T) -> T {
    wait()
}

/// The streams of a job in the background.
pub(crate) fn background(streams: &Streams) -> std::io::Result<Streams> {
    let nothing = std::fs::File::open("/dev/null")?;
    Ok(Streams { stdin: Input::Host(std::sync::Arc::new(nothing)), ..streams.clone() })
}
