//! What an LWP is doing, for readers that take no lock (row 10).
//!
//! Each LWP that somebody asked about has a block of one word: its state, a count of its changes, and the CPU it was on at the
//! last. Only the LWP's own thread writes it, and whoever makes it, under `p_smutex`; readers load it.

use std::fmt;
use std::sync::Arc;

use greenproc_os::thread::current_cpu;
use greenproc_sync::atomic::{AtomicU64, Ordering};
use greenproc_sync::{Mutex, OnceLock};

use crate::call::{Call, args};
use crate::error::Result;
use crate::locks::Leaf;
use crate::lwp::Place;
use crate::pid::LwpId;
use crate::proc::Proc;
use crate::process::{LwpHandle, Process};

/// What an LWP is doing, as it said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LwpState {
    /// It waits for its native thread.
    Starting,
    /// It runs user code, or would if the host gave it a CPU.
    Running,
    /// It sleeps, in the runtime or in a host call inside [`Process::blocking`].
    Sleeping,
    /// It stands still, as its process is stopped.
    Stopped,
    /// It has ended; nothing will change any more.
    Exited,
}

const STATES: [LwpState; 5] =
    [LwpState::Starting, LwpState::Running, LwpState::Sleeping, LwpState::Stopped, LwpState::Exited];

impl From<Place> for LwpState {
    fn from(place: Place) -> LwpState {
        match place {
            Place::Queued => LwpState::Starting,
            Place::Running => LwpState::Running,
            Place::Waiting | Place::Sleeping | Place::Channel | Place::Blocking => LwpState::Sleeping,
            Place::Stopped => LwpState::Stopped,
            Place::Leaving => LwpState::Exited,
        }
    }
}

/// One look at an LWP: all of it was so at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LwpLook {
    /// What it was doing.
    pub state: LwpState,
    /// How often that has changed, or a handler has interrupted it, modulo 2^40: who reads the same number twice knows that
    /// nothing of the kind happened in between.
    pub generation: u64,
    /// The CPU it was on when that last changed: a hint, for it may have been moved since. `None` if nothing has changed since
    /// somebody first asked about it, or if the host does not say.
    pub cpu: Option<u32>,
}

/// Eight bits of state, sixteen of the CPU, the rest counts.
struct Block(AtomicU64);

const NO_CPU: u64 = 0xffff;

impl Block {
    fn word(state: LwpState, cpu: Option<u32>, generation: u64) -> u64 {
        let cpu = cpu.map_or(NO_CPU, |cpu| u64::from(cpu).min(NO_CPU));
        generation << 24 | cpu << 8 | state as u64
    }

    fn look(&self) -> LwpLook {
        let word = self.0.load(Ordering::Acquire);
        let cpu = word >> 8 & 0xffff;
        LwpLook {
            state: STATES[(word & 0xff) as usize],
            generation: word >> 24,
            cpu: (cpu != NO_CPU).then_some(cpu as u32),
        }
    }

    /// By the LWP's own thread, which nobody writes besides.
    fn change(&self, state: LwpState) {
        let generation = self.look().generation + 1;
        self.0.store(Block::word(state, current_cpu(), generation), Ordering::Release);
    }
}

/// What an LWP is doing, to be looked at as often as one likes: a load, without a lock.
///
/// It is for whoever decides by it whether waiting for that LWP is worth a CPU. A lock whose owner runs will be free soon: spin.
/// One whose owner sleeps, is stopped or has ended will not: sleep. (`examples/adaptive_lock.rs` is such a lock.) It is also
/// cheap to watch many LWPs by: an unchanged generation says that there is nothing new.
///
/// The state is what the LWP said last. Whether the host gives it a CPU right now only the host knows.
///
/// Source: NetBSD `_lwp_ctl`, row 10 of the kernel map.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// # use greenproc::{Command, LwpState, Runtime};
/// # let runtime = Runtime::boot()?;
/// runtime.run(Command::new("two", |p| {
///     let me = p.lwpctl()?;
///     assert_eq!(me.state(), LwpState::Running);
///     let other = p.spawn_lwp(|_| 1)?;
///     let its = other.control();
///     assert_eq!(other.join(p).expect("it returns"), 1);
///     assert_eq!(its.state(), LwpState::Exited);
///     greenproc::Result::Ok(())
/// }))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LwpControl(Arc<Block>);

impl LwpControl {
    /// What it is doing.
    pub fn look(&self) -> LwpLook {
        self.0.look()
    }

    /// What it is doing, without the rest.
    pub fn state(&self) -> LwpState {
        self.look().state
    }

    /// Whether it runs user code.
    pub fn is_running(&self) -> bool {
        self.state() == LwpState::Running
    }

    fn of_ended() -> LwpControl {
        LwpControl(Arc::new(Block(AtomicU64::new(Block::word(LwpState::Exited, None, 0)))))
    }
}

impl fmt::Debug for LwpControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LwpControl").field(&self.look()).finish()
    }
}

/// The blocks of a process, once somebody asked for one.
#[derive(Default)]
pub(crate) struct LwpControls(OnceLock<Box<Mutex<Leaf, Blocks>>>);

#[derive(Default)]
struct Blocks {
    all: Vec<(LwpId, Arc<Block>)>,
    /// They were torn down.
    over: bool,
}

impl LwpControls {
    /// The LWP of the calling thread does something else from now on.
    pub(crate) fn note(&self, lwp: LwpId, state: LwpState) {
        if let Some(blocks) = self.0.get()
            && let Some((_, block)) = blocks.lock().all.iter().find(|(id, _)| *id == lwp)
        {
            block.change(state);
        }
    }

    /// The LWP of the calling thread has ended.
    pub(crate) fn end(&self, lwp: LwpId) {
        let Some(blocks) = self.0.get() else { return };
        let ended = {
            let mut blocks = blocks.lock();
            blocks.all.iter().position(|(id, _)| *id == lwp).map(|at| blocks.all.swap_remove(at))
        };
        if let Some((_, block)) = ended {
            block.change(LwpState::Exited);
        }
    }

    /// Row 10: the blocks go with the process. Its last LWP calls this; the others have left.
    pub(crate) fn tear_down(&self, lwp: LwpId) {
        self.end(lwp);
        if let Some(blocks) = self.0.get() {
            blocks.lock().over = true;
        }
    }

    /// The block of an LWP that is at this place; under its `p_smutex`.
    fn block(&self, lwp: LwpId, place: Place, cpu: Option<u32>) -> LwpControl {
        let mut blocks = self.0.get_or_init(Box::default).lock();
        if blocks.over || place == Place::Leaving {
            return LwpControl::of_ended();
        }
        if let Some((_, block)) = blocks.all.iter().find(|(id, _)| *id == lwp) {
            return LwpControl(Arc::clone(block));
        }
        let block = Arc::new(Block(AtomicU64::new(Block::word(place.into(), cpu, 0))));
        blocks.all.push((lwp, Arc::clone(&block)));
        LwpControl(block)
    }
}

fn control(process: &Proc, id: LwpId, cpu: Option<u32>) -> LwpControl {
    let extras = process.need_extras();
    let mut state = process.state.lock();
    match state.lwp(id) {
        Some(lwp) => extras.lwpctl.block(id, lwp.place, cpu),
        None => LwpControl::of_ended(),
    }
}

impl Process {
    /// What the calling LWP is doing, for others to look at without a lock.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: NetBSD `_lwp_ctl`, row 10 of the kernel map.
    pub fn lwpctl(&self) -> Result<LwpControl> {
        self.gate(
            Call::Lwpctl,
            || args![],
            || {
                self.check_live()?;
                Ok(control(&self.record, self.lwp, current_cpu()))
            },
        )
    }
}

impl<T> LwpHandle<T> {
    /// What the LWP is doing, to be looked at without a lock; of one that has ended, that it has.
    ///
    /// Source: NetBSD `_lwp_ctl`, row 10 of the kernel map.
    pub fn control(&self) -> LwpControl {
        control(self.process(), self.id(), None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_look() {
        for state in STATES {
            for cpu in [None, Some(0), Some(0xfffe)] {
                let block = Block(AtomicU64::new(Block::word(state, cpu, 7)));
                assert_eq!(block.look(), LwpLook { state, generation: 7, cpu });
                block.change(LwpState::Sleeping);
                let look = block.look();
                assert_eq!((look.state, look.generation), (LwpState::Sleeping, 8));
            }
        }
        let last = Block(AtomicU64::new(Block::word(LwpState::Running, None, (1 << 40) - 1)));
        last.change(LwpState::Exited);
        assert_eq!((last.look().state, last.look().generation), (LwpState::Exited, 0));
    }
}
