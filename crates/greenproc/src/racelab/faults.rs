//! Mistakes that can be planted.

use greenproc_sync::atomic::{AtomicU64, Ordering};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident = $name:literal;)+) => {
        /// A mistake that can be planted in a runtime, at the very place where it could be made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = $doc])+ $fault,)+
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

            /// What it is, in a sentence.
            pub const fn story(self) -> &'static str {
                match self {
                    $(Fault::$fault => concat!($($doc),+),)+
                }
            }

            /// The one with this name.
            pub fn from_name(name: &str) -> Option<Fault> {
                Fault::ALL.iter().copied().find(|fault| fault.name() == name)
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
    /// Plants one.
    pub fn plant(&self, fault: Fault) {
        self.0.fetch_or(1 << fault as u64, Ordering::Relaxed);
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.0.load(Ordering::Relaxed) & 1 << fault as u64 != 0
    }
}
