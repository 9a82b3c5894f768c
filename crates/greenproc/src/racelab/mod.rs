//! What the race lab needs of the runtime: faults that can be planted in it, and a look at it while everybody stands still.
//!
//! In a build without the feature `racelab` nothing is left of it but two macros that are nothing.

#[cfg(feature = "racelab")]
mod audit;
#[cfg(feature = "racelab")]
mod faults;
#[cfg(feature = "racelab")]
mod picture;
#[cfg(feature = "racelab")]
mod rest;

#[cfg(feature = "racelab")]
pub use faults::{Fault, Faults};
#[cfg(feature = "racelab")]
pub use picture::Pictured;

/// Whether a fault is planted in this kernel, or in its tree: never, in a build without the race lab.
macro_rules! planted {
    ($holder:expr, $fault:ident) => {{
        #[cfg(feature = "racelab")]
        {
            $holder.has_fault($crate::racelab::Fault::$fault)
        }
        #[cfg(not(feature = "racelab"))]
        {
            $crate::racelab::never(&$holder)
        }
    }};
}

/// There are no faults without the race lab.
#[cfg(not(feature = "racelab"))]
pub(crate) const fn never<T: ?Sized>(_holder: &T) -> bool {
    false
}

/// Something for who reads a schedule of the race lab; nothing in other builds.
macro_rules! lab_note {
    ($($text:tt)+) => {
        #[cfg(feature = "racelab")]
        greenproc_sync::lab::note(|| format!($($text)+));
    };
}

/// A place between two steps of a protocol, where the race lab may let others go first; nothing in other builds.
macro_rules! lab_point {
    ($name:literal) => {
        #[cfg(feature = "racelab")]
        greenproc_sync::lab::point($name);
    };
}

/// The caller reads or changes something that threads share and that is neither a lock nor an atomic of the facade, so that
/// a search which leaves out schedules knows of it; nothing in builds without the race lab. `mark` is that of the value;
/// without one, what is touched is taken for all there is.
macro_rules! lab_touch {
    () => {
        #[cfg(feature = "racelab")]
        greenproc_sync::lab::touch_unmarked();
    };
    ($mark:expr, $access:ident) => {
        #[cfg(feature = "racelab")]
        $mark.touch(greenproc_sync::lab::Access::$access);
    };
}

/// What the calling thread is from here on, in the schedules of the race lab; nothing in other builds.
macro_rules! lab_name {
    ($($text:tt)+) => {
        #[cfg(feature = "racelab")]
        greenproc_sync::lab::rename(|| format!($($text)+));
    };
}
