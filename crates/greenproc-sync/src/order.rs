//! The lock order: one list, outermost first, in which every class of lock has its place.
//!
//! A class is a type, so the order of two locks can be read off their types and costs no byte in the lock.

/// A level of the lock order.
///
/// Implemented by [`lock_order!`](crate::lock_order!) only: an implementation by hand would have a rank that no list shows.
pub trait LockClass: 'static {
    /// The place in the order: 0 is the outermost, and a thread takes locks of rising rank only.
    const RANK: u8;
    /// What reports call the lock.
    const NAME: &'static str;
    /// The whole order this class belongs to, as (rank, name), outermost first.
    ///
    /// Ranks compare within one order only. Two orders in one program (an application's own over the runtime's, say) say
    /// nothing about each other. Orders with equal lists count as the same one.
    const ORDER: &'static [(u8, &'static str)];
}

/// Declares the lock order: every class of lock, outermost first.
///
/// Makes an uninhabited type for each class, to be the first parameter of [`Mutex`](crate::Mutex),
/// [`RwLock`](crate::RwLock) and [`Condvar`](crate::Condvar), and a table `LOCK_ORDER` of all (rank, name) for
/// documentation and tests. Write it once, at one place; a second one in the same module does not compile, and one in
/// another module is another order, not checked against the first. There is room for 256 classes.
///
/// # Example
///
/// ```
/// greenproc_sync::lock_order! {
///     /// The tree of processes.
///     pub Proclist = "proclist_lock",
///     /// The state of one process.
///     pub PSmutex = "p_smutex",
/// }
///
/// use greenproc_sync::LockClass;
/// assert!(Proclist::RANK < PSmutex::RANK);
/// assert_eq!(LOCK_ORDER, [(0, "proclist_lock"), (1, "p_smutex")]);
/// ```
#[macro_export]
macro_rules! lock_order {
    ($($(#[$attribute:meta])* $visibility:vis $class:ident = $name:literal),+ $(,)?) => {
        $(
            $(#[$attribute])*
            #[derive(Debug)]
            $visibility enum $class {}
        )+

        /// The lock order as (rank, name), outermost first.
        #[allow(unreachable_pub, reason = "how far the table reaches is decided by the module it stands in")]
        pub const LOCK_ORDER: &[(u8, &str)] =
            &[$((<$class as $crate::LockClass>::RANK, <$class as $crate::LockClass>::NAME)),+];

        const _: () = {
            /// The classes numbered by the compiler, which refuses the 257th.
            #[repr(u8)]
            enum __Rank {
                $($class),+
            }
            $(
                impl $crate::LockClass for $class {
                    const RANK: u8 = __Rank::$class as u8;
                    const NAME: &'static str = $name;
                    const ORDER: &'static [(u8, &'static str)] = LOCK_ORDER;
                }
            )+
        };
    };
}

#[cfg(test)]
mod tests {
    use super::LockClass;

    lock_order! {
        /// Outermost.
        pub(crate) Tree = "tree",
        /// In the middle.
        pub(crate) Process = "process",
        /// Innermost.
        pub(crate) Leaf = "leaf",
    }

    #[test]
    fn ranks_rise_in_the_order_written() {
        assert_eq!((Tree::RANK, Process::RANK, Leaf::RANK), (0, 1, 2));
    }

    #[test]
    fn the_table_names_every_class() {
        assert_eq!(LOCK_ORDER, [(0, "tree"), (1, "process"), (2, "leaf")]);
        assert_eq!(Process::ORDER, LOCK_ORDER);
    }
}
