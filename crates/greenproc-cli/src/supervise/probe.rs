//! Asking whether somebody is there, and well. Whoever asks can be killed meanwhile.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use greenproc::Process;
use greenproc_supervisor::host::HostCommand;
use greenproc_sync::time;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, ipproto, socket_with, sockopt};

use super::plan::{Probe, Setting, Url};
use crate::failure::plainly;

/// The longest beginning of an answer that is looked at.
const HEAD: usize = 64;

/// Asks; the error says why the answer is no.
pub(super) fn ask(
    p: &Process,
    probe: &Probe,
    setting: Option<&Setting>,
    timeout: Duration,
) -> Result<(), String> {
    match probe {
        Probe::Command(words) => match command(words, setting).check(p, timeout) {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(format!("{}: {status}", words[0])),
            Ok(None) => Err(format!("{}: it took longer than {timeout:?}", words[0])),
            Err(error) => Err(error.to_string()),
        },
        Probe::Tcp(address) => {
            let said = |error: io::Error| format!("{address}: {}", plainly(&error));
            call(p, *address, deadline(timeout)).map(drop).map_err(said)
        }
        Probe::Http(url) => match status(p, url, deadline(timeout)) {
            Ok(status) if (200..400).contains(&status) => Ok(()),
            Ok(status) => Err(format!("http://{}{}: status {status}", url.authority, url.path)),
            Err(error) => Err(format!("http://{}{}: {}", url.authority, url.path, plainly(&error))),
        },
    }
}

/// A command of the host with the environment and the directory of its child.
pub(super) fn command(words: &[String], setting: Option<&Setting>) -> HostCommand {
    let mut command = HostCommand::new(&words[0]).args(&words[1..]);
    let Some(setting) = setting else { return command };
    if setting.clear_environment {
        command = command.env_clear();
    }
    for (name, value) in &setting.environment {
        command = command.env(name, value);
    }
    if let Some(directory) = &setting.directory {
        command = command.directory(directory);
    }
    command
}

fn deadline(timeout: Duration) -> Instant {
    // Times of the file are shorter than ten years.
    time::now() + timeout
}

/// Connects.
fn call(p: &Process, address: SocketAddr, deadline: Instant) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    match connect(&socket, &address) {
        Err(rustix::io::Errno::INPROGRESS) => {
            wait(p, &socket, PollFlags::OUT, deadline)?;
            sockopt::socket_error(&socket)??;
        }
        connected => connected?,
    }
    Ok(socket.into())
}

/// The status of a page.
fn status(p: &Process, url: &Url, deadline: Instant) -> io::Result<u16> {
    let mut stream = call(p, url.address, deadline)?;
    let Url { authority, path, .. } = url;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: greenproc\r\nConnection: close\r\n\r\n"
    );
    let mut unsent = request.as_bytes();
    while !unsent.is_empty() {
        wait(p, &stream, PollFlags::OUT, deadline)?;
        let sent = stream.write(unsent)?;
        unsent = &unsent[sent..];
    }
    let mut head = Vec::new();
    while !head.contains(&b'\n') && head.len() < HEAD {
        wait(p, &stream, PollFlags::IN, deadline)?;
        let mut buffer = [0; HEAD];
        match stream.read(&mut buffer)? {
            0 => break,
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    // HTTP/1.1 200 OK
    let head = String::from_utf8_lossy(&head);
    let status = head.strip_prefix("HTTP/").and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is no HTTP"))
}

/// Sleeps until a descriptor is ready.
pub(super) fn wait(
    p: &Process,
    descriptor: &impl AsFd,
    what: PollFlags,
    deadline: Instant,
) -> io::Result<()> {
    let ready = p.blocking(|| {
        let left = deadline.saturating_duration_since(time::now());
        let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(poll(&mut [PollFd::new(descriptor, what)], Some(&left))?)
    })?;
    if ready == 0 { Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")) } else { Ok(()) }
}
