//! What a host process writes, as lines that are told.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use greenproc_sync::time;

use super::child::HostChild;
use super::command::{HostEvent, HostStream};
use super::lines::{LineLimit, Meter, Splitter};

/// How much is read of a stream before the other things are looked at again.
const ROUND: usize = 64 * 1024;

/// How much is read of a stream when its process has ended: all that a pipe can hold. Who left the group may write on.
const LAST: usize = 1024 * 1024;

/// The lines of both streams.
pub(super) struct Log {
    stdout: Splitter,
    stderr: Splitter,
    meter: Meter,
    buffer: Box<[u8]>,
}

impl Log {
    pub(super) fn new(limit: LineLimit) -> Log {
        let buffer = vec![0; 8 * 1024].into_boxed_slice();
        let meter = Meter::new(limit, time::now());
        Log { stdout: Splitter::default(), stderr: Splitter::default(), meter, buffer }
    }

    /// How long until there is something to tell, even if nothing is written.
    pub(super) fn due_in(&self, now: Instant) -> Option<Duration> {
        self.meter.due_in(now)
    }

    /// Reads what is there: a round of it, or the last.
    pub(super) fn read(&mut self, child: &mut HostChild, is_dead: bool, see: &mut dyn FnMut(HostEvent<'_>)) {
        if let Some(lines) = self.meter.suppressed(time::now()) {
            see(HostEvent::Suppressed { lines });
        }
        let most = if is_dead { LAST } else { ROUND };
        let Log { stdout, stderr, meter, buffer } = self;
        let mut tell = |line: &[u8]| told(HostStream::Stdout, line, meter, see);
        drain(&mut child.stdout, most, buffer, stdout, &mut tell);
        let mut tell = |line: &[u8]| told(HostStream::Stderr, line, meter, see);
        drain(&mut child.stderr, most, buffer, stderr, &mut tell);
    }

    /// Tells what is left.
    pub(super) fn finish(&mut self, see: &mut dyn FnMut(HostEvent<'_>)) {
        let Log { stdout, stderr, meter, .. } = self;
        stdout.finish(&mut |line| told(HostStream::Stdout, line, meter, see));
        stderr.finish(&mut |line| told(HostStream::Stderr, line, meter, see));
        if let Some(lines) = meter.flush() {
            see(HostEvent::Suppressed { lines });
        }
    }
}

fn told(stream: HostStream, line: &[u8], meter: &mut Meter, see: &mut dyn FnMut(HostEvent<'_>)) {
    if meter.admit(time::now()) {
        see(HostEvent::Line { stream, text: &String::from_utf8_lossy(line) });
    }
}

/// Reads a stream that does not block; closes it at its end.
fn drain<S: Read>(
    stream: &mut Option<S>,
    most: usize,
    buffer: &mut [u8],
    splitter: &mut Splitter,
    tell: &mut dyn FnMut(&[u8]),
) {
    let mut read = 0;
    while let Some(open) = stream.as_mut().filter(|_| read < most) {
        match open.read(buffer) {
            Ok(0) => *stream = None,
            Ok(count) => {
                read += count;
                splitter.take(&buffer[..count], tell);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => *stream = None,
        }
    }
}
