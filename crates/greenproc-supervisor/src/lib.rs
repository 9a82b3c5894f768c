//! Supervision trees on greenproc: processes that start, watch, restart and stop other processes.
//!
//! The vocabulary and the defaults are OTP's. A [`Supervisor`] and its [`ChildSpec`]s are data, checked before anything starts;
//! started, a supervisor is a process whose children are processes: real blocking code, with exit statuses, groups,
//! limits and CPU times, that can be killed. What OTP has not got: back-off with jitter, children that say when
//! they are ready, watchdogs, handles that never mean another life ([`ChildRef`]), and a [`ShutdownReport`] that names over the whole
//! tree who did not stop.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use greenproc::Runtime;
//! use greenproc_supervisor::{ChildSpec, Supervisor};
//! use std::time::Duration;
//! let runtime = Runtime::boot()?;
//! let tree = Supervisor::new("app")
//!     .child(ChildSpec::with_life("clock", |p, life| {
//!         life.ready();
//!         loop {
//!             p.sleep(Duration::from_secs(1))?; // a call of the runtime: here it can be stopped
//!         }
//!         # #[allow(unreachable_code)]
//!         greenproc::Result::Ok(())
//!     }))
//!     .start(&runtime)?; // comes back when all are ready
//! assert_eq!(tree.which_children()?[0].restarts, 0);
//! assert!(tree.shutdown()?.is_clean());
//! # Ok(())
//! # }
//! ```

#[cfg(doctest)]
#[doc = include_str!("../../../docs/supervision.md")]
struct Guide;

/// Whether a fault is planted: never, in a build without the race lab.
macro_rules! planted {
    ($machine:expr, $fault:ident) => {{
        #[cfg(feature = "racelab")]
        {
            $machine.settings.fault == Some($crate::racelab::Fault::$fault)
        }
        #[cfg(not(feature = "racelab"))]
        {
            false
        }
    }};
}

mod backoff;
mod check;
mod clock;
mod driver;
mod error;
mod event;
mod handle;
#[cfg(feature = "host")]
pub mod host;
mod info;
mod intensity;
mod leftovers;
mod life;
mod locks;
mod machine;
#[cfg(feature = "racelab")]
pub mod racelab;
mod reply;
mod report;
mod spec;
mod supervisor;
#[cfg(any(feature = "metrics", feature = "tracing"))]
pub mod telemetry;
mod tree;
mod watchdog;

pub use backoff::Backoff;
pub use clock::{Clock, ManualClock};
pub use error::{RequestError, SpecError, StartError};
pub use event::{Event, EventKind, Events};
pub use handle::{ChildRef, SupervisorRef, Tree};
pub use info::{ChildInfo, ChildState, Counts};
pub use intensity::Intensity;
pub use life::Life;
pub use report::{ShutdownReport, Unstopped};
pub use spec::{ChildSpec, Restart, Shutdown};
pub use supervisor::{AutoShutdown, StopOrder, Strategy, Supervisor};
pub use watchdog::{OnSilence, Watchdog};
