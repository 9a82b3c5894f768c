//! Reads many files at once, with a bound, and gives up what is not wanted any more: the largest source file of this
//! workspace is looked for, and a read that would never end is cancelled.
//!
//! ```text
//! cargo run -p greenproc-examples --example aio
//! ```

use std::io::Read;
use std::path::{Path, PathBuf};

use greenproc::{AioCancel, Command, Result, Runtime, Signal};

/// The files below a directory whose names end so.
fn files(below: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
}

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("reader", |p| {
        let mut sources = Vec::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
        files(&root, "rs", &mut sources);

        // All are asked for before the first answer is waited for.
        let mut reads = Vec::new();
        for source in sources {
            reads.push(p.aio(move |_| (std::fs::read(&source).map_or(0, |text| text.len()), source))?);
        }
        let mut largest = (0, PathBuf::new());
        let count = reads.len();
        for read in reads {
            largest = largest.max(read.wait(p)?);
        }
        let name = largest.1.file_name().unwrap_or_default().display().to_string();
        println!("{count} files were read; the largest is {name} with {} bytes", largest.0);

        // One that tells of its end by a signal, so that the process can wait for several things in one place.
        let signal = Signal::real_time(0).unwrap_or(Signal::IO);
        p.sigmask(greenproc::MaskHow::Block, signal)?;
        let sum = p.aio_with_signal(signal, 7, |_| (1..=1000_u64).sum::<u64>())?;
        let info = p.sigtimedwait(signal, None)?;
        println!("work number {} is done: {}", info.value, sum.try_get()?);

        // A read of a pipe that nobody writes to.
        let (mut silent, _open) = std::io::pipe().expect("a pipe of the host");
        let endless = p.aio(move |p| p.blocking(|| silent.read(&mut [0; 16])).is_ok())?;
        let cancelled = endless.cancel(p)?;
        assert_ne!(cancelled, AioCancel::AllDone);
        println!("the endless read: {}", endless.wait(p).expect_err("it was cancelled"));
        Result::Ok(())
    }))?;
    assert!(status.success());
    Ok(())
}
