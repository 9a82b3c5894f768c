//! Long use: children come, fail, are terminated, restarted, deleted, and leave nothing.

use std::error::Error;

use greenproc::{Process, Runtime, Signal};
use greenproc_os::memory;
use greenproc_supervisor::{Backoff, ChildSpec, Supervisor, Tree};

use crate::{Options, Row};

/// After so many cycles of those asked for, what is kept for later use has been made.
const WARM_UP: usize = 4;

/// What is counted.
struct Counts {
    resident: u64,
    threads: usize,
    maps: usize,
    pids: usize,
}

pub(crate) fn measure(options: Options) -> Result<Vec<Row>, Box<dyn Error>> {
    let part = "soak";
    let runtime = Runtime::boot()?;
    let tree = Supervisor::new("root").unlimited().backoff(Backoff::NONE).start(&runtime)?;
    for _ in 0..options.cycles / WARM_UP {
        cycle(&tree)?;
    }
    let before = Counts::now(&runtime);
    for _ in 0..options.cycles {
        cycle(&tree)?;
    }
    let after = Counts::now(&runtime);
    drop(tree.shutdown()?);
    let more = |after: usize, before: usize| after as f64 - before as f64;
    let grown = more(after.resident as usize, before.resident as usize);
    Ok(vec![
        Row::new(part, "cycles of six lives each", options.cycles as f64, ""),
        Row::new(part, "more memory in RAM", grown / 1e6, "MB").at_most(2.0),
        Row::new(part, "more threads", more(after.threads, before.threads), "").at_most(2.0),
        Row::new(part, "more memory maps", more(after.maps, before.maps), "").at_most(16.0),
        Row::new(part, "more pids in use", more(after.pids, before.pids), "").exactly(0.0),
    ])
}

/// A child that fails, is terminated, restarted, terminated and deleted; and a supervisor with one below.
fn cycle(tree: &Tree) -> Result<(), Box<dyn Error>> {
    let sleeper = |p: &Process| p.sleep(std::time::Duration::from_hours(1));
    let first = tree.start_child(ChildSpec::new("worker", sleeper))?;
    first.signal(Signal::KILL)?;
    while !tree.child("worker").is_ok_and(|life| life.incarnation() == 2) {
        std::thread::yield_now();
    }
    tree.terminate_child("worker")?;
    tree.restart_child("worker")?;
    tree.terminate_child("worker")?;
    tree.delete_child("worker")?;
    let nested = Supervisor::new("nested").children(["a", "b"].map(|id| ChildSpec::new(id, sleeper)));
    tree.start_child(ChildSpec::supervisor(nested))?;
    tree.terminate_child("nested")?;
    tree.delete_child("nested")?;
    Ok(())
}

impl Counts {
    fn now(runtime: &Runtime) -> Counts {
        Counts {
            resident: memory::resident_bytes().unwrap_or_default(),
            threads: memory::thread_count().unwrap_or_default(),
            maps: memory::map_count().unwrap_or_default(),
            pids: runtime.stats().pids_in_use,
        }
    }
}
