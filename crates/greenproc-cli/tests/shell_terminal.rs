//! `greenproc shell` at a terminal of the host: job control as somebody who types sees it.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::tcgetattr;

/// How long is waited for what has to come.
const PATIENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Somebody at a terminal that a shell runs on.
struct Desk {
    terminal: File,
    shell: Child,
    /// What was shown and not looked at yet.
    screen: String,
}

impl Desk {
    fn sit_down() -> Desk {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).expect("mine");
        unlockpt(&master).expect("mine");
        let name = ptsname(&master, Vec::new()).expect("it has a name").into_string().expect("ASCII");
        let device = File::options().read(true).write(true).open(name).expect("it is there");
        let stream = || Stdio::from(OwnedFd::from(device.try_clone().expect("a descriptor")));
        let shell = Command::new(env!("CARGO_BIN_EXE_greenproc"))
            .arg("shell")
            .env("TERM", "xterm")
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .expect("it runs");
        Desk { terminal: File::from(master), shell, screen: String::new() }
    }

    fn types(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).expect("there is room");
    }

    /// Types a command at the prompt, and waits until the line editor has let go of the terminal: what is typed before that
    /// is its.
    #[track_caller]
    fn runs(&mut self, command: &str) {
        self.sees("greenproc$ ");
        self.types(&format!("{command}\r"));
        self.sees("\x1b[?2004l\r\n");
    }

    /// Waits until this was shown, and forgets what came before it.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        loop {
            if let Some(at) = self.screen.find(text) {
                self.screen.drain(..at + text.len());
                return;
            }
            let mut fds = [PollFd::new(&self.terminal, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&PATIENCE)).expect("it is open");
            assert!(ready > 0, "no {text:?} in {:?}", self.screen);
            let mut chunk = [0; 4096];
            let count = self.terminal.read(&mut chunk).expect("it is open");
            self.screen.push_str(&String::from_utf8_lossy(&chunk[..count]));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// ^Z stops the job, `bg` lets it go on until it reads, `fg` gives it the terminal back, ^C ends it; when the shell has
/// ended the terminal is set as before.
#[test]
fn keys_reach_the_job_in_the_foreground() {
    let mut desk = Desk::sit_down();
    let before = tcgetattr(&desk.terminal).expect("a terminal");
    desk.runs("cat");
    // Twice: at least one of them comes from the runtime's terminal, so the host's is raw.
    desk.types("one\r");
    desk.sees("one\r\none\r\n");
    desk.types("\x1a");
    desk.sees("^Z");
    desk.sees("[1]+  Stopped                 cat");
    desk.runs("bg");
    desk.sees("[1] cat &");
    desk.runs("wait %1");
    desk.runs("jobs");
    desk.sees("Stopped (SIGTTIN)");
    desk.runs("fg");
    desk.sees("cat\r\n");
    desk.types("two\r");
    desk.sees("two\r\ntwo\r\n");
    desk.types("\x03");
    desk.sees("^C");
    desk.runs("echo was $?");
    desk.sees("was 130");
    desk.runs("exit 7");
    assert_eq!(desk.shell.wait().expect("a child").code(), Some(7));
    let after = tcgetattr(&desk.terminal).expect("a terminal");
    assert_eq!(after.local_modes, before.local_modes);
    assert_eq!(after.input_modes, before.input_modes);
    assert_eq!(after.output_modes, before.output_modes);
}

/// A signal of the host that ends the shell while a job has the terminal leaves it as it was.
#[test]
fn a_signal_of_the_host_leaves_the_terminal_as_it_was() {
    let mut desk = Desk::sit_down();
    let before = tcgetattr(&desk.terminal).expect("a terminal");
    desk.runs("cat");
    desk.types("one\r");
    desk.sees("one\r\none\r\n");
    assert_ne!(tcgetattr(&desk.terminal).expect("a terminal").local_modes, before.local_modes, "it is raw");
    let pid = rustix::process::Pid::from_child(&desk.shell);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("my child");
    assert_eq!(desk.shell.wait().expect("a child").code(), Some(128 + 15));
    assert_eq!(tcgetattr(&desk.terminal).expect("a terminal").local_modes, before.local_modes);
}
