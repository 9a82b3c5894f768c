//! Atomics that tell a controller who reads and who changes them. They are no points: a schedule does not depend on them,
//! but who leaves out schedules has to know which turns have to do with each other.

use std::fmt;
use std::sync::atomic::{self as plain, Ordering};

use crate::lab::{Access, Mark};

macro_rules! marked {
    ($($name:ident: $value:ty;)+) => {
        $(
            #[doc = concat!("[`std::sync::atomic::", stringify!($name), "`], marked.")]
            pub struct $name {
                value: plain::$name,
                mark: Mark,
            }

            #[allow(missing_docs, reason = "they are those of std")]
            impl $name {
                #[track_caller]
                pub const fn new(value: $value) -> $name {
                    $name { value: plain::$name::new(value), mark: Mark::new() }
                }

                #[inline]
                pub fn load(&self, order: Ordering) -> $value {
                    self.mark.touch(Access::Read);
                    self.value.load(order)
                }

                #[inline]
                pub fn store(&self, value: $value, order: Ordering) {
                    self.mark.touch(Access::Write);
                    self.value.store(value, order);
                }

                #[inline]
                pub fn swap(&self, value: $value, order: Ordering) -> $value {
                    self.mark.touch(Access::Write);
                    self.value.swap(value, order)
                }

                /// # Errors
                /// The value there is, if it is not the expected one.
                #[inline]
                pub fn compare_exchange(
                    &self,
                    expected: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    self.mark.touch(Access::Write);
                    self.value.compare_exchange(expected, new, success, failure)
                }

                /// # Errors
                /// The value there is, if `change` returns none.
                #[inline]
                pub fn fetch_update(
                    &self,
                    set: Ordering,
                    fetch: Ordering,
                    change: impl FnMut($value) -> Option<$value>,
                ) -> Result<$value, $value> {
                    self.mark.touch(Access::Write);
                    self.value.fetch_update(set, fetch, change)
                }

                marked!(@changes $value: fetch_and fetch_or);

                #[inline]
                pub fn get_mut(&mut self) -> &mut $value {
                    self.value.get_mut()
                }

                #[inline]
                pub fn into_inner(self) -> $value {
                    self.value.into_inner()
                }
            }

            impl Default for $name {
                #[track_caller]
                fn default() -> $name {
                    $name::new(Default::default())
                }
            }

            impl From<$value> for $name {
                #[track_caller]
                fn from(value: $value) -> $name {
                    $name::new(value)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.value.fmt(f)
                }
            }
        )+
    };
    (@changes $value:ty: $($change:ident)+) => {
        $(
            #[inline]
            pub fn $change(&self, value: $value, order: Ordering) -> $value {
                self.mark.touch(Access::Write);
                self.value.$change(value, order)
            }
        )+
    };
}

marked! {
    AtomicBool: bool;
    AtomicI32: i32;
    AtomicI64: i64;
    AtomicU8: u8;
    AtomicU16: u16;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}

macro_rules! arithmetic {
    ($($name:ident: $value:ty;)+) => {
        $(
            #[allow(missing_docs, reason = "they are those of std")]
            impl $name {
                marked!(@changes $value: fetch_add fetch_sub fetch_max fetch_min);
            }
        )+
    };
}

arithmetic! {
    AtomicI32: i32;
    AtomicI64: i64;
    AtomicU8: u8;
    AtomicU16: u16;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}
