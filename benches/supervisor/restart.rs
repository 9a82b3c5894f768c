//! From the death of a child until its next life is ready, beside what the runtime takes for a death and a birth.
//!
//! Ours: from the last instant of one life to the first of the next, which then says that it is ready. The runtime's: from the last
//! instant of a process until its parent's wait returns, and from a spawn to the first instant of the process. The same kind
//! of command on both sides; whoever waits has fallen asleep.

#![allow(
    clippy::disallowed_methods,
    reason = "sleepers are given time to fall asleep; instants are of two threads"
)]

use std::error::Error;
use std::time::{Duration, Instant};

use greenproc::{Command, Mailbox, Process, ProcessGroup, Runtime};
use greenproc_supervisor::{Backoff, ChildSpec, Supervisor, Tree};

use crate::quantile::{median, quantile};
use crate::{Options, Row, in_units};

/// Long enough to fall asleep, and for a spinner to have given up.
const SETTLE: Duration = Duration::from_micros(300);

/// Where a life tells when it was ready, and a parent when it was done, and where they hear that they are to end.
#[derive(Clone, Default)]
struct Line {
    begun: Mailbox<Instant>,
    end: Mailbox<()>,
    died: Mailbox<Instant>,
}

impl Line {
    /// What a life does.
    fn live(&self) -> i32 {
        self.say_begun();
        let _ = self.end.receive();
        let _ = self.died.post(Instant::now());
        1
    }

    fn say_begun(&self) {
        let _ = self.begun.post(Instant::now());
    }

    /// Ends the life that there is, and says when it ended.
    fn kill(&self) -> Result<Instant, Box<dyn Error>> {
        std::thread::sleep(SETTLE);
        self.end.post(()).map_err(|()| "closed")?;
        Ok(self.died.receive()?)
    }
}

pub(crate) fn measure(options: Options) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for (part, shared) in [("restart, own threads", false), ("restart, shared threads", true)] {
        rows.extend(compare(options.deaths, part, shared)?);
    }
    Ok(rows)
}

fn compare(deaths: usize, part: &'static str, shared: bool) -> Result<Vec<Row>, Box<dyn Error>> {
    let runtime = Runtime::boot()?;
    let (line, tree) = supervised(&runtime, shared)?;
    let parent = Parent::begin(&runtime, shared)?;
    let (mut restarts, mut waits, mut spawns) = (Vec::new(), Vec::new(), Vec::new());
    let _first = line.begun.receive()?;
    for _ in 0..deaths {
        let died = line.kill()?;
        restarts.push(line.begun.receive()?.saturating_duration_since(died));
        let (wait, spawn) = parent.once()?;
        waits.push(wait);
        spawns.push(spawn);
    }
    parent.spawn.close();
    drop(tree.shutdown()?);
    let [restarts, waits, spawns] = [restarts, waits, spawns].map(|times| in_units(&times, 1e6));
    let floor = median(&waits) + median(&spawns);
    Ok(vec![
        Row::new(part, "death to ready again, median", median(&restarts), "us").at_most(2.0 * floor),
        Row::new(part, "death to ready again, p99", quantile(&restarts, 0.99), "us"),
        Row::new(part, "the runtime's: exit to wait, median", median(&waits), "us"),
        Row::new(part, "the runtime's: spawn to run, median", median(&spawns), "us"),
        Row::new(part, "ratio", median(&restarts) / floor, "").at_most(2.0),
    ])
}

fn supervised(runtime: &Runtime, shared: bool) -> Result<(Line, Tree), Box<dyn Error>> {
    let line = Line::default();
    let theirs = line.clone();
    let child = ChildSpec::with_life("child", move |_, life| {
        life.ready();
        theirs.live()
    });
    let child = if shared { child.shared_thread() } else { child };
    let tree = Supervisor::new("root").unlimited().backoff(Backoff::NONE).child(child).start(runtime)?;
    Ok((line, tree))
}

/// A process that spawns and waits as it is told.
struct Parent {
    line: Line,
    spawn: Mailbox<()>,
    spawning: Mailbox<Instant>,
    waited: Mailbox<Instant>,
}

impl Parent {
    fn begin(runtime: &Runtime, shared: bool) -> greenproc::Result<Parent> {
        let (line, spawn) = (Line::default(), Mailbox::new());
        let (spawning, waited) = (Mailbox::new(), Mailbox::new());
        let parent = Parent { line, spawn, spawning, waited };
        let (line, spawn) = (parent.line.clone(), parent.spawn.clone());
        let (spawning, waited) = (parent.spawning.clone(), parent.waited.clone());
        drop(runtime.spawn(Command::new("parent", move |p: &Process| {
            while spawn.receive().is_ok() {
                let line = line.clone();
                let command = Command::new("child", move |_| line.live()).process_group(ProcessGroup::New);
                let _ = spawning.post(Instant::now());
                drop(p.spawn(if shared { command } else { command.own_thread() })?);
                drop(p.wait()?);
                let _ = waited.post(Instant::now());
            }
            greenproc::Result::Ok(())
        }))?);
        Ok(parent)
    }

    /// One life: from its exit to the return of the wait, and from the spawn to its first instant.
    fn once(&self) -> Result<(Duration, Duration), Box<dyn Error>> {
        std::thread::sleep(SETTLE);
        self.spawn.post(()).map_err(|()| "closed")?;
        let spawning = self.spawning.receive()?;
        let spawn = self.line.begun.receive()?.saturating_duration_since(spawning);
        let died = self.line.kill()?;
        Ok((self.waited.receive()?.saturating_duration_since(died), spawn))
    }
}
