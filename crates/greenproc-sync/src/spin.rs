//! Spinning, made visible.
//!
//! A loop that waits for another thread by reading an atomic makes no progress under a scheduler that runs one thread
//! at a time. The hint in its body is where such a scheduler switches.

/// Tells the processor that the caller spins; stands in the body of every loop that waits for another thread.
#[inline]
#[cfg_attr(feature = "racelab", track_caller)]
pub fn hint() {
    #[cfg(feature = "racelab")]
    if let Some(control) = crate::lab::control() {
        control.by.point(control.me, crate::lab::Point::Spin, std::panic::Location::caller());
    }
    std::hint::spin_loop();
}

/// Lets another thread have the CPU for a moment, if one wants it: for who waits for another that may need just this CPU.
#[inline]
#[cfg_attr(feature = "racelab", track_caller)]
pub fn give_way() {
    #[cfg(feature = "racelab")]
    if let Some(control) = crate::lab::control() {
        control.by.point(control.me, crate::lab::Point::Spin, std::panic::Location::caller());
        return;
    }
    std::thread::yield_now();
}
