//! Terminals: what POSIX says of the General Terminal Interface, between processes, sessions and a keyboard.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | the controlling terminal, its foreground group, and every errno | POSIX 11.1.3, `tcgetpgrp`, `tcsetpgrp` |
//! | ^C, ^\\, ^Z and SIGWINCH | POSIX 11.1.9, decision 16 |
//! | reads and writes from the background | POSIX 11.1.4 |
//! | the hang-up, by the leader's end and by the other side's | row 30 |

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::unbounded;
use greenproc::{
    Child, Command, MaskHow, Pid, Process, ProcessGroup, Result, SaFlags, SigAction, Signal, State, Tty,
    TtyMaster, WaitFlags, WaitFor, WindowSize,
};
use greenproc_tests::{Fixture, errno, soon, stay, succeeded};

/// Makes the caller lead a session with this terminal. As shells do, it ignores SIGTTOU; its jobs do not, see [`job`].
fn lead(p: &Process, tty: &Tty) {
    p.setsid().expect("it leads no group");
    p.set_controlling_tty(tty).expect("both are free");
    p.sigaction(Signal::TTOU, SigAction::IGNORE).expect("it may be ignored");
}

/// A child in a group of its own that does what most programs do about SIGTTOU.
fn job<T: greenproc::Termination>(p: &Process, body: impl FnOnce(&Process) -> T + Send + 'static) -> Pid {
    join(p, ProcessGroup::New, body)
}

fn join<T: greenproc::Termination>(
    p: &Process,
    group: ProcessGroup,
    body: impl FnOnce(&Process) -> T + Send + 'static,
) -> Pid {
    let command = Command::new("job", move |p| {
        p.sigaction(Signal::TTOU, SigAction::DEFAULT).expect("it may be set");
        body(p)
    });
    p.spawn(command.process_group(group)).expect("room for a job").id()
}

/// A job that does nothing until it is killed.
fn idle(p: &Process) -> Pid {
    job(p, |p| p.pause().map(drop))
}

/// The signal that a child has stopped by.
fn stopped(p: &Process, pid: Pid) -> Option<Signal> {
    let waited = p.wait4(WaitFor::Pid(pid), WaitFlags::UNTRACED).expect("my child").expect("no NOHANG");
    waited.status.stopped_signal()
}

/// The signal that a child was ended by.
fn ended_by(p: &Process, pid: Pid) -> Option<Signal> {
    p.wait4(WaitFor::Pid(pid), WaitFlags::empty()).expect("my child").expect("no NOHANG").status.signal()
}

/// The exit value of a child.
fn exited(p: &Process, pid: Pid) -> Option<i32> {
    p.wait4(WaitFor::Pid(pid), WaitFlags::empty()).expect("my child").expect("no NOHANG").status.code()
}

/// Waits until a process, which does nothing else, sleeps.
fn is_asleep(fixture: &Fixture, child: &Child) {
    while fixture.inspect(child.id()).expect("its handle owns it").process.state != State::Sleeping {
        std::thread::yield_now();
    }
}

/// What there is to be shown now.
fn shown(master: &TtyMaster) -> String {
    let mut screen = vec![0; master.available()];
    let count = if screen.is_empty() { 0 } else { master.try_read_output(&mut screen).expect("it is there") };
    String::from_utf8_lossy(&screen[..count]).into_owned()
}

fn line(p: &Process, tty: &Tty) -> Result<String> {
    let mut buf = [0; 80];
    tty.read(p, &mut buf).map(|count| String::from_utf8_lossy(&buf[..count]).into_owned())
}

/// POSIX: lines, the end of the file, and echoes; raw bytes.
#[test]
fn what_is_typed_is_read_and_what_is_written_is_shown() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        master.input(b"helo\x7flo\rrest\x04\x04");
        assert_eq!(line(p, &tty).expect("typed"), "hello\n");
        assert_eq!(line(p, &tty).expect("typed"), "rest");
        assert_eq!(line(p, &tty).expect("^D"), "");
        tty.write_all(p, b"a\n").expect("room");
        assert_eq!(shown(&master), "helo\x08 \x08lo\r\nresta\r\n");
        tty.set_termios(p, tty.termios().raw()).expect("nobody's");
        master.input(b"\x03\r");
        assert_eq!(line(p, &tty).expect("typed"), "\x03\r");
        assert_eq!(shown(&master), "");
        master.input(b"lost");
        tty.flush_input(p).expect("nobody's");
        tty.write_all(p, b"lost").expect("room");
        tty.flush_output(p).expect("nobody's");
        assert_eq!((tty.available(), master.available()), (0, 0));
    });
}

/// A reader that sleeps is woken by what it can read, also by a change of the mode; one outside any process as well.
#[test]
fn readers_sleep_until_there_is_something() {
    let fixture = Fixture::boot();
    let (master, tty) = Tty::open();
    for typed in ["x\r", "\x04"] {
        let theirs = tty.clone();
        let child = fixture.child("reader", move |p| line(p, &theirs).map(drop));
        is_asleep(&fixture, &child);
        master.input(b"y");
        assert!(child.try_wait().expect("mine").is_none(), "the line has not ended");
        master.input(typed.as_bytes());
        succeeded(&child.wait().expect("mine"));
    }
    let theirs = tty.clone();
    let child = fixture.child("reader", move |p| line(p, &theirs).map(drop));
    is_asleep(&fixture, &child);
    master.input(b"z");
    let theirs = tty.clone();
    fixture.inside(move |p| theirs.set_termios(p, theirs.termios().raw())).expect("nobody's");
    succeeded(&child.wait().expect("mine"));
    master.input(b"out");
    let mut buf = [0; 8];
    assert_eq!(Read::read(&mut &tty, &mut buf).expect("typed"), 3);
    Write::write_all(&mut &tty, b"side").expect("room");
    assert_eq!(shown(&master), "yx\r\nyzside");
}

/// A writer sleeps while the screen is slow, and all of it comes out in order; a reader of the output comes to its end
/// when every handle is dropped.
#[test]
fn a_writer_waits_for_the_screen() {
    let fixture = Fixture::boot();
    let (mut master, tty) = Tty::open();
    let text: Vec<u8> = (0..100_000_u32).map(|number| b' ' + (number % 90) as u8).collect();
    let theirs = text.clone();
    let child = fixture.child("writer", move |p| tty.write_all(p, &theirs));
    is_asleep(&fixture, &child);
    let mut screen = Vec::new();
    master.read_to_end(&mut screen).expect("the end");
    assert!(screen == text, "all of it, in order");
    succeeded(&child.wait().expect("mine"));
}

/// POSIX 11.1.3: who may take a terminal, and who may not.
#[test]
fn a_session_has_one_terminal_and_a_terminal_one_session() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        let (_other_master, other) = Tty::open();
        assert_eq!(errno(p.set_controlling_tty(&tty)), libc::EPERM, "it leads no session");
        assert_eq!(errno(p.tcgetpgrp(&tty)), libc::ENOTTY);
        assert_eq!(errno(p.tcsetpgrp(&tty, p.pgid())), libc::ENOTTY);
        assert_eq!(errno(p.disconnect_tty()), libc::ENOTTY);
        let foreign = p.pgid();
        p.setsid().expect("it leads no group");
        assert!(p.controlling_tty().is_none());
        p.set_controlling_tty(&tty).expect("both are free");
        assert_eq!(p.tcgetpgrp(&tty).expect("mine"), Some(p.pgid()));
        assert_eq!(errno(p.set_controlling_tty(&other)), libc::EPERM, "the session has one");
        assert_eq!(errno(p.tcgetpgrp(&other)), libc::ENOTTY);
        assert_eq!(errno(p.tcsetpgrp(&tty, foreign)), libc::EPERM, "a group of another session");
        assert_eq!(errno(p.tcsetpgrp(&tty, Pid::new(4000).expect("positive"))), libc::EPERM, "no group");
        let theirs = tty.clone();
        let rival = p.spawn(Command::new("rival", move |p| {
            assert_eq!(errno(p.disconnect_tty()), libc::EPERM, "it leads no session");
            p.setsid().expect("it leads no group");
            assert!(p.controlling_tty().is_none());
            assert_eq!(errno(p.set_controlling_tty(&theirs)), libc::EPERM, "another session has it");
        }));
        succeeded(&rival.expect("room").wait().expect("mine"));
        p.sigaction(Signal::HUP, SigAction::IGNORE).expect("it may be ignored");
        p.disconnect_tty().expect("mine");
        assert!(p.controlling_tty().is_none());
        p.set_controlling_tty(&tty).expect("it is free again");
        master.input(b"same\r");
        let again = p.controlling_tty().expect("it has one");
        assert_eq!(line(p, &again).expect("typed"), "same\n");
        p.disconnect_tty().expect("mine");
        drop(master);
        assert_eq!(errno(p.set_controlling_tty(&tty)), libc::EIO, "it is hung up");
    });
}

/// POSIX `tcgetpgrp`: the foreground group may be gone; then everybody is in the background.
#[test]
fn a_foreground_group_that_has_gone_is_none() {
    Fixture::boot().inside(|p| {
        let (_master, tty) = Tty::open();
        lead(p, &tty);
        let job = idle(p);
        p.tcsetpgrp(&tty, job).expect("a group of mine");
        assert_eq!(p.tcgetpgrp(&tty).expect("mine"), Some(job));
        p.kill(job, Signal::KILL).expect("mine");
        assert_eq!(ended_by(p, job), Some(Signal::KILL));
        assert_eq!(p.tcgetpgrp(&tty).expect("mine"), None);
        assert_eq!(errno(line(p, &tty)), libc::EIO, "nobody would continue the leader");
        p.tcsetpgrp(&tty, p.pgid()).expect("SIGTTOU is ignored");
        assert_eq!(p.tcgetpgrp(&tty).expect("mine"), Some(p.pgid()));
    });
}

/// POSIX 11.1.9: the characters that signal reach each member of the foreground group, and nobody else.
#[test]
fn keys_signal_the_foreground_group() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        lead(p, &tty);
        let bystander = idle(p);
        for (key, signal) in [(b"\x03", Signal::INT), (b"\x1c", Signal::QUIT)] {
            let first = idle(p);
            let second = join(p, ProcessGroup::Join(first), |p| p.pause().map(drop));
            p.tcsetpgrp(&tty, first).expect("a group of mine");
            master.input(key);
            assert_eq!(ended_by(p, first), Some(signal));
            assert_eq!(ended_by(p, second), Some(signal));
        }
        let first = idle(p);
        let second = join(p, ProcessGroup::Join(first), |p| p.pause().map(drop));
        p.tcsetpgrp(&tty, first).expect("a group of mine");
        master.input(b"\x1a");
        assert_eq!(stopped(p, first), Some(Signal::TSTP));
        assert_eq!(stopped(p, second), Some(Signal::TSTP));
        let flags = WaitFlags::UNTRACED | WaitFlags::NOHANG;
        assert!(p.wait4(WaitFor::Pid(bystander), flags).expect("my child").is_none(), "it was not meant");
        assert_eq!(shown(&master), "^C^\\^Z");
        for pid in [first, second, bystander] {
            p.kill(pid, Signal::KILL).expect("mine");
            assert_eq!(ended_by(p, pid), Some(Signal::KILL));
        }
    });
}

/// Two sessions on two terminals: what is typed at one is nothing to the other, also from outside.
#[test]
fn two_sessions_have_each_its_terminal() {
    let fixture = Fixture::boot();
    let (ready, is_ready) = unbounded();
    let shells: Vec<(Child, TtyMaster)> = (0..2)
        .map(|_| {
            let (master, tty) = Tty::open();
            let ready = ready.clone();
            let child = fixture.child("shell", move |p| {
                lead(p, &tty);
                ready.send(()).expect("the test listens");
                tty.write_all(p, line(p, &tty)?.as_bytes())
            });
            soon(&is_ready);
            (child, master)
        })
        .collect();
    let [(first, first_master), (second, second_master)] = <[_; 2]>::try_from(shells).expect("two");
    first_master.input(b"\x03");
    assert_eq!(first.wait().expect("mine").status.signal(), Some(Signal::INT));
    assert_eq!(shown(&second_master), "");
    second_master.input(b"mine\r");
    succeeded(&second.wait().expect("mine"));
    assert_eq!(shown(&second_master), "mine\r\nmine\r\n");
    assert_eq!(shown(&first_master), "^C");
}

/// POSIX 11.1.4: a reader in the background is stopped, and reads when it is in the foreground and continued.
#[test]
fn a_reader_in_the_background_is_stopped_and_reads_later() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        lead(p, &tty);
        master.input(b"for the shell\r");
        let theirs = tty.clone();
        let reader = job(p, move |p| line(p, &theirs).map(|line| i32::from(line == "for the job\n")));
        assert_eq!(stopped(p, reader), Some(Signal::TTIN));
        p.kill(reader, Signal::CONT).expect("mine");
        assert_eq!(stopped(p, reader), Some(Signal::TTIN), "it is in the background still");
        assert_eq!(line(p, &tty).expect("typed"), "for the shell\n");
        p.tcsetpgrp(&tty, reader).expect("a group of mine");
        p.kill(reader, Signal::CONT).expect("mine");
        master.input(b"for the job\r");
        assert_eq!(exited(p, reader), Some(1));
    });
}

/// A reader that is stopped while it reads, and continued in the background, takes nothing from who is in the foreground.
#[test]
fn a_reader_that_comes_into_the_background_is_stopped_again() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let (master, tty) = Tty::open();
        lead(p, &tty);
        let theirs = tty.clone();
        let reader = job(p, move |p| line(p, &theirs).map(|line| i32::from(line == "for the job\n")));
        assert_eq!(stopped(p, reader), Some(Signal::TTIN));
        p.tcsetpgrp(&tty, reader).expect("a group of mine");
        p.kill(reader, Signal::CONT).expect("mine");
        let asleep = || runtime.inspect(reader).expect("mine").process.state == State::Sleeping;
        while !asleep() {
            std::thread::yield_now();
        }
        master.input(b"\x1a");
        assert_eq!(stopped(p, reader), Some(Signal::TSTP));
        p.tcsetpgrp(&tty, p.pgid()).expect("SIGTTOU is ignored");
        p.kill(reader, Signal::CONT).expect("mine");
        assert_eq!(stopped(p, reader), Some(Signal::TTIN));
        master.input(b"for the shell\r");
        assert_eq!(line(p, &tty).expect("typed"), "for the shell\n");
        p.tcsetpgrp(&tty, reader).expect("a group of mine");
        p.kill(reader, Signal::CONT).expect("mine");
        master.input(b"for the job\r");
        assert_eq!(exited(p, reader), Some(1));
    });
}

/// A reader that loses the foreground at any moment takes nothing that is typed after that.
#[test]
fn who_has_lost_the_foreground_takes_nothing() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        lead(p, &tty);
        let theirs = tty.clone();
        let reader = job(p, move |p| line(p, &theirs).map(drop));
        for round in 0..200 {
            p.tcsetpgrp(&tty, reader).expect("a group of mine");
            p.kill(reader, Signal::CONT).expect("mine");
            (0..round % 5).for_each(|_| std::thread::yield_now());
            p.tcsetpgrp(&tty, p.pgid()).expect("SIGTTOU is ignored");
            master.input(b"mine\r");
            assert_eq!(line(p, &tty).expect("typed"), "mine\n");
        }
        assert_eq!(stopped(p, reader), Some(Signal::TTIN));
        p.kill(reader, Signal::KILL).expect("mine");
        assert_eq!(ended_by(p, reader), Some(Signal::KILL));
    });
}

/// POSIX 11.1.4: EIO for who reads from the background and cannot be stopped.
#[test]
fn a_reader_in_the_background_that_cannot_be_stopped_gets_eio() {
    Fixture::boot().inside(|p| {
        let (_master, tty) = Tty::open();
        lead(p, &tty);
        let theirs = tty.clone();
        let blocks = job(p, move |p| {
            p.sigmask(MaskHow::Block, Signal::TTIN).expect("alive");
            errno(line(p, &theirs))
        });
        assert_eq!(exited(p, blocks), Some(libc::EIO));
        let theirs = tty.clone();
        let ignores = job(p, move |p| {
            p.sigaction(Signal::TTIN, SigAction::IGNORE).expect("it may be ignored");
            errno(line(p, &theirs))
        });
        assert_eq!(exited(p, ignores), Some(libc::EIO));
        let theirs = tty.clone();
        let (say, said) = unbounded();
        let parent = job(p, move |p| {
            join(p, ProcessGroup::New, move |p| {
                // Whoever tied its group to the session is gone when init has adopted it.
                while p.ppid() != Pid::INIT {
                    p.checkpoint();
                    std::thread::yield_now();
                }
                let read = errno(line(p, &theirs));
                let write = theirs.write(p, b"shown").map_or_else(|error| error.errno(), |_| 0);
                let change = errno(theirs.set_termios(p, theirs.termios()));
                let front = errno(p.tcsetpgrp(&theirs, p.pgid()));
                say.send([read, write, change, front]).expect("the test listens");
            });
        });
        assert_eq!(exited(p, parent), Some(0));
        assert_eq!(soon(&said), [libc::EIO, 0, libc::EIO, libc::EIO]);
    });
}

/// POSIX 11.1.4: SIGTTOU for who writes from the background with TOSTOP, changes the terminal or takes it; who blocks or
/// ignores it may.
#[test]
fn a_writer_in_the_background_is_stopped_if_tostop_is_set() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        lead(p, &tty);
        let calls: [fn(&Process, &Tty) -> Result<()>; 5] = [
            |p, tty| tty.write_all(p, b"x"),
            |p, tty| tty.set_termios(p, tty.termios()),
            |p, tty| tty.flush_input(p),
            |p, tty| tty.flush_output(p),
            |p, tty| p.tcsetpgrp(tty, p.pgid()),
        ];
        let theirs = tty.clone();
        let free = job(p, move |p| theirs.write_all(p, b"free"));
        assert_eq!(exited(p, free), Some(0));
        assert_eq!(shown(&master), "free");
        tty.set_termios(p, greenproc::Termios { tostop: true, ..tty.termios() }).expect("in the foreground");
        for call in calls {
            let theirs = tty.clone();
            let stops = job(p, move |p| call(p, &theirs));
            assert_eq!(stopped(p, stops), Some(Signal::TTOU));
            p.tcsetpgrp(&tty, stops).expect("a group of mine");
            p.kill(stops, Signal::CONT).expect("mine");
            assert_eq!(exited(p, stops), Some(0));
            p.tcsetpgrp(&tty, p.pgid()).expect("SIGTTOU is ignored");
            let theirs = tty.clone();
            let blocks = job(p, move |p| {
                p.sigmask(MaskHow::Block, Signal::TTOU).expect("alive");
                call(p, &theirs)
            });
            assert_eq!(exited(p, blocks), Some(0));
            p.tcsetpgrp(&tty, p.pgid()).expect("SIGTTOU is ignored");
        }
    });
}

/// A handler makes a call from the background EINTR, or lets it go on.
#[test]
fn a_handler_of_sigttin_interrupts_or_restarts_the_read() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        lead(p, &tty);
        let theirs = tty.clone();
        let interrupted = job(p, move |p| {
            p.sigaction(Signal::TTIN, SigAction::handler(|_, _| ())).expect("it may be caught");
            errno(line(p, &theirs))
        });
        assert_eq!(exited(p, interrupted), Some(libc::EINTR));
        master.input(b"line\r");
        let theirs = tty.clone();
        let restarted = job(p, move |p| {
            let taken = theirs.clone();
            let count = Arc::new(AtomicUsize::new(0));
            let seen = Arc::clone(&count);
            let handler = SigAction::handler(move |p, _| {
                if seen.fetch_add(1, Ordering::Relaxed) == 2 {
                    p.sigmask(MaskHow::Block, Signal::TTOU).expect("alive");
                    p.tcsetpgrp(&taken, p.pgid()).expect("SIGTTOU is blocked");
                }
            });
            p.sigaction(Signal::TTIN, handler.flags(SaFlags::RESTART)).expect("it may be caught");
            let line = line(p, &theirs).expect("it is in the foreground by then");
            assert_eq!(line, "line\n");
            i32::try_from(count.load(Ordering::Relaxed)).expect("few")
        });
        assert_eq!(exited(p, restarted), Some(3));
        p.tcsetpgrp(&tty, p.pgid()).expect("SIGTTOU is ignored");
    });
}

/// BSD: the foreground group hears that the window has another size.
#[test]
fn a_window_that_changes_is_told_to_the_foreground_group() {
    Fixture::boot().inside(|p| {
        let (master, tty) = Tty::open();
        lead(p, &tty);
        let (say, said) = unbounded();
        let theirs = tty.clone();
        p.sigaction(
            Signal::WINCH,
            SigAction::handler(move |_, _| say.send(theirs.window_size()).expect("listens")),
        )
        .expect("it may be caught");
        let window = WindowSize { rows: 24, columns: 80 };
        master.set_window_size(window);
        master.set_window_size(window);
        p.checkpoint();
        p.sigaction(Signal::WINCH, SigAction::DEFAULT).expect("it may be set");
        assert_eq!(said.iter().collect::<Vec<_>>(), [window]);
    });
}

/// Decisions 19, 20, 27: who waits for a terminal can be killed and interrupted, and takes nothing along.
#[test]
fn who_waits_for_a_terminal_can_be_killed() {
    let fixture = Fixture::boot();
    let (master, tty) = Tty::open();
    let theirs = tty.clone();
    let reader = fixture.child("reader", move |p| line(p, &theirs).map(drop));
    let theirs = tty.clone();
    let writer = fixture.child("writer", move |p| theirs.write_all(p, &vec![b'x'; 100_000]));
    let theirs = master.clone();
    for child in [&reader, &writer] {
        is_asleep(&fixture, child);
        child.kill().expect("mine");
        assert_eq!(child.wait().expect("mine").status.signal(), Some(Signal::KILL));
    }
    while master.available() > 0 {
        shown(&master);
    }
    let screen = fixture.child("screen", move |_| theirs.read_output(&mut [0; 8]).map(drop));
    is_asleep(&fixture, &screen);
    screen.kill().expect("mine");
    assert_eq!(screen.wait().expect("mine").status.signal(), Some(Signal::KILL));
    master.input(b"left\r");
    assert_eq!(fixture.inside(move |p| line(p, &tty)).expect("typed"), "left\n");
}

/// Row 30: when the leader of a session ends, the foreground group gets SIGHUP and SIGCONT, whoever waits comes to the end
/// of the file, writes give EIO, the session has no terminal; what was written is shown.
#[test]
fn the_end_of_a_session_leader_hangs_its_terminal_up() {
    let fixture = Fixture::boot();
    let (master, tty) = Tty::open();
    let (ready, is_ready) = unbounded();
    let (job_ready, job_is_ready) = unbounded();
    let (say, said) = unbounded();
    let (end, ended) = unbounded::<()>();
    let theirs = tty.clone();
    let leader = fixture.child("leader", move |p| {
        lead(p, &theirs);
        let standing = idle(p);
        let own = theirs.clone();
        let survivor = join(p, ProcessGroup::Join(standing), move |p| {
            let heard = say.clone();
            let tell = SigAction::handler(move |_, info| heard.send(Err(info.signal)).expect("listens"));
            p.sigaction(Signal::HUP, tell).expect("it may be caught");
            job_ready.send(()).expect("the leader listens");
            // The SIGHUP ends the sleep.
            while p.controlling_tty().is_some() {
                let _ = p.pause();
            }
            // It may have come before the sleep.
            p.checkpoint();
            say.send(Ok((errno(own.write(p, b"x")), line(p, &own).map(|line| line.len())))).expect("listens");
        });
        soon(&job_is_ready);
        p.tcsetpgrp(&theirs, standing).expect("a group of mine");
        p.kill(standing, Signal::STOP).expect("mine");
        assert_eq!(stopped(p, standing), Some(Signal::STOP));
        theirs.write_all(p, b"last words").expect("room");
        ready.send((standing, survivor)).expect("the test listens");
        stay(p, &ended);
    });
    let theirs = tty.clone();
    let stranger =
        fixture.child("stranger", move |p| line(p, &theirs).map(|line| line.len().try_into().unwrap_or(9)));
    let (standing, _) = soon(&is_ready);
    is_asleep(&fixture, &stranger);
    drop(end);
    succeeded(&leader.wait().expect("mine"));
    assert_eq!(soon(&said).expect_err("the signal first"), Signal::HUP);
    let (write, read) = soon(&said).expect("it goes on");
    assert_eq!((write, read.expect("the end of the file")), (libc::EIO, 0));
    assert_eq!(stranger.wait().expect("mine").status.code(), Some(0), "the end of the file");
    while fixture.inspect(standing).is_ok() {
        // SIGHUP ends it because SIGCONT continues it; init reaps it.
        std::thread::yield_now();
    }
    let mut screen = String::new();
    Read::read_to_string(&mut &master, &mut screen).expect("the end");
    assert_eq!(screen, "last words");
    let hung_up = Write::write(&mut &tty, b"x").expect_err("hung up");
    assert_eq!(hung_up.kind(), std::io::Error::from_raw_os_error(libc::EIO).kind());
    master.input(b"lost\r");
    assert_eq!(Read::read(&mut &tty, &mut [0; 8]).expect("the end of the file"), 0);
}

/// POSIX 11.1.10: when the other side goes, the leader gets SIGHUP; who waits comes to the end of the file, or EIO.
#[test]
fn a_master_that_is_dropped_hangs_the_terminal_up() {
    let fixture = Fixture::boot();
    let (master, tty) = Tty::open();
    let second = master.clone();
    let (ready, is_ready) = unbounded();
    let theirs = tty.clone();
    let leader = fixture.child("leader", move |p| {
        lead(p, &theirs);
        ready.send(()).expect("the test listens");
        p.pause().map(drop)
    });
    soon(&is_ready);
    let theirs = tty.clone();
    let reader = fixture.child("reader", move |p| line(p, &theirs).map(|line| i32::from(!line.is_empty())));
    let theirs = tty.clone();
    let writer = fixture.child("writer", move |p| errno(theirs.write_all(p, &vec![b'x'; 100_000])));
    for child in [&leader, &reader, &writer] {
        is_asleep(&fixture, child);
    }
    drop(master);
    for child in [&leader, &reader, &writer] {
        assert!(child.try_wait().expect("mine").is_none(), "there is another handle");
    }
    drop(second);
    assert_eq!(leader.wait().expect("mine").status.signal(), Some(Signal::HUP));
    succeeded(&reader.wait().expect("mine"));
    assert_eq!(writer.wait().expect("mine").status.code(), Some(libc::EIO));
    fixture.inside(move |p| {
        assert_eq!(line(p, &tty).expect("the end of the file"), "");
        assert_eq!(errno(tty.write(p, b"x")), libc::EIO);
        assert_eq!(errno(tty.set_termios(p, tty.termios())), libc::EIO);
        assert_eq!(tty.write(p, b"").expect("nothing is written"), 0);
    });
}
