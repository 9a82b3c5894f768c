//! Programs that write: `echo`, `seq`, `yes`.

use std::io::Write as _;

use super::Context;
use crate::shell::complaint::Complaint;
use crate::shell::status::Status;
use crate::shell::stream::Batch;

pub(super) fn echo(context: &mut Context<'_>) -> Result<Status, Complaint> {
    let (words, end) = match context.arguments.as_slice() {
        [option, words @ ..] if option == "-n" => (words, ""),
        words => (words, "\n"),
    };
    let line = words.join(" ") + end;
    context.streams.stdout.write_all(line.as_bytes())?;
    Ok(Status::SUCCESS)
}

pub(super) fn seq(context: &mut Context<'_>) -> Result<Status, Complaint> {
    let number = |text: &String| {
        text.parse::<i64>().map_err(|_| Complaint::usage(format!("{text}: not a whole number")))
    };
    let (first, last) = match context.arguments.as_slice() {
        [last] => (1, number(last)?),
        [first, last] => (number(first)?, number(last)?),
        _ => return Err(Complaint::usage("from where to where?")),
    };
    let mut batch = Batch::new(&mut context.streams.stdout);
    for number in first..=last {
        batch.push(format!("{number}\n").as_bytes())?;
    }
    batch.finish()?;
    Ok(Status::SUCCESS)
}

pub(super) fn yes(context: &mut Context<'_>) -> Result<Status, Complaint> {
    let line =
        if context.arguments.is_empty() { "y\n".to_owned() } else { context.arguments.join(" ") + "\n" };
    let mut batch = Batch::new(&mut context.streams.stdout);
    loop {
        batch.push(line.as_bytes())?;
    }
}
