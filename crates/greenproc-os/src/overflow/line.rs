//! One line of text, put together and written without allocation: for a signal handler.
#![allow(unsafe_code, reason = "write")]

use std::io;

/// Longer than the longest message: a name of 48 bytes, two numbers of at most 20 digits and the words.
const ROOM: usize = 256;

/// A line being put together. What does not fit is left out.
pub(super) struct Line {
    bytes: [u8; ROOM],
    length: usize,
}

impl Line {
    pub(super) fn new() -> Line {
        Line { bytes: [0; ROOM], length: 0 }
    }

    pub(super) fn text(&mut self, text: &[u8]) {
        for &byte in text {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
    }

    /// Appends text that others chose: a control character, which could end the line early, becomes `?`.
    pub(super) fn foreign(&mut self, text: &[u8]) {
        for &byte in text {
            self.text(&[if byte.is_ascii_control() { b'?' } else { byte }]);
        }
    }

    pub(super) fn number(&mut self, number: i64) {
        let mut digits = [0; 20];
        let mut rest = number.unsigned_abs();
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            self.text(b"-");
        }
        self.text(&digits[first..]);
    }

    /// Writes the line, in one piece if stderr takes it.
    pub(super) fn write_to_stderr(&self) {
        let mut rest = self.as_bytes();
        while !rest.is_empty() {
            // SAFETY: the range is the initialised slice `rest`; write only reads it.
            let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
                // Only reads errno: no allocation.
                Err(_) if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
                _ => return,
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, 10, 65536, -1, i64::MAX, i64::MIN] {
            let mut line = Line::new();
            line.number(number);
            assert_eq!(line.as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut line = Line::new();
        line.text(&[b'x'; ROOM - 1]);
        line.text(b"yz");
        assert_eq!(line.as_bytes().len(), ROOM);
        assert!(line.as_bytes().ends_with(b"xy"));
    }

    #[test]
    fn a_foreign_name_stays_on_the_line() {
        let mut line = Line::new();
        line.foreign("wörk\ner\x1b[2J".as_bytes());
        assert_eq!(line.as_bytes(), "wörk?er?[2J".as_bytes());
    }
}
