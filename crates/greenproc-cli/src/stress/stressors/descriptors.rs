//! Descriptors: pipelines of processes, tables that are left full, and the limit of their number.

use std::sync::Arc;

use greenproc::{Command, Error, ExitStatus, Fd, Limits, Process, Signal};
use greenproc_sync::atomic::{AtomicU64, Ordering};

use super::Stressor;
use crate::stress::idle::Idle;
use crate::stress::worker::Worker;

pub(super) const STRESSOR: Stressor = Stressor {
    name: "descriptors",
    about: "Descriptors: pipelines of processes, tables that are left full, and the limit of their number",
    op: "a pipeline, or a process that leaves its table full",
    checks: "every byte at the end of a pipeline, and its end; that what was open is closed before the wait; EMFILE",
    unchecked: None,
    round,
};

/// The longest pipeline, and how much goes through it.
const STAGES: u8 = 5;
const BYTES: usize = 20_000;

/// How many descriptors a table is filled with, at most.
const OPEN: u32 = 64;

fn round(worker: &mut Worker<'_>, _room: u64) -> greenproc::Result<u64> {
    if worker.rng.bool() { pipeline(worker) } else { full_table(worker) }
}

/// Bytes through some processes, each of which adds one to every byte.
fn pipeline(worker: &mut Worker<'_>) -> greenproc::Result<u64> {
    let process = worker.process;
    let length = worker.rng.usize(0..=BYTES);
    let (mut from, first) = process.pipe()?;
    let mut stages = Vec::new();
    for _ in 0..worker.rng.u8(1..=STAGES) {
        let (next, to) = process.pipe()?;
        let stage = Command::new("stage", add_one)
            .only_descriptors([])
            .descriptor_from(Fd::STDIN, from)
            .descriptor_from(Fd::STDOUT, to);
        let Some(stage) = worker.spawn(stage)? else {
            process.close(next)?;
            process.close(to)?;
            break;
        };
        stages.push(stage);
        // The only ones that have them now are the stages.
        process.close(from)?;
        process.close(to)?;
        from = next;
    }
    // Who writes must not wait for who reads: that would be the same LWP. There may be no room for a writer.
    let writer = Command::new("writer", move |process: &Process| write_all(process, length))
        .only_descriptors([])
        .descriptor_from(Fd::STDOUT, first);
    let writer = worker.spawn(writer)?;
    process.close(first)?;
    let added = stages.len() as u8;
    let mut read = 0;
    let mut right = true;
    let mut buffer = [0; 4096];
    loop {
        let count = process.read(from, &mut buffer)?;
        if count == 0 {
            break;
        }
        right &= buffer[..count]
            .iter()
            .enumerate()
            .all(|(place, &byte)| byte == pattern(read + place).wrapping_add(added));
        read += count;
    }
    process.close(from)?;
    worker.ledger.expect(right && read == if writer.is_some() { length } else { 0 });
    for child in stages.iter().chain(&writer) {
        worker.reap_as(child, ExitStatus::exited(0))?;
    }
    worker.ledger.expect(process.descriptors().is_empty());
    Ok(u64::from(writer.is_some()))
}

/// What is written at a place.
fn pattern(place: usize) -> u8 {
    (place % 251) as u8
}

fn write_all(process: &Process, length: usize) -> greenproc::Result<()> {
    let bytes: Vec<u8> = (0..length).map(pattern).collect();
    let mut written = 0;
    while written < length {
        written += process.write(Fd::STDOUT, &bytes[written..])?;
    }
    Ok(())
}

/// The body of a stage. Ends when nobody can write any more.
fn add_one(process: &Process) -> greenproc::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let count = process.read(Fd::STDIN, &mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        buffer[..count].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
        let mut written = 0;
        while written < count {
            written += process.write(Fd::STDOUT, &buffer[written..count])?;
        }
    }
}

/// Counts how many of it there are.
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(count: &Arc<AtomicU64>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A process that opens as many as it may, and ends with them or is killed.
fn full_table(worker: &mut Worker<'_>) -> greenproc::Result<u64> {
    let limit = worker.rng.u32(1..=OPEN);
    let is_killed = worker.rng.bool();
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let (full, is_full) = crossbeam_channel::bounded(1);
    let body = move |process: &Process| -> greenproc::Result<i32> {
        for _ in 0..limit {
            process.open(Counted::new(&counter))?;
        }
        let one_more = process.open(Counted::new(&counter));
        let refused = one_more.is_err_and(|error| matches!(error, Error::TooManyDescriptors { .. }));
        let _ = full.send(());
        if is_killed {
            Idle::Sleep.stay(process);
        }
        Ok(i32::from(!refused))
    };
    let command =
        Command::new("hoarder", body).limits(Limits { descriptors: Some(limit), ..Limits::default() });
    let Some(child) = worker.spawn(command)? else { return Ok(0) };
    if is_killed {
        worker.ledger.expect(worker.process.recv(&is_full).is_ok());
        worker.ledger.expect(count.load(Ordering::Relaxed) == u64::from(limit));
        child.kill()?;
        worker.reap_as(&child, ExitStatus::killed(Signal::KILL))?;
    } else {
        worker.reap_as(&child, ExitStatus::exited(0))?;
    }
    worker.ledger.expect(count.load(Ordering::Relaxed) == 0);
    Ok(1)
}
