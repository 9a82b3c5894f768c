//! The parent of the processes that hash: starts them, at most so many at a time, waits for them, and kills those
//! that take too long.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use greenproc::{Command, Error, Pid, Process, Signal, WaitFlags, WaitFor, Waited};
use greenproc_sync::time;

use super::digest::{self, Digest};
use super::progress::Progress;
use super::row::{Patience, Row};

/// Under which conditions the files are hashed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// How many processes there may be at a time.
    pub(crate) jobs: usize,
    /// How long each may take.
    pub(crate) time_limit: Duration,
}

/// Makes a process for each file and waits for all of them. The body of the parent process.
pub(crate) fn conduct(process: &Process, files: Vec<PathBuf>, terms: Terms) -> greenproc::Result<Vec<Row>> {
    let (sender, digests) = crossbeam_channel::unbounded();
    let progress = Progress::new(files.len() as u64);
    let mut conductor = Conductor {
        process,
        terms,
        sender,
        digests,
        early: HashMap::new(),
        running: HashMap::new(),
        deadlines: VecDeque::new(),
        rows: Vec::with_capacity(files.len()),
        progress,
    };
    for file in files {
        while conductor.running.len() >= terms.jobs {
            conductor.wait_for_one()?;
        }
        conductor.start(file)?;
    }
    while !conductor.running.is_empty() {
        conductor.wait_for_one()?;
    }
    conductor.progress.clear();
    Ok(conductor.rows)
}

struct Conductor<'a> {
    process: &'a Process,
    terms: Terms,
    sender: Sender<(Pid, Digest)>,
    digests: Receiver<(Pid, Digest)>,
    /// The digests of processes that were not waited for yet.
    early: HashMap<Pid, Digest>,
    running: HashMap<Pid, Running>,
    /// In the order of the starts, which is the order of the deadlines: all have the same limit. Those of processes
    /// that have ended meanwhile are passed by.
    deadlines: VecDeque<(Instant, Pid)>,
    rows: Vec<Row>,
    progress: Progress,
}

struct Running {
    path: PathBuf,
    started: Instant,
    patience: Patience,
}

impl Conductor<'_> {
    /// Makes the process of a file. Where the runtime has no room for it, others have to end first.
    fn start(&mut self, path: PathBuf) -> greenproc::Result<()> {
        loop {
            match self.process.spawn(self.command(path.clone())) {
                Ok(child) => {
                    let started = time::now();
                    self.deadlines.push_back((started + self.terms.time_limit, child.id()));
                    self.running.insert(child.id(), Running { path, started, patience: Patience::Kept });
                    return Ok(());
                }
                Err(Error::Exhausted(_)) if !self.running.is_empty() => self.wait_for_one()?,
                Err(error @ Error::Exhausted(_)) => {
                    self.finish(Row::without_process(path, &error));
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn command(&self, path: PathBuf) -> Command {
        let sender = self.sender.clone();
        Command::new("hash", move |process| {
            let digest = digest::digest(process, &path)?;
            // The conductor holds the other end until all have ended.
            let _ = sender.send((process.pid(), digest));
            std::io::Result::Ok(())
        })
    }

    /// Waits until one process has ended, killing those whose time is over. May return without, to be called again.
    fn wait_for_one(&mut self) -> greenproc::Result<()> {
        self.kill_late()?;
        let waited = match self.patience() {
            Some(patience) => self.process.wait_timeout(WaitFor::Any, WaitFlags::empty(), patience)?,
            None => self.process.wait4(WaitFor::Any, WaitFlags::empty())?,
        };
        match waited {
            Some(waited) => self.take(&waited),
            None => self.progress.show(self.running.len()),
        }
        Ok(())
    }

    /// Until something is to be done although no process ends; `None` if nothing is.
    fn patience(&mut self) -> Option<Duration> {
        let deadline = self.next_deadline().map(|deadline| deadline.saturating_duration_since(time::now()));
        deadline.into_iter().chain(self.progress.redraw_after()).min()
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        while let Some(&(deadline, pid)) = self.deadlines.front() {
            if self
                .running
                .get(&pid)
                .is_some_and(|running| running.started + self.terms.time_limit == deadline)
            {
                return Some(deadline);
            }
            self.deadlines.pop_front();
        }
        None
    }

    fn kill_late(&mut self) -> greenproc::Result<()> {
        let now = time::now();
        while let Some(deadline) = self.next_deadline()
            && deadline <= now
        {
            let Some((_, pid)) = self.deadlines.pop_front() else { break };
            // Not yet waited for, so the pid is still the child's, even if it should be a zombie by now.
            self.process.kill(pid, Signal::KILL)?;
            if let Some(running) = self.running.get_mut(&pid) {
                running.patience = Patience::Lost(self.terms.time_limit);
            }
        }
        Ok(())
    }

    fn take(&mut self, waited: &Waited) {
        self.early.extend(self.digests.try_iter());
        let digest = self.early.remove(&waited.pid);
        if let Some(running) = self.running.remove(&waited.pid) {
            let elapsed = time::now().saturating_duration_since(running.started);
            self.finish(Row::of(running.path, waited, elapsed, running.patience, digest));
        }
    }

    fn finish(&mut self, row: Row) {
        let size = row.result.as_ref().map_or(0, |digest| digest.size);
        self.rows.push(row);
        self.progress.done(size, self.running.len());
    }
}
