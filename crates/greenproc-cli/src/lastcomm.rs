//! `greenproc lastcomm`: which processes have ended, the last first.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use greenproc::accounting::{self, Record};

use crate::Verdict;
use crate::cli::LastcommOptions;
use crate::failure::{Failure, after_writing, one_line};
use crate::style::Style;

/// Prints the records of a file.
pub(crate) fn run(options: &LastcommOptions) -> Result<Verdict, Failure> {
    let path = options.file.display();
    let reading = accounting::read(&options.file)
        .map_err(|error| Failure::Usage(format!("{path}: {error} (try 'greenproc lastcomm --help')")))?;
    for line in &reading.torn {
        // What a crash left is no fault of this command, and nobody may read stderr.
        let _ = writeln!(
            io::stderr(),
            "greenproc: {}: line {line} is no whole record, and is passed over",
            one_line(&path.to_string())
        );
    }
    let wanted =
        |record: &&Record| options.names.is_empty() || options.names.iter().any(|name| *name == record.name);
    let write = || {
        let mut out = io::BufWriter::new(io::stdout().lock());
        write(&mut out, Style::of_stdout(), reading.records.iter().rev().filter(wanted))?;
        Ok(out.flush()?)
    };
    after_writing(write(), Verdict::Good)
}

fn write<'a>(
    out: &mut impl Write,
    style: Style,
    records: impl Iterator<Item = &'a Record>,
) -> io::Result<()> {
    let heading = line(["NAME", "FLAGS", "USER", "PID", "PPID", "CPU", "ELAPSED", "START (UTC)", "STATUS"]);
    writeln!(out, "{}", style.bold(heading))?;
    for record in records {
        let text = line([
            &one_line(&record.name),
            &record.flags.to_string(),
            &record.uid.to_string(),
            &record.pid.to_string(),
            &record.ppid.to_string(),
            &format!("{:.3}s", record.usage.total().as_secs_f64()),
            &format!("{:.2}s", record.elapsed.as_secs_f64()),
            &date(record.start),
            &record.status.to_string(),
        ]);
        writeln!(out, "{text}")?;
    }
    Ok(())
}

fn line([name, flags, user, pid, ppid, cpu, elapsed, start, status]: [&str; 9]) -> String {
    format!("{name:<16} {flags:<5} {user:>5} {pid:>7} {ppid:>7} {cpu:>9} {elapsed:>9}  {start:<19}  {status}")
}

/// Day and time of day of the Gregorian calendar.
fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (mut days, time) = (seconds / 86_400, seconds % 86_400);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01 00:00:00"),
            (86_399, "1970-01-01 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (4_107_542_399, "2100-02-28 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (1_735_689_599, "2024-12-31 23:59:59"),
            (1_764_153_123, "2025-11-26 10:32:03"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }
}
