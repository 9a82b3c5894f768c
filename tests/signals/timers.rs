//! Alarms and interval timers: POSIX `alarm` and `setitimer`, row 15.

use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, ExitStatus, MaskHow, Pid, Process, SigCode, SigSet, Signal, Timer, TimerSetting};
use greenproc_sync::time;
use greenproc_tests::{AN_HOUR, Fixture, errno, succeeded};

use crate::noting;

const OFF: TimerSetting = TimerSetting { value: Duration::ZERO, interval: Duration::ZERO };
const SOON: Duration = Duration::from_millis(2);

/// Takes one SIGALRM, which has to be blocked.
#[track_caller]
fn takes_alarm(p: &Process) {
    let info = p.sigtimedwait(Signal::ALRM, None).expect("it comes");
    assert_eq!((info.signal, info.code, info.pid), (Signal::ALRM, SigCode::Timer, Pid::INIT));
}

/// POSIX `alarm`: SIGALRM ends by default, wherever the process is, not before the time.
#[test]
fn an_alarm_ends_the_process_by_default() {
    let fixture = Fixture::boot();
    let places: [fn(&Process); 3] = [
        |p| drop(p.sleep(AN_HOUR)),
        |p| drop(p.sigsuspend(SigSet::EMPTY)),
        |p| loop {
            p.checkpoint();
        },
    ];
    for place in places {
        let since = time::now();
        let child = fixture.child("limited", move |p| {
            p.alarm(SOON).expect("it lives");
            place(p);
        });
        let status = child.wait().expect("its handle owns it").status;
        assert_eq!(status, ExitStatus::killed(Signal::ALRM));
        assert!(time::now() - since >= SOON);
    }
}

/// POSIX `alarm`: a handler is called once, and told that it was a timer.
#[test]
fn a_handler_is_told_of_an_alarm() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (action, noted) = noting();
        p.sigaction(Signal::ALRM, action).expect("it can be caught");
        let since = time::now();
        assert_eq!(p.alarm(SOON).expect("it lives"), Duration::ZERO);
        assert_eq!(errno(p.pause()), libc::EINTR);
        assert!(time::now() - since >= SOON);
        let codes: Vec<_> = noted.try_iter().map(|info| (info.code, info.pid)).collect();
        assert_eq!(codes, [(SigCode::Timer, Pid::INIT)]);
        assert_eq!(p.getitimer(Timer::Real), OFF);
    });
}

/// POSIX `setitimer`: with an interval it repeats, no faster than the interval says.
#[test]
fn an_interval_timer_repeats() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigmask(MaskHow::Block, Signal::ALRM).expect("it lives");
        let interval = Duration::from_millis(1);
        let since = time::now();
        let former = p.setitimer(Timer::Real, TimerSetting { value: SOON, interval }).expect("it lives");
        assert_eq!(former, OFF);
        for number in 0..10 {
            takes_alarm(p);
            assert!(time::now() - since >= SOON + number * interval);
            assert_eq!(p.getitimer(Timer::Real).interval, interval);
        }
        let former = p.setitimer(Timer::Real, OFF).expect("it lives");
        assert!(former.interval == interval && former.value <= interval);
    });
}

/// POSIX: what is left is returned by the next setting and by `getitimer`, never more than was set, nor zero while it is armed.
#[test]
fn what_is_left_is_returned() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(p.getitimer(Timer::Real), OFF);
        p.alarm(AN_HOUR).expect("it lives");
        let left = p.getitimer(Timer::Real);
        assert!(left.value <= AN_HOUR && left.value > AN_HOUR / 2 && left.interval.is_zero());
        let interval = Duration::from_secs(7);
        let former =
            p.setitimer(Timer::Real, TimerSetting { value: 2 * AN_HOUR, interval }).expect("it lives");
        assert!(former.value <= left.value && former.value > AN_HOUR / 2);
        let left = p.alarm(AN_HOUR).expect("it lives");
        assert!(left > AN_HOUR && left <= 2 * AN_HOUR);
        assert_eq!(p.getitimer(Timer::Real).interval, Duration::ZERO, "an alarm takes the interval away");
        let left = p.alarm(Duration::ZERO).expect("it lives");
        assert!(left > AN_HOUR / 2 && left <= AN_HOUR);
        assert_eq!(p.alarm(Duration::ZERO).expect("it lives"), Duration::ZERO);
    });
}

/// POSIX: zero takes an alarm back, also one that is about to expire: once that has said what was left, none comes; and once
/// it has said that nothing was left, the alarm has come.
#[test]
fn an_alarm_that_was_taken_back_does_not_come() {
    let fixture = Fixture::boot();
    let (taken_back, came) = fixture.inside(|p| {
        p.sigmask(MaskHow::Block, Signal::ALRM).expect("it lives");
        let (mut taken_back, mut came) = (0, 0);
        for round in 0..2_000_u32 {
            p.alarm(Duration::from_micros(u64::from(round % 100) + 1)).expect("it lives");
            let until = time::now() + Duration::from_micros(50);
            while time::now() < until {
                std::hint::spin_loop();
            }
            let left = p.alarm(Duration::ZERO).expect("it lives");
            let pending = p.sigpending().contains(Signal::ALRM);
            assert_eq!(left.is_zero(), pending, "round {round}: {left:?} was left");
            if pending {
                takes_alarm(p);
                came += 1;
            } else {
                taken_back += 1;
            }
        }
        p.sigmask(MaskHow::Unblock, Signal::ALRM).expect("it lives");
        (taken_back, came)
    });
    assert_eq!(taken_back + came, 2_000);
    assert!(taken_back > 0, "each came first");
}

/// Decision 15: a child has no timer, whatever its parent's is.
#[test]
fn timers_are_not_inherited() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let setting = TimerSetting { value: AN_HOUR, interval: AN_HOUR };
        p.setitimer(Timer::Real, setting).expect("it lives");
        let child = p.spawn(Command::new("child", |p| {
            assert_eq!(p.getitimer(Timer::Real), OFF);
            assert_eq!(p.alarm(AN_HOUR).expect("it lives"), Duration::ZERO);
        }));
        succeeded(&child.expect("room").wait().expect("my child"));
        assert_eq!(p.getitimer(Timer::Real).interval, AN_HOUR, "and the child's is not the parent's");
    });
}

/// Row 15: the end of a process takes its timers back: a process that has its pid next hears nothing of them, and one that
/// is dying takes no new ones.
#[test]
fn timers_are_gone_at_the_end() {
    let fixture = Fixture::with(|builder| builder.pid_max(4));
    let (note, noted) = unbounded();
    let armed = fixture.child("armed", move |p| {
        let _last = greenproc_tests::OnDrop(move || {
            let p = greenproc::current().expect("a process");
            let former = p
                .setitimer(Timer::Real, TimerSetting { value: SOON, interval: SOON })
                .expect("its LWP is there");
            note.send((former, p.getitimer(Timer::Real))).expect("the test listens");
        });
        p.setitimer(Timer::Real, TimerSetting { value: SOON, interval: SOON }).expect("it lives");
        p.exit(3)
    });
    let pid = armed.id();
    assert_eq!(armed.wait().expect("its handle owns it").status, ExitStatus::exited(3));
    assert_eq!(noted.try_recv(), Ok((OFF, OFF)));
    loop {
        let (next, slept) = fixture
            .spawn_returning("next", move |p| p.pid() != pid || p.sleep(10 * SOON).is_ok())
            .expect("room for one process");
        succeeded(&next.wait().expect("its handle owns it"));
        assert_eq!(slept.take(), Some(true));
        if next.id() == pid {
            break;
        }
    }
}

/// A timer or an interval beyond the clock's range does no harm.
#[test]
fn a_timer_beyond_the_clock_never_expires() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.sigmask(MaskHow::Block, Signal::ALRM).expect("it lives");
        let setting = TimerSetting { value: Duration::from_micros(1), interval: Duration::MAX };
        p.setitimer(Timer::Real, setting).expect("it lives");
        takes_alarm(p);
        p.alarm(Duration::MAX).expect("it lives");
        // The timers of everybody still work.
        p.alarm(SOON).expect("it lives");
        takes_alarm(p);
    });
}

/// POSIX `setitimer(ITIMER_PROF)`: SIGPROF comes when the process has used that much CPU time, not before, and again after each
/// interval; time that passes does not count.
#[test]
fn a_timer_for_cpu_time_goes_by_what_the_process_uses() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        const SHARE: Duration = Duration::from_millis(20);
        let (action, noted) = noting();
        p.sigaction(Signal::PROF, action).expect("it can be caught");
        let begin = p.usage().total();
        assert_eq!(
            p.setitimer(Timer::Cpu, TimerSetting { value: SHARE, interval: SHARE }).expect("it lives"),
            OFF
        );
        assert!(p.getitimer(Timer::Cpu).value <= SHARE);
        for expiry in 1..=2 {
            while noted.is_empty() {
                p.checkpoint();
            }
            assert_eq!(noted.recv().expect("it came").code, SigCode::Timer);
            assert!(p.usage().total() >= begin + expiry * SHARE, "it came before its time");
        }
        assert_eq!(p.setitimer(Timer::Cpu, OFF).expect("it lives").interval, SHARE);
        assert_eq!(p.getitimer(Timer::Cpu), OFF);
        assert_eq!(p.getitimer(Timer::Real), OFF);
    });
}
