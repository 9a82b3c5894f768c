//! The streams of a process: where it reads from, and where it writes to.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use greenproc::{PipeReader, PipeWriter, Process, Signal, Tty};
use rustix::fs::{Mode, OFlags};

/// What a process reads. Copies share the place in it.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A file of the host.
    Host(Arc<File>),
    /// A pipe of the runtime.
    Pipe(PipeReader),
    /// A terminal of the runtime.
    Tty(Tty),
}

/// What a process writes. Copies share the place in it.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// A file of the host.
    Host(Arc<File>),
    /// A pipe of the runtime.
    Pipe(PipeWriter),
    /// A terminal of the runtime.
    Tty(Tty),
}

/// Descriptors 0, 1 and 2.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// 0
    pub(crate) stdin: Input,
    /// 1
    pub(crate) stdout: Output,
    /// 2
    pub(crate) stderr: Output,
}

impl Streams {
    /// Those of the host process.
    pub(crate) fn of_host() -> io::Result<Streams> {
        Ok(Streams {
            stdin: Input::Host(shared(io::stdin().as_fd())?),
            stdout: Output::Host(shared(io::stdout().as_fd())?),
            stderr: Output::Host(shared(io::stderr().as_fd())?),
        })
    }
}

fn shared(descriptor: BorrowedFd<'_>) -> io::Result<Arc<File>> {
    descriptor.try_clone_to_owned().map(|descriptor| Arc::new(File::from(descriptor)))
}

/// Opens a file of the host; the error says what is wrong with it, without its name. A FIFO may keep the process waiting
/// for ever, so it can be killed in here; the standard library's `open` would call again.
pub(crate) fn open(process: &Process, path: &str, how: OFlags) -> io::Result<Arc<File>> {
    let everybody = Mode::from_raw_mode(0o666);
    let opened = process.blocking(|| Ok(rustix::fs::open(path, how | OFlags::CLOEXEC, everybody)?))?;
    Ok(Arc::new(File::from(opened)))
}

/// A pipe: what is written to the one can be read from the other.
pub(crate) fn pipe() -> (Input, Output) {
    let (reader, writer) = greenproc::pipe();
    (Input::Pipe(reader), Output::Pipe(writer))
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Host(file) => greenproc::current()?.blocking(|| file.as_ref().read(buffer)),
            Input::Pipe(reader) => Read::read(reader, buffer),
            Input::Tty(tty) => Read::read(tty, buffer),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Host(file) => {
                let process = greenproc::current()?;
                let written = process.blocking(|| file.as_ref().write(bytes));
                // The host would have sent this signal to all of us, so Rust ignores it.
                if matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe) {
                    process.kill(process.pid(), Signal::PIPE)?;
                    process.checkpoint();
                }
                written
            }
            Output::Pipe(writer) => Write::write(writer, bytes),
            Output::Tty(tty) => Write::write(tty, bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes in large pieces.
///
/// Unlike the standard library's it writes nothing when it is dropped: a process that is killed drops it while it
/// unwinds, when no write can succeed, and the standard library would try again for ever.
pub(crate) struct Batch<'a> {
    output: &'a mut Output,
    bytes: Vec<u8>,
}

const BATCH: usize = 32 << 10;

impl<'a> Batch<'a> {
    /// What is written here goes to `output`, at the latest with [`finish`](Batch::finish).
    pub(crate) fn new(output: &'a mut Output) -> Batch<'a> {
        Batch { output, bytes: Vec::with_capacity(BATCH) }
    }

    /// Adds some bytes, and writes if there are many.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= BATCH { self.write() } else { Ok(()) }
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        self.output.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}
