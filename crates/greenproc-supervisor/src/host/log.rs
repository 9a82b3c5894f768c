//! What a host process writes, as lines that are told.

use std::io::{self, Read};
use std::time::Duration;

use super::child::HostChild;
use super::command::{HostEvent, HostStream};
use super::lines::{LineLimit, Lines, Told};

/// How much is read of a stream before the other things are looked at again.
const ROUND: usize = 64 * 1024;

/// How much is read of a stream when its process has ended: all that a pipe can hold. Who left the group may write on.
const LAST: usize = 1024 * 1024;

/// The lines of both streams.
pub(super) struct Log {
    stdout: Lines,
    stderr: Lines,
    buffer: Box<[u8]>,
}

impl Log {
    pub(super) fn new(limit: LineLimit) -> Log {
        let buffer = vec![0; 8 * 1024].into_boxed_slice();
        Log { stdout: Lines::new(limit), stderr: Lines::new(limit), buffer }
    }

    /// How long until there is something to tell, even if nothing is written.
    pub(super) fn due_in(&self) -> Option<Duration> {
        self.stdout.due_in().into_iter().chain(self.stderr.due_in()).min()
    }

    /// Reads what is there: a round of it, or the last.
    pub(super) fn read(&mut self, child: &mut HostChild, is_dead: bool, see: &mut dyn FnMut(HostEvent<'_>)) {
        let most = if is_dead { LAST } else { ROUND };
        let Log { stdout, stderr, buffer } = self;
        drain(&mut child.stdout, most, buffer, stdout, &mut |told| see(event(HostStream::Stdout, told)));
        drain(&mut child.stderr, most, buffer, stderr, &mut |told| see(event(HostStream::Stderr, told)));
    }

    /// Tells what is left.
    pub(super) fn finish(&mut self, see: &mut dyn FnMut(HostEvent<'_>)) {
        self.stdout.finish(&mut |told| see(event(HostStream::Stdout, told)));
        self.stderr.finish(&mut |told| see(event(HostStream::Stderr, told)));
    }
}

fn event(stream: HostStream, told: Told<'_>) -> HostEvent<'_> {
    match told {
        Told::Line(text) => HostEvent::Line { stream, text },
        Told::Suppressed(lines) => HostEvent::Suppressed { stream, lines },
    }
}

/// Reads a stream that does not block; closes it at its end.
fn drain<S: Read>(
    stream: &mut Option<S>,
    most: usize,
    buffer: &mut [u8],
    lines: &mut Lines,
    tell: &mut dyn FnMut(Told<'_>),
) {
    lines.take(&[], tell);
    let mut read = 0;
    while let Some(open) = stream.as_mut().filter(|_| read < most) {
        match open.read(buffer) {
            Ok(0) => *stream = None,
            Ok(count) => {
                read += count;
                lines.take(&buffer[..count], tell);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => *stream = None,
        }
    }
}
