//! How each deed is done.

use std::sync::Arc;
use std::time::Duration;

use greenproc::{
    Child, Command, Error, LwpHandle, MaskHow, NoteFlags, Pid, Process, ProcessGroup, SigAction, SigSet,
    Signal, Target, TraceOptions, Tracee, WaitFlags, WaitFor, Waited, Watch,
};

use super::deed::{Deed, Kind};
use super::world::{CODES, World, allowed};

const EPERM: i32 = 1;
const ESRCH: i32 = 3;
const EINTR: i32 = 4;
const ECHILD: i32 = 10;
const EAGAIN: i32 = 11;
const EACCES: i32 = 13;
const EINVAL: i32 = 22;

/// What an actor holds.
#[derive(Default)]
pub(super) struct Hands {
    child: Option<Child>,
    tracee: Option<Tracee>,
    watch: Option<Watch>,
}

/// Does it. Whatever fails has to fail in a way that is documented.
pub(super) fn act(p: &Process, deed: Deed, world: &Arc<World>, hands: &mut Hands) {
    match deed.kind {
        Kind::Term
        | Kind::Stop
        | Kind::Continue
        | Kind::Kill
        | Kind::User
        | Kind::StopGroup
        | Kind::ContinueGroup
        | Kind::TermGroup
        | Kind::TermAll => disturb(p, deed, world),
        Kind::WaitAny
        | Kind::WaitPid
        | Kind::WaitGroup
        | Kind::WaitFor
        | Kind::LookAny
        | Kind::LookPid
        | Kind::LookGroup
        | Kind::LookStates
        | Kind::Peek => wait(p, deed, world),
        Kind::WaitHandle | Kind::KillHandle | Kind::DropHandle | Kind::Watch => {
            handle(p, deed.kind, world, hands);
        }
        Kind::Trace | Kind::TraceMe | Kind::LetTracee | Kind::DetachTracee | Kind::KillTracee => {
            trace(p, deed, world, hands);
        }
        Kind::LeadGroup
        | Kind::PutAlone
        | Kind::JoinGroup
        | Kind::NewSession
        | Kind::IgnoreChildren
        | Kind::ReapInHandler
        | Kind::DefaultChildren
        | Kind::CatchUser
        | Kind::BlockSignals
        | Kind::UnblockSignals
        | Kind::Subreaper => change(p, deed, world),
        _ => go_on(p, deed, world, hands),
    }
}

/// Makes others, sleeps, or ends.
fn go_on(p: &Process, Deed { kind, argument }: Deed, world: &Arc<World>, hands: &mut Hands) {
    let leaf = || leaf(world, argument);
    let a_while = Duration::from_millis(u64::from(argument % 4));
    match kind {
        Kind::SpawnGroup => spawn(p, world, hands, leaf().process_group(ProcessGroup::New)),
        Kind::SpawnOwnThread => spawn(p, world, hands, leaf().own_thread()),
        Kind::SpawnStopping => spawn(p, world, hands, leaf().stop_on_exit()),
        Kind::SpawnQuiet => spawn(p, world, hands, leaf().exit_signal(None)),
        Kind::Vfork => match p.vfork(leaf()) {
            Ok(child) => world.met(child.id()),
            Err(error) => allowed("vfork", &error, &[EAGAIN, EINTR, EINVAL, ESRCH]),
        },
        Kind::SpawnLwp => {
            let shared = Arc::clone(world);
            let started = p.spawn_lwp(move |p| live(p, &shared, argument));
            told("spawn_lwp", started.map(LwpHandle::detach), &[EAGAIN, ESRCH]);
        }
        Kind::Exec => {
            let Err(error) = p.exec(leaf());
            allowed("exec", &error, &[EAGAIN, ESRCH]);
        }
        Kind::Exit => p.exit(i32::from(argument % CODES)),
        Kind::ExitLwp => p.exit_lwp(),
        Kind::Checkpoint => p.checkpoint(),
        Kind::Sleep => told("sleep", p.sleep(a_while), &[EINTR, ESRCH]),
        Kind::Pause => told("pause", p.pause().map(drop), &[EINTR, ESRCH]),
        Kind::Alarm => told("alarm", p.alarm(a_while).map(drop), &[ESRCH]),
        _ => spawn(p, world, hands, leaf()),
    }
}

/// Uses the handle of a child.
fn handle(p: &Process, kind: Kind, world: &World, hands: &mut Hands) {
    let Some(child) = &hands.child else { return };
    match kind {
        Kind::WaitHandle => match child.wait() {
            Ok(waited) => world.reaped(p.pid(), &waited),
            Err(error) => allowed("wait of a handle", &error, &[EINTR, ECHILD, ESRCH]),
        },
        Kind::KillHandle => told("kill of a handle", child.kill(), &[ESRCH]),
        Kind::Watch => {
            if let Ok(watch) = child.watch(NoteFlags::EXIT | NoteFlags::FORK) {
                hands.watch = Some(watch);
            }
        }
        _ => hands.child = None,
    }
}

fn trace(p: &Process, Deed { kind, argument }: Deed, world: &World, hands: &mut Hands) {
    match (kind, &hands.tracee) {
        (Kind::Trace, _) => match p.trace(world.pick(p, argument), TraceOptions::empty()) {
            Ok(tracee) => hands.tracee = Some(tracee),
            Err(error) => allowed("trace", &error, &[EPERM, ESRCH]),
        },
        (Kind::TraceMe, _) => told("trace_me", p.trace_me(), &[EPERM, ESRCH]),
        (Kind::LetTracee, Some(tracee)) => told("cont", tracee.cont(None), &[ESRCH]),
        (Kind::KillTracee, Some(tracee)) => told("kill of a tracee", tracee.kill(), &[ESRCH]),
        (_, Some(tracee)) => told("detach", tracee.detach(None), &[ESRCH]),
        (_, None) => {}
    }
}

/// Signals somebody.
fn disturb(p: &Process, Deed { kind, argument }: Deed, world: &World) {
    let pid = world.pick(p, argument);
    let (target, signal) = match kind {
        Kind::Term => (Target::Pid(pid), Signal::TERM),
        Kind::Stop => (Target::Pid(pid), Signal::STOP),
        Kind::Continue => (Target::Pid(pid), Signal::CONT),
        Kind::Kill => (Target::Pid(pid), Signal::KILL),
        Kind::User => (Target::Pid(pid), Signal::USR1),
        Kind::StopGroup => (Target::Group(pid), Signal::STOP),
        Kind::ContinueGroup => (Target::Group(pid), Signal::CONT),
        Kind::TermGroup => (Target::Group(pid), Signal::TERM),
        _ => (Target::All, Signal::TERM),
    };
    told("kill", p.kill(target, signal), &[ESRCH]);
}

/// Changes what the process is to others, and what it does with signals.
fn change(p: &Process, Deed { kind, argument }: Deed, world: &Arc<World>) {
    let pid = || world.pick(p, argument);
    match kind {
        Kind::LeadGroup => move_to(p, None, None),
        Kind::PutAlone => move_to(p, Some(pid()), None),
        Kind::JoinGroup => {
            if let Ok(group) = p.getpgid(Some(pid())) {
                move_to(p, None, Some(group));
            }
        }
        Kind::NewSession => told("setsid", p.setsid().map(drop), &[EPERM, ESRCH]),
        Kind::IgnoreChildren => acts(p, Signal::CHLD, SigAction::IGNORE),
        Kind::ReapInHandler => {
            let shared = Arc::clone(world);
            let reap = SigAction::handler(move |p, _| look(p, &shared, WaitFor::Any, WaitFlags::NOHANG));
            acts(p, Signal::CHLD, reap);
        }
        Kind::DefaultChildren => acts(p, Signal::CHLD, SigAction::DEFAULT),
        Kind::CatchUser => acts(p, Signal::USR1, SigAction::handler(|_, _| {})),
        Kind::BlockSignals => mask(p, MaskHow::Block),
        Kind::UnblockSignals => mask(p, MaskHow::Unblock),
        _ => told("set_child_subreaper", p.set_child_subreaper(argument % 2 == 0), &[ESRCH]),
    }
}

fn told(call: &str, result: Result<(), Error>, errnos: &[i32]) {
    if let Err(error) = result {
        allowed(call, &error, errnos);
    }
}

fn spawn(p: &Process, world: &World, hands: &mut Hands, command: Command) {
    match p.spawn(command) {
        Ok(child) => {
            world.met(child.id());
            hands.child = Some(child);
        }
        Err(error) => allowed("spawn", &error, &[EAGAIN, ESRCH]),
    }
}

/// A process that does not much.
fn leaf(world: &Arc<World>, argument: u8) -> Command {
    let shared = Arc::clone(world);
    Command::new("leaf", move |p| {
        live(p, &shared, argument);
        i32::from(argument % CODES)
    })
}

/// What a child does, or an LWP: the argument says what.
fn live(p: &Process, world: &Arc<World>, argument: u8) {
    let smaller = argument / 8;
    match argument % 8 {
        0 | 1 => {}
        2 => drop(p.pause()),
        3 => drop(p.sleep(Duration::from_millis(1))),
        // Its child is an orphan when it has ended.
        4 => spawn(p, world, &mut Hands::default(), leaf(world, smaller)),
        5 => drop(p.raise(Signal::STOP)),
        6 => {
            acts(p, Signal::CHLD, SigAction::IGNORE);
            spawn(p, world, &mut Hands::default(), leaf(world, smaller));
            look(p, world, WaitFor::Any, WaitFlags::empty());
        }
        _ => {
            let shared = Arc::clone(world);
            if let Ok(lwp) = p.spawn_lwp(move |p| live(p, &shared, smaller)) {
                lwp.detach();
            }
        }
    }
}

fn wait(p: &Process, Deed { kind, argument }: Deed, world: &World) {
    let pid = || world.pick(p, argument);
    let all = WaitFlags::UNTRACED | WaitFlags::CONTINUED;
    match kind {
        Kind::WaitAny => look(p, world, WaitFor::Any, WaitFlags::empty()),
        Kind::WaitPid => look(p, world, WaitFor::Pid(pid()), WaitFlags::empty()),
        Kind::WaitGroup => look(p, world, WaitFor::Group(pid()), all),
        Kind::LookAny => look(p, world, WaitFor::Any, WaitFlags::NOHANG),
        Kind::LookPid => look(p, world, WaitFor::Pid(pid()), WaitFlags::NOHANG),
        Kind::LookGroup => look(p, world, WaitFor::Group(pid()), WaitFlags::NOHANG | all),
        Kind::LookStates => look(p, world, WaitFor::Any, WaitFlags::NOHANG | all),
        Kind::Peek => {
            let flags = WaitFlags::EXITED | WaitFlags::NOWAIT | WaitFlags::NOHANG;
            told("waitid", p.waitid(WaitFor::Any, flags).map(drop), &[ECHILD, EINTR, ESRCH]);
        }
        _ => {
            let a_while = Duration::from_millis(1);
            seen(p, world, p.wait_timeout(WaitFor::Pid(pid()), WaitFlags::empty(), a_while));
        }
    }
}

fn look(p: &Process, world: &World, who: WaitFor<'_>, flags: WaitFlags) {
    seen(p, world, p.wait4(who, flags));
}

fn seen(p: &Process, world: &World, result: Result<Option<Waited>, Error>) {
    match result {
        Ok(Some(waited)) => world.reaped(p.pid(), &waited),
        Ok(None) => {}
        Err(error) => allowed("wait", &error, &[ECHILD, EINTR, ESRCH]),
    }
}

fn move_to(p: &Process, pid: Option<Pid>, group: Option<Pid>) {
    told("setpgid", p.setpgid(pid, group), &[EPERM, ESRCH, EACCES]);
}

fn acts(p: &Process, signal: Signal, action: SigAction) {
    told("sigaction", p.sigaction(signal, action).map(drop), &[ESRCH]);
}

fn mask(p: &Process, how: MaskHow) {
    let signals = SigSet::from_iter([Signal::TERM, Signal::USR1]);
    told("sigmask", p.sigmask(how, signals).map(drop), &[ESRCH]);
}
