//! The types that are streams without further ado: pipes and terminals of the runtime, and what the host has.

use std::any::{Any, TypeId};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use super::open::{Face, face};
use super::stream::{Stream, Waiting};
use crate::error::{Error, Result};
use crate::pipe::{PipeReader, PipeWriter};
use crate::process::Process;
use crate::signal::Signal;
use crate::tty::Tty;

/// The stream that a value of this type is, if it is known to be one.
pub(super) fn face_of<T: Any>() -> Option<Face> {
    let known: [(TypeId, Face); 8] = [
        (TypeId::of::<PipeReader>(), face::<PipeReader>),
        (TypeId::of::<PipeWriter>(), face::<PipeWriter>),
        (TypeId::of::<Tty>(), face::<Tty>),
        (TypeId::of::<File>(), face::<File>),
        (TypeId::of::<TcpStream>(), face::<TcpStream>),
        (TypeId::of::<UnixStream>(), face::<UnixStream>),
        (TypeId::of::<io::PipeReader>(), face::<io::PipeReader>),
        (TypeId::of::<io::PipeWriter>(), face::<io::PipeWriter>),
    ];
    known.into_iter().find(|(id, _)| *id == TypeId::of::<T>()).map(|(_, face)| face)
}

impl Stream for PipeReader {
    fn read(&self, process: &Process, buf: &mut [u8], waiting: Waiting) -> Result<usize> {
        match waiting {
            Waiting::Allowed => self.read_entered(process, buf),
            Waiting::Refused => self.read_now(buf),
        }
    }
}

impl Stream for PipeWriter {
    fn write(&self, process: &Process, buf: &[u8], waiting: Waiting) -> Result<usize> {
        match waiting {
            Waiting::Allowed => self.write_entered(process, buf),
            Waiting::Refused => self.write_now(buf).inspect_err(|error| broken(process, error)),
        }
    }
}

impl Stream for Tty {
    fn read(&self, process: &Process, buf: &mut [u8], waiting: Waiting) -> Result<usize> {
        match waiting {
            Waiting::Allowed => self.read_entered(process, buf),
            Waiting::Refused => self.read_now(process, buf),
        }
    }

    fn write(&self, process: &Process, buf: &[u8], waiting: Waiting) -> Result<usize> {
        match waiting {
            Waiting::Allowed => self.write_entered(process, buf),
            Waiting::Refused => self.write_now(process, buf),
        }
    }
}

impl Stream for File {
    fn read(&self, process: &Process, buf: &mut [u8], _: Waiting) -> Result<usize> {
        read(process, self, buf)
    }

    fn write(&self, process: &Process, buf: &[u8], _: Waiting) -> Result<usize> {
        write(process, self, buf)
    }
}

impl Stream for TcpStream {
    fn read(&self, process: &Process, buf: &mut [u8], _: Waiting) -> Result<usize> {
        read(process, self, buf)
    }

    fn write(&self, process: &Process, buf: &[u8], _: Waiting) -> Result<usize> {
        write(process, self, buf)
    }

    fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
        TcpStream::set_nonblocking(self, nonblocking).map_err(|error| refused("the mode of a socket", error))
    }
}

impl Stream for UnixStream {
    fn read(&self, process: &Process, buf: &mut [u8], _: Waiting) -> Result<usize> {
        read(process, self, buf)
    }

    fn write(&self, process: &Process, buf: &[u8], _: Waiting) -> Result<usize> {
        write(process, self, buf)
    }

    fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
        UnixStream::set_nonblocking(self, nonblocking).map_err(|error| refused("the mode of a socket", error))
    }
}

impl Stream for io::PipeReader {
    fn read(&self, process: &Process, buf: &mut [u8], _: Waiting) -> Result<usize> {
        read(process, self, buf)
    }
}

impl Stream for io::PipeWriter {
    fn write(&self, process: &Process, buf: &[u8], _: Waiting) -> Result<usize> {
        write(process, self, buf)
    }
}

/// One read(2) of the host's, which a request ends.
fn read(process: &Process, mut source: impl Read, buf: &mut [u8]) -> Result<usize> {
    process.blocking(|| source.read(buf)).map_err(|error| refused("a read", error))
}

/// One write(2) of the host's, which a request ends.
fn write(process: &Process, mut sink: impl Write, buf: &[u8]) -> Result<usize> {
    let written = process.blocking(|| sink.write(buf)).map_err(|error| refused("a write", error));
    written.inspect_err(|error| broken(process, error))
}

fn refused(what: &'static str, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::Interrupted => Error::Interrupted,
        _ => Error::Host { what, source },
    }
}

/// SIGPIPE for whoever writes where nobody reads.
fn broken(process: &Process, error: &Error) {
    if error.errno() == libc::EPIPE {
        process.worker.kernel.post(&process.record, Signal::PIPE);
        process.checkpoint();
    }
}
