//! Reading and writing by number.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::unbounded;
use greenproc::{
    Child, Command, Error, Fd, PIPE_BUF, Process, Result, SaFlags, SigAction, Signal, State, Stream, Waiting,
};
use greenproc_tests::{Fixture, errno, soon, succeeded};

use crate::{EAGAIN, EBADF, fd};

const EINTR: i32 = 4;
const EPIPE: i32 = 32;

fn is_asleep(fixture: &Fixture, child: &Child) {
    while fixture.inspect(child.id()).expect("its handle owns it").process.state != State::Sleeping {
        std::thread::yield_now();
    }
}

/// POSIX `pipe`: the end of the file comes when the last writing end of all processes is closed.
#[test]
fn the_file_ends_with_the_last_writer_in_any_table() {
    Fixture::boot().inside(|p| {
        let (from, to) = p.pipe().expect("room");
        let (hold, held) = greenproc_tests::hold();
        let child = p.spawn(Command::new("holds an end", held)).expect("room");
        p.close(to).expect("it is open");
        p.set_nonblocking(from, true).expect("it is a pipe");
        assert_eq!(errno(p.read(from, &mut [0])), EAGAIN, "the child has a writing end");
        p.set_nonblocking(from, false).expect("it is a pipe");
        drop(hold);
        assert_eq!(p.read(from, &mut [0]).expect("the end"), 0);
        succeeded(&child.wait().expect("my child"));
    });
}

/// POSIX `write`: EPIPE and SIGPIPE when the last reading end is closed.
#[test]
fn who_writes_where_nobody_reads_gets_sigpipe() {
    let fixture = Fixture::boot();
    for nonblocking in [false, true] {
        let child = fixture.child("unread", move |p| {
            let (from, to) = p.pipe().expect("room");
            p.set_nonblocking(to, nonblocking).expect("it is a pipe");
            p.close(from).expect("it is open");
            p.write(to, b"x").map(drop)
        });
        assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::PIPE));
    }
    fixture.inside(|p| {
        p.sigaction(Signal::PIPE, SigAction::IGNORE).expect("it can be ignored");
        let (from, to) = p.pipe().expect("room");
        p.close(from).expect("it is open");
        assert_eq!(errno(p.write(to, b"x")), EPIPE);
        assert_eq!(p.write(to, b"").expect("nothing is nothing"), 0);
    });
}

/// The ends of a pipe go one way.
#[test]
fn an_end_is_read_or_written_not_both() {
    Fixture::boot().inside(|p| {
        let (from, to) = p.pipe().expect("room");
        assert_eq!(errno(p.write(from, b"x")), EBADF);
        assert_eq!(errno(p.read(to, &mut [0])), EBADF);
    });
}

#[test]
fn what_does_not_wait_is_eagain_with_counts() {
    Fixture::boot().inside(|p| {
        let (from, to) = p.pipe().expect("room");
        p.set_nonblocking(from, true).expect("it is a pipe");
        p.set_nonblocking(to, true).expect("it is a pipe");
        assert_eq!(errno(p.read(from, &mut [0])), EAGAIN);
        let much = vec![7; 1 << 17];
        assert_eq!(p.write(to, &much).expect("room"), 1 << 16, "what fits");
        assert_eq!(errno(p.write(to, &much[..PIPE_BUF])), EAGAIN);
        let mut buf = vec![0; 1 << 17];
        assert_eq!(p.read(from, &mut buf).expect("bytes"), 1 << 16);
        assert_eq!(p.write(to, b"abc").expect("room"), 3);
        assert_eq!(p.read(from, &mut buf[..2]).expect("bytes"), 2);
        assert_eq!(p.read(from, &mut buf).expect("bytes"), 1);
    });
}

/// Row 50: who sleeps in a pipe can be killed there, and is interrupted by a handler.
#[test]
fn a_reader_and_a_writer_are_killed_and_interrupted() {
    let fixture = Fixture::boot();
    let sleeps: [fn(&Process) -> Result<usize>; 2] = [
        |p| {
            let (from, _to) = p.pipe()?;
            p.read(from, &mut [0])
        },
        |p| {
            let (_from, to) = p.pipe()?;
            p.write(to, &vec![0; 1 << 16])?;
            p.write(to, b"one more")
        },
    ];
    for sleep in sleeps {
        let child = fixture.child("killed", move |p| sleep(p).map(drop));
        is_asleep(&fixture, &child);
        child.kill().expect("mine");
        assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
        let child = fixture.child("interrupted", move |p| {
            p.sigaction(Signal::USR1, SigAction::handler(|_, _| {})).expect("it can be handled");
            i32::from(errno(sleep(p)) == EINTR)
        });
        is_asleep(&fixture, &child);
        child.signal(Signal::USR1).expect("mine");
        assert_eq!(child.wait().expect("mine").status.code(), Some(1));
    }
    let (ran, has_run) = unbounded();
    let child = fixture.child("restarted", move |p| {
        let handler = SigAction::handler(move |p, _| {
            p.write(fd(1), b"from the handler").expect("room");
            ran.send(()).expect("the test listens");
        });
        p.sigaction(Signal::USR1, handler.flags(SaFlags::RESTART)).expect("it can be handled");
        let (from, _to) = p.pipe().expect("room");
        i32::try_from(p.read(from, &mut [0; 64]).expect("it goes on")).expect("small")
    });
    is_asleep(&fixture, &child);
    child.signal(Signal::USR1).expect("mine");
    soon(&has_run);
    assert_eq!(child.wait().expect("mine").status.code(), Some(16));
}

/// Files, sockets and pipes of the host are streams.
#[test]
fn what_the_host_has_is_read_and_written() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let mut buf = [0; 16];
        let zero = p.open(std::fs::File::open("/dev/zero").expect("the host has it")).expect("room");
        assert_eq!(p.read(zero, &mut buf).expect("zeros"), 16);
        assert_eq!(errno(p.write(zero, b"x")), EBADF, "the host says that it is open for reading only");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let (reader, writer) = (p.open(reader).expect("room"), p.open(writer).expect("room"));
        assert_eq!(p.write(writer, b"host").expect("room"), 4);
        assert_eq!(p.read(reader, &mut buf).expect("bytes"), 4);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let mut client = TcpStream::connect(address).expect("it listens");
        let (server, _) = listener.accept().expect("it has come");
        let server = p.open(server).expect("room");
        p.set_nonblocking(server, true).expect("it is a socket");
        assert_eq!(errno(p.read(server, &mut buf)), EAGAIN);
        p.set_nonblocking(server, false).expect("it is a socket");
        client.write_all(b"over tcp").expect("it is open");
        assert_eq!(p.read(server, &mut buf).expect("bytes"), 8);
        assert_eq!(p.write(server, b"back").expect("room"), 4);
        client.read_exact(&mut buf[..4]).expect("bytes");
        assert_eq!(&buf[..4], b"back");
        let (mut near, far) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let far = p.open(far).expect("room");
        near.write_all(b"unix").expect("it is open");
        assert_eq!(p.read(far, &mut buf).expect("bytes"), 4);
    });
    let child = fixture.child("reads the host's", |p| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let reader = p.open(reader).expect("room");
        p.open(writer).expect("room");
        p.read(reader, &mut [0]).map(drop)
    });
    is_asleep(&fixture, &child);
    child.kill().expect("mine");
    assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
    let child = fixture.child("writes to the host's", |p| {
        let (_, writer) = std::io::pipe().expect("a pipe");
        let writer = p.open(writer).expect("room");
        p.write(writer, b"x").map(drop)
    });
    assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::PIPE));
}

/// Counts what is written, and has nothing to read unless one may wait.
struct Counter(AtomicUsize);

impl Stream for Counter {
    fn read(&self, _: &Process, buf: &mut [u8], waiting: Waiting) -> Result<usize> {
        match (waiting, buf) {
            (Waiting::Allowed, [first, ..]) => {
                *first = u8::try_from(self.0.load(Ordering::Relaxed)).expect("small");
                Ok(1)
            }
            (Waiting::Allowed, []) => Ok(0),
            (Waiting::Refused, _) => Err(Error::WouldBlock { what: "nothing is counted" }),
        }
    }

    fn write(&self, _: &Process, buf: &[u8], _: Waiting) -> Result<usize> {
        self.0.fetch_add(buf.len(), Ordering::Relaxed);
        Ok(buf.len())
    }

    fn set_nonblocking(&self, nonblocking: bool) -> Result<()> {
        if nonblocking && self.0.load(Ordering::Relaxed) == 0 {
            return Err(Error::NotPermitted { what: "not before something was counted" });
        }
        Ok(())
    }
}

#[test]
fn a_stream_of_ones_own_is_read_and_written() {
    Fixture::boot().inside(|p| {
        let counter = p.open_stream(Counter(AtomicUsize::new(0))).expect("room");
        assert_eq!(errno(p.set_nonblocking(counter, true)), 1, "what the stream says");
        assert!(!p.descriptors()[0].nonblocking, "then the mode is as it was");
        p.write(counter, b"five!").expect("it takes all");
        let other = p.dup_to(counter, Fd::STDERR).expect("room");
        p.write(other, b"two").expect("it takes all");
        let mut buf = [0; 4];
        assert_eq!((p.read(counter, &mut buf).expect("a count"), buf[0]), (1, 8));
        p.set_nonblocking(other, true).expect("something was counted");
        assert_eq!(errno(p.read(counter, &mut buf)), EAGAIN);
        assert_eq!(p.descriptor::<Counter>(counter).expect("its type").0.load(Ordering::Relaxed), 8);
    });
}
