//! Signals of a tracee: seen by the tracer before anything is done about them.

use crossbeam_channel::{bounded, unbounded};
use greenproc::{MaskHow, SigAction, SigCode, SigSet, Signal, TraceOptions, TraceStop, WaitFlags, WaitFor};
use greenproc_tests::{Fixture, errno, soon};

use crate::{end, stop, stops_for, traced, traced_as};

/// Every signal but SIGKILL stops the tracee, ignored ones too; one that is not passed on has not come.
#[test]
fn every_signal_but_sigkill_stops_first() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, tracee) = traced(p, TraceOptions::empty());
        let me = p.pid();
        for number in (1..=64).filter(|&number| number != libc::SIGKILL) {
            let Some(signal) = Signal::from_raw(number) else { continue };
            child.signal(signal).expect("it lives");
            let TraceStop::Signal(info) = stop(p, &tracee) else { panic!("{signal}") };
            assert_eq!((info.signal, info.code, info.pid), (signal, SigCode::User, me));
            assert_eq!(tracee.pending().expect("it stands").map(|info| info.signal), Some(signal));
            tracee.cont(None).expect("it stands");
        }
        child.kill().expect("it lives");
        assert_eq!(tracee.wait(p).expect("traced").status.signal(), Some(Signal::KILL));
    });
}

/// Decision 9: SIGKILL ends a tracee that stands, whatever its tracer does.
#[test]
fn sigkill_ends_a_tracee_that_stands() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, tracee) = traced(p, TraceOptions::EXIT);
        child.signal(Signal::TERM).expect("it lives");
        stops_for(p, &tracee, Signal::TERM);
        child.kill().expect("it lives");
        assert_eq!(tracee.wait(p).expect("traced").status.signal(), Some(Signal::KILL));
    });
}

/// The signal that is passed on decides: the one that came, another, or SIGKILL.
#[test]
fn the_tracer_says_which_signal_comes() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        for (comes, passed) in
            [(Signal::TERM, Signal::TERM), (Signal::USR1, Signal::HUP), (Signal::CHLD, Signal::KILL)]
        {
            let (child, tracee) = traced(p, TraceOptions::empty());
            child.signal(comes).expect("it lives");
            stops_for(p, &tracee, comes);
            tracee.cont(Some(passed)).expect("it stands");
            assert_eq!(tracee.wait(p).expect("traced").status.signal(), Some(passed));
        }
    });
}

/// What a signal carries can be read and changed; the handler sees what the tracer made of it, and runs once.
#[test]
fn the_pending_signal_can_be_changed() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (tell, told) = unbounded();
        let (child, tracee) = traced_as(p, TraceOptions::empty(), move |p| {
            let tell = tell.clone();
            let action = SigAction::handler(move |_, info| tell.send(info.value).expect("somebody listens"));
            p.sigaction(Signal::USR1, action).expect("it can be");
            p.raise(Signal::USR2).expect("room");
            loop {
                let _ = p.sleep(greenproc_tests::AN_HOUR);
            }
        });
        stops_for(p, &tracee, Signal::USR2);
        tracee.cont(None).expect("it stands");
        p.sigqueue(child.id(), Signal::USR1, 5).expect("it lives");
        stops_for(p, &tracee, Signal::USR1);
        let mut info = tracee.pending().expect("it stands").expect("a signal");
        assert_eq!((info.code, info.value), (SigCode::Queue, 5));
        info.value = 6;
        tracee.set_pending(info).expect("it stands for one");
        assert_eq!(tracee.stop().expect("it stands"), TraceStop::Signal(info));
        tracee.cont(Some(Signal::USR1)).expect("it stands");
        assert_eq!(soon(&told), 6);
        child.signal(Signal::USR1).expect("it lives");
        stops_for(p, &tracee, Signal::USR1);
        assert!(told.is_empty(), "it ran once");
        end(p, &tracee);

        let (_child, tracee) = traced_as(p, TraceOptions::EXIT, |_| {});
        assert!(matches!(stop(p, &tracee), TraceStop::Exiting(_)));
        assert_eq!(errno(tracee.set_pending(info)), libc::EINVAL, "it does not stand for a signal");
        assert_eq!(tracee.pending().expect("it stands"), None);
        tracee.cont(None).expect("it stands");
        assert_eq!(tracee.wait(p).expect("traced").status.code(), Some(0));
    });
}

/// A blocked signal waits, and stops the tracee when it is unblocked; one that is taken by `sigtimedwait` never does.
#[test]
fn a_blocked_signal_stops_when_it_is_unblocked() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (go, goes) = bounded::<()>(0);
        let (child, tracee) = traced_as(p, TraceOptions::empty(), move |p| {
            p.sigmask(MaskHow::Block, SigSet::of(Signal::USR1).with(Signal::USR2)).expect("it lives");
            let _ = p.recv(&goes);
            assert_eq!(p.sigtimedwait(Signal::USR2, None).expect("pending").signal, Signal::USR2);
            p.sigmask(MaskHow::Set, SigSet::EMPTY).expect("it lives");
        });
        child.signal(Signal::HUP).expect("it lives");
        stops_for(p, &tracee, Signal::HUP);
        tracee.cont(None).expect("it stands");
        child.signal(Signal::USR1).expect("it lives");
        child.signal(Signal::USR2).expect("it lives");
        drop(go);
        stops_for(p, &tracee, Signal::USR1);
        tracee.cont(None).expect("it stands");
        assert_eq!(tracee.wait(p).expect("traced").status.code(), Some(0));
    });
}

/// A stop signal that is passed on stops the tracee as any process: SIGCONT continues it, after which that is seen too.
#[test]
fn job_control_goes_on_under_a_tracer() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, tracee) = traced(p, TraceOptions::empty());
        child.signal(Signal::STOP).expect("it lives");
        stops_for(p, &tracee, Signal::STOP);
        child.signal(Signal::CONT).expect("it lives");
        assert_eq!(tracee.stop().expect("SIGCONT does not continue it").signal(), Signal::STOP);
        tracee.cont(Some(Signal::STOP)).expect("it stands");
        assert_eq!(stop(p, &tracee), TraceStop::JobControl(Signal::STOP));
        child.signal(Signal::CONT).expect("it lives");
        stops_for(p, &tracee, Signal::CONT);
        tracee.cont(Some(Signal::CONT)).expect("it stands");
        end(p, &tracee);
    });
}

/// Signals that come while it stands are seen one after another, with the lowest number first.
#[test]
fn signals_that_come_while_it_stands_are_seen_next() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (child, tracee) = traced(p, TraceOptions::empty());
        child.signal(Signal::TERM).expect("it lives");
        stops_for(p, &tracee, Signal::TERM);
        child.signal(Signal::USR2).expect("it lives");
        child.signal(Signal::HUP).expect("it lives");
        for signal in [Signal::HUP, Signal::USR2] {
            tracee.cont(None).expect("it stands");
            stops_for(p, &tracee, signal);
        }
        tracee.cont(None).expect("it stands");
        assert!(p.wait4(WaitFor::Any, WaitFlags::NOHANG).expect("mine").is_none());
        end(p, &tracee);
    });
}

/// All LWPs stand, wherever they are, and each goes on where it was.
#[test]
fn all_lwps_of_a_tracee_stand() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (go, goes) = bounded::<()>(0);
        let (steps, step) = bounded::<u32>(0);
        let (child, tracee) = traced_as(p, TraceOptions::empty(), move |p| {
            let busy = p.spawn_lwp(move |p| {
                for number in 0.. {
                    if p.send(&steps, number).is_err() {
                        break;
                    }
                }
            });
            let sleeper = p.spawn_lwp(move |p| drop(p.recv(&goes)));
            busy.expect("room").join(p).expect("it returned");
            sleeper.expect("room").join(p).expect("it returned");
        });
        assert_eq!(soon(&step), 0);
        child.signal(Signal::USR1).expect("it lives");
        stops_for(p, &tracee, Signal::USR1);
        tracee.cont(None).expect("it stands");
        assert_eq!(soon(&step), 1);
        drop((step, go));
        assert_eq!(tracee.wait(p).expect("traced").status.code(), Some(0));
    });
}
