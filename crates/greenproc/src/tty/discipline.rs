//! The line discipline of a terminal: what is done with what is typed and what is written.
//!
//! It has no locks and knows no processes. What the caller is to do comes back as [`Effect`]s; what it is to wait for,
//! as [`Readiness`] and as numbers of bytes.
//!
//! Source: POSIX, General Terminal Interface.

use super::input::Input;
use super::output::Output;
use super::termios::{Termios, WindowSize};
use crate::signal::Signal;

/// What the bell is rung with.
const BEL: u8 = 7;

/// The two queues of a terminal, and what happens between them.
#[derive(Default)]
pub(crate) struct LineDiscipline {
    termios: Termios,
    window: WindowSize,
    input: Input,
    output: Output,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The foreground process group gets this signal.
    Signal(Signal),
    /// There is something to read: readers are to look.
    Readable,
    /// There is something for the screen: whoever takes the output is to look.
    Output,
}

/// What became of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// So many bytes were read. Zero only into an empty buffer, or in raw mode if `vmin` is zero.
    Read(usize),
    /// The end of the file: ^D at the beginning of a line. The next read goes on after it.
    EndOfFile,
    /// There is not enough: wait until there is.
    Wait,
}

impl LineDiscipline {
    pub(crate) fn termios(&self) -> Termios {
        self.termios
    }

    /// Changes the settings. In raw mode the line that is being edited can be read at once; back in canonical mode what
    /// was not read yet is a line. Readers are to look.
    pub(crate) fn set_termios(&mut self, termios: Termios) {
        match (self.termios.canonical, termios.canonical) {
            (true, false) => self.input.leave_lines(),
            (false, true) => self.input.enter_lines(),
            (true, true) | (false, false) => {}
        }
        self.termios = termios;
    }

    pub(crate) fn window_size(&self) -> WindowSize {
        self.window
    }

    /// Changes the size of the window; SIGWINCH if it is another.
    pub(crate) fn set_window_size(&mut self, window: WindowSize) -> Option<Effect> {
        let former = std::mem::replace(&mut self.window, window);
        (former != window).then_some(Effect::Signal(Signal::WINCH))
    }

    /// Takes what was typed. Signals come in their order, then what can be done with the two queues.
    ///
    /// A character that sends a signal flushes what was typed before it; whether also what was written is up to the
    /// caller. What is too much is thrown away and rings the bell.
    pub(crate) fn input(&mut self, bytes: &[u8]) -> Vec<Effect> {
        let signals = bytes.iter().filter_map(|&byte| self.receive(byte)).map(Effect::Signal);
        let mut effects: Vec<Effect> = signals.collect();
        effects.extend(self.has_input().then_some(Effect::Readable));
        effects.extend((self.output.len() > 0).then_some(Effect::Output));
        effects
    }

    /// Reads: in canonical mode from one line, in raw mode what is there if that is enough.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> Readiness {
        if buf.is_empty() {
            return Readiness::Read(0);
        }
        if self.termios.canonical {
            return match self.input.first_line() {
                None => Readiness::Wait,
                Some(0) => {
                    self.input.take(&mut []);
                    Readiness::EndOfFile
                }
                Some(_) => Readiness::Read(self.input.take(buf)),
            };
        }
        let enough = buf.len().min(usize::from(self.termios.vmin));
        if self.input.ready() < enough {
            return Readiness::Wait;
        }
        Readiness::Read(self.input.take(buf))
    }

    /// How many bytes a read would get that has room for all: those of one line in canonical mode.
    pub(crate) fn available(&self) -> usize {
        if self.termios.canonical { self.input.first_line().unwrap_or(0) } else { self.input.ready() }
    }

    /// Whether there is anything that a read may get, the end of the file included.
    pub(crate) fn has_input(&self) -> bool {
        if self.termios.canonical { self.input.first_line().is_some() } else { self.input.ready() > 0 }
    }

    /// Takes what a process writes, as much as there is room for; how many bytes that was. The others are to wait until
    /// output was taken.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        self.output.write(bytes, &self.termios)
    }

    /// How much can be written without waiting, if it has no NL that becomes two.
    pub(crate) fn output_room(&self) -> usize {
        self.output.room()
    }

    /// How much there is for the screen.
    pub(crate) fn output_len(&self) -> usize {
        self.output.len()
    }

    /// Takes so much for the screen, or what is there.
    pub(crate) fn take_output(&mut self, max: usize) -> Vec<u8> {
        self.output.take(max)
    }

    /// Throws away what was typed and not read: `tcflush(TCIFLUSH)`.
    pub(crate) fn flush_input(&mut self) {
        self.input.clear();
    }

    /// Throws away what was written and not taken: `tcflush(TCOFLUSH)`.
    pub(crate) fn flush_output(&mut self) {
        self.output.clear();
    }

    /// Takes one byte that was typed; the signal that it sends.
    fn receive(&mut self, byte: u8) -> Option<Signal> {
        let byte = if byte == b'\r' && self.termios.icrnl { b'\n' } else { byte };
        if let Some(signal) = self.signal_of(byte) {
            self.flush_input();
            self.echo(byte);
            return Some(signal);
        }
        if self.termios.canonical {
            self.edit(byte);
        } else if self.input.push_ready(byte) {
            self.echo(byte);
        } else {
            self.ring();
        }
        None
    }

    fn signal_of(&self, byte: u8) -> Option<Signal> {
        let control = &self.termios.control;
        let signals =
            [(control.intr, Signal::INT), (control.quit, Signal::QUIT), (control.susp, Signal::TSTP)];
        let found = signals.into_iter().find(|(character, _)| *character == Some(byte));
        found.filter(|_| self.termios.isig).map(|(_, signal)| signal)
    }

    /// Takes one byte of a line in canonical mode.
    fn edit(&mut self, byte: u8) {
        let control = self.termios.control;
        let typed = Some(byte);
        if typed == control.erase {
            let columns = self.input.erase();
            self.unecho(columns);
        } else if typed == control.werase {
            let columns = self.input.erase_word();
            self.unecho(columns);
        } else if typed == control.kill {
            let columns = self.input.erase_line();
            self.unecho(columns);
        } else if typed == control.eof {
            if !self.input.end_line(None) {
                self.ring();
            }
        } else {
            let fits = match byte {
                b'\n' => self.input.end_line(typed),
                _ => self.input.push(byte, self.output.column()),
            };
            if fits { self.echo(byte) } else { self.ring() }
        }
    }

    /// Shows what was typed; control characters as ^X.
    fn echo(&mut self, byte: u8) {
        if self.termios.echo {
            let (plain, caret) = ([byte], [b'^', byte ^ 0x40]);
            let is_plain = !byte.is_ascii_control() || matches!(byte, b'\n' | b'\t');
            self.output.echo(if is_plain { &plain } else { &caret }, &self.termios);
        }
    }

    /// Takes so many columns of echoes back.
    fn unecho(&mut self, columns: usize) {
        if self.termios.echo {
            for _ in 0..columns {
                self.output.echo(b"\x08 \x08", &self.termios);
            }
        }
    }

    fn ring(&mut self) {
        self.output.echo(&[BEL], &self.termios);
    }
}
