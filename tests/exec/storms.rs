//! Everything at once: processes that become others while they are stopped, continued, signalled and killed.

use greenproc::{Command, Process, SigAction, Signal, WaitFlags, WaitFor};
use greenproc_tests::{AN_HOUR, Fixture, errno};

/// How many processes are gone through.
const LIVES: u32 = 150;

/// Numbers without a short period.
struct Random(u32);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) % limit
    }
}

/// Becomes itself again and again, from its main LWP or another, out of a handler or not, by way of a vfork or not.
fn becomes(p: &Process) -> greenproc::Result<()> {
    let mut random = Random(p.args()[0].parse().expect("a number"));
    let next = (random.below(1 << 16) << 8) + random.below(256);
    let again = move || Command::program("becomes").arg(next.to_string());
    for _ in 0..random.below(3) {
        let sleepy = random.below(2) == 0;
        // The limit may be reached.
        if let Ok(lwp) = p.spawn_lwp(move |p| if sleepy { p.sleep(AN_HOUR) } else { Ok(()) }) {
            lwp.detach();
        }
    }
    match random.below(4) {
        0 => {
            p.sigaction(Signal::USR1, SigAction::handler(move |p, _| drop(p.exec(again()))))?;
            p.raise(Signal::USR1)
        }
        1 => {
            let lwp = p.spawn_lwp(move |p| p.exec(again()).map(drop))?;
            lwp.join(p).expect_err("nobody returns from it");
            Ok(())
        }
        2 => {
            let child = p.vfork(Command::new("child", |p| p.exec(Command::new("grown", |_| {}))));
            if let Ok(child) = child {
                drop(child.wait());
            }
            p.exec(again()).map(drop)
        }
        _ => p.exec(again()).map(drop),
    }
}

/// Decisions 6 and 10, rows 50 and 51: whatever comes when, SIGKILL ends it, and nothing is left.
#[test]
fn a_process_that_never_stays_the_same_is_stopped_continued_and_killed() {
    let fixture = Fixture::with(|builder| builder.program("becomes", becomes).max_lwps(200));
    fixture.inside(|p| {
        let mut random = Random(7);
        for life in 0..LIVES {
            let child = p.spawn(Command::program("becomes").arg(life.to_string())).expect("room");
            for _ in 0..random.below(12) {
                let signal = match random.below(4) {
                    0 => Signal::STOP,
                    1 => Signal::TSTP,
                    2 => Signal::WINCH,
                    _ => Signal::CONT,
                };
                child.signal(signal).expect("it is not reaped");
                if random.below(2) == 0 {
                    std::thread::yield_now();
                }
            }
            if random.below(2) == 0 {
                // A stop that sticks is seen, whatever the process becomes meanwhile.
                child.signal(Signal::STOP).expect("it is not reaped");
                let waited = p.wait4(WaitFor::Child(&child), WaitFlags::UNTRACED);
                let status = waited.expect("my child").expect("no NOHANG").status;
                assert!(status.stopped_signal().is_some(), "{status}");
            }
            child.kill().expect("it is not reaped");
            let status = child.wait().expect("mine").status;
            assert_eq!(status.signal(), Some(Signal::KILL), "life {life}: {status}");
        }
        assert_eq!(errno(p.wait()), libc::ECHILD);
    });
}
