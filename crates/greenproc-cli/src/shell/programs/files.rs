//! Programs that read: `cat`, `head`, `tee`, `wc`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use rustix::fs::OFlags;

use super::Context;
use crate::failure::plainly;
use crate::shell::complaint::Complaint;
use crate::shell::status::Status;
use crate::shell::stream::{self, Batch, Input, Output};

/// How much is read at a time.
const CHUNK: usize = 32 << 10;

/// Lets a program work on each of its files, or on its input if it has none; `-` is the input, too. A file that cannot
/// be read spoils the status, not the others.
fn for_each_file(
    context: &mut Context<'_>,
    mut work: impl FnMut(&str, Input, &mut Output) -> Result<(), Complaint>,
) -> Result<Status, Complaint> {
    let mut files = std::mem::take(&mut context.arguments);
    if files.is_empty() {
        files.push("-".to_owned());
    }
    let mut status = Status::SUCCESS;
    for name in files {
        let input = if name == "-" {
            context.streams.stdin.clone()
        } else {
            match stream::open(context.process, &name, OFlags::RDONLY) {
                Ok(file) => Input::Host(file),
                Err(error) => {
                    let complaint = Complaint::failed(format!("{name}: {}", plainly(&error)));
                    status = context.report(&complaint);
                    continue;
                }
            }
        };
        work(&name, input, &mut context.streams.stdout)?;
    }
    Ok(status)
}

pub(super) fn cat(context: &mut Context<'_>) -> Result<Status, Complaint> {
    context.take_options("")?;
    let mut chunk = vec![0; CHUNK];
    for_each_file(context, |_, mut input, output| {
        loop {
            match input.read(&mut chunk)? {
                0 => return Ok(()),
                length => output.write_all(&chunk[..length])?,
            }
        }
    })
}

pub(super) fn head(context: &mut Context<'_>) -> Result<Status, Complaint> {
    let count = match context.arguments.first().map(String::as_str) {
        Some("-n") => {
            context.arguments.remove(0);
            if context.arguments.is_empty() {
                return Err(Complaint::usage("how many lines?"));
            }
            Some(context.arguments.remove(0))
        }
        Some(option) if super::is_option(option) => Some(context.arguments.remove(0)[1..].to_owned()),
        _ => None,
    };
    let lines: u64 = match &count {
        None => 10,
        Some(count) => {
            count.parse().map_err(|_| Complaint::usage(format!("{count}: not a number of lines")))?
        }
    };
    for_each_file(context, |_, input, output| {
        let mut reader = BufReader::new(input);
        let mut batch = Batch::new(output);
        let mut line = Vec::new();
        for _ in 0..lines {
            line.clear();
            if reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            batch.push(&line)?;
        }
        Ok(batch.finish()?)
    })
}

pub(super) fn tee(context: &mut Context<'_>) -> Result<Status, Complaint> {
    let options = context.take_options("a")?;
    let from = if options.contains('a') { OFlags::APPEND } else { OFlags::TRUNC };
    let mut outputs = vec![context.streams.stdout.clone()];
    let mut status = Status::SUCCESS;
    for name in std::mem::take(&mut context.arguments) {
        match stream::open(context.process, &name, OFlags::WRONLY | OFlags::CREATE | from) {
            Ok(file) => outputs.push(Output::Host(file)),
            Err(error) => {
                status = context.report(&Complaint::failed(format!("{name}: {}", plainly(&error))));
            }
        }
    }
    let mut chunk = vec![0; CHUNK];
    loop {
        match context.streams.stdin.read(&mut chunk)? {
            0 => return Ok(status),
            length => outputs.iter_mut().try_for_each(|output| output.write_all(&chunk[..length]))?,
        }
    }
}

/// What `wc` counts.
#[derive(Clone, Copy, Default)]
struct Counts {
    lines: u64,
    words: u64,
    bytes: u64,
}

pub(super) fn wc(context: &mut Context<'_>) -> Result<Status, Complaint> {
    let options = match context.take_options("clw")? {
        none if none.is_empty() => "lwc".to_owned(),
        some => some,
    };
    let show = |counts: Counts, name: &str| {
        let columns = [('l', counts.lines), ('w', counts.words), ('c', counts.bytes)];
        let wanted = columns.iter().filter(|(letter, _)| options.contains(*letter));
        let numbers: Vec<String> = wanted.map(|(_, count)| count.to_string()).collect();
        let name = if name == "-" { String::new() } else { format!(" {name}") };
        format!("{}{name}\n", numbers.join(" "))
    };
    let several = context.arguments.len() > 1;
    let mut total = Counts::default();
    let status = for_each_file(context, |name, input, output| {
        let counts = count(input)?;
        total.lines += counts.lines;
        total.words += counts.words;
        total.bytes += counts.bytes;
        Ok(output.write_all(show(counts, name).as_bytes())?)
    })?;
    if several {
        context.streams.stdout.write_all(show(total, "total").as_bytes())?;
    }
    Ok(status)
}

fn count(mut input: Input) -> std::io::Result<Counts> {
    let mut counts = Counts::default();
    let mut chunk = vec![0; CHUNK];
    let mut before = b' ';
    loop {
        let length = input.read(&mut chunk)?;
        if length == 0 {
            return Ok(counts);
        }
        counts.bytes += length as u64;
        for &byte in &chunk[..length] {
            counts.lines += u64::from(byte == b'\n');
            counts.words += u64::from(before.is_ascii_whitespace() && !byte.is_ascii_whitespace());
            before = byte;
        }
    }
}
