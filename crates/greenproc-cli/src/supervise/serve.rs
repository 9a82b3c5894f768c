//! A few pages over HTTP for whoever watches from outside: probes and metrics. Not more than `GET`, one request a
//! connection.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenproc::{Command, Process, SigAction, Signal};
use greenproc_sync::time;
use rustix::event::{PollFd, PollFlags, poll};

use super::probe::wait;

/// How long a request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest head of a request that is read.
const HEAD: usize = 8 * 1024;

/// How many requests are answered at the same time; more wait.
const AT_ONCE: u32 = 32;

/// What is at an address.
pub(super) struct Page {
    pub(super) status: Status,
    pub(super) text: String,
}

/// Whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Fine,
    NotFound,
    NotNow,
}

/// What is at a path.
pub(super) type Pages = dyn Fn(&str) -> Page + Send + Sync;

/// Listens.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Answers requests until it is killed: the body of a process. Each request has a process of its own.
pub(super) fn serve(p: &Process, listener: &TcpListener, pages: &Arc<Pages>) -> Result<(), String> {
    let say = |error: &dyn std::fmt::Display| error.to_string();
    p.sigaction(Signal::CHLD, SigAction::IGNORE).map_err(|error| say(&error))?;
    let room = crossbeam_channel::bounded::<()>(AT_ONCE as usize);
    loop {
        p.blocking(|| Ok(poll(&mut [PollFd::new(listener, PollFlags::IN)], None)?))
            .map_err(|error| say(&error))?;
        // Whoever called may be gone again.
        let Ok((stream, _)) = listener.accept() else { continue };
        let (enter, leave) = room.clone();
        p.send(&enter, ()).map_err(|error| say(&error))?;
        let place = Place(leave);
        let pages = Arc::clone(pages);
        let command = Command::new("request", move |p| {
            let _place = place;
            answer(p, stream, &*pages)
        });
        // Without room for a process the connection is closed, and whoever called asks again.
        drop(p.spawn(command));
    }
}

/// A place among the requests that are answered at the same time.
struct Place(crossbeam_channel::Receiver<()>);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.0.try_recv();
    }
}

fn answer(p: &Process, mut stream: TcpStream, pages: &Pages) -> io::Result<()> {
    let deadline = time::now() + PATIENCE;
    // Whoever is asked for a page may not answer either.
    p.alarm(PATIENCE)?;
    stream.set_nonblocking(true)?;
    let (code, text) = match path(p, &mut stream, deadline)? {
        Some(path) => match pages(&path) {
            Page { status: Status::Fine, text } => ("200 OK", text),
            Page { status: Status::NotFound, text } => ("404 Not Found", text),
            Page { status: Status::NotNow, text } => ("503 Service Unavailable", text),
        },
        None => ("400 Bad Request", "only GET\n".to_owned()),
    };
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {code}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let answer = head + &text;
    let mut unsent = answer.as_bytes();
    while !unsent.is_empty() {
        wait(p, &stream, PollFlags::OUT, deadline)?;
        let sent = stream.write(unsent)?;
        unsent = &unsent[sent..];
    }
    Ok(())
}

/// The path that is asked for; `None` if the request is none that is answered.
fn path(p: &Process, stream: &mut TcpStream, deadline: Instant) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        wait(p, stream, PollFlags::IN, deadline)?;
        let mut buffer = [0; 1024];
        let count = stream.read(&mut buffer)?;
        head.extend_from_slice(&buffer[..count]);
        if count == 0 || head.len() > HEAD {
            return Ok(None);
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let path = (words.next() == Some("GET")).then(|| words.next()).flatten();
    Ok(path.map(|path| path.split('?').next().unwrap_or_default().to_owned()))
}
