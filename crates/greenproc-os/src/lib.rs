//! The host calls that [greenproc] stands on: the only crate of the runtime with `unsafe` calls into the
//! operating system.
//!
//! Each LWP of greenproc is one native thread, and a burst of LWPs must be able to run into the host's limit
//! and come back with an error. `std::thread` cannot promise that: a thread of std's takes four memory maps,
//! and where the host refuses the map of its signal stack, the whole OS process aborts. So threads are made
//! here with raw pthreads, on mappings that are made (and can be refused) before the thread is.
//!
//! | module | what it has |
//! |---|---|
//! | [`stack`] | one mapping per thread: guard page, stack, alternate signal stack |
//! | [`thread`] | native threads, and what the calling thread can say of itself: id, name, signal mask |
//! | [`overflow`] | the message that names the process whose stack has overflowed |
//! | [`clock`] | CPU time and usage of single threads |
//! | [`kick`] | the signal that interrupts a system call |
//! | [`action`] | what a signal of the host does at present |
//! | [`host_children`] | zombie children of this OS process |
//! | [`host_fork`] | children of this OS process that do nothing, to compare with |
//! | [`host_process`] | making a host process with a session of its own, and taking its end and usage |
//! | [`limits`] | how many threads the host will give |
//! | [`memory`] | what this OS process holds now |
//!
//! Nothing here knows what a greenproc process is. Linux only; glibc is what it is tested with.
//!
//! ```
//! use greenproc_os::{kick::Kick, stack::Stack, thread::NativeThread};
//!
//! let kick = Kick::install(Kick::default_signal())?;
//! let stack = Stack::map(64 * 1024)?;
//! let thread = NativeThread::spawn(stack, &kick, Box::new(|| println!("in a thread of its own")))?;
//! let stack = thread.join();
//! assert!(stack.size() >= 64 * 1024);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [greenproc]: https://docs.rs/greenproc

pub mod action;
pub mod clock;
pub mod host_children;
pub mod host_fork;
pub mod host_process;
pub mod kick;
pub mod limits;
pub mod memory;
pub mod overflow;
pub mod pages;
pub mod stack;
pub mod thread;

mod proc_fs;
