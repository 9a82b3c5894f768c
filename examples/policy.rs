//! Plug-ins that are trusted less than the program around them: each runs as a process under a policy of the calls that it
//! may make.
//!
//! ```text
//! cargo run -p greenproc-examples --example policy
//! ```

use greenproc::{Call, Command, Policy, Process, Result, Runtime, Signal};

/// What a plug-in is called, and what it does.
type PlugIn = (&'static str, fn(&Process) -> Result<()>);

/// A good citizen: computes, writes its answer, ends.
fn well_behaved(p: &Process) -> Result<()> {
    let (reader, writer) = greenproc::pipe();
    writer.write_all(p, b"42")?;
    reader.read(p, &mut [0; 8]).map(|_| ())
}

/// Wants to be many. It is told that there is no room, as if the limit of processes were reached.
fn prolific(p: &Process) -> Result<()> {
    loop {
        p.spawn(Command::new("spore", |_| {}))?;
    }
}

/// Tries to end the program's other processes.
fn hostile(p: &Process) -> Result<()> {
    p.kill(greenproc::Target::All, Signal::KILL)
}

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let policy = Policy::only([Call::Read, Call::Write])
        .deny(Call::Spawn, 11)? // EAGAIN
        .kill(Call::Kill);

    // A plug-in that fails ends with 1, as its error is returned.
    let plug_ins: [PlugIn; 3] =
        [("well-behaved", well_behaved), ("prolific", prolific), ("hostile", hostile)];
    for (name, body) in plug_ins {
        let status = runtime.run(Command::new(name, body).policy(policy.clone()))?;
        println!("{name}: {status}");
    }
    Ok(())
}
