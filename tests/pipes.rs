//! Pipes: what POSIX says of `pipe`, `read` and `write`, between processes and threads outside.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | bytes in order, the end of the file, EPIPE and SIGPIPE, counts, EAGAIN | POSIX `pipe`, `read`, `write` |
//! | writes of up to `PIPE_BUF` bytes in one piece | POSIX `write` |
//! | readers and writers that are killed or interrupted while they wait | rows 50 and 52, decisions 19, 20, 27 |
//! | ends outside any process; `io::Read` and `io::Write` | |

use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{bounded, unbounded};
use greenproc::{
    Child, ExitStatus, PIPE_BUF, PipeReader, PipeWriter, Process, Result, Signal, State, pipe,
    pipe_with_capacity,
};
use greenproc_tests::{Fixture, errno, owns, soon, succeeded};

/// How often a race is run.
const ROUNDS: usize = 200;

/// More than fits into a small pipe.
static LARGE: [u8; 100_000] = [1; 100_000];

/// A call at one of the two ends.
type Call<T> = fn(&Process, &PipeReader, &PipeWriter) -> T;

/// Waits until a process, which does nothing else, sleeps in the pipe.
fn is_asleep(fixture: &Fixture, child: &Child) {
    while fixture.inspect(child.id()).expect("its handle owns it").process.state != State::Sleeping {
        std::thread::yield_now();
    }
}

/// A process that sleeps in `place`, and what it returned.
fn asleep(fixture: &Fixture, place: impl FnOnce(&Process) -> Result<()> + Send + 'static) -> Child {
    let child = fixture.child("asleep", place);
    is_asleep(fixture, &child);
    child
}

/// A small pipe that is full.
fn full() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe_with_capacity(PIPE_BUF);
    assert_eq!(writer.try_write(&[0; PIPE_BUF]).expect("room"), PIPE_BUF);
    (reader, writer)
}

/// Bytes without a short period.
fn noise(seed: u32, count: usize) -> impl Iterator<Item = u8> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(count)
}

/// POSIX `read`: bytes come in order, as many as are there; when every writer is gone the rest, then 0, again and again.
#[test]
fn what_was_written_is_read_and_then_the_file_ends() {
    Fixture::boot().inside(|p| {
        let (reader, writer) = pipe();
        let other = writer.clone();
        assert_eq!(writer.write(p, b"abc").expect("room"), 3);
        drop(writer);
        other.write_all(p, b"defg").expect("room");
        let mut buf = [0; 5];
        assert_eq!(reader.read(p, &mut buf).expect("bytes"), 5);
        assert_eq!(&buf, b"abcde");
        assert_eq!(reader.read(p, &mut []).expect("nothing is nothing"), 0);
        drop(other);
        assert_eq!(reader.read(p, &mut buf).expect("bytes"), 2);
        assert_eq!(&buf[..2], b"fg");
        for _ in 0..2 {
            assert_eq!(reader.read(p, &mut buf).expect("the end"), 0);
        }
    });
}

/// POSIX `read`: a reader that sleeps comes to the end of the file when the last writer goes, not before.
#[test]
fn a_sleeping_reader_hears_that_the_last_writer_goes() {
    let fixture = Fixture::boot();
    let (reader, writer) = pipe();
    let other = writer.clone();
    let child = fixture.child("reader", move |p| {
        let read = reader.read(p, &mut [0; 8]).expect("the end");
        i32::from(read == 0)
    });
    is_asleep(&fixture, &child);
    drop(writer);
    assert!(child.try_wait().expect("mine").is_none(), "there is a writer");
    drop(other);
    assert_eq!(child.wait().expect("mine").status.code(), Some(1));
}

/// POSIX `write`: SIGPIPE for whoever writes to a pipe that nobody reads, by each way to write; the process ends in it.
#[test]
fn a_write_that_nobody_reads_is_sigpipe() {
    let fixture = Fixture::boot();
    let writes: [fn(&Process, &PipeWriter) -> io::Result<()>; 3] = [
        |p, writer| Ok(writer.write(p, b"x").map(drop)?),
        |p, writer| Ok(writer.write_all(p, &[0; 3 * PIPE_BUF])?),
        |_, mut writer| writeln!(writer, "line"),
    ];
    for write in writes {
        let (reader, writer) = pipe();
        let (survived, survivor) = unbounded();
        let child = fixture.child("writer", move |p| {
            writer.write_all(p, b"read").expect("it is open");
            drop(reader);
            let result = write(p, &writer);
            survived.send(()).expect("the test listens");
            result.map_err(|error| error.to_string())
        });
        assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::PIPE));
        assert!(survivor.recv().is_err(), "it does not come back from the write");
    }
}

/// Decision 20: where a process cannot unwind it sees EPIPE, and SIGPIPE ends it at the next checkpoint.
#[test]
fn a_critical_section_sees_epipe_first() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let child = fixture.child("critical", move |p| {
        let (reader, writer) = pipe();
        drop(reader);
        say.send(p.critical(|| errno(writer.write(p, b"x")))).expect("the test listens");
        p.checkpoint();
        say.send(-1).expect("the test listens");
    });
    assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::PIPE));
    assert_eq!(said.iter().collect::<Vec<_>>(), [libc::EPIPE]);
}

/// POSIX `write`: a writer that sleeps hears that the last reader goes, not before. An empty write is none.
#[test]
fn a_sleeping_writer_hears_that_the_last_reader_goes() {
    let fixture = Fixture::boot();
    for size in [1, 10 * PIPE_BUF] {
        let (reader, writer) = full();
        let other = reader.clone();
        let child = asleep(&fixture, move |p| writer.write_all(p, &vec![0; size]));
        drop(reader);
        assert!(child.try_wait().expect("mine").is_none(), "there is a reader");
        drop(other);
        assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::PIPE));
    }
    let (reader, writer) = pipe();
    drop(reader);
    assert_eq!(fixture.inside(move |p| writer.write(p, b"")).expect("nothing is written"), 0);
}

/// POSIX `write`: up to `PIPE_BUF` bytes are not mixed with those of others, whatever room there is.
#[test]
fn small_writes_of_many_writers_are_not_mixed() {
    const WRITERS: u8 = 8;
    const RECORDS: u16 = 100;
    const HEAD: usize = 5;
    let fixture = Fixture::boot();
    let (reader, writer) = pipe_with_capacity(PIPE_BUF + 1000);
    let writers: Vec<_> = (0..WRITERS)
        .map(|id| {
            let writer = writer.clone();
            fixture.child("writer", move |p| {
                (0..RECORDS).try_for_each(|number| {
                    let body = (usize::from(number) * 997 + usize::from(id) * 131) % (PIPE_BUF - HEAD + 1);
                    let [n0, n1] = number.to_be_bytes();
                    let [b0, b1] = u16::try_from(body).expect("small").to_be_bytes();
                    let mut record = vec![id, n0, n1, b0, b1];
                    record.resize(HEAD + body, id);
                    writer.write_all(p, &record)
                })
            })
        })
        .collect();
    drop(writer);
    let mut next = [0_u16; WRITERS as usize];
    let mut stream = io::BufReader::new(reader);
    let mut head = [0; HEAD];
    for _ in 0..u32::from(WRITERS) * u32::from(RECORDS) {
        stream.read_exact(&mut head).expect("a record");
        let [id, n0, n1, b0, b1] = head;
        assert_eq!(u16::from_be_bytes([n0, n1]), next[usize::from(id)], "the next of writer {id}");
        next[usize::from(id)] += 1;
        let mut body = vec![0; usize::from(u16::from_be_bytes([b0, b1]))];
        stream.read_exact(&mut body).expect("its body");
        assert!(body.iter().all(|&byte| byte == id), "writer {id} alone");
    }
    assert_eq!(next, [RECORDS; WRITERS as usize]);
    assert_eq!(stream.read(&mut head).expect("the end"), 0);
    for writer in writers {
        succeeded(&writer.wait().expect("mine"));
    }
}

/// Row 50: a reader and a writer that sleep are ended, in the calls with a process and in those of `io`.
#[test]
fn who_sleeps_in_a_pipe_is_ended() {
    let fixture = Fixture::boot();
    let (silent, open) = pipe();
    let (unread, full) = full();
    let places: [Call<io::Result<()>>; 5] = [
        |p, reader, _| Ok(reader.read(p, &mut [0; 8]).map(drop)?),
        |_, mut reader, _| reader.read_to_end(&mut Vec::new()).map(drop),
        |p, _, writer| Ok(writer.write(p, &[1; 8]).map(drop)?),
        |p, _, writer| Ok(writer.write_all(p, &LARGE)?),
        |_, _, mut writer| writer.write_fmt(format_args!("line")),
    ];
    for place in places {
        for signal in [Signal::KILL, Signal::TERM] {
            let (reader, writer) = (silent.clone(), full.clone());
            let child = fixture
                .child("victim", move |p| place(p, &reader, &writer).map_err(|error| error.to_string()));
            is_asleep(&fixture, &child);
            child.signal(signal).expect("it lives");
            assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(signal));
        }
    }
    assert_eq!((silent.available(), unread.available()), (0, PIPE_BUF), "nobody took or wrote anything");
    drop((open, unread));
    assert_eq!(silent.try_read(&mut [0; 8]).expect("the end"), 0, "the ends of the killed are closed");
    assert_eq!(errno(full.try_write(b"x")), libc::EPIPE);
}

/// Decision 20: SIGTERM interrupts a polite reader and writer. EINTR if nothing was written, else how much was.
#[test]
fn a_polite_process_is_interrupted() {
    let fixture = Fixture::boot();
    let (silent, open) = pipe();
    let (unread, full) = full();
    let calls: [Call<Result<usize>>; 4] = [
        |p, reader, _| reader.read(p, &mut [0; 8]),
        |p, _, writer| writer.write(p, &[1]),
        |p, _, writer| writer.write(p, &LARGE),
        |p, _, writer| writer.write_all(p, &LARGE).map(|()| 0),
    ];
    for call in calls {
        let (reader, writer) = (silent.clone(), full.clone());
        let child = fixture.child("polite", move |p| {
            assert!(!p.stop_requested());
            call(p, &reader, &writer).expect_err("SIGTERM").errno()
        });
        is_asleep(&fixture, &child);
        child.signal(Signal::TERM).expect("it lives");
        assert_eq!(child.wait().expect("mine").status.code(), Some(libc::EINTR));
    }
    assert_eq!((silent.available(), unread.available()), (0, PIPE_BUF));
    drop((open, unread));
    // With some room, the same large writes get as far as that.
    for (whole, expected) in [(false, Ok(PIPE_BUF)), (true, Err(libc::EINTR))] {
        let (reader, writer) = pipe_with_capacity(PIPE_BUF);
        let (say, said) = bounded(1);
        let child = fixture.child("polite", move |p| {
            assert!(!p.stop_requested());
            let result = if whole {
                writer.write_all(p, &LARGE).map(|()| LARGE.len())
            } else {
                writer.write(p, &LARGE)
            };
            say.send(result.map_err(|error| error.errno())).expect("the test listens");
        });
        is_asleep(&fixture, &child);
        child.signal(Signal::TERM).expect("it lives");
        assert_eq!(soon(&said), expected);
        succeeded(&child.wait().expect("mine"));
        assert_eq!(reader.available(), PIPE_BUF);
    }
}

/// Decision 27: a reader that is killed just when a byte comes took it, or left it to the other.
#[test]
fn a_killed_reader_does_not_lose_the_wake_up() {
    let fixture = Fixture::boot();
    for _ in 0..ROUNDS {
        let (reader, writer) = pipe();
        let (say, said) = unbounded();
        let readers = [(); 2].map(|()| {
            let (reader, say) = (reader.clone(), say.clone());
            let child = fixture.child("reader", move |p| {
                let read = reader.read(p, &mut [0; 8]).expect("a byte, the end, or death");
                say.send(read).expect("the test listens");
            });
            is_asleep(&fixture, &child);
            child
        });
        drop(say);
        let first = readers[0].id();
        let killer = fixture.child("killer", move |p| p.kill(first, Signal::KILL));
        assert_eq!(writer.try_write(b"x").expect("room"), 1);
        drop(writer);
        succeeded(&killer.wait().expect("mine"));
        let status = readers[0].wait().expect("mine").status;
        assert!(status.success() || status == ExitStatus::killed(Signal::KILL), "{status}");
        succeeded(&readers[1].wait().expect("mine"));
        assert_eq!(said.iter().sum::<usize>(), 1);
    }
}

/// A killed process whose destructor writes to a full pipe is not held by it: what the standard library would call again
/// for ever comes as another error.
#[test]
fn a_flush_in_a_destructor_holds_no_killed_process() {
    let fixture = Fixture::boot();
    let (unread, writer) = full();
    let (silent, open) = pipe();
    let child = fixture.child("buffered", move |p| {
        let mut buffered = BufWriter::new(writer);
        buffered.write_all(b"lost").expect("it is only buffered");
        silent.read(p, &mut [0; 8]).map(drop)
    });
    is_asleep(&fixture, &child);
    child.kill().expect("it lives");
    assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    assert_eq!(unread.available(), PIPE_BUF);
    drop(open);
}

/// The same, seen: `Other` inside `critical` for a dying process, and EINTR in the call with the process.
#[test]
fn a_dying_process_sees_that_it_may_not_sleep() {
    let fixture = Fixture::boot();
    let (say, said) = unbounded();
    let (_unread, full) = full();
    let (silent, _open) = pipe();
    let child = fixture.child("dying", move |p| {
        p.critical(|| {
            p.kill(p.pid(), Signal::KILL).expect("it lives");
            let kinds = [
                Read::read(&mut &silent, &mut [0; 8]).expect_err("it may not sleep").kind(),
                Write::write(&mut &full, b"x").expect_err("it may not sleep").kind(),
            ];
            let numbers = [errno(silent.read(p, &mut [0; 8])), errno(full.write(p, b"x"))];
            say.send((kinds, numbers)).expect("the test listens");
        });
        p.checkpoint();
    });
    assert_eq!(child.wait().expect("mine").status, ExitStatus::killed(Signal::KILL));
    assert_eq!(soon(&said), ([ErrorKind::Other; 2], [libc::EINTR; 2]));
}

/// `available`: what can be read and what there is room for make up the capacity.
#[test]
fn counts_tell_what_is_there() {
    for (asked, capacity) in [(0, PIPE_BUF), (PIPE_BUF, PIPE_BUF), (5000, 5000), (1 << 20, 1 << 20)] {
        let (reader, writer) = pipe_with_capacity(asked);
        for (written, read, left) in [(0, 0, 0), (100, 40, 60), (4000, 60, 4000), (96, 4096, 0)] {
            assert_eq!(writer.try_write(&vec![0; written]).expect("room"), written);
            assert_eq!(reader.try_read(&mut vec![0; read]).unwrap_or(0), read);
            assert_eq!((reader.available(), writer.available()), (left, capacity - left));
        }
    }
    let (reader, writer) = pipe();
    assert_eq!((reader.available(), writer.available()), (0, 65_536));
}

/// POSIX `read` and `write` with `O_NONBLOCK`: EAGAIN instead of a sleep, small writes all or none, EPIPE, the end.
#[test]
fn tries_do_not_wait() {
    let fixture = Fixture::boot();
    let rows = |reader: &PipeReader, writer: &PipeWriter| {
        assert_eq!(errno(reader.try_read(&mut [0; 8])), libc::EAGAIN);
        assert_eq!(reader.try_read(&mut []).expect("nothing is nothing"), 0);
        assert_eq!(writer.try_write(&[0; 3 * PIPE_BUF]).expect("room for a part"), PIPE_BUF);
        assert_eq!(errno(writer.try_write(&[0; 3 * PIPE_BUF])), libc::EAGAIN);
        assert_eq!(reader.try_read(&mut [0; 100]).expect("bytes"), 100);
        assert_eq!(errno(writer.try_write(&[0; 101])), libc::EAGAIN);
        assert_eq!(errno(writer.try_write(&[0; PIPE_BUF])), libc::EAGAIN);
        assert_eq!(writer.try_write(&[]).expect("nothing is nothing"), 0);
        assert_eq!(writer.try_write(&[0; 100]).expect("room"), 100);
    };
    let (reader, writer) = pipe_with_capacity(PIPE_BUF);
    rows(&reader, &writer);
    drop(writer);
    assert_eq!(reader.try_read(&mut [0; 2 * PIPE_BUF]).expect("the rest"), PIPE_BUF);
    assert_eq!(reader.try_read(&mut [0; 8]).expect("the end"), 0);
    fixture.inside(move |p| {
        let (reader, writer) = pipe_with_capacity(PIPE_BUF);
        rows(&reader, &writer);
        drop(reader);
        assert_eq!(errno(writer.try_write(b"x")), libc::EPIPE);
        p.checkpoint();
    });
}

/// A write goes in as soon as there is room for it, to the byte.
#[test]
fn a_sleeping_writer_goes_on_when_there_is_room() {
    let fixture = Fixture::boot();
    for size in [1, 100, PIPE_BUF] {
        let (reader, writer) = full();
        let child = asleep(&fixture, move |p| writer.write_all(p, &vec![1; size]));
        assert_eq!(reader.try_read(&mut vec![0; size]).expect("bytes"), size);
        succeeded(&child.wait().expect("mine"));
        assert_eq!(reader.available(), PIPE_BUF);
    }
}

/// Threads outside any process read and write too, wait for processes and are waited for.
#[test]
fn ends_are_used_from_outside() {
    let fixture = Fixture::boot();
    let (reader, mut to_child) = pipe_with_capacity(PIPE_BUF);
    let (mut from_child, writer) = pipe_with_capacity(PIPE_BUF);
    let echo = fixture.child("echo", move |p| -> Result<()> {
        let mut buf = [0; 1000];
        loop {
            match reader.read(p, &mut buf)? {
                0 => return Ok(()),
                read => writer.write_all(p, &buf[..read])?,
            }
        }
    });
    let sent: Vec<u8> = noise(1, 300_000).collect();
    let mut got = Vec::new();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            Write::write_all(&mut to_child, &sent).expect("it is read");
            drop(to_child);
        });
        from_child.read_to_end(&mut got).expect("nobody interrupts a thread outside");
    });
    assert!(got == sent, "{} of {} bytes came back", got.len(), sent.len());
    succeeded(&echo.wait().expect("mine"));
}

/// From outside any process a write that nobody reads is EPIPE without a signal; a large one says how far it got.
#[test]
fn outside_there_is_only_epipe() {
    let fixture = Fixture::boot();
    let (reader, mut writer) = pipe_with_capacity(PIPE_BUF);
    let child = fixture.child("reader", move |p| -> Result<()> {
        let mut left = PIPE_BUF;
        while left > 0 {
            left -= reader.read(p, &mut vec![0; left])?;
        }
        // The writer has put as much in again, or finds nobody here.
        Ok(())
    });
    let written = Write::write(&mut writer, &LARGE).expect("a part");
    assert!([PIPE_BUF, 2 * PIPE_BUF].contains(&written), "{written}");
    assert_eq!(Write::write(&mut writer, b"x").expect_err("nobody reads").kind(), ErrorKind::BrokenPipe);
    assert_eq!(Write::write(&mut writer, b"").expect("nothing is written"), 0);
    succeeded(&child.wait().expect("mine"));
}

/// A million bytes in pieces of all sizes through the smallest pipe there is come out as they were.
#[test]
fn a_million_bytes_pass_through_a_small_pipe() {
    const COUNT: usize = 1_000_000;
    let fixture = Fixture::boot();
    let (reader, writer) = pipe_with_capacity(0);
    let writer = fixture.child("writer", move |p| -> Result<()> {
        let bytes: Vec<u8> = noise(7, COUNT).collect();
        let mut rest = &bytes[..];
        for size in (1..10_000).step_by(997).cycle() {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            if piece.is_empty() {
                break;
            }
            writer.write_all(p, piece)?;
            rest = after;
        }
        Ok(())
    });
    let (count, sum) = fixture.inside(move |p| {
        let (mut count, mut sum) = (0, checksum([]));
        let mut buf = [0; 6000];
        for size in (1..6000).step_by(613).cycle() {
            let read = reader.read(p, &mut buf[..size]).expect("bytes or the end");
            if read == 0 {
                break;
            }
            count += read;
            sum = buf[..read].iter().copied().fold(sum, add);
        }
        (count, sum)
    });
    assert_eq!((count, sum), (COUNT, checksum(noise(7, COUNT))));
    succeeded(&writer.wait().expect("mine"));
}

/// FNV-1a: the order counts.
fn checksum(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, add)
}

fn add(sum: u64, byte: u8) -> u64 {
    (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

/// Each byte goes to one of several readers, and each reader comes to the end.
#[test]
fn readers_share_what_comes() {
    const BYTES: usize = 50_000;
    let fixture = Fixture::boot();
    let (reader, writer) = pipe_with_capacity(PIPE_BUF);
    let total = Arc::new(AtomicU64::new(0));
    let readers = [(); 4].map(|()| {
        let (reader, total) = (reader.clone(), Arc::clone(&total));
        fixture.child("reader", move |p| -> Result<()> {
            let mut buf = [0; 100];
            loop {
                let read = reader.read(p, &mut buf)?;
                if read == 0 {
                    return Ok(());
                }
                let sum: u64 = buf[..read].iter().copied().map(u64::from).sum();
                total.fetch_add(sum, Ordering::Relaxed);
            }
        })
    });
    drop(reader);
    fixture.inside(move |p| {
        let bytes: Vec<u8> = noise(3, BYTES).collect();
        bytes.chunks(333).for_each(|piece| writer.write_all(p, piece).expect("it is read"));
    });
    for reader in readers {
        succeeded(&reader.wait().expect("mine"));
    }
    assert_eq!(total.load(Ordering::Relaxed), noise(3, BYTES).map(u64::from).sum());
}

/// A panic in a process closes its ends: the other side is not left waiting.
#[test]
fn the_ends_of_a_process_that_panics_are_closed() {
    let fixture = Fixture::boot();
    let (mut reader, writer) = pipe();
    let child = fixture.child("panics", move |_| {
        owns(&writer);
        panic!("on purpose");
    });
    assert_eq!(Read::read(&mut reader, &mut [0; 8]).expect("the end"), 0);
    assert_eq!(child.wait().expect("mine").status, ExitStatus::dumped(Signal::ABRT));
}
