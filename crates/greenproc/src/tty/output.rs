//! What goes to the screen of a terminal: written bytes after processing, and echoes.

use std::collections::VecDeque;

use super::input::INPUT_MAX;
use super::termios::Termios;

/// What is written waits in the queue up to here.
pub(super) const OUTPUT_MAX: usize = 16_384;

/// Echoes go up to here, so that they can be seen while a process writes more than is taken.
const ECHO_MAX: usize = OUTPUT_MAX + INPUT_MAX;

/// A tab goes on to the next multiple of this.
const TAB: usize = 8;

/// What is on its way to the screen.
#[derive(Default)]
pub(super) struct Output {
    queue: VecDeque<u8>,
    /// Where the next byte goes, as far as that can be told without knowing the screen.
    column: usize,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// How many more bytes fit that are not made two.
    pub(super) fn room(&self) -> usize {
        OUTPUT_MAX.saturating_sub(self.queue.len())
    }

    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// Takes in what there is room for; how many bytes that was.
    pub(super) fn write(&mut self, bytes: &[u8], termios: &Termios) -> usize {
        let fits = bytes.iter().position(|&byte| !self.put(byte, termios, OUTPUT_MAX));
        fits.unwrap_or(bytes.len())
    }

    /// Takes in an echo, or none of it. It is processed as what is written.
    pub(super) fn echo(&mut self, bytes: &[u8], termios: &Termios) {
        // Each of them may become two.
        if self.queue.len() + 2 * bytes.len() <= ECHO_MAX {
            for &byte in bytes {
                self.put(byte, termios, ECHO_MAX);
            }
        }
    }

    /// Takes so many bytes out, or what is there.
    pub(super) fn take(&mut self, max: usize) -> Vec<u8> {
        let count = max.min(self.queue.len());
        self.queue.drain(..count).collect()
    }

    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    /// Takes in one byte, or none of what it becomes.
    fn put(&mut self, byte: u8, termios: &Termios, max: usize) -> bool {
        let returns = byte == b'\n' && termios.opost && termios.onlcr;
        if self.queue.len() + usize::from(returns) >= max {
            return false;
        }
        if returns {
            self.queue.push_back(b'\r');
            self.column = 0;
        }
        self.queue.push_back(byte);
        self.column = match byte {
            b'\r' => 0,
            b'\x08' => self.column.saturating_sub(1),
            b'\t' => next_tab(self.column),
            _ if byte.is_ascii_control() || is_continuation(byte) => self.column,
            _ => self.column + 1,
        };
        true
    }
}

/// Where the next byte goes after the echo of this one.
pub(super) fn column_after(column: usize, byte: u8) -> usize {
    match byte {
        b'\t' => next_tab(column),
        _ if byte.is_ascii_control() => column + 2,
        _ if is_continuation(byte) => column,
        _ => column + 1,
    }
}

fn next_tab(column: usize) -> usize {
    (column / TAB + 1) * TAB
}

/// Whether a byte continues a character of UTF-8.
pub(super) fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}
