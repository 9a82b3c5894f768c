//! What a process has open: the table, what children inherit, how it is closed, and what is read and written by number.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | numbers, types, `dup`, `dup_to`, `close`, the limit, LWPs that share the table | POSIX `open`, `dup`, `close` |
//! | a child's table is a copy of its parent's; what its command changes | decision 15, POSIX `fork`, `posix_spawn` |
//! | everything is closed at the end, each destructor isolated | row 17, decisions 13 and 20 |
//! | pipes, terminals, the host's files, sockets and pipes, streams of the user's | POSIX `pipe`, `read`, `write`, 11.1.4 |

mod ends;
mod inheritance;
mod streams;
mod table;
mod terminals;

use crossbeam_channel::Sender;
use greenproc::Fd;

pub(crate) const EBADF: i32 = 9;
pub(crate) const EAGAIN: i32 = 11;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const EMFILE: i32 = 24;
pub(crate) const ESRCH: i32 = 3;

pub(crate) fn fd(raw: i32) -> Fd {
    Fd::new(raw).expect("not negative")
}

/// Says its number when it is dropped.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) u32, pub(crate) Sender<u32>);

impl Drop for Told {
    fn drop(&mut self) {
        let _nobody_listens_any_more = self.1.send(self.0);
    }
}

/// Panics when it is dropped.
#[derive(Debug)]
pub(crate) struct Bomb(pub(crate) &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}
