//! What did they all do? A parent with two workers is recorded: each call, signal, sleep and step of their lives. The
//! record is printed in short, and written to a file that <https://ui.perfetto.dev> shows as a timeline.
//!
//! ```text
//! cargo run -p greenproc-examples --example ktrace [-- FILE]
//! ```

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

use greenproc::ktrace::{Fact, Recorder};
use greenproc::{Command, Process, Result, Runtime, SigAction, Signal};

/// Waits for its work, which comes as a signal.
fn worker(p: &Process) -> Result<()> {
    p.sigaction(Signal::USR1, SigAction::handler(|p, _| p.exit(0)))?;
    p.sleep(Duration::from_hours(1))
}

fn parent(p: &Process) -> Result<()> {
    let diligent = p.spawn(Command::new("diligent", worker))?;
    let stubborn = p.spawn(Command::new("stubborn", |p| p.sleep(Duration::from_hours(1))))?;
    p.sleep(Duration::from_millis(2))?;
    p.kill(diligent.id(), Signal::USR1)?;
    p.sleep(Duration::from_millis(1))?;
    stubborn.kill()?;
    while p.wait().is_ok() {}
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    // The last thousand facts; what is older is counted and forgotten.
    let recorder = Recorder::new(1_000);
    let runtime = Runtime::boot()?;
    runtime.run(Command::new("parent", parent).ktrace(&recorder))?;

    for record in recorder.records() {
        match record.fact {
            Fact::Sleeps | Fact::Wakes => {}
            fact => println!("{:>9.3?} {:>3} {:<9} {fact}", record.time, record.pid, record.name),
        }
    }
    let path =
        std::env::args_os().nth(1).map_or_else(|| std::env::temp_dir().join("ktrace.json"), PathBuf::from);
    recorder.chrome_trace(BufWriter::new(File::create(&path)?))?;
    println!(
        "open {} in https://ui.perfetto.dev ({} facts were dropped)",
        path.display(),
        recorder.dropped()
    );
    Ok(())
}
