//! A process is spawned, ends, and is waited for.
//!
//! ```text
//! cargo run -p greenproc-examples --example hello
//! ```

use std::time::Duration;

use greenproc::{Command, PanicReport, Result, Runtime, Signal};

fn main() -> Result<()> {
    let runtime = Runtime::builder().panic_report(PanicReport::Silent).boot()?;

    let status = runtime.run(Command::new("parent", |p| {
        println!("process {} is a child of init, which is process {}", p.pid(), p.ppid());
        let child = p.spawn(Command::new("child", |p| {
            println!("process {} is a child of {}", p.pid(), p.ppid());
            7
        }))?;
        let waited = p.wait()?;
        println!("process {} ended: {}", waited.pid, waited.status);
        assert_eq!((waited.pid, waited.status.code()), (child.id(), Some(7)));
        Result::Ok(())
    }))?;
    assert!(status.success(), "{status}");

    // A body may also return an error, which is exit value 1, or panic, which is death by SIGABRT. Both say why.
    let failed = runtime.spawn(Command::new("fails", |_| "seven".parse::<i32>().map(|_| ())))?.wait()?;
    println!("process {} ended: {}: {}", failed.pid, failed.status, reason(&failed));
    assert_eq!(failed.status.code(), Some(1));

    let crashed = runtime.spawn(Command::new("panics", |_| panic!("out of luck")))?.wait()?;
    println!("process {} ended: {}: {}", crashed.pid, crashed.status, reason(&crashed));
    assert_eq!(crashed.status.signal(), Some(Signal::ABRT));

    let report = runtime.shutdown(Duration::from_secs(1))?;
    println!("shutdown: {report}");
    assert!(report.is_clean());
    Ok(())
}

fn reason(waited: &greenproc::Waited) -> String {
    waited.report.as_ref().map(ToString::to_string).unwrap_or_default()
}
