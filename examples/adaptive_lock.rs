//! A lock that spins while its owner runs, and sleeps when the owner does: waiting costs a CPU only where it will be short.
//!
//! ```text
//! cargo run -p greenproc-examples --example adaptive_lock
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam_channel::bounded;
use greenproc::{Command, KillableMutex, LwpControl, Process, Result, Runtime};

const LWPS: usize = 2;
const ROUNDS: u64 = 2_000;

/// One beyond the contenders: nobody.
const NOBODY: usize = LWPS;

struct AdaptiveLock<T> {
    lock: KillableMutex<T>,
    /// What those are doing who may hold it.
    contenders: Vec<LwpControl>,
    /// Which of them does.
    owner: AtomicUsize,
    spins: AtomicU64,
    sleeps: AtomicU64,
}

impl<T> AdaptiveLock<T> {
    /// Does something with the lock held, as the contender `me`.
    fn with<R>(&self, p: &Process, me: usize, act: impl FnOnce(&mut T) -> R) -> Result<R> {
        let mut guard = loop {
            if let Some(guard) = self.lock.try_lock() {
                break guard;
            }
            let owner = self.contenders.get(self.owner.load(Ordering::Relaxed));
            if owner.is_none_or(LwpControl::is_running) {
                self.spins.fetch_add(1, Ordering::Relaxed);
                // Its thread may have lost the CPU: whoever spins leaves it some of his own.
                std::thread::yield_now();
            } else {
                self.sleeps.fetch_add(1, Ordering::Relaxed);
                break self.lock.lock(p)?;
            }
        };
        self.owner.store(me, Ordering::Relaxed);
        let result = act(&mut guard);
        self.owner.store(NOBODY, Ordering::Relaxed);
        Ok(result)
    }
}

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("contenders", |p| {
        let (sender, receiver) = bounded::<Arc<AdaptiveLock<u64>>>(LWPS);
        let lwps: Vec<_> = (0..LWPS)
            .map(|me| {
                let receiver = receiver.clone();
                p.spawn_lwp(move |p| {
                    let lock = receiver.recv().expect("it comes");
                    for round in 0..ROUNDS {
                        lock.with(p, me, |count| {
                            *count += 1;
                            if round % 500 == 0 {
                                // The owner sleeps with the lock held: nobody is to spin for that.
                                p.sleep(Duration::from_millis(2)).expect("no signal comes");
                            }
                        })
                        .expect("no signal comes");
                    }
                })
            })
            .collect::<Result<_>>()?;
        let lock = Arc::new(AdaptiveLock {
            lock: KillableMutex::new(0),
            contenders: lwps.iter().map(greenproc::LwpHandle::control).collect(),
            owner: AtomicUsize::new(NOBODY),
            spins: AtomicU64::new(0),
            sleeps: AtomicU64::new(0),
        });
        for _ in 0..LWPS {
            sender.send(Arc::clone(&lock)).expect("there is room");
        }
        for lwp in lwps {
            lwp.join(p).expect("it returns");
        }
        let count = lock.with(p, NOBODY, |count| *count)?;
        println!(
            "{count} times locked; waiters looked {} times at an owner that ran, and slept {} times",
            lock.spins.load(Ordering::Relaxed),
            lock.sleeps.load(Ordering::Relaxed)
        );
        assert_eq!(count, LWPS as u64 * ROUNDS);
        println!("and they have all ended: {:?}", lock.contenders);
        Result::Ok(())
    }))?;
    assert!(status.success(), "{status}");
    Ok(())
}
