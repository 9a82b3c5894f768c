//! What was typed and not read yet: lines that have ended, and the one that is being edited.

use std::collections::VecDeque;

use super::output::{column_after, is_continuation};

/// So much input is kept that was not read: POSIX's `MAX_INPUT` and `MAX_CANON` in one.
pub(super) const INPUT_MAX: usize = 4096;

/// Bytes from the keyboard.
#[derive(Default)]
pub(super) struct Input {
    /// What can be read.
    ready: VecDeque<u8>,
    /// In canonical mode: how long each of the lines in `ready` is. One of length zero is the end of the file.
    lines: VecDeque<usize>,
    /// The line that is being edited.
    line: Vec<u8>,
    /// Where on the screen it begins.
    margin: usize,
}

impl Input {
    /// All bytes, those of the line too.
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.line.len()
    }

    /// How many bytes can be read.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// How many bytes the first line has; `None` if none has ended.
    pub(super) fn first_line(&self) -> Option<usize> {
        self.lines.front().copied()
    }

    /// Puts a byte where it can be read at once. False: it is full.
    pub(super) fn push_ready(&mut self, byte: u8) -> bool {
        let fits = self.len() < INPUT_MAX;
        if fits {
            self.ready.push_back(byte);
        }
        fits
    }

    /// Puts a byte into the line, which begins in this column if it is the first. False: it is full, but for an end.
    pub(super) fn push(&mut self, byte: u8, column: usize) -> bool {
        let fits = self.len() < INPUT_MAX - 1;
        if fits {
            if self.line.is_empty() {
                self.margin = column;
            }
            self.line.push(byte);
        }
        fits
    }

    /// Ends the line, with this byte if there is one. False: it is full.
    pub(super) fn end_line(&mut self, end: Option<u8>) -> bool {
        let fits = self.len() + usize::from(end.is_some()) <= INPUT_MAX && self.lines.len() < INPUT_MAX;
        if fits {
            self.line.extend(end);
            self.lines.push_back(self.line.len());
            self.ready.extend(self.line.drain(..));
        }
        fits
    }

    /// Erases the last character of the line; how many columns it took.
    pub(super) fn erase(&mut self) -> usize {
        self.truncate(self.line.len() - last_character(&self.line))
    }

    /// Erases the last word of the line and the blanks after it; how many columns they took.
    pub(super) fn erase_word(&mut self) -> usize {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let word = self.line.iter().rposition(|byte| !is_blank(byte)).map_or(0, |last| last + 1);
        let before = self.line[..word].iter().rposition(is_blank).map_or(0, |blank| blank + 1);
        self.truncate(before)
    }

    /// Erases the line; how many columns it took.
    pub(super) fn erase_line(&mut self) -> usize {
        self.truncate(0)
    }

    fn truncate(&mut self, length: usize) -> usize {
        let column =
            |bytes: &[u8]| bytes.iter().fold(self.margin, |column, &byte| column_after(column, byte));
        let erased = column(&self.line) - column(&self.line[..length]);
        self.line.truncate(length);
        erased
    }

    /// Takes out what can be read, as much as fits into `into` and is in the first line, if there are lines.
    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        let limit = self.lines.front().copied().unwrap_or(self.ready.len());
        let count = limit.min(into.len());
        if let Some(left) = self.lines.front_mut() {
            *left -= count;
            if *left == 0 {
                self.lines.pop_front();
            }
        }
        for (to, from) in into.iter_mut().zip(self.ready.drain(..count)) {
            *to = from;
        }
        count
    }

    /// From here on there are no lines: what is in one can be read.
    pub(super) fn leave_lines(&mut self) {
        self.ready.extend(self.line.drain(..));
        self.lines.clear();
    }

    /// From here on there are lines: what can be read is the first.
    pub(super) fn enter_lines(&mut self) {
        if !self.ready.is_empty() {
            self.lines.push_back(self.ready.len());
        }
    }

    pub(super) fn clear(&mut self) {
        self.ready.clear();
        self.lines.clear();
        self.line.clear();
    }
}

/// How many bytes the last character has: several if they are one of UTF-8, or the beginning of one.
fn last_character(line: &[u8]) -> usize {
    let continuations = line.iter().rev().take_while(|byte| is_continuation(**byte)).count();
    let Some(first) = line.len().checked_sub(continuations + 1) else { return line.len().min(1) };
    let length = match line[first] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if continuations < length { continuations + 1 } else { 1 }
}
