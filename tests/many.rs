//! As many processes as the host has threads for, in a test binary of their own: they leave little room for other tests.
//!
//! Design "Threads": two memory maps a thread, admission by what the host allows, no abort at its limits.

use crossbeam_channel::unbounded;
use greenproc::{Command, Process, ProcessGroup, Signal, Target};
use greenproc_os::limits::HostLimits;
use greenproc_os::memory;
use greenproc_tests::{Fixture, stay};

/// Tried if the host has room for it.
const MOST: usize = 25_000;

/// What is left to others on the host.
const MARGIN: usize = 2_000;

/// All are blocked at once, each on a thread of its own; one signal to their group ends all; all are reaped; threads and
/// memory maps go back to the host.
#[test]
fn as_many_processes_as_the_host_has_room_for_are_blocked_killed_and_reaped() {
    let (threads, maps) = (memory::thread_count().expect("proc"), memory::map_count().expect("proc"));
    let count = HostLimits::read().thread_capacity().saturating_sub(MARGIN).min(MOST);
    assert!(count > 0, "this host has no room for this test");
    let fixture = Fixture::with(|builder| builder.stack_size(64 << 10));
    let runtime = (*fixture).clone();
    fixture.inside(move |p| {
        let (_hold, held) = crossbeam_channel::bounded::<()>(0);
        let (ready, is_ready) = unbounded();
        let blocked = move |p: &Process| {
            ready.send(()).expect("the parent listens");
            stay(p, &held);
        };
        let leader = Command::new("leader", blocked.clone()).process_group(ProcessGroup::New);
        let group = p.spawn(leader).expect("room").id();
        for _ in 1..count {
            let member = Command::new("member", blocked.clone()).process_group(ProcessGroup::Join(group));
            p.spawn(member).expect("room");
        }
        (0..count).for_each(|_| p.recv(&is_ready).expect("each comes to its receive"));
        let stats = runtime.stats();
        assert!(stats.threads > count && stats.queued_starts == 0, "{stats:?}");
        assert!(memory::thread_count().expect("proc") > count);
        p.kill(Target::Group(group), Signal::KILL).expect("it has members");
        for _ in 0..count {
            assert_eq!(p.wait().expect("a child").status.signal(), Some(Signal::KILL));
        }
        let stats = runtime.stats();
        assert_eq!((stats.processes, stats.zombies, stats.lwps), (2, 0, 2));
    });
    let report = fixture.shut_down();
    assert!(report.is_clean(), "{report}");
    let now = (memory::thread_count().expect("proc"), memory::map_count().expect("proc"));
    // The watchdog's thread has come; the kernel may count one that was joined for an instant longer; the allocator keeps maps.
    assert!(now.0 <= threads + 4, "{threads} threads before, {} after", now.0);
    assert!(now.1 <= maps + 300, "{maps} memory maps before, {} after", now.1);
}
