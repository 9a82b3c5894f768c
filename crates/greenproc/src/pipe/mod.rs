//! Pipes between processes: a bounded buffer of bytes with two kinds of ends.

mod buffer;
mod reader;
mod writer;

use std::sync::Arc;

use greenproc_sync::Mutex;

pub use buffer::PIPE_BUF;
pub use reader::PipeReader;
pub use writer::PipeWriter;

use crate::locks::Leaf;
use crate::wait_queue::{WaitQueue, Wakeups};
use buffer::Buffer;

/// How much a pipe of [`pipe`] holds.
const CAPACITY: usize = 65_536;

/// Makes a pipe that holds 64 KiB.
///
/// What is written to one end is read from the other, in order. Each clone is another open end: readers come to the end
/// of the file when all writers are dropped and the pipe is empty; writers get EPIPE and SIGPIPE when all readers are
/// dropped. A process can be killed while it waits at either end, and an end can also be used from outside any process.
///
/// Source: POSIX `pipe`.
///
/// ```
/// # fn main() -> greenproc::Result<()> {
/// use greenproc::{Command, Runtime};
/// let runtime = Runtime::boot()?;
/// let (reader, writer) = greenproc::pipe();
/// let echo = runtime.spawn(Command::new("echo", move |p| writer.write_all(p, b"hello")))?;
/// let (cat, text) = runtime.spawn_returning("cat", move |_| std::io::read_to_string(reader))?;
/// assert!(echo.wait()?.status.success());
/// assert!(cat.wait()?.status.success());
/// assert_eq!(text.take().expect("it returns").expect("text"), "hello");
/// # Ok(())
/// # }
/// ```
pub fn pipe() -> (PipeReader, PipeWriter) {
    pipe_with_capacity(CAPACITY)
}

/// Makes a [`pipe`] that holds this many bytes, but at least [`PIPE_BUF`], so that what is to be written in one piece
/// fits.
///
/// Memory is taken as it is needed.
///
/// Source: POSIX `pipe`; Linux `fcntl(F_SETPIPE_SZ)`, which rounds up to a page.
///
/// ```
/// use greenproc::{PIPE_BUF, pipe_with_capacity};
/// let (_reader, writer) = pipe_with_capacity(0);
/// assert_eq!(writer.available(), PIPE_BUF);
/// ```
pub fn pipe_with_capacity(bytes: usize) -> (PipeReader, PipeWriter) {
    let state = State {
        buffer: Buffer::new(bytes),
        readers: 1,
        writers: 1,
        empty: WaitQueue::new(),
        full: WaitQueue::new(),
        wanted: usize::MAX,
    };
    let pipe = Arc::new(Pipe { state: Mutex::new(state) });
    (PipeReader { pipe: Arc::clone(&pipe) }, PipeWriter { pipe })
}

/// What all ends of a pipe share.
struct Pipe {
    state: Mutex<Leaf, State>,
}

struct State {
    buffer: Buffer,
    /// Open ends.
    readers: usize,
    writers: usize,
    /// Readers that wait for bytes, or for the last writer to go.
    empty: WaitQueue,
    /// Writers that wait for room, or for the last reader to go.
    full: WaitQueue,
    /// The least room that one of the waiting writers can use; less is no reason to wake them.
    wanted: usize,
}

impl State {
    /// There is room, perhaps more than before: who waits for it.
    fn room_came(&mut self) -> Wakeups {
        if self.buffer.room() < self.wanted {
            return Wakeups::default();
        }
        self.wanted = usize::MAX;
        self.full.take_all()
    }
}
