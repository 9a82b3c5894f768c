//! A launcher that knows, when `vfork` returns, whether each command was found: the child has executed it, or has ended.
//!
//! ```text
//! cargo run -p greenproc-examples --example vfork
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenproc::{Command, Process, Result, Runtime};

/// What a shell returns for a command that is not there.
const NOT_FOUND: i32 = 127;

fn main() -> Result<()> {
    let runtime = Runtime::builder()
        .program("sum", |p| p.args().iter().filter_map(|arg| arg.parse::<i32>().ok()).sum::<i32>())
        .program("quiet", |_| {})
        .boot()?;

    let (launcher, codes) = runtime.spawn_returning("launcher", |p| {
        ["sum 40 2", "quiet", "smu 1 2"].map(|line| launch(p, line).expect("room for a child"))
    })?;
    assert!(launcher.wait()?.status.success());
    let codes = codes.take().expect("it returned");
    println!("exit values: {codes:?}");
    assert_eq!(codes, [42, 0, NOT_FOUND]);

    let report = runtime.shutdown(Duration::from_secs(1))?;
    println!("shutdown: {report}");
    assert!(report.is_clean());
    Ok(())
}

/// Runs a line, and says before it has ended whether the command was found.
fn launch(p: &Process, line: &'static str) -> Result<i32> {
    let failed = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&failed);
    let child = p.vfork(Command::new("launching", move |p| {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let error = match p.exec(Command::program(name).args(words)) {
            Err(error) => error,
            Ok(never) => match never {},
        };
        println!("{line}: {error}");
        fails.store(true, Ordering::Relaxed);
        NOT_FOUND
    }))?;
    // The child does not write to it any more, whichever way it went.
    let found = if failed.load(Ordering::Relaxed) { "was not found" } else { "runs" };
    println!("process {}: `{line}` {found}", child.id());
    Ok(child.wait()?.status.code().unwrap_or(-1))
}
