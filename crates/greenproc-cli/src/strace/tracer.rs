//! The process that runs the command, and goes with it from call to call.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use greenproc::{
    Call, CallResult, Command, Error, ExitStatus, Pid, Process, TraceOptions, TraceStop, TracedCall,
    WaitFlags, WaitFor,
};

use greenproc_sync::time;

use super::summary::Summary;
use super::transcript::{Transcript, Who};
use crate::failure::Failure;

/// What is done with what is seen.
pub(super) struct Tracer<'p, W> {
    process: &'p Process,
    /// Those that are looked at; empty for all.
    calls: Vec<Call>,
    transcript: Option<Transcript<W>>,
    summary: Summary,
    /// The calls that have not come back, with the time at which the tracee was let go.
    inside: BTreeMap<Who, Vec<(Call, Instant)>>,
}

impl<'p, W: Write> Tracer<'p, W> {
    /// Writes lines into the transcript, if there is one, and counts.
    pub(super) fn new(
        process: &'p Process,
        calls: Vec<Call>,
        transcript: Option<Transcript<W>>,
    ) -> Tracer<'p, W> {
        Tracer { process, calls, transcript, summary: Summary::default(), inside: BTreeMap::new() }
    }

    /// Runs the command, until it has ended, and whoever else is traced. How it ended, and what it did.
    pub(super) fn run(mut self, command: Command, follow: bool) -> Result<(ExitStatus, Summary), Failure> {
        // What ends the command ends this too, when that was written.
        self.process.on_term(|_| {});
        let follow = if follow { TraceOptions::SPAWN } else { TraceOptions::empty() };
        let child = self.process.spawn(command.traced(TraceOptions::EXEC | follow))?;
        let mut status = ExitStatus::exited(0);
        loop {
            let waited = match self.process.wait4(WaitFor::Any, WaitFlags::empty()) {
                Ok(Some(waited)) => waited,
                Ok(None) | Err(Error::Interrupted) => continue,
                Err(Error::NoChild) => return Ok((status, self.summary)),
                Err(error) => return Err(error.into()),
            };
            if waited.status.stopped_signal().is_some() {
                self.stopped(waited.pid)?;
                continue;
            }
            if waited.pid == child.id() {
                status = waited.status;
            }
            self.inside.retain(|&(pid, _), _| pid != waited.pid);
            if let Some(transcript) = &mut self.transcript {
                transcript.ended(waited.pid, waited.status)?;
            }
        }
    }

    /// A tracee stands: says why, and lets it go on to its next call.
    fn stopped(&mut self, pid: Pid) -> Result<(), Failure> {
        // It may have been killed since: its end comes next.
        let Ok(tracee) = self.process.tracee(pid) else { return Ok(()) };
        let Ok(stop) = tracee.stop() else { return Ok(()) };
        let mut signal = None;
        match stop {
            TraceStop::Call(call) if !self.calls.is_empty() && !self.calls.contains(&call.call) => {}
            TraceStop::Call(call) => match call.result {
                None => self.enter(pid, &call)?,
                Some(result) => self.leave((pid, call.lwp), result)?,
            },
            TraceStop::Executed => self.executed(pid)?,
            TraceStop::Signal(info) => {
                signal = Some(info.signal);
                if let Some(transcript) = &mut self.transcript {
                    transcript.signal(pid, &info)?;
                }
            }
            TraceStop::JobControl(signal) => {
                if let Some(transcript) = &mut self.transcript {
                    transcript.stopped(pid, signal)?;
                }
                // SIGCONT lets it go on.
                return Ok(());
            }
            _ => {}
        }
        let _gone_if_it_was_killed = tracee.step_call(signal);
        Ok(())
    }

    fn enter(&mut self, pid: Pid, call: &TracedCall) -> Result<(), Failure> {
        self.summary.enter(call.call);
        if let Some(transcript) = &mut self.transcript {
            transcript.enter((pid, call.lwp), call.call, &call.args.to_string())?;
        }
        self.inside.entry((pid, call.lwp)).or_default().push((call.call, time::now()));
        Ok(())
    }

    fn leave(&mut self, who: Who, result: CallResult) -> Result<(), Failure> {
        let Some((call, since)) = self.inside.get_mut(&who).and_then(Vec::pop) else { return Ok(()) };
        self.summary.leave(call, result, time::now() - since);
        if let Some(transcript) = &mut self.transcript {
            transcript.leave(who, call, result)?;
        }
        Ok(())
    }

    /// Another body runs: the call that brought it came back, so to speak, and all others of the process never will.
    fn executed(&mut self, pid: Pid) -> Result<(), Failure> {
        let execs = |(_, calls): &(&Who, &Vec<(Call, Instant)>)| {
            calls.last().is_some_and(|&(call, _)| call == Call::Exec)
        };
        let own = self.inside.iter().filter(|&(&(of, _), _)| of == pid);
        let who = own.filter(execs).map(|(&who, _)| who).next();
        if let Some(who) = who {
            self.leave(who, CallResult::Done(0))?;
        }
        self.inside.retain(|&(of, _), _| of != pid);
        Ok(())
    }
}
