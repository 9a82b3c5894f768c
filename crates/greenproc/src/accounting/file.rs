//! The file of records: JSON lines.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::Sink;
use super::line;
use super::record::Record;

/// A file to which records are appended, one line of JSON each, in one write.
///
/// A crash of the OS process, or a full disk, can leave a line torn: its beginning without its end. Nothing is appended to
/// such a line. Whoever opens the file next, or the next record that fits, begins a line of its own, and [`read`] passes
/// the torn one over and says where it is. Records that were written survive a crash of the OS process at once, and one of the
/// host after [`finish`](Sink::finish) has told the disk.
#[derive(Debug)]
pub struct AccountFile {
    file: File,
    /// The last line has no end.
    torn: bool,
    line: String,
}

impl AccountFile {
    /// Opens a file to append to it; it is made if it is not there.
    ///
    /// # Errors
    /// The host's, if the file cannot be opened for reading and appending.
    pub fn open(path: impl AsRef<Path>) -> io::Result<AccountFile> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let metadata = file.metadata()?;
        let mut last = [b'\n'];
        if metadata.is_file() && metadata.len() > 0 {
            file.read_exact_at(&mut last, metadata.len() - 1)?;
        }
        Ok(AccountFile { file, torn: last != [b'\n'], line: String::new() })
    }
}

impl Sink for AccountFile {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        self.line.clear();
        if self.torn {
            self.line.push('\n');
        }
        line::write(&mut self.line, record);
        loop {
            match self.file.write(self.line.as_bytes()) {
                Ok(written) if written == self.line.len() => {
                    self.torn = false;
                    return Ok(());
                }
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {
                    self.torn = true;
                    // What a second write would say: there is no room for the rest.
                    return Err(io::Error::new(
                        ErrorKind::StorageFull,
                        "there was room for a part of the record only",
                    ));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.file.sync_data() {
            // What is no file on a disk need not be told to one.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }
}

/// What a file of records has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reading {
    /// The records, in the order of the file: that of the ends.
    pub records: Vec<Record>,
    /// The numbers of the lines that are no whole records, from 1.
    pub torn: Vec<usize>,
}

/// Reads a file that an [`AccountFile`] has written. It may be written to meanwhile.
///
/// # Errors
/// The host's, if the file cannot be read. A line that is torn is no error.
pub fn read(path: impl AsRef<Path>) -> io::Result<Reading> {
    let bytes = std::fs::read(path)?;
    let mut reading = Reading::default();
    for (number, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        match std::str::from_utf8(line).ok().and_then(line::read) {
            Some(record) => reading.records.push(record),
            None if line.is_empty() => {}
            None => reading.torn.push(number + 1),
        }
    }
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    use super::*;

    /// A pipe that does not block is full as a disk is: it takes a part of what does not fit.
    #[test]
    fn a_record_that_is_written_in_part_is_torn_and_the_next_is_whole() {
        let (mut reader, writer) = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
        let file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
        let mut sink = AccountFile { file, torn: false, line: String::new() };
        drop(writer);
        let small = line::read(
            "{\"pid\":7,\"ppid\":1,\"name\":\"small\",\"uid\":0,\"gid\":0,\"start_us\":1,\"elapsed_us\":2,\"user_ns\":3,\
             \"system_ns\":4,\"exit\":0,\"flags\":\"F\",\"minor_faults\":0,\"major_faults\":0,\"voluntary_switches\":0,\
             \"involuntary_switches\":0}",
        )
        .unwrap();
        let large = Record { name: "x".repeat(1 << 20).into(), ..small.clone() };
        sink.write(&small).unwrap();
        assert_eq!(sink.write(&large).unwrap_err().kind(), ErrorKind::StorageFull);
        assert!(sink.torn);
        // No room at all: nothing is written.
        assert!(sink.write(&small).is_err() && sink.torn);
        let mut bytes = vec![0; 1 << 21];
        let mut length = reader.read(&mut bytes).unwrap();
        sink.write(&small).unwrap();
        assert!(!sink.torn);
        sink.finish().unwrap();
        drop(sink);
        let mut rest = Vec::new();
        length += reader.read_to_end(&mut rest).unwrap();
        bytes.truncate(length - rest.len());
        bytes.extend(rest);
        let lines: Vec<Option<Record>> = bytes
            .split(|&byte| byte == b'\n')
            .map(|line| line::read(std::str::from_utf8(line).unwrap()))
            .collect();
        assert_eq!(lines, [Some(small.clone()), None, Some(small), None]);
    }
}
