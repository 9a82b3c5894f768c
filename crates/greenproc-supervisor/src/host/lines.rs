//! Bytes into lines, and not more of them than wanted.

use std::time::{Duration, Instant};

use greenproc_sync::time;

/// A longer line is told in pieces.
const LONGEST: usize = 16 * 1024;

/// How many lines of a stream are told. The rest is counted, so that a program that fills its log does not fill
/// everybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineLimit {
    /// How many a second in the long run.
    pub per_second: u32,
    /// How many at once, after a time of silence.
    pub burst: u32,
}

impl LineLimit {
    /// All lines are told.
    pub const NONE: LineLimit = LineLimit { per_second: u32::MAX, burst: u32::MAX };
}

impl Default for LineLimit {
    /// 1,000 a second, 5,000 at once.
    fn default() -> LineLimit {
        LineLimit { per_second: 1_000, burst: 5_000 }
    }
}

/// Something to tell of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// A line, without its end. What is no UTF-8 is replaced, and a line of more than 16 KiB comes in pieces.
    Line(&'a str),
    /// So many lines were more than the limit allows.
    Suppressed(u64),
}

/// A stream, from bytes to lines, and not more of them than wanted.
///
/// ```
/// use greenproc_supervisor::host::{LineLimit, Lines, Told};
/// let mut told = Vec::new();
/// let mut lines = Lines::new(LineLimit { per_second: 1, burst: 2 });
/// let mut tell = |what: Told<'_>| told.push(format!("{what:?}"));
/// lines.take(b"one\ntw", &mut tell);
/// lines.take(b"o\nthree\nfour", &mut tell);
/// lines.finish(&mut tell);
/// assert_eq!(told, [r#"Line("one")"#, r#"Line("two")"#, "Suppressed(2)"]);
/// ```
#[derive(Debug)]
pub struct Lines {
    splitter: Splitter,
    meter: Meter,
}

impl Lines {
    /// A stream of which nothing has come yet.
    pub fn new(limit: LineLimit) -> Lines {
        Lines { splitter: Splitter::default(), meter: Meter::new(limit, time::now()) }
    }

    /// Takes what has come, which may be nothing, and tells what there is to tell.
    pub fn take(&mut self, bytes: &[u8], tell: &mut dyn FnMut(Told<'_>)) {
        let Lines { splitter, meter } = self;
        if let Some(lines) = meter.suppressed(time::now()) {
            tell(Told::Suppressed(lines));
        }
        splitter.take(bytes, &mut |line| tell_of(line, meter, tell));
    }

    /// Tells what is left when nothing more will come.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Told<'_>)) {
        let Lines { splitter, meter } = self;
        splitter.finish(&mut |line| tell_of(line, meter, tell));
        if let Some(lines) = meter.flush() {
            tell(Told::Suppressed(lines));
        }
    }

    /// How long until there is something to tell, even if nothing more comes.
    pub fn due_in(&self) -> Option<Duration> {
        self.meter.due_in(time::now())
    }
}

fn tell_of(line: &[u8], meter: &mut Meter, tell: &mut dyn FnMut(Told<'_>)) {
    if meter.admit(time::now()) {
        tell(Told::Line(&String::from_utf8_lossy(line)));
    }
}

/// The part of a stream that has no end of line yet.
#[derive(Debug, Default)]
struct Splitter {
    rest: Vec<u8>,
}

impl Splitter {
    /// Takes bytes, and tells the lines that they complete.
    fn take(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.append(&bytes[..end], tell);
            tell(&self.rest);
            self.rest.clear();
            bytes = &bytes[end + 1..];
        }
        self.append(bytes, tell);
    }

    /// Tells what is left when nothing more will come.
    fn finish(&mut self, tell: &mut dyn FnMut(&[u8])) {
        if !self.rest.is_empty() {
            tell(&self.rest);
            self.rest.clear();
        }
    }

    fn append(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(&[u8])) {
        while self.rest.len() + bytes.len() > LONGEST {
            let (fits, more) = bytes.split_at(LONGEST - self.rest.len());
            self.rest.extend_from_slice(fits);
            tell(&self.rest);
            self.rest.clear();
            bytes = more;
        }
        self.rest.extend_from_slice(bytes);
    }
}

/// A bucket of tokens: a line takes one, and time brings them.
#[derive(Debug)]
struct Meter {
    limit: LineLimit,
    tokens: f64,
    since: Instant,
    suppressed: u64,
}

impl Meter {
    fn new(limit: LineLimit, now: Instant) -> Meter {
        Meter { limit, tokens: f64::from(limit.burst), since: now, suppressed: 0 }
    }

    /// Whether one more line may be told now; if not, it is counted.
    fn admit(&mut self, now: Instant) -> bool {
        if self.limit == LineLimit::NONE {
            return true;
        }
        let brought =
            now.saturating_duration_since(self.since).as_secs_f64() * f64::from(self.limit.per_second);
        self.tokens = (self.tokens + brought).min(f64::from(self.limit.burst));
        self.since = now;
        if self.tokens < 1.0 || self.suppressed > 0 {
            self.suppressed += 1;
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    /// How many lines were not told, once it is time to say so: when half the burst is there again.
    fn suppressed(&mut self, now: Instant) -> Option<u64> {
        self.due_in(now).filter(Duration::is_zero)?;
        self.flush()
    }

    /// The same, without waiting for the time.
    fn flush(&mut self) -> Option<u64> {
        let suppressed = std::mem::take(&mut self.suppressed);
        (suppressed > 0).then_some(suppressed)
    }

    /// How long until it is time to say how many lines were not told.
    fn due_in(&self, now: Instant) -> Option<Duration> {
        if self.suppressed == 0 {
            return None;
        }
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        let wanted = (f64::from(self.limit.burst) / 2.0).max(1.0) - self.tokens;
        let seconds = wanted / f64::from(self.limit.per_second.max(1)) - passed;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(splitter: &mut Splitter, bytes: &[u8]) -> Vec<String> {
        let mut told = Vec::new();
        splitter.take(bytes, &mut |line| told.push(String::from_utf8_lossy(line).into_owned()));
        told
    }

    #[test]
    fn lines_come_whole_however_they_were_written() {
        let mut splitter = Splitter::default();
        assert!(lines(&mut splitter, b"on").is_empty());
        assert_eq!(lines(&mut splitter, b"e\n\ntwo\nthr"), ["one", "", "two"]);
        let mut told = Vec::new();
        splitter.finish(&mut |line| told.push(line.to_vec()));
        assert_eq!(told, [b"thr"]);
        splitter.finish(&mut |_| panic!("nothing is left"));
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let mut splitter = Splitter::default();
        let told = lines(&mut splitter, &vec![b'x'; 2 * LONGEST + 5]);
        assert_eq!(told.iter().map(String::len).collect::<Vec<_>>(), [LONGEST, LONGEST]);
        assert_eq!(lines(&mut splitter, b"\n"), ["xxxxx"]);
    }

    #[test]
    fn what_is_too_much_is_counted_and_told_of_once() {
        let start = time::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut meter = Meter::new(LineLimit { per_second: 10, burst: 4 }, start);
        let admitted = (0..10).filter(|_| meter.admit(start)).count();
        assert_eq!(admitted, 4);
        assert_eq!(meter.due_in(start), Some(Duration::from_millis(200)));
        assert_eq!(meter.suppressed(at(199)), None);
        assert!(!meter.admit(at(150)), "first it is told how many were not");
        assert_eq!(meter.suppressed(at(200)), Some(7));
        assert_eq!(meter.suppressed(at(200)), None);
        assert!(meter.admit(at(200)));
        assert_eq!(meter.due_in(at(200)), None);
    }

    #[test]
    fn without_a_limit_everything_is_told() {
        let start = time::now();
        let mut meter = Meter::new(LineLimit::NONE, start);
        assert!((0..100_000).all(|_| meter.admit(start)));
    }
}
