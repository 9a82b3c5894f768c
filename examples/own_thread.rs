//! Native threads are kept and used again, and with them the values of `thread_local!`. A process with a thread of its own
//! leaves none behind: they are dropped before its zombie can be seen.
//!
//! ```text
//! cargo run -p greenproc-examples --example own_thread
//! ```

use std::cell::RefCell;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use greenproc::{Command, Pid, Process, Result, Runtime};

const LIVES: usize = 100;

thread_local! {
    static NOTE: RefCell<Option<Note>> = const { RefCell::new(None) };
}

/// A value that says when it is dropped.
struct Note {
    of: Pid,
    dropped: Sender<Pid>,
}

impl Drop for Note {
    fn drop(&mut self) {
        // Main may have gone on by then, if the thread was kept.
        let _ = self.dropped.try_send(self.of);
    }
}

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;

    let (found, gone) = live(&runtime, |command| command)?;
    println!(
        "kept threads: {found} of {LIVES} processes found what an earlier one left, {gone} cleaned up in time"
    );

    let (found, gone) = live(&runtime, Command::own_thread)?;
    println!(
        "own threads:  {found} of {LIVES} processes found what an earlier one left, {gone} cleaned up in time"
    );
    assert_eq!((found, gone), (0, LIVES));

    let report = runtime.shutdown(Duration::from_secs(1))?;
    println!("shutdown: {report}");
    assert!(report.is_clean());
    Ok(())
}

/// Runs processes one after another; how many found another's note on their thread, and of how many the note was gone when
/// they had been waited for.
fn live(runtime: &Runtime, how: impl Fn(Command) -> Command) -> Result<(usize, usize)> {
    let (mut found, mut gone) = (0, 0);
    for _ in 0..LIVES {
        let (dropped, was_dropped) = bounded(2);
        let child = runtime.spawn(how(Command::new("notes", move |p| leave_note(p, dropped))))?;
        let status = child.wait()?.status;
        found += usize::from(status.code() == Some(1));
        gone += usize::from(was_dropped.try_iter().any(|of| of == child.id()));
    }
    Ok((found, gone))
}

/// Leaves a note on the thread; 1 if one was there already.
fn leave_note(p: &Process, dropped: Sender<Pid>) -> i32 {
    let former = NOTE.replace(Some(Note { of: p.pid(), dropped }));
    i32::from(former.is_some())
}
