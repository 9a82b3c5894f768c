//! What a reaping does: rows 66, 67 and 69.

use std::time::Duration;

use crossbeam_channel::unbounded;
use greenproc::{Command, ProcessGroup, Signal, Target, Usage, sys};
use greenproc_tests::{Fixture, burn, dead, errno, is_dead, same, soon, succeeded};

/// Row 66: own usage and that of the waited-for descendants go to the parent, once, when the child is reaped.
#[test]
fn usage_of_children_and_grandchildren_is_added_once_when_they_are_reaped() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let (tell, told) = unbounded();
        let child = p
            .spawn(Command::new("child", move |p| {
                let grandchild =
                    p.spawn(Command::new("grandchild", |_| burn(Duration::from_millis(4)))).expect("room");
                let waited = grandchild.wait().expect("my child");
                tell.send((waited.usage, p.children_usage())).expect("the test listens");
                burn(Duration::from_millis(2));
            }))
            .expect("room");
        is_dead(p, child.id());
        assert_eq!(p.children_usage(), Usage::default(), "it was only looked at");
        let waited = child.wait().expect("my child");
        let (grandchild, seen_by_child) = soon(&told);
        assert!(grandchild.total() >= Duration::from_millis(4), "{grandchild:?}");
        assert!(waited.usage.total() >= Duration::from_millis(2), "{:?}", waited.usage);
        assert_eq!(waited.children_usage, grandchild, "the grandchild counts for the child");
        assert_eq!(seen_by_child, grandchild);
        let mut sum = waited.usage;
        sum += grandchild;
        assert_eq!(p.children_usage(), sum);
        // The handle has its copy; nothing is added again.
        let again = child.wait().expect("its copy");
        assert_eq!((again.usage, p.children_usage()), (waited.usage, sum));
        // A second child adds to the first.
        let second = dead(p, 0, same).wait().expect("my child");
        sum += second.usage;
        assert_eq!(p.children_usage(), sum);
    });
}

/// Row 66: who was never waited for counts for nobody.
#[test]
fn usage_of_a_grandchild_that_its_parent_did_not_wait_for_is_not_the_grandparents() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let child = p.spawn(Command::new("child", |p| {
            let command = Command::new("grandchild", |_| burn(Duration::from_millis(4)));
            is_dead(p, p.spawn(command).expect("room").id());
        }));
        let waited = child.expect("room").wait().expect("my child");
        succeeded(&waited);
        assert_eq!(waited.children_usage, Usage::default());
        assert_eq!(p.children_usage(), waited.usage);
    });
}

/// Row 67: what was reaped is found by nobody; a zombie still is by everybody.
#[test]
fn a_reaped_process_is_found_by_no_look_up() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let child = dead(p, 0, |command| command.process_group(ProcessGroup::New));
        let pid = child.id();
        assert_eq!(p.getpgid(Some(pid)).expect("a zombie"), pid);
        p.kill(pid, Signal::KILL).expect("a zombie can be signalled");
        p.kill(Target::Group(pid), Signal::KILL).expect("and so can its group");
        assert!(runtime.snapshot().get(pid).is_some());
        succeeded(&p.wait().expect("a zombie"));
        assert_eq!(errno(p.getpgid(Some(pid))), libc::ESRCH);
        assert_eq!(errno(p.kill(pid, Signal::KILL)), libc::ESRCH);
        assert_eq!(errno(p.kill(Target::Group(pid), Signal::KILL)), libc::ESRCH);
        assert_eq!(sys::kill(pid.as_raw(), 0), Err(libc::ESRCH));
        assert_eq!(errno(runtime.inspect(pid)), libc::ESRCH);
        assert!(runtime.snapshot().get(pid).is_none());
    });
}

/// Row 69: the native thread of a child is free for the next by the time the child can be waited for.
#[test]
fn children_one_after_another_run_on_the_same_few_threads() {
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let lwps = runtime.stats().lwps;
        for _ in 0..500 {
            succeeded(&p.spawn(Command::new("next", |_| {})).expect("room").wait().expect("my child"));
            assert_eq!(runtime.stats().lwps, lwps, "its LWP is given back before it can be seen as ended");
        }
        // A few may be on their way at a time, but not one for each child.
        assert!(runtime.stats().threads < 50, "{:?}", runtime.stats());
    });
}
