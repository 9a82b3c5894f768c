//! Spinning, made visible.
//!
//! A loop that waits for another thread by reading an atomic makes no progress under a scheduler that runs one thread
//! at a time. The hint in its body is where such a scheduler switches.

/// Tells the processor that the caller spins; stands in the body of every loop that waits for another thread.
#[inline]
pub fn hint() {
    std::hint::spin_loop();
}
