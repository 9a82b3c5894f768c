//! What workers did together, also those that crashed, and where the CPU time went.
//!
//! ```text
//! cargo run -p greenproc-examples --example counters
//! ```

use std::time::{Duration, Instant};

use greenproc::{Command, PanicReport, Process, Result, Runtime, Signal};

/// Handles some requests; every seventh crashes the worker.
fn worker(p: &Process, first: u64) -> Result<()> {
    let (requests, bytes) = (p.counter("requests")?, p.counter("bytes")?);
    for request in first..first + 5 {
        requests.add(1);
        bytes.add(request * 100);
        assert!(request % 7 != 0, "request {request} is too much");
    }
    Ok(())
}

fn main() -> Result<()> {
    let runtime = Runtime::builder().panic_report(PanicReport::Silent).boot()?;
    let server = Command::new("server", |p| {
        let mut crashed = 0;
        for round in 0..4 {
            p.spawn(Command::new("worker", move |p| worker(p, 1 + 5 * round)))?;
            let waited = p.wait()?;
            crashed += u32::from(waited.status.signal() == Some(Signal::ABRT));
        }
        let sum = p.children_counters();
        println!("four workers, {crashed} crashed:\n{sum}");
        assert_eq!(crashed, 2);
        assert_eq!(sum.own["requests"], 5 + 2 + 4 + 5);
        assert_eq!((p.counters().spawns, p.counters().waits), (4, 4));
        Result::Ok(())
    });
    let server = runtime.spawn(server.counted())?;
    assert!(server.wait()?.status.success());

    // Where does the time go?
    let busy = runtime.spawn(Command::new("busy", |p| {
        p.profil(Duration::from_millis(1))?;
        while p.profile().samples() < 40 {
            p.checkpoint(); // before much work
            std::hint::black_box((0..20_000).fold(1_u64, |product, factor| product.wrapping_mul(factor | 1)));
            p.checkpoint(); // before little
        }
        // A measurement that nobody disturbed: it is made again if the LWP lost its CPU meanwhile.
        let sequence = p.sequence("measure")?;
        #[expect(clippy::disallowed_methods, reason = "an example uses the clock of the standard library")]
        let took = sequence.run(p, || {
            let begun = Instant::now();
            p.checkpoint();
            begun.elapsed()
        })?;
        println!(
            "a checkpoint and two looks at the clock: {took:?}, interrupted {} times",
            sequence.restarts()
        );
        Result::Ok(())
    }))?;
    assert!(busy.wait()?.status.success());
    println!("{}", busy.profile());
    assert!(busy.profile().samples() >= 40);
    Ok(())
}
