//! exec: another body takes the place of a process's own, under the same pid.
//!
//! 1. `exec` looks for all that may fail, and then, in one hold of `p_smutex`, decides: the other LWPs are asked to leave,
//!    as in an exit, and no new one may come (mistake m). From here on it does not return. An exit that was decided before
//!    wins, and so does one that is decided before the new body begins; of two LWPs that call it the first wins, and the
//!    other is one of those that leave.
//! 2. The LWP unwinds, and takes the successor from its thread when its body is over (`Worker::run_lwp`).
//! 3. `replace` waits until the other LWPs have left, drops what was the old body's, isolated, and makes the rest of the
//!    process new in one hold of `proclist_lock`: the name, the mark that it has executed, the event.
//! 4. An LWP that waits in `vfork` for this is released, and the thread runs the new body.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use greenproc_os::thread;
use greenproc_sync::atomic::Ordering;
use greenproc_sync::time;

use crate::call::{Call, Visit, args};
use crate::command::{Body, Command};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::hooks::Personality;
use crate::image::{Environment, Name};
use crate::life::Life;
use crate::lwp::{Finality, Leaving};
use crate::pid::LwpId;
use crate::proc::{Nudges, ProcState, Request};
use crate::process::Process;
use crate::process::sleep::Slept;
use crate::signal::Signal;
use crate::worker::{Ended, drop_isolated};

/// What takes the place of a body.
pub(crate) struct Successor {
    name: Arc<Name>,
    body: Body,
    args: Arc<[String]>,
    env: Option<Arc<Environment>>,
    personality: Option<Personality>,
}

impl Process {
    /// Replaces what the process runs by another program, or another body: it keeps its pid, its parent, children, group and
    /// session, its usage, its timers, its signal mask and pending signals, its limits and credentials. If all goes well
    /// this does not return.
    ///
    /// The calling LWP unwinds, so its destructors run; all others are made to leave. Then what was the old body's goes:
    /// exit hooks, which do not run, values, the arena; signals that had handlers have their default action again, ignored
    /// ones stay ignored, SIGTERM is what it is to a process that is not polite, and the exit signal is SIGCHLD. The new body is the main LWP, with the
    /// command's name, arguments, and environment, which begins as the process's own. An LWP that waits for this in
    /// [`vfork`](Process::vfork) goes on, and who listens is told by the event [`Executed`](EventKind::Executed).
    ///
    /// Called in a handler, it leaves the mask as it was outside. What the command says of anything else (group, session,
    /// mask, exit signal, limits, stack, thread, tracer, stop on exit, counting) is for new processes, and an error here. A personality replaces the
    /// process's.
    ///
    /// If the process is killed, or another LWP ends it or panics, before the new body begins, that is its end. If two LWPs
    /// call this, the first decides, and the other leaves with all others.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// The process is as it was.
    /// - ENOENT: there is no program of this name.
    /// - E2BIG: arguments and environment have more than [`ARG_MAX`](crate::ARG_MAX) bytes.
    /// - EINVAL: a name, an argument or a variable holds a NUL byte, a variable's name is empty or holds a `=`; the command
    ///   says what is for new processes only; or this cannot unwind: it is called in a destructor or an exit hook.
    /// - ENAMETOOLONG: the name is longer than 255 bytes.
    /// - ESRCH: the process is exiting, or this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `execve`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Process, Runtime};
    /// fn add(p: &Process) -> i32 {
    ///     p.args().iter().filter_map(|arg| arg.parse::<i32>().ok()).sum()
    /// }
    /// let runtime = Runtime::builder().program("add", add).boot()?;
    /// let status = runtime.run(Command::new("first", |p| {
    ///     let pid = p.pid().to_string();
    ///     p.exec(Command::program("add").args(["40", "2"]).env("FORMER_PID", pid))
    /// }))?;
    /// assert_eq!(status.code(), Some(42));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn exec(&self, command: Command) -> Result<Infallible> {
        self.enter();
        let visit = self.pass(Call::Exec, || args![&*command.name])?;
        Visit::leave(visit, self.replace_body(command), |never| match *never {})
    }

    fn replace_body(&self, mut command: Command) -> Result<Infallible> {
        self.check_live()?;
        let exiting = || Error::Exiting { pid: self.record.pid };
        if self.record.state.lock().life.begin_exit().is_none() {
            return Err(exiting());
        }
        if !self.worker.in_body.get() || std::thread::panicking() {
            return Err(Error::Invalid {
                what: "exec cannot unwind here: the body is over, or unwinds already",
            });
        }
        command.check()?;
        command.check_exec()?;
        self.worker.kernel.programs.resolve(&mut command)?;
        let more = command.more.map(|more| *more).unwrap_or_default();
        let parents = self.record.extras().and_then(|extras| extras.image.env());
        let env = more.strings.environment(parents)?;
        let successor = Successor {
            name: Arc::new(command.name),
            body: command.body,
            args: more.strings.args.into(),
            env,
            personality: more.personality,
        };
        let begun = self.record.state.lock().begin_exec(self.lwp, time::now);
        match begun {
            Begun::Exiting => return Err(exiting()),
            // Another LWP was faster.
            Begun::Replaced => Process::unwind(),
            Begun::Decided(nudges) => self.worker.kernel.nudge(&self.record, nudges),
        }
        self.worker.successor.set(Some(Box::new(successor)));
        Process::unwind()
    }
}

/// What came of the decision.
enum Begun {
    /// The end of the process was decided before.
    Exiting,
    /// Another LWP's exec was.
    Replaced,
    Decided(Nudges),
}

impl ProcState {
    /// Decides that another body takes the place of the process's own, and makes every LWP look.
    fn begin_exec(&mut self, caller: LwpId, now: impl FnOnce() -> Instant) -> Begun {
        if self.life.begin_exit().is_none() {
            return Begun::Exiting;
        }
        if self.lwp(caller).is_none_or(|lwp| lwp.leaving == Leaving::Replaced) {
            return Begun::Replaced;
        }
        let now = now();
        let mut nudges = Nudges::new();
        for lwp in &mut self.lwps {
            // The caller too: should it swallow its unwinding, it meets the request again at its next checkpoint.
            lwp.leaving = Leaving::Replaced;
            if lwp.id != caller {
                nudges.push(lwp.interrupt(Finality::Final, now));
            } else if let Some(seat) = &lwp.seat {
                seat.attention.store(true, Ordering::Relaxed);
            }
        }
        Begun::Decided(nudges)
    }

    /// Whether the LWP is alone, and no other may come; else it is about to join another.
    fn is_last(&mut self, me: LwpId) -> bool {
        let other = self.lwps.iter().map(|lwp| lwp.id).find(|&id| id != me);
        if let Some(own) = self.lwp(me) {
            if other.is_some() || own.extras().is_some() {
                own.need_extras().joining = other;
            }
            // While it sleeps it is not to be asked; while it drops what was the old body's, it makes no LWPs and does not
            // sleep.
            own.leaving = if other.is_none() { Leaving::Replaced } else { Leaving::No };
        }
        other.is_none()
    }

    /// The LWP that is left begins anew, as the main one. False if the end of the process was decided.
    fn begin_anew(&mut self) -> bool {
        if self.life != Life::Active {
            return false;
        }
        if let Some(lwp) = self.lwps.first_mut() {
            lwp.begin_anew();
            if let Some(seat) = &lwp.seat {
                // What is pending may mean something else now.
                seat.attention.store(true, Ordering::Relaxed);
            }
        }
        true
    }
}

/// Puts the successor into the place of a body that is over. Returns the process as the new body sees it, and the body; or,
/// if the process ends instead, how the LWP came back.
///
/// Its frame is not to be on the stack while a body runs.
#[inline(never)]
pub(crate) fn replace(
    process: &Process,
    ended: Ended,
    successor: Successor,
) -> std::result::Result<(Process, Body), Ended> {
    if matches!(ended, Ended::Panicked(_)) || !is_left_alone(process) {
        drop_isolated(process, successor);
        return Err(ended);
    }
    let Successor { name, body, args, env, personality } = successor;
    let unmet_term = drop_what_was_the_bodys(process, personality);
    let worker = &process.worker;
    let (kernel, record) = (&worker.kernel, &process.record);
    let former = record.name().clone();
    {
        let mut list = kernel.lock();
        let mut state = record.state.lock();
        #[cfg(feature = "racelab")]
        if planted!(kernel, ExecForgetsDeath) {
            state.life = Life::Active;
            state.end = None;
        }
        if !state.begin_anew() {
            drop((state, list));
            drop_isolated(process, body);
            return Err(Ended::Unwound);
        }
        state.forget_awaited();
        // Handlers are gone and masks stay: it hears no more than before.
        let _ = kernel.note_hearing(record, &state);
        let disposition = state.action(Signal::CHLD).disposition();
        drop(state);
        if let Some(node) = record.node() {
            list.tree.set_sigchld(node, disposition);
            list.tree.reset_exit_signal(node);
        }
        record.need_extras().image.replace(&name, args, env);
        record.ktrace_exec(&former);
        list.events.tell(record.pid, &name, EventKind::Executed { former });
    }
    kernel.note_exec(record);
    record.need_extras().latch.release();
    if unmet_term {
        kernel.post(record, Signal::TERM);
    }
    worker.begin_anew();
    thread::set_identity(record.pid.as_raw(), &name);
    process.halt_after_exec();
    Ok((Process::new(std::rc::Rc::clone(worker), Arc::clone(record), LwpId::MAIN), body))
}

/// Waits until every other LWP has left. False if the end of the process was decided.
fn is_left_alone(process: &Process) -> bool {
    let _doze = process.doze();
    let last = |state: &mut ProcState| state.is_last(process.lwp);
    while let Slept::Interrupted(Request::Stop) = process.sleep_until(None, last) {
        process.stand_still();
    }
    process.record.state.lock().life == Life::Active
}

/// Drops what the new body has no part in. Says whether a polite SIGTERM was still to be met.
fn drop_what_was_the_bodys(process: &Process, personality: Option<Personality>) -> bool {
    let (unmet_term, handlers) = {
        let mut state = process.record.state.lock();
        (state.term.is_pending(), (state.term.clear(), state.forget_handlers()))
    };
    drop_isolated(process, handlers);
    process.record.need_extras().exec(process, personality);
    process.worker.drop_values(process);
    unmet_term
}
