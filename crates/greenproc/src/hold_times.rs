//! How long `proclist_lock` is held, the one lock that all lives of a runtime have in common. With the feature
//! `hold-times` only, which is for measuring: it makes each hold some nanoseconds longer.

use crate::runtime::Runtime;

pub use greenproc_sync::hold_times::{Bucket, HoldTimes};

impl Runtime {
    /// How long each hold of `proclist_lock` lasted since the boot, or since this was last called. Takes no lock.
    ///
    /// A hold lasts from having the lock to giving it back: no waiting is in it, neither for the lock nor, in `wait`, for a child.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    ///
    /// let runtime = Runtime::boot()?;
    /// let _ = runtime.take_hold_times();
    /// runtime.run(Command::new("short", |_| {}))?;
    /// let times = runtime.take_hold_times();
    /// assert!(times.holds() > 0 && times.longest() <= times.sum());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_hold_times(&self) -> HoldTimes {
        self.kernel().proclist.holds().take()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use greenproc_sync::time;

    use crate::command::Command;
    use crate::inspect::State;
    use crate::pid::Pid;
    use crate::runtime::Runtime;

    /// A runtime whose init has settled down to wait.
    fn settled() -> Runtime {
        let runtime = Runtime::boot().expect("a runtime");
        while runtime.inspect(Pid::INIT).expect("init").process.state != State::Sleeping {
            std::thread::yield_now();
        }
        runtime
    }

    #[test]
    fn a_known_number_of_calls_makes_a_known_number_of_holds() {
        let runtime = settled();
        let _ = runtime.take_hold_times();
        for _ in 0..100 {
            let _ = runtime.stats();
        }
        let times = runtime.take_hold_times();
        assert_eq!(times.holds(), 100);
        assert!(times.longest() <= times.sum());
        assert_eq!(runtime.take_hold_times().holds(), 0);
    }

    #[test]
    fn each_runtime_has_a_record_of_its_own() {
        let (one, other) = (settled(), settled());
        let _ = (one.take_hold_times(), other.take_hold_times());
        let _ = one.stats();
        assert_eq!((one.take_hold_times().holds(), other.take_hold_times().holds()), (1, 0));
    }

    #[test]
    fn who_waits_for_a_child_holds_nothing() {
        const SLEEP: Duration = Duration::from_millis(100);
        let runtime = settled();
        let _ = runtime.take_hold_times();
        let begin = time::now();
        let sleeper = Command::new("sleeper", |p| p.sleep(SLEEP));
        assert!(runtime.run(sleeper).is_ok());
        let (times, all) = (runtime.take_hold_times(), begin.elapsed());
        // Holds do not overlap each other, nor the sleep; however long the host kept us waiting in between.
        assert!(times.sum() + SLEEP.mul_f64(0.9) <= all, "{:?} of {all:?}", times.sum());
    }
}
