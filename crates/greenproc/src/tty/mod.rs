//! Terminals: what lies between a keyboard and a screen on one side and processes on the other.
//!
//! The line discipline is data without locks: what is typed and what is written goes in, and it says what is to be done.
//! `input` has the lines and how they are edited, `output` what goes to the screen.

pub(crate) mod discipline;
mod input;
mod output;
mod termios;
#[cfg(test)]
mod tests;

pub use termios::{ControlCharacters, Termios, WindowSize};
