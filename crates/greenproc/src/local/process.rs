//! Values of a process, shared by its LWPs.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use greenproc_sync::Mutex;

use super::{Key, ROUNDS};
use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::pid::LwpId;
use crate::process::Process;
use crate::wait_queue::{WaitQueue, Waiter, Wakeups, wait_for};
use crate::worker::drop_isolated;

/// A value of each process: what a `static` is to a program.
///
/// A `static` of the host program is shared by all processes and never dropped. A `Local` is the process's own: its LWPs
/// share it, no other process sees it, a child begins with its own, and it is dropped at the process's end, before the
/// zombie can be seen. So code that was written with global state can run many times side by side, and leaves nothing
/// behind, killed or not.
///
/// Values are made when they are first used, once, by the LWP that comes first, and dropped when the exit hooks have run,
/// the last made first; a panic in a destructor is the event [`DropPanicked`](crate::EventKind::DropPanicked) and stops
/// nothing. A destructor finds the values that were made before its own, and may make others anew: those are dropped in
/// another round. In the fourth round none is made any more.
///
/// Source: rows 26 and 32 of the kernel map.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Local, Runtime};
/// use std::sync::atomic::{AtomicI32, Ordering};
/// static HITS: Local<AtomicI32> = Local::new(AtomicI32::default);
/// let runtime = Runtime::boot()?;
/// for _ in 0..2 {
///     let status = runtime.run(Command::new("two", |p| {
///         let other = p.spawn_lwp(|p| HITS.with(p, |hits| hits.fetch_add(1, Ordering::Relaxed)).map(drop))?;
///         other.join(p).expect("it returns")?;
///         HITS.with(p, |hits| 1 + hits.load(Ordering::Relaxed))
///     }))?;
///     assert_eq!(status.code(), Some(2), "the first process's value is gone");
/// }
/// # Ok(())
/// # }
/// ```
pub struct Local<T: 'static> {
    make: fn() -> T,
}

/// The values of a process.
#[derive(Default)]
pub(crate) struct Locals(Mutex<Leaf, Values>);

#[derive(Default)]
struct Values {
    /// In the order in which they were made.
    ready: Vec<(Key, Arc<dyn Any + Send + Sync>)>,
    making: Vec<Making>,
    /// None is made any more.
    closed: bool,
}

/// A value that an LWP is making; others wait for it.
struct Making {
    key: Key,
    by: LwpId,
    waiting: WaitQueue,
}

/// What an LWP that uses a value for the first time finds.
enum Found {
    Ready(Arc<dyn Any + Send + Sync>),
    /// It makes the value.
    Mine,
}

impl<T: Send + Sync + 'static> Local<T> {
    /// A key; `make` makes the value of a process that uses it for the first time.
    pub const fn new(make: fn() -> T) -> Local<T> {
        Local { make }
    }

    /// Uses the value of the calling process, which is made now if it was not used before. `process` is the caller's own.
    ///
    /// A checkpoint if the value is not there yet: if another LWP is making it, the caller waits, and can be killed
    /// meanwhile. If the making panics or is unwound, the next LWP makes it.
    ///
    /// # Errors
    /// - EDEADLK: the value is used while it is being made, by its own `make`.
    /// - EINTR: a signal came while another LWP made it.
    /// - ESRCH: this was kept beyond its LWP's end, or the process is exiting and makes no values any more.
    #[track_caller]
    pub fn with<R>(&'static self, process: &Process, function: impl FnOnce(&T) -> R) -> Result<R> {
        process.check_live()?;
        let locals = &process.record.need_extras().locals;
        let key = Key::of::<_, T>(self);
        let ready = locals.0.lock().find(key);
        let value = if let Some(value) = ready {
            value
        } else {
            process.enter();
            match locals.await_or_begin(process, key)? {
                Found::Ready(value) => value,
                Found::Mine => {
                    let unmade = Unmade { locals, key };
                    unmade.finish(Arc::new((self.make)()))
                }
            }
        };
        let Ok(value) = value.downcast::<T>() else { unreachable!("a key is of one type") };
        Ok(function(&value))
    }
}

impl Values {
    fn find(&self, key: Key) -> Option<Arc<dyn Any + Send + Sync>> {
        self.ready.iter().find(|(of, _)| *of == key).map(|(_, value)| Arc::clone(value))
    }

    /// The LWP that made it has, or has given up: who waited for that.
    fn end_making(&mut self, key: Key) -> Wakeups {
        let place = self.making.iter().position(|making| making.key == key);
        place.map_or_else(Wakeups::default, |place| self.making.swap_remove(place).waiting.take_all())
    }
}

impl Locals {
    /// Waits as long as another LWP makes the value; says that the caller makes it if nobody does.
    fn await_or_begin(&self, process: &Process, key: Key) -> Result<Found> {
        let attempt = |me: &Waiter| {
            let mut values = self.0.lock();
            if let Some(value) = values.find(key) {
                return Some(Ok(Found::Ready(value)));
            }
            let closed = values.closed;
            match values.making.iter_mut().find(|making| making.key == key) {
                Some(making) if making.by == process.lwp_id() => {
                    Some(Err(Error::Deadlock { what: "a value that is used while it is being made" }))
                }
                Some(making) => {
                    making.waiting.join(me);
                    None
                }
                None if closed => Some(Err(Error::Exiting { pid: process.record.pid })),
                None => {
                    values.making.push(Making { key, by: process.lwp_id(), waiting: WaitQueue::new() });
                    Some(Ok(Found::Mine))
                }
            }
        };
        let give_up = |me: &Waiter| {
            let mut values = self.0.lock();
            if let Some(making) = values.making.iter_mut().find(|making| making.key == key) {
                making.waiting.leave(me);
            }
        };
        wait_for(Some(process), attempt, give_up)?
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().ready.is_empty()
    }

    /// The process ends, or another body replaces its own: nobody else uses the values any more.
    pub(crate) fn drop_all(&self, process: &Process) {
        for round in 1..=ROUNDS {
            let count = {
                let mut values = self.0.lock();
                values.closed = round == ROUNDS || values.ready.is_empty();
                values.ready.len()
            };
            if count == 0 {
                return;
            }
            for place in (0..count).rev() {
                let (_, value) = self.0.lock().ready.remove(place);
                drop_isolated(process, value);
            }
        }
    }

    /// Another body begins: it makes values of its own.
    pub(crate) fn reopen(&self) {
        self.0.lock().closed = false;
    }
}

/// Stands for a value that is being made. Dropped on the way of a panic, it leaves the making to others.
struct Unmade<'a> {
    locals: &'a Locals,
    key: Key,
}

impl Unmade<'_> {
    fn finish(self, value: Arc<dyn Any + Send + Sync>) -> Arc<dyn Any + Send + Sync> {
        self.locals.0.lock().ready.push((self.key, Arc::clone(&value)));
        value
    }
}

impl Drop for Unmade<'_> {
    fn drop(&mut self) {
        let woken = self.locals.0.lock().end_making(self.key);
        woken.wake();
    }
}

impl<T> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}
