//! Who ran, for how long, and how it ended, read from a file afterwards.
//!
//! ```text
//! cargo run -p greenproc-examples --example accounting
//! ```

use std::error::Error;
use std::fs;
use std::time::Duration;

use greenproc::accounting::{self, AccountFile};
use greenproc::{Command, PanicReport, Runtime};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("greenproc-example-acct-{}", std::process::id()));
    let builder = Runtime::builder().panic_report(PanicReport::Silent);
    let runtime = builder.accounting(AccountFile::open(&path)?).boot()?;
    runtime.run(Command::new("quick", |_| {}))?;
    runtime.run(Command::new("fails", |_| 3))?;
    runtime.run(Command::new("crashes", |_| panic!("out of luck")))?;
    let endless = runtime.spawn(Command::new("endless", |p| p.sleep(Duration::MAX)))?;
    endless.kill()?;
    println!("{}: {}", endless.name(), endless.wait()?.status);
    // The shutdown writes what is queued still.
    println!("{}", runtime.shutdown(Duration::from_secs(1))?);

    // A crash of the whole program in the middle of a record would leave its beginning.
    let mut text = fs::read_to_string(&path)?;
    text.push_str("{\"pid\":6,\"ppid\":1,\"name\":\"ha");
    fs::write(&path, text)?;

    let reading = accounting::read(&path)?;
    for record in &reading.records {
        println!(
            "{:<8} {:<4} pid {} {:?} of CPU time, {}",
            record.name,
            record.flags,
            record.pid,
            record.usage.total(),
            record.status
        );
    }
    println!("torn lines: {:?}", reading.torn);
    let names: Vec<&str> = reading.records.iter().map(|record| &*record.name).collect();
    assert_eq!(names, ["quick", "fails", "crashes", "endless", "init"]);
    assert_eq!(reading.torn, [6]);
    fs::remove_file(&path)?;
    Ok(())
}
