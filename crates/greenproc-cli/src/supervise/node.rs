//! The process of a child that is a program: runs it, sees when it is ready and whether it is well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use greenproc::{ExitStatus, PipeReader, Process, Runtime, Signal};
use greenproc_supervisor::Shutdown;
use greenproc_supervisor::host::{HostEvent, HostStream, HostTable, Lines, Told};
use greenproc_sync::{Mutex, lock_order};

use super::news::{Teller, What};
use super::plan::{Health, Kind, Program, ReadyWhen, Setting};
use super::probe;
use crate::shell;

/// How long after a probe said no it is asked again whether a child is ready.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// How long one such answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a service manager has told this command, and is not for its children.
const OURS: [&str; 6] =
    ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

lock_order! {
    /// Why a child is not well.
    Ailment = "ailment",
}

/// A program as a child, in all its lives.
pub(super) struct Node {
    pub(super) program: Program,
    pub(super) shutdown: Shutdown,
    pub(super) teller: Teller,
    pub(super) table: HostTable,
    pub(super) runtime: Runtime,
}

/// How a life says that it is ready.
pub(super) type SayReady = Arc<dyn Fn() + Send + Sync>;

/// One life.
struct Life {
    node: Arc<Node>,
    say_ready: SayReady,
    is_ready: AtomicBool,
    /// Wakes who waits for the life to be ready.
    ready: Sender<()>,
    ailment: Mutex<Ailment, Option<String>>,
}

impl Node {
    /// Runs the program to its end: the body of a process.
    pub(super) fn run(self: &Arc<Node>, p: &Process, say_ready: SayReady) -> Result<ExitStatus, String> {
        let (ready, is_ready) = bounded(1);
        let life = Arc::new(Life {
            node: Arc::clone(self),
            say_ready,
            is_ready: AtomicBool::new(false),
            ready,
            ailment: Mutex::new(None),
        });
        let status = match &self.program.kind {
            Kind::Host(setting) => life.run_host(p, setting, &is_ready),
            Kind::BuiltIn => life.run_built_in(p, &is_ready),
        }?;
        let ailment = life.ailment.lock().take();
        ailment.map_or(Ok(status), Err)
    }
}

impl Life {
    fn run_host(
        self: &Arc<Life>,
        p: &Process,
        setting: &Setting,
        is_ready: &Receiver<()>,
    ) -> Result<ExitStatus, String> {
        let program = &self.node.program;
        let mut command = probe::command(&program.words, Some(setting))
            .stop_signal(setting.stop_signal)
            .line_limit(program.lines)
            .table(&self.node.table);
        for name in OURS.iter().filter(|name| !setting.environment.contains_key(**name)) {
            command = command.env_remove(*name);
        }
        let mut refused = None;
        let ended = command.run_seeing(p, |event| match event {
            HostEvent::Started { host_pid } => {
                self.tell(p, What::Running { pid: p.pid(), host_pid });
                refused = self.look_after(p, is_ready).err();
            }
            HostEvent::Line { stream, text } => self.line(p, stream, text),
            HostEvent::Suppressed { stream, lines } => self.tell(p, What::Suppressed { stream, lines }),
            HostEvent::Ended { status, usage } => self.tell(p, What::Ended { status, usage }),
            _ => {}
        });
        match refused {
            Some(error) => Err(error.to_string()),
            None => ended.map_err(|error| error.to_string()),
        }
    }

    fn run_built_in(self: &Arc<Life>, p: &Process, is_ready: &Receiver<()>) -> Result<ExitStatus, String> {
        self.look_after(p, is_ready).map_err(|error| error.to_string())?;
        let (stdout, said) = greenproc::pipe();
        let (stderr, complained) = greenproc::pipe();
        let readers = [(HostStream::Stdout, stdout), (HostStream::Stderr, stderr)].map(|(stream, reader)| {
            let life = Arc::clone(self);
            p.spawn_lwp(move |p| life.read(p, stream, &reader))
        });
        let runtime = self.node.runtime.clone();
        let status = shell::run_program(p, &self.node.program.words, runtime, said, complained);
        for reader in readers {
            reader
                .and_then(|reader| reader.join(p).map_err(|_| greenproc::Error::NoChild))
                .map_err(|error| error.to_string())?;
        }
        Ok(status)
    }

    /// Tells the lines of a built-in program.
    fn read(&self, p: &Process, stream: HostStream, reader: &PipeReader) {
        let mut lines = Lines::new(self.node.program.lines);
        let mut tell = |told: Told<'_>| match told {
            Told::Line(text) => self.line(p, stream, text),
            Told::Suppressed(lines) => self.tell(p, What::Suppressed { stream, lines }),
        };
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(p, &mut buffer) {
            lines.take(&buffer[..count], &mut tell);
        }
        lines.finish(&mut tell);
    }

    fn line(&self, p: &Process, stream: HostStream, text: &str) {
        self.tell(p, What::Line { stream, text: text.to_owned() });
        if let Some(ReadyWhen::Line(line)) = self.node.program.ready.as_ref().map(|ready| &ready.when)
            && !self.is_ready.load(Ordering::Relaxed)
            && line.is_match(text)
        {
            self.become_ready();
        }
    }

    fn become_ready(&self) {
        if !self.is_ready.swap(true, Ordering::Relaxed) {
            (self.say_ready)();
            // Nobody waits if the child's health is not looked at.
            let _ = self.ready.try_send(());
        }
    }

    /// Sees to it that somebody looks when the child is ready, and then whether it is well.
    fn look_after(self: &Arc<Life>, p: &Process, is_ready: &Receiver<()>) -> greenproc::Result<()> {
        let Program { ready, health, .. } = &self.node.program;
        let asks = matches!(ready.as_ref().map(|ready| &ready.when), Some(ReadyWhen::Probe(_)));
        if ready.is_none() {
            self.become_ready();
        }
        if asks || health.is_some() {
            let (life, is_ready) = (Arc::clone(self), is_ready.clone());
            p.spawn_lwp(move |p| life.look(p, &is_ready))?.detach();
        }
        Ok(())
    }

    fn look(&self, p: &Process, is_ready: &Receiver<()>) -> greenproc::Result<()> {
        let Program { ready, health, .. } = &self.node.program;
        if let Some(ReadyWhen::Probe(probe)) = ready.as_ref().map(|ready| &ready.when) {
            while probe::ask(p, probe, self.setting(), ANSWER_WITHIN).is_err() {
                p.sleep(ASK_AGAIN)?;
            }
            self.become_ready();
        }
        let Some(health) = health else { return Ok(()) };
        if p.recv(is_ready).is_err() {
            return Ok(());
        }
        let Some(why) = self.until_ill(p, health)? else { return Ok(()) };
        self.tell(p, What::Unhealthy { why: why.clone() });
        *self.ailment.lock() = Some(why);
        self.stop(p)
    }

    /// Looks until it is not well, and says why it is not; or until it is asked to end.
    fn until_ill(&self, p: &Process, health: &Health) -> greenproc::Result<Option<String>> {
        let mut failures = 0;
        loop {
            p.sleep(health.every)?;
            match probe::ask(p, &health.probe, self.setting(), health.timeout) {
                Ok(()) => failures = 0,
                // All its LWPs block the signal, so it stays where it is seen.
                Err(_) if p.sigpending().contains(Signal::TERM) => return Ok(None),
                Err(why) => {
                    failures += 1;
                    if failures >= health.failures {
                        return Ok(Some(format!("not well: {why}")));
                    }
                }
            }
        }
    }

    /// Stops the process that this runs in, as its supervisor would.
    fn stop(&self, p: &Process) -> greenproc::Result<()> {
        match self.node.shutdown {
            Shutdown::Kill => {}
            Shutdown::Grace(grace) => {
                p.kill(p.pid(), Signal::TERM)?;
                p.sleep(grace)?;
            }
            Shutdown::Infinite => return p.kill(p.pid(), Signal::TERM),
        }
        p.kill(p.pid(), Signal::KILL)
    }

    fn setting(&self) -> Option<&Setting> {
        match &self.node.program.kind {
            Kind::Host(setting) => Some(setting),
            Kind::BuiltIn => None,
        }
    }

    fn tell(&self, p: &Process, what: What) {
        self.node.teller.tell(p, what);
    }
}
