//! Mistakes that can be planted.

use greenproc_sync::atomic::{AtomicU64, Ordering};

macro_rules! faults {
    ($($(#[$doc:meta])+ $fault:ident = $name:literal;)+) => {
        /// A mistake that can be planted in a runtime, at the very place where it could be made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])+ $fault,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Fault] = &[$(Fault::$fault),+];

            /// What the lab calls it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Fault::$fault => $name,)+
                }
            }
        }
    };
}

faults! {
    /// A waiter looks for children, lets go of the lock, and sleeps.
    CheckOutsideLock = "check-outside-lock";
}

/// Which faults are planted in a runtime. None, unless the lab says so.
#[derive(Debug, Default)]
pub struct Faults(AtomicU64);

impl Faults {
    /// Plants the fault of this name; false if there is none.
    pub fn plant(&self, name: &str) -> bool {
        let found = Fault::ALL.iter().find(|fault| fault.name() == name);
        if let Some(fault) = found {
            self.0.fetch_or(1 << *fault as u64, Ordering::Relaxed);
        }
        found.is_some()
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.0.load(Ordering::Relaxed) & 1 << fault as u64 != 0
    }
}
