//! The dispatcher: one thread for all runtimes of the OS process, which is told of signals of the host and does what the
//! runtimes asked for.
//!
//! It is made when the first runtime asks, and stays: a signal that was taken once does nothing by itself any more, so
//! when nobody asks for it now, the dispatcher does what it does by default.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use greenproc_os::action::{self, Action};
use greenproc_os::host_children;
use greenproc_os::kick::Kick;
use greenproc_os::stack::Stack;
use greenproc_sync::{Mutex, thread, time};
use signal_hook::iterator::backend::{Handle, SignalDelivery};
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook::low_level::emulate_default_handler;

use super::closing::{self, Closer};
use super::members;
use super::orphans::Orphans;
use super::signals::HostAction;
use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::pid::Pid;
use crate::signal::Signal;
use crate::target::{self, Target};

const STACK: usize = 512 << 10;

static DISPATCHER: Mutex<Leaf, Option<Dispatcher>> = Mutex::new(None);

type Delivery = SignalDelivery<UnixStream, SignalOnly>;

struct Dispatcher {
    registrar: Handle,
    /// What is written here wakes the thread.
    bell: UnixStream,
    taken: Vec<Signal>,
    /// Those of them that did what they do by default until they were taken.
    were_default: Vec<Signal>,
    _thread: thread::Thread,
}

/// Sees to it that the dispatcher is told of these signals, from now on and for good.
pub(super) fn take(signals: impl Iterator<Item = Signal>, kick: Kick) -> Result<()> {
    let mut slot = DISPATCHER.lock();
    let dispatcher = match &mut *slot {
        Some(dispatcher) => dispatcher,
        none => none.insert(Dispatcher::start(kick)?),
    };
    for signal in signals {
        dispatcher.take(signal)?;
    }
    Ok(())
}

/// Makes the dispatcher look, if there is one.
pub(super) fn ring() {
    if let Some(dispatcher) = &*DISPATCHER.lock() {
        // Where there is no room, it has not yet seen what was written before.
        let _ = (&dispatcher.bell).write(&[0]);
    }
}

impl Dispatcher {
    fn start(kick: Kick) -> Result<Dispatcher> {
        let host = |source| Error::Host { what: "the dispatcher of host signals", source };
        let (read, bell) = UnixStream::pair().map_err(host)?;
        bell.set_nonblocking(true).map_err(host)?;
        let write = bell.try_clone().map_err(host)?;
        let none: [i32; 0] = [];
        let delivery = Delivery::with_pipe(read, write, SignalOnly, none).map_err(host)?;
        let registrar = delivery.handle();
        let stack = Stack::map(STACK).map_err(host)?;
        let entry = Box::new(move || run(delivery));
        let thread = thread::spawn(stack, &kick, entry).map_err(|refused| host(refused.error))?;
        Ok(Dispatcher { registrar, bell, taken: Vec::new(), were_default: Vec::new(), _thread: thread })
    }

    fn take(&mut self, signal: Signal) -> Result<()> {
        if self.taken.contains(&signal) {
            return Ok(());
        }
        let number = signal.as_raw();
        let was_default = action::of(number) == Some(Action::Default);
        self.registrar
            .add_signal(number)
            .map_err(|source| Error::Host { what: "a handler for its signal", source })?;
        self.taken.push(signal);
        if was_default {
            self.were_default.push(signal);
        }
        Ok(())
    }
}

fn run(mut delivery: Delivery) {
    let mut orphans = Orphans::default();
    let mut closers = Vec::new();
    let mut due = None;
    loop {
        wait(delivery.get_read_mut(), due);
        for signal in delivery.pending().filter_map(Signal::from_raw) {
            dispatch(signal, &mut closers);
        }
        closers = closers.into_iter().filter_map(Closer::join_if_done).collect();
        due = look_for_orphans(&mut orphans);
    }
}

/// Sleeps until a signal comes, the bell rings, or something is due.
fn wait(bell: &mut UnixStream, due: Option<Instant>) {
    // Zero would mean no limit.
    const AT_ONCE: Duration = Duration::from_micros(1);
    let patience = due.map(|due| due.saturating_duration_since(time::now()).max(AT_ONCE));
    // The limit is valid and the other end stays open, so what is left to go wrong is an interruption or the end of the
    // patience; whatever it is, it does no harm to look.
    let _ = bell.set_read_timeout(patience);
    let _ = bell.read(&mut [0]);
}

fn dispatch(signal: Signal, closers: &mut Vec<Closer>) {
    let takers = members::who_take(signal);
    if takers.is_empty() {
        do_default(signal);
    }
    for (kernel, action) in takers {
        let target = match action {
            HostAction::Send(target) => target,
            HostAction::Init => Target::Pid(Pid::INIT),
            HostAction::Shutdown { grace } => {
                closers.extend(closing::shut_down(kernel, signal, grace));
                continue;
            }
        };
        // There may be nobody now.
        let _ = target::kill(&kernel, None, target, signal);
    }
}

fn do_default(signal: Signal) {
    let was_default =
        DISPATCHER.lock().as_ref().is_some_and(|dispatcher| dispatcher.were_default.contains(&signal));
    if was_default {
        // It knows the signal: those it does not know were refused at boot.
        let _ = emulate_default_handler(signal.as_raw());
    }
}

/// Takes the zombies whose time is over; says when the next one's is.
fn look_for_orphans(orphans: &mut Orphans) -> Option<Instant> {
    let grace = members::orphan_grace()?;
    let overdue = orphans.look(&host_children::zombies(), time::now(), grace);
    for zombie in overdue {
        host_children::reap(zombie);
    }
    orphans.next_due(grace)
}
