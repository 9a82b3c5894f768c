//! Limits of the process, as it sees and sets them itself.

use crate::call::{Call, args};
use crate::child::Child;
use crate::error::{Error, Result};
use crate::limits::{Limits, Pair};
use crate::process::Process;
use crate::usage::Usage;

impl Process {
    /// The limits in force.
    ///
    /// Source: POSIX `getrlimit`, `rlim_cur`.
    #[doc(alias = "getrlimit")]
    pub fn limits(&self) -> Limits {
        self.gate_sure(Call::Getrlimit, || args!["soft"], |_| 0, || self.record.limits())
    }

    /// How far the process may raise its limits itself.
    ///
    /// Source: POSIX `getrlimit`, `rlim_max`.
    pub fn hard_limits(&self) -> Limits {
        self.gate_sure(Call::Getrlimit, || args!["hard"], |_| 0, || self.record.limit_pair().hard)
    }

    /// Sets both: the limits in force, which may be anything up to the hard ones, and the hard ones, which only root raises. What
    /// the process has beyond a lower limit it keeps; there is only no more. Children that are made from now on inherit them.
    ///
    /// A limit of CPU time that was used already ends or signals the process within about 10 ms.
    ///
    /// # Errors
    /// - EINVAL: a soft limit is above its hard limit; none is above all.
    /// - EPERM: a hard limit is above the one before, and the process is not root's.
    /// - ESRCH: the process is exiting, or this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `setrlimit`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Limits, Runtime};
    /// use std::time::Duration;
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("busy", |p| {
    ///     let hard = Limits { cpu: Some(Duration::from_millis(40)), ..p.hard_limits() };
    ///     p.set_limits(Limits { cpu: Some(Duration::from_millis(20)), ..hard }, hard)?;
    ///     assert_eq!(p.set_limits(Limits::default(), hard).expect_err("above").errno(), 22); // EINVAL
    ///     loop { p.checkpoint(); }
    ///     #[allow(unreachable_code)]
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert_eq!(status.signal(), Some(greenproc::Signal::XCPU));
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "setrlimit")]
    pub fn set_limits(&self, soft: Limits, hard: Limits) -> Result<()> {
        self.gate(
            Call::Setrlimit,
            || args![],
            || {
                self.check_live()?;
                self.refuse_if_exiting()?;
                let pair = Pair { soft, hard };
                let former = self.record.limit_pair();
                let extras = self.record.need_extras();
                extras.limits.get_or_init(Box::default).change(pair, &self.record)?;
                let kernel = &self.worker.kernel;
                self.record.enforce(kernel, &pair);
                let share = |pair: &Pair| (pair.soft.subtree_cpu, pair.hard.subtree_cpu);
                if share(&pair) != share(&former) {
                    self.record.end_in_full();
                    extras.share.limit(kernel, &self.record, soft.subtree_cpu, hard.subtree_cpu);
                }
                Ok(())
            },
        )
    }

    /// What the process and all its descendants have used: the living, the zombies, and those that were waited for.
    ///
    /// If the process has, or had, a limit [`subtree_cpu`](Limits::subtree_cpu) of its own, that limit's account is returned: it has
    /// also those who leave no zombie and those that others have adopted. Else the tree is walked; the lock of the tree is
    /// held for as long as that takes, a step for each descendant.
    ///
    /// Source: row 65 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("parent", |p| {
    ///     let child = p.spawn(Command::new("child", |_| {}))?.wait()?;
    ///     assert!(p.subtree_usage().total() >= p.usage().total().max(child.usage.total()));
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subtree_usage(&self) -> Usage {
        self.gate_sure(
            Call::Getrusage,
            || args!["subtree"],
            |_| 0,
            || {
                let kernel = &self.worker.kernel;
                self.live_node().map(|node| kernel.subtree_usage(&self.record, node)).unwrap_or_default()
            },
        )
    }
}

impl Child {
    /// What the process and all its descendants have used, by the account of its limit [`subtree_cpu`](Limits::subtree_cpu): also after
    /// it has ended, and while some of them live on.
    ///
    /// # Errors
    /// - EINVAL: it never had that limit, so there is no account.
    ///
    /// Source: row 65 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Limits, Runtime};
    /// use std::time::Duration;
    /// let runtime = Runtime::boot()?;
    /// let limits = Limits { subtree_cpu: Some(Duration::from_secs(60)), ..Limits::default() };
    /// let job = runtime.spawn(Command::new("job", |p| {
    ///     p.spawn(Command::new("part", |_| {}))?.wait().map(drop)
    /// }).limits(limits))?;
    /// let waited = job.wait()?;
    /// assert_eq!(job.subtree_usage()?.total(), waited.usage.total() + waited.children_usage.total());
    /// # Ok(())
    /// # }
    /// ```
    pub fn subtree_usage(&self) -> Result<Usage> {
        let process = self.record();
        let share = process.extras().and_then(|extras| extras.share.share());
        let own = share.filter(|share| share.is_led_by(process));
        own.map(|share| share.usage())
            .ok_or(Error::Invalid { what: "the process has no account of its subtree" })
    }
}
