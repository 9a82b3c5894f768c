//! A pipeline of commands that know nothing of each other: each reads number 0 and writes number 1, and whoever starts
//! them says what those are. The last one hears of the end because nobody else has the writing end.
//!
//! ```text
//! cargo run -p greenproc-examples --example descriptors
//! ```

use greenproc::{Command, Fd, Limits, Process, Result, Runtime};

/// Writes numbers, one byte each.
fn count(p: &Process) -> Result<()> {
    for number in 1..=20_u8 {
        p.write(Fd::STDOUT, &[number])?;
    }
    Ok(())
}

/// Passes on what is odd.
fn odd(p: &Process) -> Result<()> {
    let mut byte = [0];
    while p.read(Fd::STDIN, &mut byte)? > 0 {
        if byte[0] % 2 == 1 {
            p.write(Fd::STDOUT, &byte)?;
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let status = runtime.run(Command::new("conductor", |p| {
        let (counted, to_odd) = p.pipe()?;
        let (filtered, to_me) = p.pipe()?;
        let first = Command::new("count", count);
        p.spawn(first.only_descriptors([]).descriptor_from(Fd::STDOUT, to_odd))?;
        let second = Command::new("odd", odd).only_descriptors([]);
        p.spawn(second.descriptor_from(Fd::STDIN, counted).descriptor_from(Fd::STDOUT, to_me))?;
        // Else the ends would be open here too, and the readers would wait for ever.
        for mine in [counted, to_odd, to_me] {
            p.close(mine)?;
        }
        let (mut sum, mut buf) = (0_u32, [0; 8]);
        loop {
            match p.read(filtered, &mut buf)? {
                0 => break,
                read => sum += buf[..read].iter().map(|&byte| u32::from(byte)).sum::<u32>(),
            }
        }
        println!("the odd numbers up to 20 add up to {sum}");
        assert_eq!(sum, 100);

        let leaks = |p: &Process| {
            let mut count = 0;
            let error = loop {
                match p.open("never closed") {
                    Ok(_) => count += 1,
                    Err(error) => break error,
                }
            };
            println!("a process that closes nothing came to {count}: {error}");
        };
        p.spawn(Command::new("leaks", leaks).limits(Limits { descriptors: Some(32), ..p.limits() }))?;
        for _ in 0..3 {
            let waited = p.wait()?;
            println!("process {} ended with {}", waited.pid, waited.status);
        }
        Result::Ok(())
    }))?;
    assert!(status.success());
    Ok(())
}
