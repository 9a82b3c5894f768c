//! `set`, `shift`, `unset` and `export`.

use std::fmt::Write as _;
use std::io::Write as _;

use super::{Call, done};
use crate::shell::complaint::Complaint;
use crate::shell::lexer::is_name;
use crate::shell::run::Flow;
use crate::shell::status::Status;

pub(super) fn set(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    match call.arguments {
        [] => {
            let mut text = String::new();
            for (name, value) in call.shell.state.variables.all() {
                let _ = writeln!(text, "{name}='{}'", value.replace('\'', r"'\''"));
            }
            call.streams.stdout.write_all(text.as_bytes())?;
        }
        [dashes, arguments @ ..] if dashes == "--" => call.shell.state.arguments = arguments.to_vec(),
        [other, ..] => return Err(Complaint::usage(format!("{other}: there are no options"))),
    }
    Ok(done(Status::SUCCESS))
}

pub(super) fn shift(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    let arguments = &mut call.shell.state.arguments;
    let count = match call.arguments {
        [] => 1,
        [count] => count.parse().map_err(|_| Complaint::usage(format!("{count}: not a number")))?,
        _ => return Err(Complaint::usage("too many arguments")),
    };
    if count > arguments.len() {
        return Err(Complaint::failed("there are not so many arguments"));
    }
    arguments.drain(..count);
    Ok(done(Status::SUCCESS))
}

pub(super) fn unset(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    for name in call.arguments {
        check(name)?;
        call.shell.state.variables.unset(name);
    }
    Ok(done(Status::SUCCESS))
}

pub(super) fn export(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    for argument in call.arguments {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument.as_str(), None),
        };
        check(name)?;
        if let Some(value) = value {
            call.shell.state.variables.set(name, value.to_owned());
        }
        call.shell.state.variables.export(name);
    }
    Ok(done(Status::SUCCESS))
}

fn check(name: &str) -> Result<(), Complaint> {
    if is_name(name) { Ok(()) } else { Err(Complaint::usage(format!("{name}: not a name"))) }
}
