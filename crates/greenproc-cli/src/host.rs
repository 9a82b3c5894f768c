//! Signals of the host: SIGTERM and SIGINT end the processes first, and the command then.

use std::time::Duration;

use greenproc::{Builder, HostSignals, Runtime};

use crate::failure::Failure;

/// How long processes may take to end when the host asks the command to.
const GRACE: Duration = Duration::from_secs(5);

/// A runtime that SIGTERM and SIGINT shut down; a second one does it at once.
pub(crate) fn builder() -> Builder {
    Runtime::builder().host_signals(HostSignals::shutdown(GRACE))
}

/// Sees to it that what stays when the first runtime is gone, the thread that hears the host's signals, is there before
/// anything is counted.
pub(crate) fn settle() -> Result<(), Failure> {
    let _nobody_was_there = builder().boot()?.shutdown(GRACE)?;
    Ok(())
}

/// What came of the work in a runtime; if a signal of the host has ended that, this, for then the work failed because of
/// it.
pub(crate) fn unless_ended<T>(runtime: &Runtime, result: Result<T, Failure>) -> Result<T, Failure> {
    match runtime.host_shutdown()? {
        Some(end) => Err(Failure::Signalled { signal: end.signal }),
        None => result,
    }
}
