//! Looking at processes from outside: snapshots, and one process with its LWPs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use greenproc_os::clock;
use greenproc_sync::atomic::Ordering;
use greenproc_sync::time;

use crate::error::{Error, Result};
use crate::kernel::{BATCH, Kernel};
use crate::life::Life;
use crate::lwp::{Lwp, Place};
use crate::pid::{LwpId, Pid};
use crate::proc::Proc;
use crate::standstill::Frozen;
use crate::status::ExitStatus;
use crate::timekeeper::STUCK_AFTER;
use crate::tree::{NodeRef, Seen, SeenBody, Zombie};
use crate::usage::Usage;

/// What a process is doing, as `ps` would say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not begun: it waits for its native thread.
    Embryo,
    /// At least one LWP runs.
    Running,
    /// Every LWP sleeps, in the runtime or in a host call.
    Sleeping,
    /// It stands still until it is continued.
    Stopped,
    /// It stands still with its subtree until that is thawed.
    Frozen,
    /// It has to end, and an LWP runs code that comes to no checkpoint.
    Stuck,
    /// Its end is decided and under way.
    Exiting,
    /// It has ended and was not waited for yet.
    Zombie,
}

impl State {
    /// The letter of `ps`.
    pub const fn letter(self) -> char {
        match self {
            State::Embryo => 'I',
            State::Running => 'R',
            State::Sleeping => 'S',
            State::Stopped => 'T',
            State::Frozen => 'F',
            State::Stuck => 'D',
            State::Exiting => 'E',
            State::Zombie => 'Z',
        }
    }
}

/// A line of `ps`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Its pid.
    pub pid: Pid,
    /// Its parent; init is its own.
    pub ppid: Pid,
    /// Its process group.
    pub pgid: Pid,
    /// Its session.
    pub sid: Pid,
    /// Its user.
    pub uid: u32,
    /// Its group of users.
    pub gid: u32,
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it is doing.
    pub state: State,
    /// How many LWPs it has.
    pub lwps: usize,
    /// CPU time so far.
    pub cpu: Duration,
    /// Time since it was made.
    pub age: Duration,
    /// How it ended, if it is a zombie.
    pub status: Option<ExitStatus>,
}

/// All processes of a runtime, by pid. Its `Display` is a table like that of `ps`.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The processes, sorted by pid.
    pub processes: Vec<ProcessInfo>,
}

/// One process with its LWPs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessDetail {
    /// The process.
    pub process: ProcessInfo,
    /// Its LWPs.
    pub lwps: Vec<LwpInfo>,
    /// How many descriptors it has open.
    pub descriptors: usize,
    /// How many bytes it has in its [`Arena`](crate::Arena).
    pub arena_bytes: u64,
}

/// An LWP of a process.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LwpInfo {
    /// Which one.
    pub id: LwpId,
    /// The native thread it runs on; `None` while it waits for one.
    pub tid: Option<i32>,
    /// What it is doing.
    pub state: State,
    /// CPU time so far.
    pub cpu: Duration,
    /// Where it last came to a checkpoint.
    pub last_checkpoint: Option<String>,
}

/// What the tree knows of a process.
struct Standing {
    node: NodeRef,
    pid: Pid,
    ppid: Option<Pid>,
    pgid: Pid,
    sid: Pid,
}

pub(crate) fn snapshot(kernel: &Kernel) -> Snapshot {
    let mut processes = Vec::new();
    let mut from = Some(0);
    while let Some(start) = from {
        // Only what the tree knows is taken under its lock; the rest is looked up page by page without it.
        let (page, next) = kernel.lock().tree.page(start, BATCH, look);
        processes.extend(page.into_iter().filter_map(|found| match found {
            Found::Dead(info) => Some(info),
            Found::Live(standing, record) => {
                live_info(&standing, &record).or_else(|| ended_meanwhile(kernel, &standing))
            }
        }));
        from = next;
    }
    processes.sort_by_key(|process| process.pid);
    Snapshot { processes }
}

/// What a page of the tree says of a process.
enum Found {
    Live(Standing, Arc<Proc>),
    Dead(ProcessInfo),
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of a page's visitor")]
fn look(seen: Seen<'_>) -> Found {
    let standing =
        Standing { node: seen.node, pid: seen.pid, ppid: seen.ppid, pgid: seen.pgid, sid: seen.sid };
    match seen.body {
        SeenBody::Live(record) => Found::Live(standing, Arc::clone(record)),
        SeenBody::Dead(zombie) => Found::Dead(zombie_info(&standing, zombie)),
    }
}

/// A process that ended between two looks is a zombie now, or gone: nobody sees a half state (row 38).
fn ended_meanwhile(kernel: &Kernel, standing: &Standing) -> Option<ProcessInfo> {
    match kernel.lock().tree.see(standing.node).map(look)? {
        Found::Dead(info) => Some(info),
        Found::Live(..) => None,
    }
}

fn zombie_info(place: &Standing, zombie: &Zombie) -> ProcessInfo {
    ProcessInfo {
        pid: place.pid,
        ppid: place.ppid.unwrap_or(place.pid),
        pgid: place.pgid,
        sid: place.sid,
        uid: zombie.uid,
        gid: zombie.gid,
        name: zombie.name.clone(),
        state: State::Zombie,
        lwps: 0,
        cpu: zombie.usage.total(),
        age: zombie.started.elapsed(),
        status: Some(zombie.status),
    }
}

/// `None` if the process has ended.
fn live_info(place: &Standing, record: &Proc) -> Option<ProcessInfo> {
    let (state, lwps) = {
        let state = record.state.lock();
        let standing = match state.stop {
            Some(stop) if stop.frozen == Some(Frozen::Still) => Some(State::Frozen),
            Some(stop) if stop.complete => Some(State::Stopped),
            Some(_) | None => None,
        };
        (standing.unwrap_or_else(|| state_of(state.life, &state.lwps)), state.lwps.len())
    };
    if state == State::Zombie {
        return None;
    }
    Some(ProcessInfo {
        pid: place.pid,
        ppid: place.ppid.unwrap_or(place.pid),
        pgid: place.pgid,
        sid: place.sid,
        uid: record.uid(),
        gid: record.gid(),
        name: record.name().clone(),
        state,
        lwps,
        cpu: usage_now(record).total(),
        age: record.started.elapsed(),
        status: None,
    })
}

fn state_of(life: Life, lwps: &[Lwp]) -> State {
    let states: Vec<State> = lwps.iter().map(lwp_state).collect();
    match life {
        Life::Embryo => State::Embryo,
        Life::Zombie => State::Zombie,
        Life::ExitStop => State::Stopped,
        _ if states.contains(&State::Stuck) => State::Stuck,
        Life::Exiting => State::Exiting,
        Life::Active if states.contains(&State::Running) => State::Running,
        Life::Active => State::Sleeping,
    }
}

fn lwp_state(lwp: &Lwp) -> State {
    match lwp.place {
        Place::Queued => State::Embryo,
        Place::Running => {
            let overdue = lwp.asked_at().map(|at| time::now().saturating_duration_since(at));
            if overdue.is_some_and(|overdue| overdue >= STUCK_AFTER) { State::Stuck } else { State::Running }
        }
        Place::Waiting | Place::Sleeping | Place::Channel | Place::Blocking => State::Sleeping,
        Place::Stopped => State::Stopped,
        Place::Leaving => State::Exiting,
    }
}

/// What a process used so far: its ended LWPs' usage, and the clocks of the threads that its others run on. A thread is
/// this process's for as long as `p_smutex` is held.
pub(crate) fn usage_now(record: &Proc) -> Usage {
    let state = record.state.lock();
    let mut usage = state.past_usage();
    for lwp in &state.lwps {
        usage += Usage::from_user_ns(cpu_ns(lwp));
    }
    usage
}

/// The CPU time of one of its LWPs. Under `p_smutex`.
pub(crate) fn cpu_ns(lwp: &Lwp) -> u64 {
    let tid = lwp.seat.as_ref().and_then(|seat| seat.tid());
    let now = tid.and_then(clock::other_thread_cpu_ns);
    now.map_or(0, |now| now.saturating_sub(lwp.cpu_begin_ns))
}

pub(crate) fn inspect(kernel: &Kernel, pid: Pid) -> Result<ProcessDetail> {
    let record = kernel.find_live(pid)?;
    // Row 12: the exit waits for whoever looks, as it needs this lock, and takes down nothing before; later ones are
    // refused.
    let state = record.state.lock();
    if state.exit_owner.is_some() {
        return Err(Error::NoProcess { pid: pid.as_raw() });
    }
    let lwps = state.lwps.iter().map(lwp_info).collect();
    drop(state);
    let gone = || Error::NoProcess { pid: pid.as_raw() };
    let node = record.node().ok_or_else(gone)?;
    let standing = Standing { node, pid, ppid: record.ppid(), pgid: record.pgid(), sid: record.sid() };
    let process = live_info(&standing, &record).ok_or_else(gone)?;
    let arena_bytes = record.extras().map_or(0, |extras| extras.arena.used());
    let descriptors = record.extras().map_or(0, |extras| extras.descriptors.count());
    Ok(ProcessDetail { process, lwps, descriptors, arena_bytes })
}

fn lwp_info(lwp: &Lwp) -> LwpInfo {
    let seat = lwp.seat.as_deref();
    LwpInfo {
        id: lwp.id,
        tid: seat.and_then(crate::lwp::Seat::tid).map(greenproc_os::thread::Tid::as_raw),
        state: lwp_state(lwp),
        cpu: Duration::from_nanos(cpu_ns(lwp)),
        last_checkpoint: seat
            .and_then(|seat| seat.checkpoint.load(Ordering::Relaxed))
            .map(ToString::to_string),
    }
}

impl Snapshot {
    /// The process with this pid.
    pub fn get(&self, pid: Pid) -> Option<&ProcessInfo> {
        let place = self.processes.binary_search_by_key(&pid, |process| process.pid).ok()?;
        self.processes.get(place)
    }

    /// The same processes as a tree, children below their parents, as `pstree` shows them.
    pub fn tree(&self) -> impl fmt::Display + '_ {
        Tree(self)
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>7} {:>7} {:>7} S {:>4} {:>9} NAME", "PID", "PPID", "PGID", "LWPS", "CPU")?;
        for process in &self.processes {
            let ProcessInfo { pid, ppid, pgid, state, lwps, name, cpu, .. } = process;
            let cpu = format!("{:.3}ms", cpu.as_secs_f64() * 1e3);
            write!(f, "{pid:>7} {ppid:>7} {pgid:>7} {} {lwps:>4} {cpu:>9} {name}", state.letter())?;
            match process.status {
                Some(status) => writeln!(f, " <defunct, {status}>")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

struct Tree<'a>(&'a Snapshot);

impl fmt::Display for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut children: HashMap<Pid, Vec<&ProcessInfo>> = HashMap::new();
        for process in self.0.processes.iter().filter(|process| process.ppid != process.pid) {
            children.entry(process.ppid).or_default().push(process);
        }
        // Depth first, with the stack on the heap: a tree may be as deep as there are pids.
        let roots = self.0.processes.iter().filter(|process| process.ppid == process.pid);
        let mut left: Vec<(usize, &ProcessInfo)> = roots.map(|root| (0, root)).collect();
        while let Some((depth, process)) = left.pop() {
            writeln!(
                f,
                "{:depth$}{} {} {}",
                "",
                process.pid,
                process.name,
                process.state.letter(),
                depth = 2 * depth
            )?;
            let below = children.remove(&process.pid).unwrap_or_default();
            left.extend(below.into_iter().rev().map(|child| (depth + 1, child)));
        }
        Ok(())
    }
}
