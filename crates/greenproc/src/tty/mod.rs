//! Terminals: what lies between a keyboard and a screen on one side and processes on the other.
//!
//! The line discipline is data without locks: what is typed and what is written goes in, and it says what is to be done.
//! `input` has the lines and how they are edited, `output` what goes to the screen. `terminal` puts a lock around it and
//! has the waiters, `access` decides who may use it; `master` and `device` are its two sides.

mod access;
mod device;
pub(crate) mod discipline;
mod input;
mod master;
mod output;
mod terminal;
mod termios;
#[cfg(test)]
mod tests;

pub(crate) use access::in_turn;
pub use device::Tty;
pub use master::TtyMaster;
pub(crate) use terminal::Terminal;
pub use termios::{ControlCharacters, Termios, WindowSize};
