//! `greenproc tour`: the life of processes in ten scenes, each of which is checked.

mod burst;
mod crash;
mod findings;
mod kills;
mod orphan;
mod stage;
mod waits;
mod zombie;

use std::io::{self, Write as _};
use std::time::Duration;

use greenproc::{PanicReport, Runtime};
use greenproc_os::memory;

use crate::cli::TourOptions;
use crate::failure::Failure;
use crate::quantity::{counted, grouped};
use crate::style::Style;
use crate::{Verdict, host, lull};
use findings::Findings;

/// How long processes may take to end when the tour is over. All have ended by then.
const GRACE: Duration = Duration::from_secs(5);

/// How long the host may take to forget a thread that was joined.
const FORGET: Duration = Duration::from_secs(5);

/// One scene: what it is called, what it is about, and how it goes.
struct Scene {
    title: &'static str,
    story: &'static str,
    play: fn(&Runtime, &TourOptions) -> greenproc::Result<Findings>,
}

const SCENES: [Scene; 10] = [
    Scene {
        title: "Spawn and wait",
        story: "A child exits with 7. Its parent's wait says who ended, and how.",
        play: |runtime, _| waits::spawn_and_wait(runtime),
    },
    Scene {
        title: "A zombie",
        story: "A dead child stays in the table, as state Z, until its parent waits for it.",
        play: |runtime, _| zombie::zombie(runtime),
    },
    Scene {
        title: "An orphan",
        story: "A parent dies before its child. Init adopts the child, and later reaps it.",
        play: |runtime, _| orphan::orphan(runtime),
    },
    Scene {
        title: "Waiting for a group",
        story: "Three children are in a process group, a fourth is not and dies first. A wait for the group passes it by.",
        play: |runtime, _| waits::group(runtime),
    },
    Scene {
        title: "WNOHANG",
        story: "A wait that must not block says \"nothing yet\" while the child lives.",
        play: |runtime, _| waits::no_hang(runtime),
    },
    Scene {
        title: "Ignored children",
        story: "A parent that ignores SIGCHLD gets no zombies; its wait ends when the last child is gone.",
        play: |runtime, _| zombie::ignored(runtime),
    },
    Scene {
        title: "Killed in read(2)",
        story: "A child sits in a read of a pipe that nobody writes to. SIGKILL gets it out.",
        play: |runtime, _| kills::in_read(runtime),
    },
    Scene {
        title: "Killed in a loop",
        story: "A child computes for ever, with a checkpoint in its loop. SIGKILL ends it there.",
        play: |runtime, _| kills::in_loop(runtime),
    },
    Scene {
        title: "A panic",
        story: "A body panics. Its process dies of SIGABRT, the others live on.",
        play: |runtime, _| crash::panic(runtime),
    },
    Scene {
        title: "A burst",
        story: "One parent makes many children, one after another, and reaps them as they end.",
        play: burst::burst,
    },
];

/// Plays all scenes, and looks whether anything is left behind.
pub(crate) fn run(options: &TourOptions) -> Result<Verdict, Failure> {
    let style = Style::of_stdout();
    let mut out = io::stdout().lock();
    let version = env!("CARGO_PKG_VERSION");
    writeln!(out, "{} {version}: Unix processes inside this one process", style.bold("greenproc"))?;
    host::settle()?;
    let threads_before = memory::thread_count();
    let runtime = host::builder().panic_report(PanicReport::Silent).boot()?;
    let mut differed = 0;
    for (number, scene) in (1..).zip(&SCENES) {
        writeln!(out, "\n{}", style.bold(format_args!("{number:>2}. {}", scene.title)))?;
        writeln!(out, "    {}", scene.story)?;
        out.flush()?;
        let findings = (scene.play)(&runtime, options).unwrap_or_else(|error| {
            let mut findings = Findings::default();
            findings.equal("the scene", "goes to its end", error);
            findings
        });
        host::unless_ended(&runtime, Ok(()))?;
        findings.write(&mut out, style)?;
        differed += u64::from(!findings.good());
    }
    writeln!(out, "\n    {}", style.bold("Afterwards"))?;
    let findings = host::unless_ended(&runtime, nothing_left(&runtime, threads_before))?;
    findings.write(&mut out, style)?;
    let good = differed == 0 && findings.good();
    let verdict = if good {
        style.good(format_args!("All {} scenes went as expected, and nothing is left.", SCENES.len()))
    } else if differed == 0 {
        style.bad("All scenes went as expected, but something is left.")
    } else {
        style.bad(format_args!("{} went otherwise than expected.", counted(differed, "scene")))
    };
    writeln!(out, "\n{} {verdict}", style.mark(good))?;
    Ok(Verdict::of(good))
}

/// Shuts the runtime down and compares what is there with what was there before it.
fn nothing_left(runtime: &Runtime, threads_before: Option<usize>) -> Result<Findings, Failure> {
    let mut findings = Findings::default();
    let report = runtime.shutdown(GRACE)?;
    findings.equal("processes that had to be asked to end", 0, report.asked);
    findings.equal("LWPs that could not be stopped", 0, report.stuck.len());
    let stats = runtime.stats();
    findings.equal("processes spawned and reaped", grouped(stats.spawned), grouped(stats.reaped));
    if let Some(before) = threads_before {
        lull::within(FORGET, || memory::thread_count() == Some(before));
        let after = memory::thread_count().map_or_else(|| "unknown".to_owned(), |count| count.to_string());
        findings.equal("native threads, as before the boot", before, after);
    }
    Ok(findings)
}
