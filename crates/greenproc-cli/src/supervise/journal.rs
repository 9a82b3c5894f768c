//! Writes down what happens: the children's lines on standard output, what their supervisors do on standard error; or all
//! of it on standard output, as JSON, one object a line.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use crossbeam_channel::{Receiver, select};
use greenproc::Process;
use greenproc_supervisor::host::HostStream;
use greenproc_supervisor::{Event, EventKind, Events, telemetry};
use greenproc_sync::time;
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::{Value, json};

use super::board::{Board, Turn};
use super::news::{News, What};
use super::notify;
use crate::failure::one_line;

/// What is written down, and where.
pub(super) struct Journal {
    /// The name of the tree, which each path begins with.
    root: String,
    json: bool,
    board: Arc<Board>,
    events: Events,
    news: Receiver<News>,
    stdout: File,
    stderr: File,
}

impl Journal {
    pub(super) fn new(
        root: &str,
        json: bool,
        board: Arc<Board>,
        events: &Events,
        news: Receiver<News>,
    ) -> io::Result<Journal> {
        let own = |descriptor: BorrowedFd<'_>| descriptor.try_clone_to_owned().map(File::from);
        Ok(Journal {
            root: root.to_owned(),
            json,
            board,
            events: events.clone(),
            news,
            stdout: own(io::stdout().as_fd())?,
            stderr: own(io::stderr().as_fd())?,
        })
    }

    /// Writes until nobody has more to tell: the body of a process.
    pub(super) fn write(&self, p: &Process) {
        let events = self.events.receiver();
        let interrupts = p.interrupts();
        loop {
            select! {
                recv(self.news) -> news => match news {
                    Ok(news) => self.tell(p, &news),
                    Err(_) => break,
                },
                recv(events) -> event => if let Ok(event) = event {
                    self.note(p, &event);
                },
                recv(interrupts) -> _ => p.checkpoint(),
            }
        }
        while let Some(event) = self.events.try_recv() {
            self.note(p, &event);
        }
        if self.events.dropped() > 0 {
            self.complain(p, &format!("{} events found no room and are not told", self.events.dropped()));
        }
    }

    fn tell(&self, p: &Process, news: &News) {
        let child = &news.child;
        if self.json {
            return self.object(p, child, news_json(&news.what));
        }
        let name = self.short(child);
        match &news.what {
            What::Line { text, .. } => {
                Journal::put(p, &self.stdout, &format!("{name}: {text}\n"));
            }
            What::Suppressed { lines, .. } => self.complain(p, &format!("{name}: {lines} lines suppressed")),
            What::Running { host_pid, .. } => {
                self.complain(p, &format!("{name}: runs as host process {host_pid}"));
            }
            What::Unhealthy { why } => self.complain(p, &format!("{name}: {why}; it is stopped")),
            What::Ended { usage, .. } => {
                let cpu = usage.user + usage.system;
                let mib = usage.max_resident_kib / 1024;
                self.complain(p, &format!("{name}: used {cpu:.3?} of CPU time and up to {mib} MiB"));
            }
        }
    }

    fn note(&self, p: &Process, event: &Event) {
        telemetry::count(event);
        if self.board.note(event, &self.root) == Some(Turn::Up) {
            notify::ready();
        }
        if self.json {
            return self.object(p, &event.path, event_json(&event.kind));
        }
        self.complain(p, &format!("{}: {}", self.short(&event.path), event.kind));
    }

    /// The path without the tree's own name.
    fn short<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(&*self.root).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
    }

    fn object(&self, p: &Process, path: &str, what: Value) {
        let since = time::wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut object = json!({ "time": since.as_secs_f64(), "path": path });
        if let (Value::Object(object), Value::Object(what)) = (&mut object, what) {
            object.extend(what);
        }
        Journal::put(p, &self.stdout, &format!("{object}\n"));
    }

    fn complain(&self, p: &Process, text: &str) {
        Journal::put(p, &self.stderr, &format!("greenproc: {}\n", one_line(text)));
    }

    /// Writes, and can be killed meanwhile. Whoever reads may stop reading: the tree goes on.
    fn put(p: &Process, mut to: &File, text: &str) {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            match p.blocking(|| to.write(rest)) {
                Ok(count @ 1..) => rest = &rest[count..],
                // Somebody else who has this output may have set it so.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let room = p.blocking(|| Ok(poll(&mut [PollFd::new(&to, PollFlags::OUT)], None)?));
                    if room.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }
}

fn news_json(what: &What) -> Value {
    let stream = |stream: &HostStream| stream.to_string();
    match what {
        What::Line { stream: from, text } => json!({ "event": "line", "stream": stream(from), "text": text }),
        What::Suppressed { stream: from, lines } => {
            json!({ "event": "suppressed", "stream": stream(from), "lines": lines })
        }
        What::Running { pid, host_pid } => {
            json!({ "event": "running", "pid": pid.as_raw(), "host_pid": host_pid })
        }
        What::Ended { status, usage } => json!({
            "event": "host-ended",
            "code": status.code(),
            "signal": status.signal().map(|signal| signal.to_string()),
            "user_s": usage.user.as_secs_f64(),
            "system_s": usage.system.as_secs_f64(),
            "max_resident_kib": usage.max_resident_kib,
        }),
        What::Unhealthy { why } => json!({ "event": "unhealthy", "why": why }),
    }
}

fn event_json(kind: &EventKind) -> Value {
    let mut object = match kind {
        EventKind::Started { pid, incarnation } => {
            json!({ "event": "started", "pid": pid.as_raw(), "incarnation": incarnation })
        }
        EventKind::Ready { pid, incarnation, took } => json!({
            "event": "ready", "pid": pid.as_raw(), "incarnation": incarnation, "took_s": took.as_secs_f64(),
        }),
        EventKind::StartFailed { why } => json!({ "event": "start-failed", "why": why }),
        EventKind::Exited { pid, incarnation, status, asked, .. } => json!({
            "event": "exited",
            "pid": pid.as_raw(),
            "incarnation": incarnation,
            "code": status.code(),
            "signal": status.signal().map(|signal| signal.to_string()),
            "asked": asked,
        }),
        EventKind::Restarting { after, failures } => {
            json!({ "event": "restarting", "after_s": after.as_secs_f64(), "failures": failures })
        }
        EventKind::Stopping { pid, signal } => {
            json!({ "event": "stopping", "pid": pid.as_raw(), "signal": signal.to_string() })
        }
        EventKind::Stuck { pid, signal } => {
            json!({ "event": "stuck", "pid": pid.as_raw(), "signal": signal.to_string() })
        }
        EventKind::Silent { pid, .. } => json!({ "event": "silent", "pid": pid.as_raw() }),
        EventKind::GaveUp { child, .. } => json!({ "event": "gave-up", "child": &**child }),
        EventKind::AutoShutdown { child } => json!({ "event": "auto-shutdown", "child": &**child }),
        EventKind::Up => json!({ "event": "up" }),
        EventKind::Down => json!({ "event": "down" }),
        _ => json!({ "event": "other" }),
    };
    object["text"] = kind.to_string().into();
    object
}
