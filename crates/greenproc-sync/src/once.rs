//! A value that is set once, as [`std::sync::OnceLock`].

#[cfg(not(feature = "racelab"))]
pub use std::sync::OnceLock;

#[cfg(feature = "racelab")]
pub use marked::OnceLock;

#[cfg(feature = "racelab")]
mod marked {
    use crate::lab::{Access, Mark};

    /// [`std::sync::OnceLock`], marked for the race lab.
    #[derive(Debug)]
    pub struct OnceLock<T> {
        value: std::sync::OnceLock<T>,
        mark: Mark,
    }

    impl<T> Default for OnceLock<T> {
        #[track_caller]
        fn default() -> OnceLock<T> {
            OnceLock::new()
        }
    }

    #[allow(missing_docs, reason = "they are those of std")]
    impl<T> OnceLock<T> {
        #[track_caller]
        pub const fn new() -> OnceLock<T> {
            OnceLock { value: std::sync::OnceLock::new(), mark: Mark::new() }
        }

        #[inline]
        pub fn get(&self) -> Option<&T> {
            self.mark.touch(Access::Read);
            self.value.get()
        }

        #[inline]
        pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
            let access = if self.value.get().is_some() { Access::Read } else { Access::Write };
            self.mark.touch(access);
            self.value.get_or_init(make)
        }

        /// # Errors
        /// The value, if there is one already.
        pub fn set(&self, value: T) -> Result<(), T> {
            self.mark.touch(Access::Write);
            self.value.set(value)
        }

        pub fn get_mut(&mut self) -> Option<&mut T> {
            self.value.get_mut()
        }

        pub fn into_inner(self) -> Option<T> {
            self.value.into_inner()
        }
    }
}
