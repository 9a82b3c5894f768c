//! The arena of a process: memory that is counted, limited, and gone when the process is (row 26).
//!
//! A handle is a place and a generation in a table that the process owns, and says so at each use that the process is
//! still there. So a handle that is leaked, or kept by somebody else, keeps no memory.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use greenproc_sync::Mutex;

use crate::call::{Call, args};
use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::proc::Proc;
use crate::process::Process;
use crate::worker::drop_isolated;

/// Charges are multiples of this many bytes.
const GRAIN: u64 = 16;

/// What no host has: charges beyond it are refused without a limit too.
const MOST: u64 = i64::MAX as u64;

/// A process's memory: what is put into it is counted against [`Limits::arena_bytes`](crate::Limits), and gone at the
/// process's end, also if a handle to it was leaked or is kept elsewhere.
///
/// A process that is killed drops what its LWPs own, but not what they have leaked, or what stands in a cycle of `Rc`s or
/// in a static. What is in the arena goes all the same, so a program can run code that it does not trust to clean up, and
/// says with a limit how much memory that code may have: what is over it is ENOMEM for that process, not an abort of the
/// program.
///
/// Each process has one, made when it is first asked for, and shared by its LWPs; children begin with an empty one. A clone
/// is another handle to the same.
///
/// Source: row 26 of the kernel map; POSIX `RLIMIT_DATA`.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Limits, Runtime};
/// let runtime = Runtime::boot()?;
/// let limits = Limits { arena_bytes: Some(1 << 20), ..Limits::default() };
/// let status = runtime.run(Command::new("bounded", |p| {
///     let arena = p.arena()?;
///     let page = arena.bytes(4096)?;
///     page.write(p, 0, b"hello")?;
///     let mut read = [0; 5];
///     page.read(p, 0, &mut read)?;
///     assert_eq!(&read, b"hello");
///     std::mem::forget(page); // gone with the process all the same
///     assert_eq!(arena.bytes(1 << 20).expect_err("over the limit").errno(), 12); // ENOMEM
///     greenproc::Result::Ok(())
/// }).limits(limits))?;
/// assert!(status.success());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Arena {
    store: Arc<Store>,
}

/// A value in an [`Arena`]. Dropping it drops the value; leaking it leaves the value to the end of its process.
#[must_use = "the value is dropped with it"]
pub struct ArenaBox<T> {
    store: Arc<Store>,
    slot: usize,
    generation: u64,
    kind: PhantomData<fn() -> T>,
}

/// Bytes in an [`Arena`], zero to begin with. Dropping it gives them back; leaking it leaves them to the end of the process.
#[must_use = "the bytes are given back when this is dropped"]
pub struct ArenaBuf {
    bytes: ArenaBox<Bytes>,
    length: usize,
}

type Bytes = Mutex<Leaf, Box<[u8]>>;

/// Where the process has its arena, if it has one.
#[derive(Default)]
pub(crate) struct ArenaSlot(Mutex<Leaf, Slot>);

#[derive(Default)]
enum Slot {
    #[default]
    Unused,
    Used(Arc<Store>),
    /// The process has given it up.
    Over,
}

struct Store {
    of: Pid,
    /// Whose limit counts, as of each charge. Weak, as it has this.
    owner: Weak<Proc>,
    contents: Mutex<Leaf, Contents>,
}

#[derive(Default)]
struct Contents {
    used: u64,
    entries: Vec<Entry>,
    free: Vec<usize>,
    /// How many entries were made: numbers them.
    made: u64,
    over: bool,
}

#[derive(Default)]
struct Entry {
    /// Which of all entries has the place; 0 if none has.
    generation: u64,
    charge: u64,
    value: Option<Arc<dyn Any + Send + Sync>>,
}

impl Process {
    /// The process's memory.
    ///
    /// # Errors
    /// - ESRCH: the process has ended so far that it has none any more, or this was kept beyond its LWP's end.
    pub fn arena(&self) -> Result<Arena> {
        self.gate(Call::Arena, || args![], || self.own_arena())
    }

    fn own_arena(&self) -> Result<Arena> {
        self.check_live()?;
        let mut slot = self.record.need_extras().arena.0.lock();
        match &*slot {
            Slot::Used(store) => Ok(Arena { store: Arc::clone(store) }),
            Slot::Over => Err(Error::Exiting { pid: self.record.pid }),
            Slot::Unused => {
                let owner = Arc::downgrade(&self.record);
                let store = Arc::new(Store { of: self.record.pid, owner, contents: Mutex::default() });
                *slot = Slot::Used(Arc::clone(&store));
                Ok(Arena { store })
            }
        }
    }
}

impl Arena {
    /// Puts a value into the arena. It is charged with its size, rounded up to a multiple of 16 bytes, at least 16.
    ///
    /// # Errors
    /// - ENOMEM: the process would have more than its limit. The value is dropped.
    /// - ESRCH: the process has ended, or another body has replaced its own.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("owner", |p| {
    ///     let seven = p.arena()?.alloc(7)?;
    ///     assert_eq!(seven.with(p, |value| *value)?, 7);
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn alloc<T: Send + Sync + 'static>(&self, value: T) -> Result<ArenaBox<T>> {
        self.alloc_owning(value, 0)
    }

    /// Puts a value into the arena that owns memory elsewhere, such as a `Vec`: it is charged with that many bytes besides.
    ///
    /// # Errors
    /// As [`alloc`](Arena::alloc).
    pub fn alloc_owning<T: Send + Sync + 'static>(&self, value: T, owned: usize) -> Result<ArenaBox<T>> {
        let size = (size_of::<T>() as u64).saturating_add(owned as u64);
        self.store.admit(size)?;
        self.store.put(Arc::new(value), size)
    }

    /// Takes bytes from the arena, which are zero. They are charged as [`alloc`](Arena::alloc) charges a value.
    ///
    /// # Errors
    /// - ENOMEM: the process would have more than its limit, or the host has no more memory.
    /// - ESRCH: the process has ended, or another body has replaced its own.
    pub fn bytes(&self, length: usize) -> Result<ArenaBuf> {
        let size = (length as u64).saturating_add(size_of::<Bytes>() as u64);
        self.store.admit(size)?;
        let mut bytes = Vec::new();
        // What the host refuses is an error here, not an abort.
        bytes.try_reserve_exact(length).map_err(|_| self.store.no_memory(size))?;
        bytes.resize(length, 0_u8);
        let bytes: Bytes = Mutex::new(bytes.into_boxed_slice());
        Ok(ArenaBuf { bytes: self.store.put(Arc::new(bytes), size)?, length })
    }

    /// How many bytes are charged.
    pub fn used(&self) -> u64 {
        self.store.contents.lock().used
    }

    /// How many bytes may be charged now: the process may [change](Process::set_limits) that. `None` if there is no limit, or the
    /// process is gone.
    pub fn limit(&self) -> Option<u64> {
        self.store.limit()
    }
}

impl Store {
    fn limit(&self) -> Option<u64> {
        self.owner.upgrade().and_then(|process| process.limits().arena_bytes)
    }

    fn no_memory(&self, wanted: u64) -> Error {
        let limit = self.limit();
        Error::OutOfMemory { wanted, used: self.contents.lock().used, limit }
    }

    /// Whether there is room for so much, before anything is made.
    fn admit(&self, size: u64) -> Result<()> {
        let limit = self.limit();
        self.contents.lock().admit(self.of, charge(size), limit).map(drop)
    }

    fn put<T>(self: &Arc<Store>, value: Arc<dyn Any + Send + Sync>, size: u64) -> Result<ArenaBox<T>> {
        let (charge, limit) = (charge(size), self.limit());
        let mut contents = self.contents.lock();
        // Others may have been faster since it was admitted. Then the value goes after the lock.
        contents.used = contents.admit(self.of, charge, limit)?;
        contents.made += 1;
        let generation = contents.made;
        let slot = contents.free.pop().unwrap_or_else(|| {
            contents.entries.push(Entry::default());
            contents.entries.len() - 1
        });
        contents.entries[slot] = Entry { generation, charge, value: Some(value) };
        Ok(ArenaBox { store: Arc::clone(self), slot, generation, kind: PhantomData })
    }
}

impl Contents {
    /// How much would be used then.
    fn admit(&self, of: Pid, charge: u64, limit: Option<u64>) -> Result<u64> {
        if self.over {
            return Err(Error::Exiting { pid: of });
        }
        let then = self.used.checked_add(charge).filter(|then| *then <= limit.unwrap_or(MOST));
        then.ok_or(Error::OutOfMemory { wanted: charge, used: self.used, limit })
    }

    fn get(&self, slot: usize, generation: u64) -> Option<&Arc<dyn Any + Send + Sync>> {
        let entry = self.entries.get(slot).filter(|entry| entry.generation == generation)?;
        entry.value.as_ref()
    }

    /// Takes an entry out; its value is to be dropped without a lock.
    fn take(&mut self, slot: usize, generation: u64) -> Option<Arc<dyn Any + Send + Sync>> {
        let entry = self.entries.get_mut(slot).filter(|entry| entry.generation == generation)?;
        let Entry { charge, value, .. } = std::mem::take(entry);
        self.used -= charge;
        self.free.push(slot);
        value
    }
}

fn charge(size: u64) -> u64 {
    size.max(1).checked_next_multiple_of(GRAIN).unwrap_or(u64::MAX)
}

impl ArenaSlot {
    /// How many bytes the process has.
    pub(crate) fn used(&self) -> u64 {
        let store = match &*self.0.lock() {
            Slot::Used(store) => Some(Arc::clone(store)),
            Slot::Unused | Slot::Over => None,
        };
        store.map_or(0, |store| store.contents.lock().used)
    }

    /// The process gives its arena up: what is in it goes, the last made first.
    pub(crate) fn tear_down(&self, process: &Process) {
        let Slot::Used(store) = std::mem::replace(&mut *self.0.lock(), Slot::Over) else { return };
        let mut entries: Vec<(usize, u64)> = {
            let mut contents = store.contents.lock();
            contents.over = true;
            let entries = contents.entries.iter().enumerate().filter(|(_, entry)| entry.generation > 0);
            entries.map(|(slot, entry)| (slot, entry.generation)).collect()
        };
        entries.sort_by_key(|(_, generation)| *generation);
        for (slot, generation) in entries.into_iter().rev() {
            // Dropping one may have dropped the handles of others.
            let value = store.contents.lock().take(slot, generation);
            drop_isolated(process, value);
        }
    }

    /// Another body begins, with an empty arena.
    pub(crate) fn reopen(&self) {
        *self.0.lock() = Slot::Unused;
    }

    fn is(&self, store: &Arc<Store>) -> bool {
        matches!(&*self.0.lock(), Slot::Used(own) if Arc::ptr_eq(own, store))
    }
}

impl<T> ArenaBox<T> {
    /// The value, for as long as nobody but LWPs of its process can have it.
    fn get(&self, process: &Process) -> Result<Arc<dyn Any + Send + Sync>> {
        process.check_live()?;
        let own = |record: &Proc| record.extras().is_some_and(|extras| extras.arena.is(&self.store));
        let value = if own(&process.record) {
            self.store.contents.lock().get(self.slot, self.generation).map(Arc::clone)
        } else {
            None
        };
        value.ok_or(Error::BadAddress {
            what: "it is in the arena of another process, or of one that has ended",
        })
    }
}

impl<T: Send + Sync + 'static> ArenaBox<T> {
    /// Uses the value. `process` is the caller's own, and has to be the one in whose arena the value is. No checkpoint.
    ///
    /// # Errors
    /// - EFAULT: the value is in another process's arena, or gone with its process or by [`exec`](Process::exec).
    /// - ESRCH: this was kept beyond its LWP's end.
    pub fn with<R>(&self, process: &Process, function: impl FnOnce(&T) -> R) -> Result<R> {
        let Ok(value) = self.get(process)?.downcast::<T>() else {
            unreachable!("a generation is of one type")
        };
        Ok(function(&value))
    }
}

impl ArenaBuf {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Copies bytes out, from this place on. `process` is the caller's own. No checkpoint.
    ///
    /// # Errors
    /// - EFAULT: this reaches beyond the end; or as [`ArenaBox::with`].
    /// - ESRCH: this was kept beyond its LWP's end.
    pub fn read(&self, process: &Process, at: usize, into: &mut [u8]) -> Result<()> {
        let length = into.len();
        self.reach(process, at, length, |bytes| into.copy_from_slice(bytes))
    }

    /// Copies bytes in, from this place on. `process` is the caller's own. No checkpoint.
    ///
    /// # Errors
    /// As [`read`](ArenaBuf::read).
    pub fn write(&self, process: &Process, at: usize, bytes: &[u8]) -> Result<()> {
        self.reach(process, at, bytes.len(), |place| place.copy_from_slice(bytes))
    }

    fn reach(&self, process: &Process, at: usize, length: usize, copy: impl FnOnce(&mut [u8])) -> Result<()> {
        self.bytes.with(process, |bytes| {
            let mut bytes = bytes.lock();
            let end = at.checked_add(length).filter(|&end| end <= bytes.len());
            let Some(end) = end else {
                return Err(Error::BadAddress { what: "it reaches beyond the end of the buffer" });
            };
            copy(&mut bytes[at..end]);
            Ok(())
        })?
    }
}

impl<T> Drop for ArenaBox<T> {
    fn drop(&mut self) {
        let value = self.store.contents.lock().take(self.slot, self.generation);
        drop(value);
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("of", &self.store.of)
            .field("used", &self.used())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ArenaBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArenaBox").field("of", &self.store.of).finish_non_exhaustive()
    }
}

impl fmt::Debug for ArenaBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArenaBuf")
            .field("of", &self.bytes.store.of)
            .field("len", &self.length)
            .finish_non_exhaustive()
    }
}
