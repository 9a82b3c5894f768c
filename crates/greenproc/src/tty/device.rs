//! The side of a terminal that processes read from and write to.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::access::in_turn;
use super::terminal::{HUNG_UP, State, Terminal};
use super::{Termios, TtyMaster, WindowSize};
use crate::call::{Call, args, count_value};
use crate::error::{Error, Result};
use crate::process::Process;
use crate::signal::Signal;
use crate::wait_queue::{Waiter, Wakeups, wait_for};

/// A terminal, as processes have it open. A clone is another handle.
///
/// Any number of processes may use it. Once it is the controlling terminal of a session
/// ([`set_controlling_tty`](Process::set_controlling_tty)), the processes of that session use it by turns: those of the
/// foreground group do; others are stopped when they read, change it, or, with [`tostop`](Termios::tostop), write.
///
/// It is [`io::Read`] and [`io::Write`] as well; where both are in reach, that is `Read::read(&mut tty, buf)`. Such a
/// call is made by the calling LWP, or from outside any process, where nobody interrupts or stops it.
///
/// Source: POSIX, General Terminal Interface.
pub struct Tty {
    pub(crate) terminal: Arc<Terminal>,
}

impl Tty {
    /// Makes a terminal, as a pseudo-terminal: a side that has the keyboard and the screen, and one that processes use. It is set as
    /// [`Termios::default`] says and is no session's.
    ///
    /// Source: POSIX `posix_openpt`, BSD `openpty`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal, Tty};
    /// let runtime = Runtime::boot()?;
    /// let (master, tty) = Tty::open();
    /// let (ready, is_ready) = crossbeam_channel::bounded(1);
    /// let shell = runtime.spawn(Command::new("shell", move |p| {
    ///     p.setsid()?;
    ///     p.set_controlling_tty(&tty)?;
    ///     let _ = ready.send(());
    ///     p.pause()
    /// }))?;
    /// is_ready.recv().expect("it runs");
    /// master.input(b"\x03"); // ^C
    /// assert_eq!(shell.wait()?.status.signal(), Some(Signal::INT));
    /// # Ok(())
    /// # }
    /// ```
    pub fn open() -> (TtyMaster, Tty) {
        let terminal: Arc<Terminal> = Arc::default();
        terminal.state.lock().masters = 1;
        (TtyMaster { terminal: Arc::clone(&terminal) }, Tty::of(terminal))
    }

    /// A handle of the terminal.
    pub(crate) fn of(terminal: Arc<Terminal>) -> Tty {
        terminal.state.lock().devices += 1;
        Tty { terminal }
    }

    /// Reads what was typed: a line of it, or what [`vmin`](Termios::vmin) asks for; waits until it is there. `process`
    /// is the caller's own. Returns 0 at the end of the file: ^D at the beginning of a line, or the terminal is hung up.
    ///
    /// From the background the caller's group gets SIGTTIN, and the call goes on when the caller is continued.
    ///
    /// A checkpoint: a request to end ends the wait. What is there beats a request.
    ///
    /// # Errors
    /// - EIO: from the background, while SIGTTIN is blocked or ignored, or the caller's group is orphaned.
    /// - EINTR: a signal came before any byte.
    /// - ESRCH: the `Process` was kept beyond its LWP's end.
    ///
    /// Source: POSIX `read`, General Terminal Interface 11.1.4.
    #[track_caller]
    pub fn read(&self, process: &Process, buf: &mut [u8]) -> Result<usize> {
        process.enter();
        let length = buf.len();
        let read = |&read: &usize| count_value(read);
        process.gate_value(Call::Read, || args![length], read, || self.read_entered(process, buf))
    }

    /// The same, for a caller that has entered the process.
    pub(crate) fn read_entered(&self, process: &Process, buf: &mut [u8]) -> Result<usize> {
        process.check_live()?;
        let attempt = |me: &Waiter| {
            in_turn(process, &self.terminal, Some(Signal::TTIN), Some(me), |_| {
                self.terminal.read(buf, Some(me))
            })
            .transpose()
            .map(Result::flatten)
        };
        wait_for(Some(process), attempt, |me| self.terminal.leave(me)).flatten()
    }

    /// Reads what is there, for a caller that has entered the process. In the background it waits for its turn all the same.
    pub(crate) fn read_now(&self, process: &Process, buf: &mut [u8]) -> Result<usize> {
        in_turn(process, &self.terminal, Some(Signal::TTIN), None, |_| self.terminal.read(buf, None))?
            .unwrap_or(Err(Error::WouldBlock { what: "nothing was typed" }))
    }

    /// Writes all of `buf`, and waits for room as long as it takes. `process` is the caller's own. If a signal comes or
    /// the terminal is hung up in the middle, the result is how many bytes were written.
    ///
    /// From the background, if [`tostop`](Termios::tostop) is set and SIGTTOU neither blocked nor ignored, the caller's
    /// group gets SIGTTOU, and the call goes on when the caller is continued.
    ///
    /// A checkpoint: a request to end ends the wait; what was written stays written.
    ///
    /// # Errors
    /// - EIO: the terminal is hung up; or SIGTTOU is due, and the caller's group is orphaned.
    /// - EINTR: a signal came before any byte was written.
    /// - ESRCH: the `Process` was kept beyond its LWP's end.
    ///
    /// Source: POSIX `write`, General Terminal Interface 11.1.4.
    #[track_caller]
    pub fn write(&self, process: &Process, buf: &[u8]) -> Result<usize> {
        process.enter();
        let written = |&written: &usize| count_value(written);
        process.gate_value(Call::Write, || args![buf.len()], written, || self.write_entered(process, buf))
    }

    /// The same, for a caller that has entered the process.
    #[track_caller]
    pub(crate) fn write_entered(&self, process: &Process, buf: &[u8]) -> Result<usize> {
        process.check_live()?;
        let mut bytes = 0;
        match self.send(Some(process), buf, &mut bytes) {
            Err(error) if bytes == 0 => Err(error),
            Ok(()) | Err(_) => Ok(bytes),
        }
    }

    /// Writes what there is room for, as [`read_now`](Tty::read_now).
    pub(crate) fn write_now(&self, process: &Process, buf: &[u8]) -> Result<usize> {
        let signal = self.background_write();
        let written = in_turn(process, &self.terminal, signal, None, |_| self.terminal.write(buf, None));
        let (count, woken) = written.flatten()?;
        woken.wake();
        match count {
            0 if !buf.is_empty() => Err(Error::WouldBlock { what: "the terminal has no room" }),
            count => Ok(count),
        }
    }

    /// Writes all of `buf`, or fails. `process` is the caller's own.
    ///
    /// A checkpoint, as [`write`](Tty::write).
    ///
    /// # Errors
    /// As [`write`](Tty::write), but also if a part was written.
    #[track_caller]
    pub fn write_all(&self, process: &Process, buf: &[u8]) -> Result<()> {
        process.enter();
        process.gate(
            Call::Write,
            || args![buf.len()],
            || {
                process.check_live()?;
                self.send(Some(process), buf, &mut 0)
            },
        )
    }

    /// How many bytes a read would get without waiting: in canonical mode those of one line.
    ///
    /// Source: `ioctl(FIONREAD)`.
    pub fn available(&self) -> usize {
        self.terminal.state.lock().discipline.available()
    }

    /// How many bytes can be written without waiting, if no NL among them becomes two.
    pub fn room(&self) -> usize {
        self.terminal.state.lock().discipline.output_room()
    }

    /// How the terminal is set.
    ///
    /// Source: POSIX `tcgetattr`.
    pub fn termios(&self) -> Termios {
        self.terminal.state.lock().discipline.termios()
    }

    /// Sets the terminal. `process` is the caller's own. In raw mode the line that is being typed can be read at once.
    ///
    /// From the background, unless SIGTTOU is blocked or ignored, the caller's group gets SIGTTOU, and the call goes on
    /// when the caller is continued. A checkpoint.
    ///
    /// # Errors
    /// - EIO: the terminal is hung up; or SIGTTOU is due, and the caller's group is orphaned.
    /// - EINTR: the handler of a signal ran instead.
    /// - ESRCH: the `Process` was kept beyond its LWP's end.
    ///
    /// Source: POSIX `tcsetattr`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Tty};
    /// let runtime = Runtime::boot()?;
    /// let (master, tty) = Tty::open();
    /// let status = runtime.run(Command::new("raw", move |p| {
    ///     tty.set_termios(p, tty.termios().raw())?;
    ///     master.input(b"q");
    ///     greenproc::Result::Ok(assert_eq!(tty.read(p, &mut [0; 8])?, 1))
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn set_termios(&self, process: &Process, termios: Termios) -> Result<()> {
        self.change(process, |state| {
            state.discipline.set_termios(termios);
            state.readers.take_all()
        })
    }

    /// Throws away what was typed and not read. As [`set_termios`](Tty::set_termios) from the background, and a
    /// checkpoint.
    ///
    /// # Errors
    /// As [`set_termios`](Tty::set_termios).
    ///
    /// Source: POSIX `tcflush` with `TCIFLUSH`.
    #[track_caller]
    pub fn flush_input(&self, process: &Process) -> Result<()> {
        self.change(process, |state| {
            state.discipline.flush_input();
            Wakeups::default()
        })
    }

    /// Throws away what was written and not shown. As [`set_termios`](Tty::set_termios) from the background, and a
    /// checkpoint.
    ///
    /// # Errors
    /// As [`set_termios`](Tty::set_termios).
    ///
    /// Source: POSIX `tcflush` with `TCOFLUSH`.
    #[track_caller]
    pub fn flush_output(&self, process: &Process) -> Result<()> {
        self.change(process, |state| {
            state.discipline.flush_output();
            state.writers.take_all()
        })
    }

    /// How large the window is.
    ///
    /// Source: `ioctl(TIOCGWINSZ)`, POSIX 2024 `tcgetwinsize`.
    pub fn window_size(&self) -> WindowSize {
        self.terminal.state.lock().discipline.window_size()
    }

    #[track_caller]
    fn change(&self, process: &Process, change: impl Fn(&mut State) -> Wakeups) -> Result<()> {
        process.enter();
        process.check_live()?;
        let changed = in_turn(process, &self.terminal, Some(Signal::TTOU), None, |_| {
            let mut state = self.terminal.state.lock();
            if state.hung_up { Err(HUNG_UP) } else { Ok(change(&mut state)) }
        });
        changed.flatten().map(Wakeups::wake)
    }

    /// The signal that a write from the background means.
    fn background_write(&self) -> Option<Signal> {
        self.termios().tostop.then_some(Signal::TTOU)
    }

    /// Writes all, and counts what was written.
    #[track_caller]
    fn send(&self, process: Option<&Process>, buf: &[u8], bytes: &mut usize) -> Result<()> {
        let attempt = |me: &Waiter| {
            let signal = self.background_write();
            let rest = &buf[*bytes..];
            let written = match process {
                Some(process) => in_turn(process, &self.terminal, signal, Some(me), |_| {
                    self.terminal.write(rest, Some(me))
                })
                .flatten(),
                None => self.terminal.write(rest, Some(me)),
            };
            match written {
                Err(error) => Some(Err(error)),
                Ok((count, woken)) => {
                    woken.wake();
                    *bytes += count;
                    (*bytes == buf.len()).then_some(Ok(()))
                }
            }
        };
        wait_for(process, attempt, |me| self.terminal.leave(me)).flatten()
    }
}

impl Clone for Tty {
    fn clone(&self) -> Tty {
        Tty::of(Arc::clone(&self.terminal))
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let woken = {
            let mut state = self.terminal.state.lock();
            state.devices -= 1;
            if state.devices == 0 { state.watchers.take_all() } else { Wakeups::default() }
        };
        woken.wake();
    }
}

impl io::Read for Tty {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut &*self, buf)
    }
}

impl io::Read for &Tty {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(process) = crate::worker::current() {
            return Tty::read(self, &process, buf).map_err(|error| process.host_error(error));
        }
        let attempt = |me: &Waiter| self.terminal.read(buf, Some(me));
        Ok(wait_for(None, attempt, |me| self.terminal.leave(me)).flatten()?)
    }
}

impl io::Write for Tty {
    #[track_caller]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut &*self, buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl io::Write for &Tty {
    #[track_caller]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if let Some(process) = crate::worker::current() {
            return Tty::write(self, &process, buf).map_err(|error| process.host_error(error));
        }
        let mut bytes = 0;
        match self.send(None, buf, &mut bytes) {
            Err(error) if bytes == 0 => Err(error.into()),
            Ok(()) | Err(_) => Ok(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Tty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tty").field("available", &self.available()).finish_non_exhaustive()
    }
}
