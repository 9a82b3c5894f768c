//! A record as one line of JSON, and back.
//!
//! The object is flat: strings and integers. Integers stay below 2^53 where a clock is concerned, so that every reader of
//! JSON gets them whole. A line is only a record if its object is closed, so no beginning of a record is one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;
use std::time::{Duration, UNIX_EPOCH};

use super::record::{Flags, Record};
use crate::json::write_string;
use crate::pid::Pid;
use crate::signal::Signal;
use crate::status::ExitStatus;
use crate::usage::Usage;

/// Writes a record and the end of the line.
pub(super) fn write(line: &mut String, record: &Record) {
    let Record { pid, ppid, name, uid, gid, start, elapsed, usage, status, flags } = record;
    let start = start.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let _ = write!(line, "{{\"pid\":{pid},\"ppid\":{ppid},\"name\":");
    write_string(line, name);
    let _ = write!(line, ",\"uid\":{uid},\"gid\":{gid},\"start_us\":{start}");
    let _ = write!(line, ",\"elapsed_us\":{}", elapsed.as_micros());
    let _ = write!(line, ",\"user_ns\":{},\"system_ns\":{}", usage.user_ns, usage.system_ns);
    let _ = match (status.code(), status.signal()) {
        (Some(code), _) => write!(line, ",\"exit\":{code}"),
        (None, Some(signal)) => write!(line, ",\"signal\":{}", signal.as_raw()),
        (None, None) => Ok(()),
    };
    let _ = write!(line, ",\"flags\":\"{flags}\"");
    let _ = write!(line, ",\"minor_faults\":{},\"major_faults\":{}", usage.minor_faults, usage.major_faults);
    let _ = write!(line, ",\"voluntary_switches\":{}", usage.voluntary_switches);
    let _ = writeln!(line, ",\"involuntary_switches\":{}}}", usage.involuntary_switches);
}

/// Reads a line; `None` if it is no whole record. Members that are not known are passed over.
pub(super) fn read(line: &str) -> Option<Record> {
    let members = object(line)?;
    let number = |name: &str| match members.get(name) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    let small = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
    let large = |name: &str| number(name).and_then(|number| u64::try_from(number).ok());
    let text = |name: &str| match members.get(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    let pid = |name: &str| number(name).and_then(|number| i32::try_from(number).ok()).and_then(Pid::new);
    let flags = Flags::from_letters(text("flags")?);
    let status = match (number("exit"), number("signal")) {
        (Some(code), None) => ExitStatus::exited(i32::try_from(code).ok()?),
        (None, Some(signal)) => {
            let signal = i32::try_from(signal).ok().and_then(Signal::from_raw)?;
            if flags.contains(Flags::CORE) { ExitStatus::dumped(signal) } else { ExitStatus::killed(signal) }
        }
        _ => return None,
    };
    Some(Record {
        pid: pid("pid")?,
        ppid: pid("ppid")?,
        name: Cow::Owned(text("name")?.clone()),
        uid: small("uid")?,
        gid: small("gid")?,
        start: UNIX_EPOCH.checked_add(Duration::from_micros(large("start_us")?))?,
        elapsed: Duration::from_micros(large("elapsed_us")?),
        usage: Usage {
            user_ns: large("user_ns")?,
            system_ns: large("system_ns")?,
            minor_faults: large("minor_faults")?,
            major_faults: large("major_faults")?,
            voluntary_switches: large("voluntary_switches")?,
            involuntary_switches: large("involuntary_switches")?,
        },
        status,
        flags,
    })
}

enum Value {
    Number(i128),
    Text(String),
    /// `true`, `false` or `null`.
    Word,
}

/// The members of a flat object that is the whole line.
fn object(line: &str) -> Option<HashMap<String, Value>> {
    let mut rest = line.trim_ascii().chars().peekable();
    let mut members = HashMap::new();
    rest.next_if_eq(&'{')?;
    skip_space(&mut rest);
    if rest.next_if_eq(&'}').is_none() {
        loop {
            skip_space(&mut rest);
            let name = string(&mut rest)?;
            skip_space(&mut rest);
            rest.next_if_eq(&':')?;
            skip_space(&mut rest);
            members.insert(name, value(&mut rest)?);
            skip_space(&mut rest);
            match rest.next()? {
                ',' => {}
                '}' => break,
                _ => return None,
            }
        }
    }
    rest.next().is_none().then_some(members)
}

fn skip_space(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(char::is_ascii_whitespace).is_some() {}
}

fn value(rest: &mut Peekable<Chars<'_>>) -> Option<Value> {
    if rest.peek() == Some(&'"') {
        return string(rest).map(Value::Text);
    }
    let mut word = String::new();
    while let Some(character) = rest.next_if(|&next| next.is_ascii_alphanumeric() || next == '-') {
        word.push(character);
    }
    match word.as_str() {
        "true" | "false" | "null" => Some(Value::Word),
        number => number.parse().ok().map(Value::Number),
    }
}

fn string(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    rest.next_if_eq(&'"')?;
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(escaped(rest)?),
            control if control < ' ' => return None,
            character => text.push(character),
        }
    }
}

fn escaped(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match rest.next()? {
        plain @ ('"' | '\\' | '/') => Some(plain),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => match unit(rest)? {
            high @ 0xd800..0xdc00 => {
                let _ = (rest.next_if_eq(&'\\')?, rest.next_if_eq(&'u')?);
                let low = unit(rest)?;
                char::decode_utf16([high, low]).next()?.ok()
            }
            single => char::from_u32(u32::from(single)),
        },
        _ => None,
    }
}

/// Four hexadecimal digits.
fn unit(rest: &mut Peekable<Chars<'_>>) -> Option<u16> {
    let mut number = 0;
    for _ in 0..4 {
        number = number * 16 + rest.next()?.to_digit(16)? as u16;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_record() -> impl Strategy<Value = Record> {
        let signal = || (1..=64).prop_map(|number| Signal::from_raw(number).expect("in range"));
        let status = prop_oneof![
            any::<i32>().prop_map(ExitStatus::exited),
            signal().prop_map(ExitStatus::killed),
            signal().prop_map(ExitStatus::dumped),
        ];
        let ids = (1..i32::MAX, 1..i32::MAX, any::<u32>(), any::<u32>());
        let times = (0..1_u64 << 53, 0..1_u64 << 53, any::<u64>(), any::<u64>());
        (ids, any::<String>(), times, any::<[u64; 4]>(), status, any::<(bool, bool)>()).prop_map(
            |((pid, ppid, uid, gid), name, (start, elapsed, user_ns, system_ns), counts, status, bits)| {
                let mut flags = Flags::of_status(status);
                flags.set(Flags::SUPERUSER, bits.0);
                flags.set(Flags::FORKED, bits.1);
                let [minor_faults, major_faults, voluntary_switches, involuntary_switches] = counts;
                Record {
                    pid: Pid::new(pid).expect("positive"),
                    ppid: Pid::new(ppid).expect("positive"),
                    name: Cow::Owned(name),
                    uid,
                    gid,
                    start: UNIX_EPOCH + Duration::from_micros(start),
                    elapsed: Duration::from_micros(elapsed),
                    usage: Usage {
                        user_ns,
                        system_ns,
                        minor_faults,
                        major_faults,
                        voluntary_switches,
                        involuntary_switches,
                    },
                    status,
                    flags,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(record in any_record()) {
            let mut line = String::new();
            write(&mut line, &record);
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(read(&line), Some(record));
        }

        #[test]
        fn no_beginning_of_a_record_is_one(record in any_record(), place in any::<prop::sample::Index>()) {
            let mut line = String::new();
            write(&mut line, &record);
            let line = line.trim_end();
            let cut = line.char_indices().map(|(at, _)| at).nth(place.index(line.chars().count()));
            prop_assert_eq!(read(&line[..cut.expect("in range")]), None);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = read(&text);
        }
    }

    #[test]
    fn other_writers_json_is_read_too() {
        let line = r#" { "pid" : 7, "ppid":1,"name":"\u00fc\ud83d\ude00\t\/", "uid":0,"gid":0,"start_us":1,
            "elapsed_us":2,"user_ns":3,"system_ns":4,"exit":-1,"flags":"","minor_faults":0,"major_faults":0,
            "voluntary_switches":0,"involuntary_switches":0, "later": true, "still later": null } "#;
        let record = read(line).expect("a record");
        assert_eq!((record.name.as_ref(), record.status.code()), ("ü😀\t/", Some(-1)));
        let refused = ["", "{}", "[]", "{\"pid\":1}", "{\"name\":\"\\ud83d\"}", "{\"pid\":{}}", "nonsense"];
        for line in refused {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
