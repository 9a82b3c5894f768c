//! A child: a program, or a supervisor with children of its own.

use std::path::PathBuf;
use std::time::Duration;

use greenproc::Signal;
use greenproc_supervisor::host::LineLimit;
use greenproc_supervisor::{Restart, Shutdown};
use regex::Regex;

use super::super::plan::{Child, Health, Kind, Plan, Probe, Program, Ready, ReadyWhen, Setting, Url, Work};
use super::section::{At, Section, address};
use super::tree::{self, Listed};
use crate::{shell, span};

/// How long a program has to end when it is asked to, if the file does not say: OTP's 5 s.
const GRACE: Duration = Duration::from_secs(5);

/// What only programs of the host can be given.
const HOST_KEYS: [&str; 4] = ["env", "env-clear", "directory", "stop-signal"];

/// What only programs can be given.
const PROGRAM_KEYS: [&str; 3] = ["ready", "health", "log"];

/// A name: of a child, and of its thread.
pub(super) fn name(section: &mut Section<'_, '_>, key: &'static str) -> Option<At<String>> {
    let At { value, span } = section.string(key)?;
    if value.is_empty() || value.contains(|letter: char| letter.is_control() || letter == '/') {
        section.complain(
            span,
            format!("{key}: it cannot be empty, and holds no slash and no control character"),
        );
        return None;
    }
    Some(At { value: value.to_owned(), span })
}

/// Reads a child; `None` if it has no name.
pub(super) fn read(mut section: Section<'_, '_>) -> Option<Listed> {
    let Some(name) = name(&mut section, "name") else {
        if !section.has("name") {
            section.complain(section.span.clone(), "child: name is missing");
        }
        return None;
    };
    let outer = std::mem::take(&mut section.place);
    let inner = format!("child '{}'", name.value);
    section.place = if outer.is_empty() { inner } else { format!("{outer}: {inner}") };
    section.exactly_one(&["command", "program", "child"]);
    let restart = section.choice(
        "restart",
        &[
            ("permanent", Restart::Permanent),
            ("transient", Restart::Transient),
            ("temporary", Restart::Temporary),
        ],
    );
    let supervises = section.has("child");
    let shutdown = section.parsed("shutdown", "a time such as \"5s\", \"kill\" or \"infinite\"", shutdown);
    let significant = section.flag("significant").unwrap_or(false);
    let after = section.words("after").unwrap_or_default();
    let intensity = tree::intensity(&mut section);
    let backoff = tree::backoff(&mut section);
    let (work, intensity) = if supervises {
        let mut plan = Plan { name: name.value.clone(), ..Plan::default() };
        tree::settings(&mut section, &mut plan);
        // What is said of a supervisor's restarts is of those that it does.
        plan.intensity = intensity.unwrap_or(plan.intensity);
        plan.backoff = backoff.unwrap_or(plan.backoff);
        let why = "this child is a supervisor";
        section.none_of(&PROGRAM_KEYS, why);
        section.none_of(&HOST_KEYS, why);
        plan.children = tree::children(&mut section).unwrap_or_default();
        (Work::Supervisor(plan), None)
    } else {
        section.none_of(&tree::KEYS, "this child is no supervisor");
        (Work::Program(Box::new(program(&mut section))), intensity)
    };
    known(&mut section, supervises);
    section.finish();
    let child = Child {
        name: name.value,
        restart: restart.unwrap_or(Restart::Permanent),
        shutdown: shutdown.unwrap_or(if supervises { Shutdown::Infinite } else { Shutdown::Grace(GRACE) }),
        significant,
        intensity,
        backoff: backoff.filter(|_| !supervises),
        after: after.iter().map(|name| name.value.clone()).collect(),
        work,
    };
    Some(Listed { child, name_at: name.span, after })
}

/// Keys of the other kinds of child are known, too: that they are wrong here has been said.
fn known(section: &mut Section<'_, '_>, supervises: bool) {
    let others: &[&str] = if supervises { &PROGRAM_KEYS } else { &tree::KEYS };
    section.know(others);
    section.know(&HOST_KEYS);
    section.know(&["command", "program", "child"]);
}

fn shutdown(text: &str) -> Result<Shutdown, String> {
    match text {
        "kill" => Ok(Shutdown::Kill),
        "infinite" => Ok(Shutdown::Infinite),
        _ => span::parse(text)
            .map(Shutdown::Grace)
            .map_err(|_| format!("\"{text}\" is none of \"kill\", \"infinite\" and a time such as \"5s\"")),
    }
}

fn program(section: &mut Section<'_, '_>) -> Program {
    let (kind, words) = if section.has("program") {
        let words = section.command("program").unwrap_or_default();
        if let Some(name) = words.first().filter(|name| !shell::has_program(name)) {
            let hint = match super::section::alike(name, shell::program_names()) {
                Some(known) => format!("did you mean '{known}'?"),
                None => format!("there are {}", shell::program_names().collect::<Vec<_>>().join(", ")),
            };
            let at = section.span_of("program");
            section.complain(at, format!("program: there is no built-in program '{name}'; {hint}"));
        }
        section.none_of(&HOST_KEYS, "a built-in program has none; 'command' runs one of the host");
        (Kind::BuiltIn, words)
    } else {
        (Kind::Host(setting(section)), section.command("command").unwrap_or_default())
    };
    Program { kind, words, ready: ready(section), health: health(section), lines: lines(section) }
}

fn setting(section: &mut Section<'_, '_>) -> Setting {
    let signal = |text: &str| text.parse::<Signal>().map_err(|error| error.to_string());
    let stop_signal = section.parsed("stop-signal", "a signal such as \"INT\"", signal);
    let directory = section.string("directory").map(|directory| PathBuf::from(directory.value));
    if directory.as_ref().is_some_and(|directory| directory.as_os_str().is_empty()) {
        section.complain(section.span_of("directory"), "directory: it is empty");
    }
    Setting {
        environment: section.variables("env"),
        clear_environment: section.flag("env-clear").unwrap_or(false),
        directory,
        stop_signal: stop_signal.unwrap_or(Signal::TERM),
    }
}

fn ready(section: &mut Section<'_, '_>) -> Option<Ready> {
    let mut section =
        section.section("ready", "a table such as { line = \"listening\", within = \"10s\" }")?;
    section.exactly_one(&["line", "tcp", "http", "exit-of"]);
    let line = |text: &str| Regex::new(text).map_err(|error| in_short(&error));
    let line = section.parsed("line", "a regular expression", line).map(ReadyWhen::Line);
    let probe = probe(&mut section, "exit-of").map(ReadyWhen::Probe);
    let within = section.time("within").unwrap_or(tree::READY_WITHIN);
    section.finish();
    Some(Ready { when: line.or(probe)?, within })
}

fn health(section: &mut Section<'_, '_>) -> Option<Health> {
    let mut section =
        section.section("health", "a table such as { tcp = \"127.0.0.1:80\", every = \"10s\" }")?;
    section.exactly_one(&["command", "tcp", "http"]);
    let probe = probe(&mut section, "command");
    let every = section.time("every").unwrap_or(Duration::from_secs(10));
    let timeout = section.time("timeout").unwrap_or(Duration::from_secs(2));
    let failures = section.count("failures").unwrap_or(3);
    if failures == 0 {
        section.complain(section.span_of("failures"), "failures: it is at least 1");
    }
    section.finish();
    Some(Health { probe: probe?, every, timeout, failures })
}

fn probe(section: &mut Section<'_, '_>, command: &'static str) -> Option<Probe> {
    let tcp = section.address("tcp").map(Probe::Tcp);
    let http =
        section.parsed("http", "an address such as \"http://127.0.0.1:80/healthz\"", url).map(Probe::Http);
    let command = section.command(command).map(Probe::Command);
    tcp.or(http).or(command)
}

fn url(text: &str) -> Result<Url, String> {
    let wrong = || format!("\"{text}\" is not like \"http://127.0.0.1:80/healthz\"");
    let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let with_port = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    if path.contains(|letter: char| letter.is_control() || letter == ' ') {
        return Err(wrong());
    }
    let address = address(&with_port)?;
    Ok(Url { address, authority: authority.to_owned(), path: path.to_owned() })
}

fn lines(section: &mut Section<'_, '_>) -> LineLimit {
    if section.is_string("log") {
        return section.choice("log", &[("unlimited", LineLimit::NONE)]).unwrap_or_default();
    }
    let wanted = "\"unlimited\" or a table such as { lines-per-second = 100, burst = 500 }";
    let Some(mut section) = section.section("log", wanted) else { return LineLimit::default() };
    let default = LineLimit::default();
    let per_second = section.count("lines-per-second");
    let burst = section.count("burst").unwrap_or(per_second.unwrap_or(default.burst));
    let per_second = per_second.unwrap_or(default.per_second);
    for (key, count) in [("lines-per-second", per_second), ("burst", burst)] {
        if count == 0 {
            section.complain(section.span_of(key), format!("{key}: it is at least 1"));
        }
    }
    section.finish();
    LineLimit { per_second, burst }
}

/// What is wrong with an expression, without its picture.
fn in_short(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
