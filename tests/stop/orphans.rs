//! Orphaned groups: POSIX `_exit` ("orphaned process group"), `sigaction` on the stop signals.
//!
//! A tie is the parent of a member that is in another group of the same session; init, which adopts anybody, is none.

use crossbeam_channel::{Receiver, unbounded};
use greenproc::{
    Child, Command, EventFilter, ExitStatus, Pid, Process, ProcessGroup, SigAction, Signal, Target,
};
use greenproc_tests::{AN_HOUR, Fixture, Hold, errno, living, new_group, next_event, same, soon, succeeded};

use crate::{CHANGES, change, change_now, end, go_on, stop, told};

const STOPS: [Signal; 3] = [Signal::TSTP, Signal::TTIN, Signal::TTOU];

/// What a member said: who it is, and which signal it handled.
type Said = (Pid, Signal);

/// A body that tells of SIGHUP, SIGCONT and USR1, and sleeps.
fn tells(
    say: crossbeam_channel::Sender<Said>,
    ready: crossbeam_channel::Sender<()>,
) -> impl FnOnce(&Process) + Send {
    move |p: &Process| {
        for signal in [Signal::HUP, Signal::CONT, Signal::USR1] {
            let say = say.clone();
            let handler = move |p: &Process, info: &greenproc::SigInfo| {
                say.send((p.pid(), info.signal)).expect("the test listens");
            };
            p.sigaction(signal, SigAction::handler(handler)).expect("it can be caught");
        }
        ready.send(()).expect("the test listens");
        while p.sleep(AN_HOUR).is_err() {}
    }
}

/// A job below a shell: a group of two, tied by the shell alone.
struct Job {
    /// Ends the shell.
    hold: Hold,
    shell: Child,
    stopped: Child,
    other: Child,
    said: Receiver<Said>,
}

/// Makes a shell with a job, the first member of which stands still if `stops`.
fn job(p: &Process, stops: bool) -> Job {
    let (say, said) = unbounded();
    let (ready, is_ready) = unbounded();
    let (made, is_made) = unbounded();
    let (hold, held) = greenproc_tests::hold();
    let shell = p.spawn(new_group(Command::new("shell", move |p: &Process| {
        let first =
            p.spawn(new_group(Command::new("first", tells(say.clone(), ready.clone())))).expect("room");
        let group = ProcessGroup::Join(first.id());
        let second = Command::new("second", tells(say, ready)).process_group(group);
        let second = p.spawn(second).expect("room");
        (0..2).for_each(|_| soon(&is_ready));
        if stops {
            // A job that is tied takes it.
            first.signal(Signal::TSTP).expect("it lives");
            assert_eq!(change(p, first.id()), ExitStatus::stopped(Signal::TSTP));
        }
        made.send((first, second)).expect("the test listens");
        held(p);
    })));
    let shell = shell.expect("room");
    let (stopped, other) = soon(&is_made);
    Job { hold, shell, stopped, other, said }
}

/// What each of the two has said, in the order in which it did; both have said something.
fn sorted(said: impl IntoIterator<Item = Said>, job: [Pid; 2]) -> [Vec<Signal>; 2] {
    let said: Vec<Said> = said.into_iter().collect();
    job.map(|member| said.iter().filter(|(pid, _)| *pid == member).map(|(_, signal)| *signal).collect())
}

/// A group whose last tie goes, and of which a member stands still, is sent SIGHUP and then SIGCONT, all of it. Init's
/// adoption is no tie.
#[test]
fn a_group_with_a_stopped_member_that_is_orphaned_gets_sighup_and_sigcont() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::JOB_CONTROL);
    fixture.inside(move |p| {
        let Job { hold, shell, stopped, other, said } = job(p, true);
        drop(hold);
        succeeded(&shell.wait().expect("my child"));
        let said: Vec<Said> = (0..4).map(|_| soon(&said)).collect();
        let members = [stopped.id(), other.id()];
        assert_eq!(sorted(said, members), [(); 2].map(|()| vec![Signal::HUP, Signal::CONT]));
        assert_eq!(next_event(&events, members[0], told), ExitStatus::stopped(Signal::TSTP));
        assert_eq!(next_event(&events, members[0], told), ExitStatus::resumed());
        // Orphaned now: it takes no stop from a terminal, but SIGSTOP.
        for signal in STOPS {
            p.kill(Target::Group(stopped.id()), signal).expect("it has members");
        }
        p.kill(members[0], Signal::STOP).expect("it lives");
        assert_eq!(next_event(&events, members[0], told), ExitStatus::stopped(Signal::STOP));
        p.kill(Target::Group(stopped.id()), Signal::KILL).expect("it has members");
    });
}

/// Init is reached by no signal to its group, that of an orphaned group neither: it would take everybody with it.
#[test]
fn the_end_of_a_tie_to_its_group_leaves_init_alone() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        assert_eq!(p.pgid(), Pid::INIT, "it is in init's group");
        p.sigaction(Signal::HUP, SigAction::IGNORE).expect("it can be ignored");
        let shell = p.spawn(new_group(Command::new("shell", |p: &Process| {
            let group = ProcessGroup::Join(Pid::INIT);
            let stopped = Command::new("stopped", |p: &Process| p.sleep(AN_HOUR)).process_group(group);
            let stopped = p.spawn(stopped).expect("room");
            stopped.signal(Signal::STOP).expect("it lives");
            assert_eq!(change(p, stopped.id()), ExitStatus::stopped(Signal::STOP));
        })));
        succeeded(&shell.expect("room").wait().expect("my child"));
        succeeded(&p.spawn(Command::new("later", |_| ())).expect("init lives").wait().expect("my child"));
    });
}

/// Who does not catch SIGHUP dies of it.
#[test]
fn an_orphaned_member_that_stands_still_dies_of_sighup() {
    let fixture = Fixture::boot();
    let events = fixture.events(EventFilter::EXITED);
    fixture.inside(move |p| {
        let (made, is_made) = unbounded();
        let shell = p.spawn(new_group(Command::new("shell", move |p: &Process| {
            let (job, hold) = living(p, new_group);
            stop(p, &job);
            made.send((job, hold)).expect("the test listens");
        })));
        succeeded(&shell.expect("room").wait().expect("my child"));
        let (job, _hold) = soon(&is_made);
        let exited = |kind: &greenproc::EventKind| match kind {
            greenproc::EventKind::Exited { status } => Some(*status),
            _ => None,
        };
        assert_eq!(next_event(&events, job.id(), exited), ExitStatus::killed(Signal::HUP));
    });
}

/// Nothing is sent if nobody stands still.
#[test]
fn an_orphaned_group_in_which_all_run_is_left_alone() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let Job { hold, shell, stopped, other, said } = job(p, false);
        // Somebody else stands still.
        let (bystander, _hold) = living(p, same);
        stop(p, &bystander);
        drop(hold);
        succeeded(&shell.wait().expect("my child"));
        p.kill(Target::Group(stopped.id()), Signal::USR1).expect("it has members");
        let said: Vec<Said> = (0..2).map(|_| soon(&said)).collect();
        assert_eq!(sorted(said, [stopped.id(), other.id()]), [(); 2].map(|()| vec![Signal::USR1]));
        p.kill(Target::Group(stopped.id()), Signal::KILL).expect("it has members");
        end(p, &bystander);
    });
}

/// A parent that adopts, and is in the session but not in the group, is a tie like any other.
#[test]
fn a_subreaper_of_the_session_keeps_the_group_tied() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        p.set_child_subreaper(true).expect("itself");
        let Job { hold, shell, stopped, other, said } = job(p, true);
        drop(hold);
        succeeded(&shell.wait().expect("my child"));
        assert_eq!(change_now(p, stopped.id()), None, "it stands still");
        stopped.signal(Signal::CONT).expect("it lives");
        assert_eq!(change_now(p, stopped.id()), Some(ExitStatus::resumed()));
        assert_eq!(soon(&said), (stopped.id(), Signal::CONT), "no SIGHUP came");
        for signal in STOPS {
            stopped.signal(signal).expect("it lives");
            assert_eq!(change(p, stopped.id()), ExitStatus::stopped(signal));
            go_on(p, &stopped);
            assert_eq!(soon(&said), (stopped.id(), Signal::CONT));
        }
        for child in [stopped, other] {
            child.kill().expect("it lives");
            let found = p.wait4(greenproc::WaitFor::Pid(child.id()), greenproc::WaitFlags::empty());
            assert_eq!(
                found.expect("mine now").map(|found| found.status),
                Some(ExitStatus::killed(Signal::KILL))
            );
        }
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}

/// The tie goes with the member that had it: a leader that dies leaves its children in the group with nobody to continue
/// them, although it is not reaped yet.
#[test]
fn a_group_is_orphaned_by_the_death_of_the_member_whose_parent_was_the_tie() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (say, said) = unbounded();
        let (ready, is_ready) = unbounded();
        let (made, is_made) = unbounded();
        let leader = p.spawn(new_group(Command::new("leader", move |p: &Process| {
            let child = p.spawn(Command::new("member", tells(say, ready))).expect("room");
            soon(&is_ready);
            stop(p, &child);
            made.send(child.id()).expect("the test listens");
        })));
        let leader = leader.expect("room");
        let member = soon(&is_made);
        assert_eq!([soon(&said), soon(&said)], [(member, Signal::HUP), (member, Signal::CONT)]);
        succeeded(&leader.wait().expect("my child"));
        p.kill(member, Signal::KILL).expect("it lives");
    });
}

/// POSIX `sigaction`: in an orphaned group the stop signals of a terminal do nothing, and nobody can be stopped by surprise;
/// SIGSTOP stops there as well.
#[test]
fn in_an_orphaned_group_only_sigstop_stops() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        // The test's own group is init's; a session of its own is tied to nobody either.
        for change in [same, |command: Command| command.new_session()] {
            let (child, _hold) = living(p, change);
            for signal in STOPS {
                child.signal(signal).expect("it lives");
                assert_eq!(change_now(p, child.id()), None, "{signal}");
            }
            // Had it been on its way to stop for one of them, this would not be the signal that is found.
            stop(p, &child);
            go_on(p, &child);
            end(p, &child);
        }
        let blocks = p.spawn(Command::new("blocks", |p: &Process| {
            p.sigmask(greenproc::MaskHow::Block, Signal::TSTP).expect("itself");
            p.kill(p.pid(), Signal::TSTP).expect("itself");
            p.sigmask(greenproc::MaskHow::Unblock, Signal::TSTP).expect("itself");
            p.checkpoint();
        }));
        let flags = CHANGES | greenproc::WaitFlags::EXITED;
        let found = p.waitid(greenproc::WaitFor::Child(&blocks.expect("room")), flags).expect("my child");
        succeeded(&found.expect("no NOHANG"));
    });
}
