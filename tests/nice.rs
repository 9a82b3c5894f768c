//! Niceness: of a process with all its LWPs, inherited, handed to the host, and left to nobody.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | each LWP's thread has it, whenever it was made | |
//! | children inherit it | decision 15 |
//! | less nice is EPERM, but for root | decision 22 |
//! | no other process ever runs on a thread that was made nice | design "What a thread carries over" |

use crossbeam_channel::unbounded;
use greenproc::{Command, Process};
use greenproc_os::thread::{niceness, tid};
use greenproc_tests::{Fixture, barrier, errno, hold, soon, succeeded};

/// What the host says of the calling thread.
fn on_host() -> i32 {
    niceness(tid()).expect("the thread lives")
}

/// The threads of all LWPs have the niceness, and so have those of LWPs and children made later.
#[test]
fn all_lwps_and_children_are_as_nice() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let base = p.niceness();
        assert_eq!(base, on_host());
        let wanted = (base + 3).min(19);
        let (arrive, arrived) = barrier();
        let before = p.spawn_lwp(move |_| {
            arrive();
            on_host()
        });
        arrived.is_reached();
        assert_eq!(p.nice(3).expect("nicer"), wanted);
        assert_eq!((p.niceness(), on_host()), (wanted, wanted));
        drop(arrived);
        assert_eq!(before.expect("room").join(p).expect("it returns"), wanted);
        let after = p.spawn_lwp(|p| (p.niceness(), on_host())).expect("room");
        assert_eq!(after.join(p).expect("it returns"), (wanted, wanted));
        let child = p.spawn(Command::new("child", move |p: &Process| {
            assert_eq!((p.niceness(), on_host()), (wanted, wanted));
            assert_eq!(p.nice(1).expect("nicer"), (wanted + 1).min(19));
        }));
        succeeded(&child.expect("room").wait().expect("mine"));
        let own = Command::new("own thread", move |_| assert_eq!(on_host(), wanted)).own_thread();
        succeeded(&p.spawn(own).expect("room").wait().expect("mine"));
        assert_eq!(p.nice(0).expect("nothing asked for"), wanted, "the child's is its own");
        assert_eq!(p.nice(i32::MAX).expect("nicer"), 19);
        assert_eq!(on_host(), 19);
    });
}

/// Whoever is not root's becomes no less nice; root does if the host permits it.
#[test]
fn only_root_becomes_less_nice() {
    let fixture = Fixture::boot();
    fixture.inside(|p| {
        let nicer = p.nice(2).expect("nicer");
        if p.uid() == 0 {
            match p.nice(-1) {
                Ok(less) => assert_eq!((less, on_host()), (nicer - 1, nicer - 1)),
                Err(refused) => assert_eq!((refused.errno(), on_host()), (libc::EPERM, nicer)),
            }
            p.setuid(1000).expect("root may");
        }
        let now = p.niceness();
        assert_eq!(errno(p.nice(-1)), libc::EPERM);
        assert_eq!((p.niceness(), on_host()), (now, now));
    });
}

/// A process that is not nice runs on no thread that was, nor on one that a nice process made.
#[test]
fn nobody_else_finds_a_nice_thread() {
    const COUNT: usize = 20;
    let fixture = Fixture::boot();
    let runtime = (*fixture).clone();
    let base = on_host();
    let (told, tells) = unbounded();
    fixture.inside(move |p| {
        let lwps = [(); 3].map(|()| p.spawn_lwp(|p| drop(p.nice(1))).expect("room"));
        for lwp in lwps {
            lwp.join(p).expect("it returns");
        }
        assert!(on_host() > base);
        // These are init's: the nice caller only has the threads made. Each is held, so each needs one of its own.
        let (hold, held) = hold();
        for _ in 0..COUNT {
            let (told, held) = (told.clone(), held.clone());
            let body = move |p: &Process| {
                told.send(on_host()).expect("the test listens");
                held(p);
            };
            drop(runtime.spawn(Command::new("not nice", body)).expect("room"));
        }
        let seen: Vec<i32> = (0..COUNT).map(|_| soon(&tells)).collect();
        drop(hold);
        assert_eq!(seen, vec![base; COUNT]);
    });
    for _ in 0..50 {
        fixture.inside(move |p| assert_eq!((p.niceness(), on_host()), (base, base)));
    }
}
