//! What happens to processes, as a stream of events: a crossbeam receiver, usable in `select!`.
//!
//! ```text
//! cargo run -p greenproc-examples --example events
//! ```

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, bounded, select};
use greenproc::{Command, Event, EventFilter, EventKind, PanicReport, Pid, Result, Runtime, Signal};

/// A watchdog: all this takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<()> {
    let runtime = Runtime::builder().panic_report(PanicReport::Silent).boot()?;
    let events = runtime.events(EventFilter::all());
    let (hold, held) = bounded::<()>(0);
    let parent = runtime.spawn(Command::new("parent", move |p| {
        let short = p.spawn(Command::new("short", |_| 3))?.wait()?;
        assert_eq!(short.status.code(), Some(3));
        let crash = p.spawn(Command::new("crash", |_| panic!("out of luck")))?.wait()?;
        assert_eq!(crash.status.signal(), Some(Signal::ABRT));
        let endless = p.spawn(Command::new("endless", |p| p.sleep(Duration::MAX)))?;
        p.kill(endless.id(), Signal::TERM)?;
        assert_eq!(endless.wait()?.status.signal(), Some(Signal::TERM));
        // This one is still there when its parent ends.
        p.spawn(Command::new("orphan", move |p| drop(p.recv(&held))))?;
        Result::Ok(())
    }))?;

    let mut seen = Seen { hold: Some(hold), exits: 0, reparented: 0, orphan_reaped: false };
    let watchdog = after(PATIENCE);
    let stream: &Receiver<Event> = &events;
    // The orphan may be reaped before its former parent has come to its own end.
    while !seen.orphan_reaped || seen.exits < 5 {
        select! {
            recv(stream) -> event => seen.take(&event.expect("the runtime is up")),
            recv(watchdog) -> _ => panic!("the orphan was not reaped within {PATIENCE:?}"),
        }
    }
    assert!(parent.wait()?.status.success());
    assert_eq!(seen.exits, 5);
    assert_eq!(seen.reparented, 1);
    assert_eq!(events.dropped(), 0);

    // The stream ends with the runtime.
    let report = runtime.shutdown(Duration::from_secs(1))?;
    assert!(report.is_clean());
    while let Ok(event) = events.recv() {
        seen.take(&event);
    }
    println!("the stream has ended");
    Ok(())
}

/// What was learnt from the events.
struct Seen {
    /// The orphan lives until this is dropped.
    hold: Option<Sender<()>>,
    exits: u32,
    reparented: u32,
    orphan_reaped: bool,
}

impl Seen {
    fn take(&mut self, event: &Event) {
        let what = match &event.kind {
            EventKind::Spawned { parent } => format!("spawned by {parent}"),
            EventKind::Exiting => "is exiting".to_owned(),
            EventKind::Exited { status } => {
                self.exits += u32::from(event.pid != Pid::INIT);
                format!("has ended: {status}")
            }
            EventKind::ExitSignal { to, info } => {
                format!("sends {} to {to}, status {}", info.signal, info.status)
            }
            EventKind::Reparented { to } => {
                self.reparented += 1;
                self.hold = None;
                format!("has parent {to} now")
            }
            EventKind::Reaped => {
                self.orphan_reaped |= event.name == "orphan";
                "was reaped".to_owned()
            }
            EventKind::Signalled { signal } => format!("was sent {signal}"),
            other => format!("{other:?}"),
        };
        println!("{:>3} {:<8} {what}", event.pid, event.name);
    }
}
