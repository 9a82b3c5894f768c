//! What `strace` prints while the command runs, line by line.
//!
//! A line begins when a call is made, so that one that takes its time can be seen, and ends when it has come back. If
//! something else is to be said before, the line is left as `<unfinished ...>`, and resumed later.

use std::fmt::Write as _;
use std::io::{self, Write};

use greenproc::{Call, CallResult, ExitStatus, LwpId, Pid, SigCode, SigInfo, Signal};

use crate::failure::{one_line, plainly};

/// Who does something.
pub(super) type Who = (Pid, LwpId);

/// Writes the lines.
pub(super) struct Transcript<W> {
    out: W,
    /// Each line says whose it is.
    names: bool,
    /// Whose line is not at its end, because the call has not come back.
    open: Option<Who>,
}

impl<W: Write> Transcript<W> {
    pub(super) fn new(out: W, names: bool) -> Transcript<W> {
        Transcript { out, names, open: None }
    }

    /// A call is about to be made.
    pub(super) fn enter(&mut self, who: Who, call: Call, args: &str) -> io::Result<()> {
        let text = one_line(&format!("{call}({args}"));
        if returns(call) {
            self.write(who, &text)?;
            self.open = Some(who);
            Ok(())
        } else {
            self.write(who, &format!("{text}) = ?\n"))
        }
    }

    /// A call has come back.
    pub(super) fn leave(&mut self, who: Who, call: Call, result: CallResult) -> io::Result<()> {
        let result = came_of(result);
        if self.open == Some(who) {
            self.open = None;
            return self.out.write_all(format!(") = {result}\n").as_bytes());
        }
        self.write(who, &format!("<... {call} resumed>) = {result}\n"))
    }

    /// A signal has come.
    pub(super) fn signal(&mut self, pid: Pid, info: &SigInfo) -> io::Result<()> {
        self.write((pid, LwpId::MAIN), &format!("--- {} {{{}}} ---\n", info.signal, carried(info)))
    }

    /// Job control has stopped a process.
    pub(super) fn stopped(&mut self, pid: Pid, signal: Signal) -> io::Result<()> {
        self.write((pid, LwpId::MAIN), &format!("--- stopped by {signal} ---\n"))
    }

    /// A process has ended.
    pub(super) fn ended(&mut self, pid: Pid, status: ExitStatus) -> io::Result<()> {
        self.write((pid, LwpId::MAIN), &format!("+++ {} +++\n", end(status)))
    }

    fn write(&mut self, (pid, lwp): Who, text: &str) -> io::Result<()> {
        let mut whole = String::new();
        if self.open.take().is_some() {
            whole.push_str(" <unfinished ...>\n");
        }
        let _ = match (self.names, lwp == LwpId::MAIN) {
            (true, true) => write!(whole, "[pid {pid}] "),
            (true, false) => write!(whole, "[pid {pid} lwp {lwp}] "),
            (false, true) => Ok(()),
            (false, false) => write!(whole, "[lwp {lwp}] "),
        };
        whole.push_str(text);
        self.out.write_all(whole.as_bytes())
    }
}

/// Whether the call comes back, unless it is unwound.
fn returns(call: Call) -> bool {
    !matches!(call, Call::Exit | Call::LwpExit)
}

/// The value, or -1 with the errno by name and in words.
fn came_of(result: CallResult) -> String {
    match result {
        CallResult::Failed(errno) => {
            format!("{result} ({})", plainly(&io::Error::from_raw_os_error(errno)))
        }
        _ => result.to_string(),
    }
}

fn carried(info: &SigInfo) -> String {
    let code = match info.code {
        SigCode::User => "SI_USER",
        SigCode::Queue => "SI_QUEUE",
        SigCode::Lwp => "SI_TKILL",
        SigCode::AsyncIo => "SI_ASYNCIO",
        SigCode::Timer => "SI_TIMER",
        SigCode::Runtime => "SI_KERNEL",
        SigCode::Exited => "CLD_EXITED",
        SigCode::Killed => "CLD_KILLED",
        SigCode::Dumped => "CLD_DUMPED",
        SigCode::Stopped => "CLD_STOPPED",
        SigCode::Continued => "CLD_CONTINUED",
        _ => "?",
    };
    let mut text =
        format!("si_signo={}, si_code={code}, si_pid={}, si_uid={}", info.signal, info.pid, info.uid);
    let _ = match info.code {
        SigCode::Exited => write!(text, ", si_status={}", info.status),
        SigCode::Killed | SigCode::Dumped | SigCode::Stopped | SigCode::Continued => {
            match Signal::from_raw(info.status) {
                Some(signal) => write!(text, ", si_status={signal}"),
                None => write!(text, ", si_status={}", info.status),
            }
        }
        SigCode::Queue => write!(text, ", si_value={}", info.value),
        _ => Ok(()),
    };
    text
}

fn end(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (None, Some(signal)) => {
            let core = if status.core_dumped() { " (core dumped)" } else { "" };
            format!("killed by {signal}{core}")
        }
        (code, _) => format!("exited with {}", code.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(pid: i32) -> Who {
        (Pid::new(pid).expect("not 0"), LwpId::MAIN)
    }

    fn written(names: bool, write: impl FnOnce(&mut Transcript<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut text = Vec::new();
        write(&mut Transcript::new(&mut text, names)).expect("a vector takes all");
        String::from_utf8(text).expect("it is text")
    }

    #[test]
    fn a_call_is_a_line() {
        let text = written(false, |out| {
            out.enter(who(3), Call::Wait4, "-1, 0")?;
            out.leave(who(3), Call::Wait4, CallResult::Done(7))?;
            out.enter(who(3), Call::Kill, "9, SIGTERM")?;
            out.leave(who(3), Call::Kill, CallResult::Failed(3))?;
            out.enter(who(3), Call::Exit, "2")?;
            out.ended(who(3).0, ExitStatus::exited(2))
        });
        assert_eq!(
            text,
            "wait4(-1, 0) = 7\nkill(9, SIGTERM) = -1 ESRCH (No such process)\nexit(2) = ?\n\
             +++ exited with 2 +++\n"
        );
    }

    #[test]
    fn an_interrupted_line_is_resumed() {
        let text = written(true, |out| {
            out.enter(who(3), Call::Pause, "")?;
            out.enter(who(4), Call::Getpid, "")?;
            out.leave(who(4), Call::Getpid, CallResult::Done(4))?;
            out.stopped(who(4).0, Signal::STOP)?;
            out.leave(who(3), Call::Pause, CallResult::Failed(4))?;
            out.enter((who(3).0, LwpId::MAIN), Call::Read, "16")?;
            out.ended(who(3).0, ExitStatus::killed(Signal::KILL))?;
            out.ended(who(4).0, ExitStatus::dumped(Signal::ABRT))
        });
        assert_eq!(
            text,
            "[pid 3] pause( <unfinished ...>\n\
             [pid 4] getpid() = 4\n\
             [pid 4] --- stopped by SIGSTOP ---\n\
             [pid 3] <... pause resumed>) = -1 EINTR (Interrupted system call)\n\
             [pid 3] read(16 <unfinished ...>\n\
             [pid 3] +++ killed by SIGKILL +++\n\
             [pid 4] +++ killed by SIGABRT (core dumped) +++\n"
        );
    }

    #[test]
    fn an_errno_without_a_name_is_a_number() {
        let text = written(false, |out| {
            out.enter(who(3), Call::Pause, "")?;
            out.leave(who(3), Call::Pause, CallResult::Failed(4000))
        });
        assert_eq!(text, "pause() = -1 errno 4000 (Unknown error 4000)\n");
    }
}
