//! The states of a process and the edges between them. Guarded by `p_smutex`.
//!
//! ```text
//! Embryo -> Active, Exiting      killed before its first step: its closure is dropped, as that process
//! Active -> Exiting
//! Exiting -> ExitStop -> Exiting  stop on exit (row 8)
//! Exiting -> Zombie -> (reaped)  no other edge exists
//! ```

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Spawned; its body has not begun.
    Embryo,
    Active,
    /// Its end is decided: it makes nothing new, and takes no signals.
    Exiting,
    /// Exiting, and standing still once on the way (row 8).
    ExitStop,
    /// Ended; only its status is left. Entered under `proclist_lock` too, in the hold that publishes the death.
    Zombie,
}

impl Life {
    /// The body begins. An exiting process stays what it is.
    #[must_use]
    pub(crate) fn activate(self) -> Life {
        match self {
            Life::Embryo | Life::Active => Life::Active,
            Life::Exiting | Life::ExitStop => self,
            Life::Zombie => unreachable!("a zombie never runs"),
        }
    }

    /// The exiting mark is set (row 7). `None` if it stood already: the first one owns the exit (row 4).
    #[must_use]
    pub(crate) fn begin_exit(self) -> Option<Life> {
        match self {
            Life::Embryo | Life::Active => Some(Life::Exiting),
            Life::Exiting | Life::ExitStop | Life::Zombie => None,
        }
    }

    /// It stops on its way out (row 8).
    #[must_use]
    pub(crate) fn stop_on_exit(self) -> Life {
        assert_eq!(self, Life::Exiting, "only an exiting process stops on exit");
        Life::ExitStop
    }

    /// It goes on with its exit.
    #[must_use]
    pub(crate) fn resume_exit(self) -> Life {
        assert_eq!(self, Life::ExitStop, "it stands on its way out");
        Life::Exiting
    }

    /// The end (row 46).
    #[must_use]
    pub(crate) fn zombify(self) -> Life {
        assert_eq!(self, Life::Exiting, "only an exiting process becomes a zombie");
        Life::Zombie
    }
}

#[cfg(test)]
mod tests {
    use super::Life::{Active, Embryo, ExitStop, Exiting, Zombie};

    #[test]
    fn only_the_drawn_edges_exist() {
        assert_eq!(Embryo.activate(), Active);
        assert_eq!(Active.activate(), Active);
        assert_eq!(Exiting.activate(), Exiting);
        assert_eq!(Embryo.begin_exit(), Some(Exiting));
        assert_eq!(Active.begin_exit(), Some(Exiting));
        assert_eq!(Exiting.begin_exit(), None);
        assert_eq!(Zombie.begin_exit(), None);
        assert_eq!(ExitStop.begin_exit(), None);
        assert_eq!(ExitStop.activate(), ExitStop);
        assert_eq!(Exiting.stop_on_exit(), ExitStop);
        assert_eq!(ExitStop.resume_exit(), Exiting);
        assert_eq!(Exiting.zombify(), Zombie);
    }

    #[test]
    fn a_process_that_did_not_begin_to_exit_is_no_zombie() {
        for life in [Embryo, Active, Zombie, ExitStop] {
            assert!(std::panic::catch_unwind(|| life.zombify()).is_err());
            assert!(std::panic::catch_unwind(|| life.stop_on_exit()).is_err());
        }
        assert!(std::panic::catch_unwind(|| Zombie.activate()).is_err());
    }
}
