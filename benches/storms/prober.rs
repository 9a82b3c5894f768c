//! Somebody who only wants to know something, and has to wait for `proclist_lock`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenproc::{Child, Returned, Runtime};

use crate::harness::Outcome;
use crate::stopwatch::Stopwatch;

/// A process that asks again and again for what its children have used, which takes the lock for a moment.
pub(crate) struct Prober {
    stop: Arc<AtomicBool>,
    child: Child,
    longest: Returned<Duration>,
}

impl Prober {
    pub(crate) fn start(runtime: &Runtime) -> Outcome<Prober> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let (child, longest) = runtime.spawn_returning("prober", move |p| {
            let mut longest = Duration::ZERO;
            while !told.load(Ordering::Relaxed) {
                let watch = Stopwatch::start();
                std::hint::black_box(p.children_usage());
                longest = longest.max(watch.elapsed());
            }
            longest
        })?;
        Ok(Prober { stop, child, longest })
    }

    /// How long it had to wait at most.
    pub(crate) fn stop(self) -> Outcome<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.child.wait()?;
        Ok(self.longest.take().ok_or("the prober has ended")?)
    }
}
