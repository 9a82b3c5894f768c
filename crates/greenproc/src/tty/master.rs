//! The side of a terminal that has the keyboard and the screen.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::terminal::Terminal;
use super::{Termios, WindowSize};
use crate::error::{Error, Result};
use crate::process::Process;
use crate::wait_queue::{Waiter, wait_for};

/// The side of a [`Tty`](crate::Tty) that has the keyboard and the screen: what is typed goes in here, and what is to
/// be shown comes out. Usable from any thread, inside processes or outside. A clone is another handle.
///
/// When the last one is dropped the terminal is hung up for good: the leader of the session whose controlling terminal
/// it is gets SIGHUP (and SIGCONT, should it stand still), reads are at the end of the file, writes give EIO.
///
/// Source: POSIX `posix_openpt`, the manager side of a pseudo-terminal.
pub struct TtyMaster {
    pub(super) terminal: Arc<Terminal>,
}

impl TtyMaster {
    /// Types these bytes. ^C, ^\\ and ^Z go as signals to the foreground group of the session whose controlling terminal
    /// it is; what is more than fits is thrown away and rings the bell. Never waits. No checkpoint.
    ///
    /// Source: POSIX, General Terminal Interface.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Runtime, Tty};
    /// let runtime = Runtime::boot()?;
    /// let (master, tty) = Tty::open();
    /// let (child, line) = runtime.spawn_returning("reader", move |p| {
    ///     let mut buf = [0; 80];
    ///     tty.read(p, &mut buf).map(|count| buf[..count].to_vec())
    /// })?;
    /// master.input(b"helo\x7flo\r");
    /// assert!(child.wait()?.status.success());
    /// assert_eq!(line.take().expect("it returns")?, b"hello\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn input(&self, bytes: &[u8]) {
        self.terminal.type_in(bytes);
    }

    /// Takes what is to be shown, up to the length of `buf`; waits if nothing is. Returns 0 at the end: the terminal is
    /// hung up, or every [`Tty`](crate::Tty) is dropped and no session has it.
    ///
    /// Inside a process a checkpoint: a request to end ends the wait.
    ///
    /// # Errors
    /// - EINTR: in a process, a signal came before any byte.
    ///
    /// Source: POSIX `read` of the manager side of a pseudo-terminal.
    #[track_caller]
    pub fn read_output(&self, buf: &mut [u8]) -> Result<usize> {
        let process = crate::worker::current();
        if let Some(process) = &process {
            process.enter();
        }
        self.receive(process.as_ref(), buf)
    }

    /// Takes what is to be shown, and does not wait. No checkpoint.
    ///
    /// # Errors
    /// - EAGAIN: there is nothing.
    ///
    /// ```
    /// let (master, _tty) = greenproc::Tty::open();
    /// let mut screen = [0; 8];
    /// assert_eq!(master.try_read_output(&mut screen).expect_err("nothing yet").errno(), 11); // EAGAIN
    /// master.input(b"hi\r");
    /// assert_eq!(master.try_read_output(&mut screen).expect("the echo"), 4);
    /// assert_eq!(&screen[..4], b"hi\r\n");
    /// ```
    pub fn try_read_output(&self, buf: &mut [u8]) -> Result<usize> {
        let attempt = self.terminal.show(buf, None);
        attempt.unwrap_or(Err(Error::WouldBlock { what: "there is nothing to show" }))
    }

    /// Waits until there is something to be shown, and leaves it there; `false` at the end, as
    /// [`read_output`](TtyMaster::read_output) says. For several who take it by turns.
    ///
    /// Inside a process a checkpoint: a request to end ends the wait.
    ///
    /// # Errors
    /// - EINTR: in a process, a signal came first.
    ///
    /// Source: POSIX `poll` with `POLLIN`.
    ///
    /// ```
    /// let (master, tty) = greenproc::Tty::open();
    /// master.input(b"x");
    /// drop(tty);
    /// assert!(master.wait_output().expect("outside any process"));
    /// assert_eq!(master.try_read_output(&mut [0; 8]).expect("the echo"), 1);
    /// assert!(!master.wait_output().expect("outside any process"));
    /// ```
    #[track_caller]
    pub fn wait_output(&self) -> Result<bool> {
        let process = crate::worker::current();
        if let Some(process) = &process {
            process.enter();
        }
        let attempt = |me: &Waiter| self.terminal.has_output(me);
        wait_for(process.as_ref(), attempt, |me| self.terminal.leave(me))
    }

    /// How many bytes there are to be shown.
    ///
    /// Source: `ioctl(FIONREAD)`.
    pub fn available(&self) -> usize {
        self.terminal.state.lock().discipline.output_len()
    }

    /// Says how large the window is. If that is another size, the foreground group gets SIGWINCH. No checkpoint.
    ///
    /// Source: `ioctl(TIOCSWINSZ)`, POSIX 2024 `tcsetwinsize`.
    ///
    /// ```
    /// use greenproc::{Tty, WindowSize};
    /// let (master, tty) = Tty::open();
    /// let window = WindowSize { rows: 24, columns: 80 };
    /// master.set_window_size(window);
    /// assert_eq!(tty.window_size(), window);
    /// ```
    pub fn set_window_size(&self, window: WindowSize) {
        self.terminal.resize(window);
    }

    /// How the terminal is set.
    pub fn termios(&self) -> Termios {
        self.terminal.state.lock().discipline.termios()
    }

    #[track_caller]
    fn receive(&self, process: Option<&Process>, buf: &mut [u8]) -> Result<usize> {
        wait_for(process, |me| self.terminal.show(buf, Some(me)), |me| self.terminal.leave(me)).flatten()
    }
}

impl Clone for TtyMaster {
    fn clone(&self) -> TtyMaster {
        self.terminal.state.lock().masters += 1;
        TtyMaster { terminal: Arc::clone(&self.terminal) }
    }
}

impl Drop for TtyMaster {
    fn drop(&mut self) {
        let is_last = {
            let mut state = self.terminal.state.lock();
            state.masters -= 1;
            state.masters == 0
        };
        if is_last {
            let woken = self.terminal.hang_up();
            if let Some(owner) = self.terminal.owner() {
                owner.kernel.carrier_lost(&self.terminal, owner.session);
            }
            woken.wake();
        }
    }
}

impl io::Read for TtyMaster {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut &*self, buf)
    }
}

impl io::Read for &TtyMaster {
    #[track_caller]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.read_output(buf);
        read.map_err(|error| match crate::worker::current() {
            Some(process) => process.host_error(error),
            None => error.into(),
        })
    }
}

impl fmt::Debug for TtyMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TtyMaster").field("available", &self.available()).finish_non_exhaustive()
    }
}
