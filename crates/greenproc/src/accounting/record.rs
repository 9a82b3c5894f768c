//! What is written of a process that has ended.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenproc_sync::time;

use crate::pid::Pid;
use crate::proc::Proc;
use crate::status::ExitStatus;
use crate::usage::Usage;

/// What is known of a process when it has ended: final, as its parent's wait will have it.
///
/// Source: BSD `struct acct`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its pid, which may be in use again when this is read.
    pub pid: Pid,
    /// Its parent when it ended; init is its own.
    pub ppid: Pid,
    /// Its name.
    pub name: Cow<'static, str>,
    /// The user it acted for at its end.
    pub uid: u32,
    /// The group of users.
    pub gid: u32,
    /// When it was made, by the host's calendar, in whole microseconds.
    pub start: SystemTime,
    /// How long it lived, by a clock that ticks every few milliseconds.
    pub elapsed: Duration,
    /// What it used, its children not counted.
    pub usage: Usage,
    /// How it ended.
    pub status: ExitStatus,
    /// What else is worth knowing.
    pub flags: Flags,
}

bitflags::bitflags! {
    /// What else is worth knowing of a process that has ended. Written as the letters that `lastcomm` uses.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags: u8 {
        /// S: it did something that only root may.
        #[doc(alias = "ASU")]
        const SUPERUSER = 1;
        /// F: it ran what it was made with to its end, and executed no other program.
        #[doc(alias = "AFORK")]
        const FORKED = 1 << 1;
        /// D: it would have left a core.
        #[doc(alias = "ACORE")]
        const CORE = 1 << 2;
        /// X: a signal ended it.
        #[doc(alias = "AXSIG")]
        const KILLED = 1 << 3;
    }
}

const LETTERS: [(Flags, char); 4] =
    [(Flags::SUPERUSER, 'S'), (Flags::FORKED, 'F'), (Flags::CORE, 'D'), (Flags::KILLED, 'X')];

impl Flags {
    /// The flags of a status.
    pub(super) fn of_status(status: ExitStatus) -> Flags {
        let killed = if status.signal().is_some() { Flags::KILLED } else { Flags::empty() };
        if status.core_dumped() { killed | Flags::CORE } else { killed }
    }

    /// Reads what `Display` writes; letters that are not known are passed over.
    pub(super) fn from_letters(text: &str) -> Flags {
        LETTERS.into_iter().filter(|&(_, letter)| text.contains(letter)).map(|(flag, _)| flag).collect()
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = LETTERS.into_iter().filter(|&(flag, _)| self.contains(flag));
        f.pad(&letters.map(|(_, letter)| letter).collect::<String>())
    }
}

impl Record {
    /// The record of a process whose end is final.
    pub(crate) fn of(process: &Proc, status: ExitStatus, usage: Usage) -> Record {
        let elapsed = whole_micros(process.started.elapsed());
        let start = time::wall().checked_sub(elapsed).unwrap_or(UNIX_EPOCH);
        let since_epoch = start.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut flags = Flags::of_status(status);
        let extras = process.extras();
        flags.set(Flags::SUPERUSER, extras.is_some_and(crate::extras::Extras::has_used_root));
        flags.set(Flags::FORKED, !process.has_executed());
        Record {
            pid: process.pid,
            ppid: process.ppid().unwrap_or(process.pid),
            name: process.name().clone(),
            uid: process.uid(),
            gid: process.gid(),
            start: UNIX_EPOCH + whole_micros(since_epoch),
            elapsed,
            usage,
            status,
            flags,
        }
    }
}

/// What a line of the file keeps.
fn whole_micros(time: Duration) -> Duration {
    Duration::from_micros(time.as_micros().min(u128::from(u64::MAX)) as u64)
}
