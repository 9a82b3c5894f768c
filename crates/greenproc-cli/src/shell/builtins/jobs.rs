//! Job control: `jobs`, `fg`, `bg`, `wait` and `kill`.

use std::io::Write as _;

use greenproc::{Pid, Signal, Target, sys};

use super::{Call, done};
use crate::shell::complaint::{Complaint, say};
use crate::shell::job::{NoJob, State};
use crate::shell::run::{Flow, Kind};
use crate::shell::status::Status;

impl From<NoJob> for Complaint {
    fn from(error: NoJob) -> Complaint {
        Complaint::Failed(error.to_string())
    }
}

pub(super) fn jobs(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    call.shell.look_around();
    let jobs = &mut call.shell.state.jobs;
    let mut text = String::new();
    let mut show = |job| text.extend([jobs.line(job).to_string().as_str(), "\n"]);
    if call.arguments.is_empty() {
        jobs.iter().for_each(&mut show);
    } else {
        for word in call.arguments {
            show(jobs.find(word)?);
        }
    }
    if call.arguments.is_empty() {
        jobs.told();
    }
    call.streams.stdout.write_all(text.as_bytes())?;
    Ok(done(Status::SUCCESS))
}

pub(super) fn fg(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    refuse_in_subshell(call)?;
    let word = match call.arguments {
        [] => "%%",
        [word] => word,
        _ => return Err(Complaint::usage("too many arguments")),
    };
    let number = go_on(call, word)?;
    if let Some(job) = call.shell.state.jobs.get(number) {
        let text = format!("{}\n", job.text);
        call.streams.stdout.write_all(text.as_bytes())?;
    }
    Ok(done(call.shell.foreground(number)))
}

pub(super) fn bg(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    refuse_in_subshell(call)?;
    let current = ["%%".to_owned()];
    let words = if call.arguments.is_empty() { &current } else { call.arguments };
    for word in words {
        let number = go_on(call, word)?;
        call.shell.state.jobs.put_aside(number);
        if let Some(job) = call.shell.state.jobs.get(number) {
            let text = format!("[{number}] {} &\n", job.text);
            call.streams.stdout.write_all(text.as_bytes())?;
        }
    }
    Ok(done(Status::SUCCESS))
}

/// The jobs of a subshell are in its own group, and those of its parent are not its children.
fn refuse_in_subshell(call: &Call<'_, '_>) -> Result<(), Complaint> {
    if call.shell.kind == Kind::Subshell { Err(Complaint::failed("no job control here")) } else { Ok(()) }
}

/// Continues a job.
fn go_on(call: &mut Call<'_, '_>, word: &str) -> Result<usize, Complaint> {
    call.shell.look_around();
    let job = call.shell.state.jobs.find(word)?;
    let (number, state) = (job.number, job.state());
    if !matches!(state, State::Done(_)) {
        call.shell.signal_job(number, Signal::CONT)?;
        call.shell.state.jobs.resume(number);
    }
    Ok(number)
}

pub(super) fn wait(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    // A job that was continued meanwhile is waited for like any that runs.
    call.shell.look_around();
    if call.arguments.is_empty() {
        let numbers: Vec<usize> = call.shell.state.jobs.iter().map(|job| job.number).collect();
        for number in numbers {
            wait_for(call, number);
        }
        return Ok(done(Status::SUCCESS));
    }
    let mut status = Status::SUCCESS;
    for word in call.arguments {
        let number = if word.starts_with('%') {
            match call.shell.state.jobs.find(word) {
                Ok(job) => Some(job.number),
                Err(error) => {
                    say(&mut call.streams.stderr, &format!("greenproc shell: wait: {error}"));
                    None
                }
            }
        } else {
            let pid = word.parse().ok().and_then(Pid::new);
            let pid = pid.ok_or_else(|| Complaint::usage(format!("{word}: not a pid or job")))?;
            let job = call.shell.state.jobs.of_pid(pid).map(|job| job.number);
            if job.is_none() {
                let text = format!("greenproc shell: wait: pid {pid} is not a child of this shell");
                say(&mut call.streams.stderr, &text);
            }
            job
        };
        status = number.map_or(Status::NOT_FOUND, |number| wait_for(call, number));
    }
    Ok(done(status))
}

/// Waits for a job, which is there no more if it has ended.
fn wait_for(call: &mut Call<'_, '_>, number: usize) -> Status {
    let status = call.shell.wait_for(number);
    let jobs = &mut call.shell.state.jobs;
    if jobs.get(number).is_some_and(|job| matches!(job.state(), State::Done(_))) {
        jobs.remove(number);
    }
    status
}

/// What `kill` sends.
#[derive(Clone, Copy)]
enum Message {
    Signal(Signal),
    /// Signal 0: nothing, but it tells whether somebody is there.
    Nothing,
}

pub(super) fn kill(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    let (message, targets) = match call.arguments {
        [option] if option == "-l" => return list_signals(call),
        [option, name, targets @ ..] if option == "-s" => (read_signal(name)?, targets),
        [dashes, targets @ ..] if dashes == "--" => (Message::Signal(Signal::TERM), targets),
        [option, targets @ ..] if option.len() > 1 && option.starts_with('-') => {
            (read_signal(&option[1..])?, targets)
        }
        targets => (Message::Signal(Signal::TERM), targets),
    };
    let targets = match targets {
        [dashes, targets @ ..] if dashes == "--" => targets,
        targets => targets,
    };
    if targets.is_empty() {
        return Err(Complaint::usage("whom?"));
    }
    let mut status = Status::SUCCESS;
    for target in targets {
        if let Err(what) = send(call, target, message) {
            say(&mut call.streams.stderr, &format!("greenproc shell: kill: {what}"));
            status = Status::FAILURE;
        }
    }
    Ok(done(status))
}

fn list_signals(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    let names = (1..=64).filter_map(Signal::from_raw).filter_map(|signal| {
        signal.name().map(|name| format!("{} {}\n", signal.as_raw(), name.trim_start_matches("SIG")))
    });
    call.streams.stdout.write_all(names.collect::<String>().as_bytes())?;
    Ok(done(Status::SUCCESS))
}

fn read_signal(name: &str) -> Result<Message, Complaint> {
    if name == "0" {
        return Ok(Message::Nothing);
    }
    let signal = name.parse().map_err(|_| Complaint::usage(format!("{name}: no such signal")))?;
    Ok(Message::Signal(signal))
}

fn send(call: &mut Call<'_, '_>, target: &str, message: Message) -> Result<(), String> {
    if target.starts_with('%') {
        let job = call.shell.state.jobs.find(target).map_err(|error| error.to_string())?;
        let (number, state) = (job.number, job.state());
        if matches!(state, State::Done(_)) {
            return Err(format!("{target}: the job has ended"));
        }
        let Message::Signal(signal) = message else { return Ok(()) };
        let said = |error: greenproc::Error| format!("{target}: {error}");
        call.shell.signal_job(number, signal).map_err(said)?;
        // A stopped job would not come to notice that it is asked to end.
        if matches!(state, State::Stopped(_)) && [Signal::TERM, Signal::HUP].contains(&signal) {
            call.shell.signal_job(number, Signal::CONT).map_err(said)?;
        }
        return Ok(());
    }
    let number: i32 = target.parse().map_err(|_| format!("{target}: not a pid or job"))?;
    let Message::Signal(signal) = message else {
        return sys::kill(number, 0).map_err(|_| format!("{target}: nobody is there"));
    };
    let target = match (number, Pid::new(number), number.checked_neg().and_then(Pid::new)) {
        (0, ..) => Target::MyGroup,
        (-1, ..) => Target::All,
        (_, Some(pid), _) => Target::Pid(pid),
        (_, None, Some(group)) => Target::Group(group),
        (_, None, None) => return Err(format!("{target}: not a pid")),
    };
    call.shell.process.kill(target, signal).map_err(|error| error.to_string())
}
