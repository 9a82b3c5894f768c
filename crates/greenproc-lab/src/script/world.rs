//! What the actors of a script share, and how a script is played.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use greenproc::{Command, Error, ExitStatus, Pid, Process, Runtime, Signal, Waited};
use parking_lot::Mutex;

use super::act::{Hands, act};
use super::{Actor, Is, Script};
use crate::check::{settle, settles};

/// The codes with which processes of a script exit.
pub(super) const CODES: u8 = 100;

/// What is known to all. Its locks are nobody's points: nothing happens while one is held.
#[derive(Default)]
pub(super) struct World {
    /// Who was made, in that order; some of them have gone.
    pids: Mutex<Vec<Pid>>,
    /// Whose end was reported to whom.
    reported: Mutex<HashSet<(Pid, Pid)>>,
}

impl World {
    pub(super) fn met(&self, pid: Pid) {
        self.pids.lock().push(pid);
    }

    /// One of those that were made; the caller itself, if there is none.
    pub(super) fn pick(&self, process: &Process, argument: u8) -> Pid {
        let pids = self.pids.lock();
        let at = usize::from(argument).checked_rem(pids.len());
        at.map_or(process.pid(), |at| pids[at])
    }

    /// Somebody has been told that a child has ended, or stopped, or goes on.
    ///
    /// # Panics
    /// If its end was told to the same process before, or is none that a process of a script can have.
    pub(super) fn reaped(&self, by: Pid, waited: &Waited) {
        let Waited { pid, status, .. } = waited;
        if status.stopped_signal().is_some() || status.continued() {
            return;
        }
        assert!(possible(*status), "process {pid} has ended in a way of its own: {status}");
        assert!(self.reported.lock().insert((*pid, by)), "the end of {pid} was told to {by} twice");
    }
}

fn possible(status: ExitStatus) -> bool {
    let killed = [Signal::HUP, Signal::TERM, Signal::KILL, Signal::USR1, Signal::ALRM];
    match (status.code(), status.signal()) {
        (Some(code), _) => (0..i32::from(CODES)).contains(&code),
        (None, Some(signal)) => killed.contains(&signal),
        (None, None) => false,
    }
}

/// What a call may say that did not do what it was asked for.
///
/// # Panics
/// If it says something else.
pub(super) fn allowed(call: &str, error: &Error, errnos: &[i32]) {
    let errno = error.errno();
    assert!(errnos.contains(&errno), "{call} says {error} ({errno}), which it must not");
}

/// Plays a script to its end.
pub(super) fn play(script: &Script, runtime: &Runtime) {
    let world = Arc::new(World::default());
    let (shared, whole) = (Arc::clone(&world), script.clone());
    let root = runtime.spawn(Command::new("first", move |p| first(p, &whole, &shared))).expect("a process");
    world.met(root.id());
    let root = script.held.then_some(root);
    settle();
    if let Some(root) = &root {
        // The clock goes on.
        drop(root.wait_timeout(Duration::from_millis(5)));
    }
    // Everybody is killed, more than once: who is killed may have made somebody just before.
    for _ in 0..8 {
        let alive = runtime.snapshot().processes;
        for process in alive.iter().filter(|process| process.pid != Pid::INIT) {
            if let Err(error) = runtime.kill(process.pid, Signal::KILL) {
                allowed("kill", &error, &[3]);
            }
        }
        settle();
    }
    drop(root);
    assert!(settles(|| runtime.stats().processes == 1), "only init is left: {:?}", runtime.snapshot());
    assert!(settles(|| runtime.stats().pids_in_use == 1), "its number is the only one in use");
}

/// The first process.
fn first(p: &Process, script: &Script, world: &Arc<World>) {
    for Actor { is, deeds } in script.actors.iter().skip(1) {
        let (deeds, shared) = (deeds.clone(), Arc::clone(world));
        let body = move |p: &Process| {
            let mut hands = Hands::default();
            for deed in deeds {
                act(p, deed, &shared, &mut hands);
            }
        };
        if *is == Is::Lwp {
            if let Ok(lwp) = p.spawn_lwp(body) {
                lwp.detach();
            }
        } else if let Ok(child) = p.spawn(Command::new("child", body)) {
            world.met(child.id());
        }
    }
    let mut hands = Hands::default();
    for deed in &script.actors[0].deeds {
        act(p, *deed, world, &mut hands);
    }
    if script.stays {
        loop {
            // A handler may have run.
            drop(p.pause());
        }
    }
}
