//! What a process used of the machine.

use std::ops::AddAssign;
use std::time::Duration;

/// CPU time, page faults and context switches of a process or of its reaped children.
///
/// `user + system` is exact for each LWP: the clock of its native thread, read when the LWP starts and before its
/// end can be seen. The split, the faults and the switches come from the host's per-thread usage and are only read
/// for an LWP that lived longer than 10 ms, by a clock that ticks every few milliseconds; a shorter one counts all of its time as `user` and nothing else. On a
/// thread that ran several short LWPs before a long one, the faults and switches of the short ones count with the
/// long one.
///
/// Source: POSIX `getrusage`; rows 42 and 66 of the kernel map; decision 26 of the semantics page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub(crate) user_ns: u64,
    pub(crate) system_ns: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    pub(crate) voluntary_switches: u64,
    pub(crate) involuntary_switches: u64,
}

impl Usage {
    /// CPU time spent in user code.
    #[doc(alias = "ru_utime")]
    pub const fn user(&self) -> Duration {
        Duration::from_nanos(self.user_ns)
    }

    /// CPU time spent in the host's kernel.
    #[doc(alias = "ru_stime")]
    pub const fn system(&self) -> Duration {
        Duration::from_nanos(self.system_ns)
    }

    /// All CPU time.
    pub const fn total(&self) -> Duration {
        Duration::from_nanos(self.user_ns + self.system_ns)
    }

    /// Page faults that needed no input.
    #[doc(alias = "ru_minflt")]
    pub const fn minor_faults(&self) -> u64 {
        self.minor_faults
    }

    /// Page faults that needed input.
    #[doc(alias = "ru_majflt")]
    pub const fn major_faults(&self) -> u64 {
        self.major_faults
    }

    /// How often an LWP gave up its CPU to wait.
    #[doc(alias = "ru_nvcsw")]
    pub const fn voluntary_switches(&self) -> u64 {
        self.voluntary_switches
    }

    /// How often the host took the CPU away.
    #[doc(alias = "ru_nivcsw")]
    pub const fn involuntary_switches(&self) -> u64 {
        self.involuntary_switches
    }

    /// The CPU time, if it is all that there is.
    pub(crate) fn only_user_ns(&self) -> Option<u64> {
        (*self == Usage::from_user_ns(self.user_ns)).then_some(self.user_ns)
    }

    pub(crate) const fn from_user_ns(user_ns: u64) -> Usage {
        Usage {
            user_ns,
            system_ns: 0,
            minor_faults: 0,
            major_faults: 0,
            voluntary_switches: 0,
            involuntary_switches: 0,
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.user_ns += other.user_ns;
        self.system_ns += other.system_ns;
        self.minor_faults += other.minor_faults;
        self.major_faults += other.major_faults;
        self.voluntary_switches += other.voluntary_switches;
        self.involuntary_switches += other.involuntary_switches;
    }
}
