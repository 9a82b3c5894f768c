//! Which job has the terminal.
//!
//! An interactive shell leads a session, with a terminal of the runtime as its controlling one. Jobs read from and write
//! to that one. What they write is shown on the host's terminal at once; what is typed there reaches them only while a
//! job is in the foreground: then the host's terminal is raw, and ^C, ^Z and line editing are the runtime's. At the prompt
//! it belongs to the line editor, and the shell itself always writes straight to it.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use greenproc::{Error, KillableMutex, MaskHow, Pid, Process, Signal, Target, Tty, TtyMaster, WindowSize};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use super::stream::{Input, Output, Streams};

/// How much is moved at once.
const CHUNK: usize = 4096;

/// The terminal of an interactive shell.
pub(crate) struct Console {
    tty: Tty,
    screen: Arc<Screen>,
    keyboard: Arc<File>,
}

/// What shows the terminal's output on the host's.
struct Screen {
    master: TtyMaster,
    /// Whoever has it moves bytes, so that who finds nothing to move knows that all is shown.
    host: KillableMutex<Arc<File>>,
}

impl Console {
    /// Makes the caller, which leads no group, the leader of a session with a terminal; `None` if the streams are not a
    /// terminal of the host.
    pub(crate) fn open(process: &Process, streams: &Streams) -> greenproc::Result<Option<Console>> {
        let (Input::Host(keyboard), Output::Host(screen)) = (&streams.stdin, &streams.stdout) else {
            return Ok(None);
        };
        if !keyboard.is_terminal() || !screen.is_terminal() {
            return Ok(None);
        }
        let (master, tty) = Tty::open();
        process.setsid()?;
        process.set_controlling_tty(&tty)?;
        let screen = Arc::new(Screen { master, host: KillableMutex::new(Arc::clone(screen)) });
        let shown = Arc::clone(&screen);
        process.spawn_lwp(move |process| shown.run(process))?.detach();
        Ok(Some(Console { tty, screen, keyboard: Arc::clone(keyboard) }))
    }

    /// The streams of a job: this terminal instead of the host's.
    pub(crate) fn streams(&self, streams: &Streams) -> Streams {
        let input = match &streams.stdin {
            Input::Host(file) if file.is_terminal() => Input::Tty(self.tty.clone()),
            other => other.clone(),
        };
        let output = |output: &Output| match output {
            Output::Host(file) if file.is_terminal() => Output::Tty(self.tty.clone()),
            other => other.clone(),
        };
        Streams { stdin: input, stdout: output(&streams.stdout), stderr: output(&streams.stderr) }
    }

    /// Runs `wait`, which waits for the job of this process group, while the job has the terminal.
    pub(crate) fn lend<T>(&self, process: &Process, group: Pid, wait: impl FnOnce() -> T) -> T {
        let raw = Raw::begin(&self.keyboard);
        if let Ok(size) = tcgetwinsize(&self.keyboard) {
            self.screen.master.set_window_size(WindowSize { rows: size.ws_row, columns: size.ws_col });
        }
        self.put_forward(process, group);
        // It may have wanted to read before it was in the foreground.
        let _ = process.kill(Target::Group(group), Signal::CONT);
        let pump = Pump::begin(process, self, group);
        let result = wait();
        if let Ok(pump) = pump {
            pump.end(process);
        }
        self.put_forward(process, process.pgid());
        let _ = self.tty.flush_input(process);
        self.drain(process);
        drop(raw);
        result
    }

    /// Waits until all that was written is shown.
    pub(crate) fn drain(&self, process: &Process) {
        let _ = self.screen.show(process);
    }

    /// Puts a group into the foreground, from wherever the shell is. A group that is gone by now needs no terminal.
    fn put_forward(&self, process: &Process, group: Pid) {
        if let Ok(former) = process.sigmask(MaskHow::Block, Signal::TTOU) {
            let _ = process.tcsetpgrp(&self.tty, group);
            let _ = process.sigmask(MaskHow::Set, former);
        }
    }
}

impl Screen {
    /// Shows what is written, for as long as the shell lives.
    fn run(&self, process: &Process) {
        while matches!(self.master.wait_output(), Ok(true) | Err(Error::Interrupted)) {
            if self.show(process).is_err() {
                process.checkpoint();
            }
        }
    }

    /// Shows what there is now.
    fn show(&self, process: &Process) -> io::Result<()> {
        let host = self.host.lock(process)?;
        let mut chunk = [0; CHUNK];
        while let Ok(count @ 1..) = self.master.try_read_output(&mut chunk) {
            let mut rest = &chunk[..count];
            while !rest.is_empty() {
                let written = process.blocking(|| host.as_ref().write(rest))?;
                rest = &rest[written..];
            }
        }
        Ok(())
    }
}

/// As long as it lives the host's terminal hands every byte over as it is typed.
struct Raw {
    terminal: Arc<File>,
    former: Option<Termios>,
}

impl Raw {
    fn begin(terminal: &Arc<File>) -> Raw {
        let former = tcgetattr(terminal).ok();
        if let Some(former) = &former {
            let mut raw = former.clone();
            raw.make_raw();
            let _ = tcsetattr(terminal, OptionalActions::Now, &raw);
        }
        Raw { terminal: Arc::clone(terminal), former }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(former) = &self.former {
            // Nobody is left to tell if the host refuses.
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, former);
        }
    }
}

/// The LWP that types on the terminal what is typed on the host's.
struct Pump {
    lwp: greenproc::LwpHandle<()>,
    stop: Arc<OwnedFd>,
}

impl Pump {
    fn begin(process: &Process, console: &Console, group: Pid) -> io::Result<Pump> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let (stopped, keyboard) = (Arc::clone(&stop), Arc::clone(&console.keyboard));
        let master = console.screen.master.clone();
        let lwp = process.spawn_lwp(move |process| {
            if type_until(process, &keyboard, &stopped, &master).is_err() {
                // Nobody is there to type any more.
                for signal in [Signal::HUP, Signal::CONT] {
                    let _ = process.kill(Target::Group(group), signal);
                }
            }
        })?;
        Ok(Pump { lwp, stop })
    }

    fn end(self, process: &Process) {
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        let _ = self.lwp.join(process);
    }
}

/// Types what comes from the keyboard until `stop` can be read. What is typed after that is left to the next reader.
fn type_until(process: &Process, keyboard: &File, stop: &OwnedFd, master: &TtyMaster) -> io::Result<()> {
    let mut chunk = [0; CHUNK];
    loop {
        let stopped = process.blocking(|| {
            let mut fds = [PollFd::new(stop, PollFlags::IN), PollFd::new(keyboard, PollFlags::IN)];
            poll(&mut fds, None)?;
            Ok(!fds[0].revents().is_empty())
        })?;
        if stopped {
            return Ok(());
        }
        match process.blocking(|| (&mut &*keyboard).read(&mut chunk))? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => master.input(&chunk[..count]),
        }
    }
}

/// The streams of a job in the background of a shell without a terminal of its own: nobody arbitrates, so that the job
/// gets an empty input.
pub(crate) fn background(streams: &Streams) -> io::Result<Streams> {
    let nothing = File::open("/dev/null")?;
    Ok(Streams { stdin: Input::Host(Arc::new(nothing)), ..streams.clone() })
}
