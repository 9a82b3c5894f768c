//! Programs that show how processes live and end: `true`, `false`, `sleep`, `spin`, `hang`.

use std::io::Read as _;
use std::time::Duration;

use super::Context;
use crate::shell::complaint::Complaint;
use crate::shell::status::Status;

#[expect(clippy::unnecessary_wraps, reason = "the shape of a program")]
pub(super) fn yea(_context: &mut Context<'_>) -> Result<Status, Complaint> {
    Ok(Status::SUCCESS)
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a program")]
pub(super) fn no(_context: &mut Context<'_>) -> Result<Status, Complaint> {
    Ok(Status::FAILURE)
}

pub(super) fn sleep(context: &mut Context<'_>) -> Result<Status, Complaint> {
    let [seconds] = context.arguments.as_slice() else {
        return Err(Complaint::usage("how long?"));
    };
    let span = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let span = span.ok_or_else(|| Complaint::usage(format!("{seconds}: not a number of seconds")))?;
    context.process.sleep(span)?;
    Ok(Status::SUCCESS)
}

pub(super) fn spin(context: &mut Context<'_>) -> Result<Status, Complaint> {
    context.no_arguments()?;
    loop {
        context.process.checkpoint();
        std::hint::spin_loop();
    }
}

/// Reads what nobody writes: only the host's signal, which the runtime kicks the thread with, ends the call.
pub(super) fn hang(context: &mut Context<'_>) -> Result<Status, Complaint> {
    context.no_arguments()?;
    let (mut silent, _open) = std::io::pipe()?;
    context.process.blocking(|| silent.read(&mut [0]))?;
    Ok(Status::SUCCESS)
}
