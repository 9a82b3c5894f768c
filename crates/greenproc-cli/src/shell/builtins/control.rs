//! `exit` and `help`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;

use super::{BUILTINS, Call, done};
use crate::shell::complaint::Complaint;
use crate::shell::programs::PROGRAMS;
use crate::shell::run::Flow;
use crate::shell::status::Status;

pub(super) fn exit(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    let status = match call.arguments {
        [] => call.shell.state.status,
        [value] => match value.parse() {
            Ok(value) => Status::exited(value),
            Err(_) => return Err(Complaint::usage(format!("{value}: not a number"))),
        },
        _ => return Err(Complaint::usage("too many arguments")),
    };
    Ok(if call.shell.may_leave() { ControlFlow::Break(status) } else { done(Status::FAILURE) })
}

pub(super) fn help(call: &mut Call<'_, '_>) -> Result<Flow, Complaint> {
    let mut text = String::from("Programs, each of which runs as a process:\n");
    for program in &PROGRAMS {
        let _ = writeln!(text, "  {:<28} {}", program.synopsis, program.summary);
    }
    text.push_str("Commands of the shell itself:\n");
    for builtin in &BUILTINS {
        let _ = writeln!(text, "  {}", builtin.synopsis);
    }
    text.push_str(
        "Words: '..' \"..\" \\  $NAME ${NAME} $? $$ $! $# $@ $1   Joined by: | ; & && || !\n\
         Redirections: <FILE >FILE >>FILE 2>FILE 2>&1\n",
    );
    call.streams.stdout.write_all(text.as_bytes())?;
    Ok(done(Status::SUCCESS))
}
