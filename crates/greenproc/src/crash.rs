//! Panics: what is kept of one, and the hook that keeps it.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::PanicHookInfo;
use std::sync::Once;
use std::time::{Duration, Instant};

use greenproc_sync::atomic::{AtomicBool, Ordering};
use greenproc_sync::{Mutex, time};

use crate::locks::Leaf;
use crate::report::CrashReport;
use crate::worker::{self, Worker};

/// Whether a panicking LWP writes a line. One setting for the host process: the last runtime that booted decides.
static QUIET: AtomicBool = AtomicBool::new(false);

/// At most this many lines in this time; what is more is counted.
const LINES: u32 = 10;
const PERIOD: Duration = Duration::from_secs(1);

struct Rate {
    since: Option<Instant>,
    lines: u32,
    silenced: u32,
}

static RATE: Mutex<Leaf, Rate> = Mutex::new(Rate { since: None, lines: 0, silenced: 0 });

/// Installs the one hook, in front of the one that is there. It acts in LWPs; elsewhere the former hook is called.
pub(crate) fn install(quiet: bool) {
    static ONCE: Once = Once::new();
    QUIET.store(quiet, Ordering::Relaxed);
    ONCE.call_once(|| {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match worker::current() {
            Some(process) => keep(info, &process),
            None => former(info),
        }));
    });
}

fn keep(info: &PanicHookInfo<'_>, process: &crate::Process) {
    let backtrace = Backtrace::capture();
    let captured = backtrace.status() == BacktraceStatus::Captured;
    let report = CrashReport {
        message: message(info.payload()),
        location: info.location().map(ToString::to_string),
        backtrace: captured.then(|| backtrace.to_string()),
    };
    if !QUIET.load(Ordering::Relaxed) {
        print_line(process, &report);
    }
    process.worker.last_panic.set(Some(Box::new(report)));
}

/// Writes the one line, unless there were many of late. A standard error that is closed is no reason to fail.
fn print_line(process: &crate::Process, report: &CrashReport) {
    let silenced = {
        let mut rate = RATE.lock();
        let now = time::now();
        if rate.since.is_none_or(|since| now.saturating_duration_since(since) >= PERIOD) {
            let silenced = rate.silenced;
            *rate = Rate { since: Some(now), lines: 0, silenced: 0 };
            rate.lines += 1;
            Some(silenced)
        } else if rate.lines < LINES {
            rate.lines += 1;
            Some(0)
        } else {
            rate.silenced += 1;
            None
        }
    };
    let Some(silenced) = silenced else { return };
    let more = if silenced > 0 {
        format!(" [{silenced} panics before this one were not shown]")
    } else {
        String::new()
    };
    // One line, whatever the message is.
    let report = report.to_string().replace('\n', "\\n");
    let line = format!("process {} ({}) {report}{more}\n", process.record.pid, process.name());
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// What is known of the panic whose payload an LWP caught on this thread.
pub(crate) fn report(worker: &Worker, payload: &(dyn Any + Send)) -> CrashReport {
    let message = message(payload);
    // A note of another panic, one that user code caught, says nothing about this one.
    match worker.last_panic.take() {
        Some(noted) if noted.message == message => *noted,
        _ => CrashReport { message, location: None, backtrace: None },
    }
}

/// What a panic says.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is no text".to_owned()
    }
}
