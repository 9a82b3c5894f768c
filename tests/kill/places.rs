//! Where a process can be when it is ended, and that a kick hits nobody else.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use greenproc::{Child, Command, ExitStatus, KillableMutex, Process, Signal, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, hold, succeeded};

use crate::{FOR_EVER, Witness, is_ended_in};

/// Row 50: in a sleep of the runtime.
#[test]
fn a_sleeping_process_is_ended() {
    is_ended_in(&Fixture::boot(), |p| {
        let _ = p.sleep(FOR_EVER);
    });
}

/// Row 50: in a wait for a child, by the process itself and through the handle, with and without a time-out.
#[test]
fn a_waiting_process_is_ended() {
    let fixture = Fixture::boot();
    let (hold, held) = hold();
    let child = move |p: &Process| p.spawn(Command::new("child", held.clone())).expect("room");
    let spawn = child.clone();
    is_ended_in(&fixture, move |p| {
        drop(spawn(p));
        let _ = p.wait();
    });
    let spawn = child.clone();
    is_ended_in(&fixture, move |p| {
        let _ = spawn(p).wait();
    });
    is_ended_in(&fixture, move |p| {
        drop(child(p));
        let _ = p.wait_timeout(WaitFor::Any, WaitFlags::empty(), FOR_EVER);
    });
    drop(hold);
}

/// Row 50: in a receive, with and without a time-out.
#[test]
fn a_receiving_process_is_ended() {
    let fixture = Fixture::boot();
    let (_open, silent) = bounded::<()>(0);
    let other = silent.clone();
    is_ended_in(&fixture, move |p| {
        let _ = p.recv(&silent);
    });
    is_ended_in(&fixture, move |p| {
        let _ = p.recv_timeout(&other, FOR_EVER);
    });
}

/// Row 50: in a send into a full channel.
#[test]
fn a_sending_process_is_ended() {
    let (full, nobody_reads) = bounded(1);
    full.send(()).expect("room for one");
    is_ended_in(&Fixture::boot(), move |p| {
        let _ = p.send(&full, ());
    });
    assert_eq!(nobody_reads.len(), 1, "nothing of the killed was sent");
}

/// Row 50: in the line for a lock.
#[test]
fn a_process_that_waits_for_a_lock_is_ended() {
    let fixture = Fixture::boot();
    let lock = Arc::new(KillableMutex::new(0));
    let guard = lock.try_lock().expect("nobody has it");
    let theirs = Arc::clone(&lock);
    is_ended_in(&fixture, move |p| {
        if let Ok(mut guard) = theirs.lock(p) {
            *guard += 1;
        }
    });
    assert_eq!(*guard, 0);
}

/// Row 50: in the join of another LWP; that LWP is made to leave too.
#[test]
fn a_joining_process_is_ended() {
    is_ended_in(&Fixture::boot(), |p| {
        let other = p.spawn_lwp(|p| p.sleep(FOR_EVER)).expect("room");
        let _ = other.join(p);
    });
}

/// Row 50: in a loop that only comes to checkpoints.
#[test]
fn a_computing_process_is_ended_at_a_checkpoint() {
    is_ended_in(&Fixture::boot(), |p| {
        loop {
            p.checkpoint();
        }
    });
}

/// Row 50: in read(2) on a pipe that stays silent.
#[test]
fn a_process_in_a_host_call_is_ended() {
    is_ended_in(&Fixture::boot(), |p| {
        let (mut silent, _open) = io::pipe().expect("a pipe");
        let _ = p.blocking(|| silent.read(&mut [0; 16]));
    });
}

/// Row 51: in read(2) on several LWPs at once, each on a pipe of its own.
#[test]
fn all_lwps_of_a_process_in_host_calls_are_ended() {
    is_ended_in(&Fixture::boot(), |p| {
        let read = |p: &Process| {
            let (mut silent, _open) = io::pipe().expect("a pipe");
            p.blocking(|| silent.read(&mut [0; 16])).map(|_| ())
        };
        for _ in 0..3 {
            p.spawn_lwp(read).expect("room").detach();
        }
        let _ = read(p);
    });
}

/// Row 50: in accept(2), which the standard library calls again on EINTR: a connection ends it.
#[test]
fn a_process_in_accept_is_ended_by_its_cancel() {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").expect("a port"));
    let address = listener.local_addr().expect("bound");
    is_ended_in(&Fixture::boot(), move |p| {
        loop {
            let connect = move || drop(TcpStream::connect(address));
            let _ = p.blocking_with(|| listener.accept(), connect);
            p.checkpoint();
        }
    });
}

/// Row 50: in open(2) on a FIFO that nobody writes to, which the standard library calls again on EINTR too: a writer ends it.
#[test]
fn a_process_that_opens_a_fifo_is_ended_by_its_cancel() {
    let path = std::env::temp_dir().join(format!("greenproc-fifo-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
    assert!(made.success());
    let fifo = path.clone();
    is_ended_in(&Fixture::boot(), move |p| {
        // As long as the writer that ended the one before is still open, it comes back at once.
        loop {
            // Read and write, so that it is opened at once; kept open, so that a reader who comes later finds it.
            let writer = Arc::new(OnceLock::new());
            let (kept, path) = (Arc::clone(&writer), fifo.clone());
            let open = move || {
                let mut options = OpenOptions::new();
                let _ = kept.set(options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open(&path));
            };
            let _ = p.blocking_with(|| File::open(&fifo), open);
            p.checkpoint();
        }
    });
    std::fs::remove_file(path).expect("it is there");
}

/// Row 38: who is killed before the first step never takes it; the closure is dropped as that process.
#[test]
fn an_embryo_is_killed_and_its_closure_dropped_as_that_process() {
    let fixture = Fixture::with(|builder| builder.spin(Duration::ZERO));
    let (embryos, begun) = fixture.inside(|p| {
        let (mut embryos, mut begun) = (0, 0);
        for _ in 0..1000 {
            let (started, has_started) = unbounded();
            let (dropped, was_dropped) = unbounded();
            let witness = Witness(dropped);
            let child = p.spawn(Command::new("embryo", move |p| {
                let _witness = witness;
                let _ = started.send(());
                p.sleep(FOR_EVER)
            }));
            let child = child.expect("room");
            child.kill().expect("it lives");
            let waited = child.wait().expect("a child");
            assert_eq!(waited.status, ExitStatus::killed(Signal::KILL));
            assert_eq!(was_dropped.try_recv(), Ok(Some(child.id())));
            if has_started.try_recv().is_ok() { begun += 1 } else { embryos += 1 }
        }
        (embryos, begun)
    });
    assert!(embryos > 0, "no kill came first in {begun} attempts");
}

/// Reads one byte by itself, outside `Process::blocking`, and counts how often the host interrupted it.
fn read_counting_interruptions(pipe: &mut impl Read) -> u32 {
    let mut interruptions = 0;
    loop {
        match pipe.read(&mut [0]) {
            Ok(_) => return interruptions,
            Err(error) if error.kind() == ErrorKind::Interrupted => interruptions += 1,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Starts a process that reads from a silent pipe, and returns it when it is about to.
fn reader(fixture: &Fixture) -> (Child, i32) {
    let (ready, is_ready) = bounded(0);
    let child = fixture.child("reader", move |p| {
        let (mut silent, _open) = io::pipe().expect("a pipe");
        ready.send(greenproc_os::thread::tid().as_raw()).expect("the test listens");
        p.blocking(|| silent.read(&mut [0])).map(|_| ())
    });
    (child, is_ready.recv().expect("it begins"))
}

/// Row 50: the kick is sent under the lock of the process it is meant for, so the next process on the thread, in a read of
/// its own that would see every signal, sees none; not even while many more are kicked.
#[test]
fn a_kick_never_hits_the_next_process_on_the_thread() {
    let fixture = Fixture::with(|builder| builder.spin(Duration::ZERO));
    let mut on_a_kicked_thread = 0;
    for _ in 0..20 {
        let (victim, kicked) = reader(&fixture);
        victim.kill().expect("it lives");
        assert_eq!(victim.wait().expect("mine").status.signal(), Some(Signal::KILL));
        let (mut quiet, mut end) = io::pipe().expect("a pipe");
        let (ready, is_ready) = bounded(0);
        let next = fixture.spawn_returning("next", move |_| {
            ready.send(greenproc_os::thread::tid().as_raw()).expect("the test listens");
            read_counting_interruptions(&mut quiet)
        });
        let (next, interruptions) = next.expect("room");
        on_a_kicked_thread += u32::from(is_ready.recv() == Ok(kicked));
        for _ in 0..10 {
            let (other, _) = reader(&fixture);
            other.kill().expect("it lives");
            assert_eq!(other.wait().expect("mine").status.signal(), Some(Signal::KILL));
        }
        end.write_all(&[0]).expect("it reads");
        succeeded(&next.wait().expect("mine"));
        assert_eq!(interruptions.take(), Some(0));
    }
    assert!(on_a_kicked_thread > 0, "threads are used again");
}
