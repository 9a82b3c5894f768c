//! Which signals of the host a runtime takes, and what is done about each.

use std::time::Duration;

use greenproc_os::action::{self, Action};
use greenproc_os::kick::Kick;

use crate::error::{Error, Result};
use crate::signal::Signal;
use crate::target::Target;

/// Which signals of the host a runtime takes, and what is done about each.
///
/// Unless it is asked to, a runtime takes none. While one that asked is up, the signal does not do to the OS process what
/// it did before; when all are gone, its default action is done again, if that is what stood there. A handler that
/// somebody else had installed before is still called.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, HostAction, HostSignals, Runtime, Signal, Target};
/// use std::time::Duration;
///
/// let signals = HostSignals::shutdown(Duration::from_secs(10))
///     .on(Signal::HUP, HostAction::Init)
///     .on(Signal::WINCH, HostAction::Send(Target::All));
/// let runtime = Runtime::builder().host_signals(signals).boot()?;
/// runtime.run(Command::new("work", |_| {}))?;
/// if let Some(end) = runtime.host_shutdown()? {
///     std::process::exit(128 + end.signal.as_raw());
/// }
/// # Ok(())
/// # }
/// ```
///
/// Source: POSIX `sigaction`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSignals {
    rules: Vec<(Signal, HostAction)>,
}

/// What is done about a signal of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostAction {
    /// It is sent to these, as by [`Runtime::kill`](crate::Runtime::kill). Where nobody is there, nothing happens.
    Send(Target),
    /// It is sent to init, whose end is the end of the runtime.
    Init,
    /// The runtime shuts down, as by [`Runtime::shutdown`](crate::Runtime::shutdown). If it does so already, whoever began
    /// it, the grace is over at once.
    Shutdown {
        /// How long processes may take to end after SIGTERM.
        grace: Duration,
    },
}

impl HostSignals {
    /// None.
    pub fn new() -> HostSignals {
        HostSignals::default()
    }

    /// SIGTERM and SIGINT shut the runtime down; a second one ends the grace.
    pub fn shutdown(grace: Duration) -> HostSignals {
        let action = HostAction::Shutdown { grace };
        HostSignals::new().on(Signal::TERM, action).on(Signal::INT, action)
    }

    /// SIGTERM, SIGINT, SIGHUP and SIGWINCH are sent to `target`.
    pub fn sent_to(target: impl Into<Target>) -> HostSignals {
        let action = HostAction::Send(target.into());
        let usual = [Signal::TERM, Signal::INT, Signal::HUP, Signal::WINCH];
        usual.into_iter().fold(HostSignals::new(), |signals, signal| signals.on(signal, action))
    }

    /// This is done about `signal`, instead of what was to be done before.
    #[must_use = "the settings are returned"]
    pub fn on(mut self, signal: Signal, action: HostAction) -> HostSignals {
        self.rules.retain(|&(other, _)| other != signal);
        self.rules.push((signal, action));
        self
    }

    pub(super) fn rules(&self) -> &[(Signal, HostAction)] {
        &self.rules
    }

    /// EINVAL for what cannot be taken.
    pub(super) fn check(&self, kick: Kick) -> Result<()> {
        let refused = self.rules.iter().find_map(|&(signal, _)| Some((signal, refusal(signal, kick)?)));
        refused.map_or(Ok(()), |(signal, why)| Err(Error::Signal { signal, why }))
    }
}

fn refusal(signal: Signal, kick: Kick) -> Option<&'static str> {
    let number = signal.as_raw();
    match signal {
        Signal::KILL | Signal::STOP => Some("the host lets nobody take it"),
        Signal::SEGV | Signal::ILL | Signal::FPE | Signal::BUS => {
            Some("it tells of a fault of the thread that gets it")
        }
        _ if number == kick.signal() || action::of(number) == Some(Action::Kick) => {
            Some("it is a kick signal")
        }
        _ if signal_hook::low_level::signal_name(number).is_none() => {
            Some("what it does by default could not be done again afterwards")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_rule_replaces_an_earlier_one() {
        let signals = HostSignals::sent_to(Target::All).on(Signal::HUP, HostAction::Init);
        assert_eq!(signals.rules.len(), 4);
        assert_eq!(signals.rules.last(), Some(&(Signal::HUP, HostAction::Init)));
    }

    #[test]
    fn what_cannot_be_taken_is_refused() {
        let kick = Kick::install(Kick::default_signal()).unwrap();
        let other = Kick::install(Kick::default_signal() + 1).unwrap();
        let check = |number: i32, action| {
            let signal = Signal::from_raw(number).unwrap();
            HostSignals::new().on(signal, action).check(kick).map_err(|error| error.errno())
        };
        let shutdown = HostAction::Shutdown { grace: Duration::ZERO };
        let refused = [
            libc::SIGKILL,
            libc::SIGSTOP,
            libc::SIGSEGV,
            libc::SIGILL,
            libc::SIGFPE,
            libc::SIGBUS,
            kick.signal(),
            other.signal(),
            libc::SIGRTMAX(),
        ];
        for number in refused {
            assert_eq!(check(number, shutdown), Err(libc::EINVAL), "{number}");
        }
        let taken = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGWINCH, libc::SIGUSR1, libc::SIGTSTP];
        for number in taken {
            assert_eq!(check(number, shutdown), Ok(()), "{number}");
        }
        assert_eq!(check(libc::SIGUSR1, HostAction::Init), Ok(()));
    }
}
