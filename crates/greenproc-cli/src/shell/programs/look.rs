//! Programs that look around: `ps`, `pstree`, `env`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use super::Context;
use crate::shell::complaint::Complaint;
use crate::shell::status::Status;

pub(super) fn ps(context: &mut Context<'_>) -> Result<Status, Complaint> {
    context.no_arguments()?;
    let mut table = format!("{:>6} {:>6} {:>6} {:<4} {:>8} NAME\n", "PID", "PPID", "PGID", "STAT", "TIME");
    for process in &context.runtime.snapshot().processes {
        let defunct = if process.status.is_some() { " <defunct>" } else { "" };
        let _ = writeln!(
            table,
            "{:>6} {:>6} {:>6} {:<4} {:>8} {}{defunct}",
            process.pid,
            process.ppid,
            process.pgid,
            process.state.letter(),
            cpu_time(process.cpu),
            process.name,
        );
    }
    context.streams.stdout.write_all(table.as_bytes())?;
    Ok(Status::SUCCESS)
}

/// Minutes, seconds and hundredths, as the BSDs write it.
fn cpu_time(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}.{:02}", seconds / 60, seconds % 60, time.subsec_millis() / 10)
}

pub(super) fn pstree(context: &mut Context<'_>) -> Result<Status, Complaint> {
    context.no_arguments()?;
    let tree = context.runtime.snapshot().tree().to_string();
    context.streams.stdout.write_all(tree.as_bytes())?;
    Ok(Status::SUCCESS)
}

pub(super) fn env(context: &mut Context<'_>) -> Result<Status, Complaint> {
    context.no_arguments()?;
    let mut lines = String::new();
    for (name, value) in &context.environment {
        let _ = writeln!(lines, "{name}={value}");
    }
    context.streams.stdout.write_all(lines.as_bytes())?;
    Ok(Status::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_has_hundredths() {
        assert_eq!(cpu_time(Duration::ZERO), "0:00.00");
        assert_eq!(cpu_time(Duration::from_millis(61_239)), "1:01.23");
    }
}
