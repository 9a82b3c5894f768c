//! What the user's runtime handles share: its end is the end of the runtime.

use std::sync::Arc;
use std::time::Duration;

use greenproc_sync::atomic::{AtomicBool, Ordering};
use greenproc_sync::thread;

use crate::host;
use crate::kernel::{Kernel, Phase};
use crate::shutdown;
use crate::worker;

/// The grace that dropping the last handle gives.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Handle {
    pub(crate) kernel: Arc<Kernel>,
    /// The threads were told to go home, and waited for.
    pub(crate) stopped: AtomicBool,
}

impl Drop for Handle {
    /// Shuts the runtime down. A thread of that runtime cannot wait for its own end, so another one does it then; if the
    /// host has none, the processes are told to end and nobody waits for them.
    fn drop(&mut self) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        let kernel = Arc::clone(&self.kernel);
        if !worker::current().is_some_and(|process| Arc::ptr_eq(&process.worker.kernel, &kernel)) {
            stop(&kernel);
            return;
        }
        // It ends after the caller, and after every thread of the runtime: nobody is left to join it.
        let on = Arc::clone(&kernel);
        if thread::detached("gp-shutdown", Box::new(move || stop(&on))).is_err() {
            shutdown::tell_to_end(&kernel);
        }
    }
}

fn stop(kernel: &Arc<Kernel>) {
    let running = kernel.lock().phase == Phase::Running;
    // Those who did not stop were told of as events; nobody is left to be given the report.
    if running && shutdown::run(kernel, GRACE).is_ok() {
        return;
    }
    host::settle(kernel);
    shutdown::stop_threads(kernel, 0);
}
