//! A tree's events for those who count and those who trace: the facades `metrics` and `tracing`, each behind a feature of
//! its name. Whoever reads the tree's [`Events`](crate::Events) passes them on; where they go then, a recorder or a
//! subscriber of the program's choice says.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use greenproc::Runtime;
//! use greenproc_supervisor::{ChildSpec, EventKind, Events, Restart, Supervisor, telemetry};
//! let runtime = Runtime::boot()?;
//! let events = Events::bounded(1000);
//! let supervisor = Supervisor::new("root")
//!     .child(ChildSpec::new("short", |_| ()).restart(Restart::Temporary))
//!     .events(&events)
//!     .start(&runtime)?;
//! let _report = supervisor.shutdown()?;
//! while let Some(event) = events.try_recv() {
//!     # #[cfg(feature = "metrics")]
//!     telemetry::count(&event);
//!     # #[cfg(feature = "tracing")]
//!     telemetry::trace(&event);
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "metrics")]
pub use metrics::{count, describe};
#[cfg(feature = "tracing")]
pub use tracing::trace;
