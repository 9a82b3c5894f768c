//! A terminal in the table: what a shell gives its jobs as 0, 1 and 2.

use std::io::Read;

use greenproc::{
    Command, Fd, ProcessGroup, Result, SigAction, Signal, State, Tty, TtyMaster, WaitFlags, WaitFor,
};
use greenproc_tests::{Fixture, errno, succeeded};

use crate::EAGAIN;

const EIO: i32 = 5;

fn shown(master: &TtyMaster) -> String {
    let mut buf = vec![0; master.available()];
    let count = Read::read(&mut &*master, &mut buf).expect("it is there");
    String::from_utf8_lossy(&buf[..count]).into_owned()
}

/// `Process::read` and `write`: a terminal waits as it does without a number, and a non-blocking one says EAGAIN.
#[test]
fn a_terminal_is_read_and_written_by_number() {
    let fixture = Fixture::boot();
    let (master, tty) = Tty::open();
    let child = fixture.child("cat", move |p| -> Result<()> {
        let tty = p.open(tty)?;
        let mut buf = [0; 16];
        p.set_nonblocking(tty, true)?;
        assert_eq!(errno(p.read(tty, &mut buf)), EAGAIN, "nothing was typed");
        p.set_nonblocking(tty, false)?;
        let count = p.read(tty, &mut buf)?;
        assert_eq!(p.write(tty, &buf[..count])?, count);
        p.set_nonblocking(tty, true)?;
        let count = p.read(tty, &mut buf)?;
        assert_eq!(&buf[..count], b"two\n", "the second line was there");
        assert_eq!(p.read(tty, &mut buf)?, 0, "^D");
        Ok(())
    });
    while fixture.inspect(child.id()).expect("its handle owns it").process.state != State::Sleeping {
        std::thread::yield_now();
    }
    master.input(b"one\rtwo\r\x04");
    succeeded(&child.wait().expect("mine"));
    assert_eq!(shown(&master), "one\r\ntwo\r\none\r\n");
}

/// The same: what there is no room for is not written.
#[test]
fn a_full_terminal_says_eagain() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        let room = tty.room();
        let tty = p.open(tty).expect("room");
        p.set_nonblocking(tty, true).expect("it is a stream");
        assert_eq!(p.write(tty, &vec![b'x'; room + 1]).expect("a part of it"), room);
        assert_eq!(errno(p.write(tty, b"x")), EAGAIN);
        assert_eq!(p.write(tty, b"").expect("nothing is nothing"), 0);
        assert_eq!(shown(&master).len(), room);
        assert_eq!(p.write(tty, b"x").expect("room"), 1);
        drop(master);
        for nonblocking in [false, true] {
            p.set_nonblocking(tty, nonblocking).expect("it is a stream");
            assert_eq!(errno(p.write(tty, b"x")), EIO, "it is hung up");
            assert_eq!(p.read(tty, &mut [0]).expect("the end"), 0);
        }
    });
}

/// POSIX 11.1.4: who reads from the background is stopped, also if it would not have waited; EIO if it ignores that.
#[test]
fn jobs_in_the_background_are_stopped_by_number_too() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        p.setsid().expect("it leads no group");
        p.set_controlling_tty(&tty).expect("both are free");
        p.sigaction(Signal::TTOU, SigAction::IGNORE).expect("it may be ignored");
        let input = p.open(tty.clone()).expect("room");
        for nonblocking in [false, true] {
            p.set_nonblocking(input, nonblocking).expect("it is a stream");
            let job = Command::new("job", move |p| {
                assert_eq!(p.read(input, &mut [0; 2])?, 2);
                p.sigaction(Signal::TTIN, SigAction::IGNORE)?;
                Result::Ok(())
            });
            let job = p.spawn(job.process_group(ProcessGroup::New)).expect("room").id();
            let waited =
                p.wait4(WaitFor::Pid(job), WaitFlags::UNTRACED).expect("my child").expect("no NOHANG");
            assert_eq!(waited.status.stopped_signal(), Some(Signal::TTIN));
            master.input(b"x\r");
            p.tcsetpgrp(&tty, job).expect("in my session");
            p.kill(job, Signal::CONT).expect("my child");
            succeeded(&p.wait().expect("my child"));
            p.tcsetpgrp(&tty, p.pgid()).expect("mine");
            let deaf = Command::new("deaf", move |p| {
                p.sigaction(Signal::TTIN, SigAction::IGNORE)?;
                assert_eq!(errno(p.read(input, &mut [0])), EIO);
                Result::Ok(())
            });
            p.spawn(deaf.process_group(ProcessGroup::New)).expect("room");
            succeeded(&p.wait().expect("my child"));
        }
    });
}

/// Row 17: the handle is closed with the table, which the other side sees as the end.
#[test]
fn a_terminal_is_closed_with_the_table() {
    let fixture = Fixture::boot();
    let (mut master, tty) = Tty::open();
    let command = Command::new("greets", |p| p.write(Fd::STDOUT, b"hello").map(drop));
    let child = fixture.spawn(command.descriptor(Fd::STDOUT, tty)).expect("room");
    let mut screen = String::new();
    master.read_to_string(&mut screen).expect("the end");
    assert_eq!(screen, "hello");
    succeeded(&child.wait().expect("mine"));
}
