//! Reading a table key by key, and saying all that is wrong with it: line, place, key.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::span;

/// How alike a name has to be to a known one for that to be suggested.
const ALIKE: f64 = 0.7;

/// Something that is wrong with the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Which line, from 1.
    pub(crate) line: usize,
    /// What is wrong, with the place and the key.
    pub(crate) text: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.text)
    }
}

/// What is wrong so far with this text.
pub(super) struct Complaints<'a> {
    source: &'a str,
    found: Vec<Complaint>,
}

impl<'a> Complaints<'a> {
    pub(super) fn new(source: &'a str) -> Complaints<'a> {
        Complaints { source, found: Vec::new() }
    }

    pub(super) fn add(&mut self, at: Range<usize>, text: impl Into<String>) {
        let before = self.source.get(..at.start).unwrap_or(self.source);
        let line = before.matches('\n').count() + 1;
        self.found.push(Complaint { line, text: text.into() });
    }

    /// All of them, in the order of the lines; one of each.
    pub(super) fn into_sorted(mut self) -> Vec<Complaint> {
        self.found.sort_by(|one, other| one.line.cmp(&other.line).then_with(|| one.text.cmp(&other.text)));
        self.found.dedup();
        self.found
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// A table that is read. Each key that is asked for is known; what is left when it is [finished](Section::finish) is not.
pub(super) struct Section<'a, 'c> {
    /// What it is, for messages: `child 'web'`, `ready of child 'web'`.
    pub(super) place: String,
    pub(super) span: Range<usize>,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
    complaints: &'c mut Complaints<'a>,
}

impl<'a, 'c> Section<'a, 'c> {
    pub(super) fn new(
        place: impl Into<String>,
        table: &'a Spanned<DeTable<'a>>,
        complaints: &'c mut Complaints<'a>,
    ) -> Section<'a, 'c> {
        Section::of(place.into(), table.get_ref(), table.span(), complaints)
    }

    fn of(
        place: String,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        complaints: &'c mut Complaints<'a>,
    ) -> Section<'a, 'c> {
        Section { place, span, table, known: Vec::new(), complaints }
    }

    pub(super) fn complain(&mut self, at: Range<usize>, text: impl fmt::Display) {
        let place = &self.place;
        self.complaints.add(at, if place.is_empty() { text.to_string() } else { format!("{place}: {text}") });
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// The value of a key, read; what is wrong with it is said.
    fn read<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(&'a DeValue<'a>) -> Option<Result<T, String>>,
    ) -> Option<At<T>> {
        let found = self.find(key)?;
        let (value, span) = (found.get_ref(), found.span());
        match read(value) {
            Some(Ok(value)) => return Some(At { value, span }),
            Some(Err(why)) => self.complain(span, format!("{key}: {why}")),
            None => self.complain(span, format!("{key}: {wanted} is wanted, not {}", named(value))),
        }
        None
    }

    pub(super) fn string(&mut self, key: &'static str) -> Option<At<&'a str>> {
        self.read(key, "a string", |value| value.as_str().map(Ok))
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, "true or false", |value| value.as_bool().map(Ok)).map(|at| at.value)
    }

    pub(super) fn count(&mut self, key: &'static str) -> Option<u32> {
        self.read(key, "a whole number", |value| {
            let number = value.as_integer()?;
            let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
            let wrong = || format!("{} is not between 0 and 4,294,967,295", number.as_str());
            Some(parsed.and_then(|number| u32::try_from(number).ok()).ok_or_else(wrong))
        })
        .map(|at| at.value)
    }

    pub(super) fn number(&mut self, key: &'static str) -> Option<At<f64>> {
        self.read(key, "a number", |value| {
            let text = match value {
                DeValue::Integer(number) => number.as_str(),
                DeValue::Float(number) => number.as_str(),
                _ => return None,
            };
            Some(text.parse().map_err(|_| format!("{text} is no number")))
        })
    }

    /// A length of time.
    pub(super) fn time(&mut self, key: &'static str) -> Option<Duration> {
        self.read(key, "a time such as \"5s\"", |value| value.as_str().map(span::parse)).map(|at| at.value)
    }

    /// A string that is read by a function.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        parse: impl FnOnce(&'a str) -> Result<T, String>,
    ) -> Option<T> {
        self.read(key, wanted, |value| value.as_str().map(parse)).map(|at| at.value)
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let words = || choices.iter().map(|(word, _)| *word);
        let listed = words().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        self.read(key, &format!("one of {listed}"), |value| {
            let word = value.as_str()?;
            let found = choices.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
            let wrong = || match alike(word, words()) {
                Some(known) => format!("\"{word}\" is none of {listed}; did you mean \"{known}\"?"),
                None => format!("\"{word}\" is none of {listed}"),
            };
            Some(found.ok_or_else(wrong))
        })
        .map(|at| at.value)
    }

    /// A list of strings.
    pub(super) fn words(&mut self, key: &'static str) -> Option<Vec<At<String>>> {
        let wanted = "a list of strings";
        let found = self.read(key, wanted, |value| value.as_array().map(Ok))?;
        let mut words = Vec::new();
        for element in found.value {
            if let Some(word) = element.get_ref().as_str() {
                words.push(At { value: word.to_owned(), span: element.span() });
            } else {
                let what = named(element.get_ref());
                self.complain(element.span(), format!("{key}: {wanted} is wanted, and this is {what}"));
            }
        }
        Some(words)
    }

    /// A command: a list of strings, the program first.
    pub(super) fn command(&mut self, key: &'static str) -> Option<Vec<String>> {
        let words = self.words(key)?;
        let at = self.table.get(key)?.span();
        if words.first().is_none_or(|program| program.value.is_empty()) {
            self.complain(at, format!("{key}: the program is missing: [\"program\", \"argument\"]"));
            return None;
        }
        if let Some(word) = words.iter().find(|word| word.value.contains('\0')) {
            let span = word.span.clone();
            self.complain(span, format!("{key}: a command cannot hold a zero byte"));
            return None;
        }
        Some(words.into_iter().map(|word| word.value).collect())
    }

    /// A table of strings.
    pub(super) fn variables(&mut self, key: &'static str) -> BTreeMap<String, String> {
        let Some(found) = self.read(key, "a table of strings", |value| value.as_table().map(Ok)) else {
            return BTreeMap::new();
        };
        let mut variables = BTreeMap::new();
        for (name, value) in found.value {
            let name_is_wrong = |name: &str| name.is_empty() || name.contains(['=', '\0']);
            match value.get_ref().as_str() {
                Some(_) if name_is_wrong(name.get_ref()) => {
                    self.complain(name.span(), format!("{key}: '{}' cannot be a variable", name.get_ref()));
                }
                Some(text) if text.contains('\0') => {
                    let name = name.get_ref();
                    self.complain(value.span(), format!("{key}: {name}: a variable cannot hold a zero byte"));
                }
                Some(text) => drop(variables.insert(name.get_ref().to_string(), text.to_owned())),
                None => {
                    let (name, what) = (name.get_ref(), named(value.get_ref()));
                    self.complain(value.span(), format!("{key}: {name}: a string is wanted, not {what}"));
                }
            }
        }
        variables
    }

    /// An address of a TCP port: an IP address or `localhost`, for a name would have to be looked up each time.
    pub(super) fn address(&mut self, key: &'static str) -> Option<SocketAddr> {
        self.parsed(key, "an address such as \"127.0.0.1:80\"", address)
    }

    /// A table in this one, if the key is there.
    pub(super) fn section(&mut self, key: &'static str, wanted: &str) -> Option<Section<'a, '_>> {
        let found = self.read(key, wanted, |value| value.as_table().map(Ok))?;
        let place = if self.place.is_empty() { key.to_owned() } else { format!("{}: {key}", self.place) };
        Some(Section::of(place, found.value, found.span, self.complaints))
    }

    /// A list of tables in this one.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Spanned<&'a DeTable<'a>>> {
        let wanted = format!("a list of tables ([[{key}]])");
        let Some(found) = self.read(key, &wanted, |value| value.as_array().map(Ok)) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for element in found.value {
            if let Some(table) = element.get_ref().as_table() {
                tables.push(Spanned::new(element.span(), table));
            } else {
                let what = named(element.get_ref());
                self.complain(element.span(), format!("{key}: a table is wanted, not {what}"));
            }
        }
        tables
    }

    /// Reads one of the tables that [`sections`](Section::sections) gave.
    pub(super) fn enter(&mut self, table: &Spanned<&'a DeTable<'a>>) -> Section<'a, '_> {
        Section::of(self.place.clone(), table.get_ref(), table.span(), self.complaints)
    }

    /// Whether the value of a key is a string: for keys that take a word or a table.
    pub(super) fn is_string(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|value| value.get_ref().is_str())
    }

    /// Where the value of a key stands, or else the table.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Says which of these keys are there, if it is not exactly one.
    pub(super) fn exactly_one(&mut self, keys: &[&str]) {
        let there: Vec<&str> = keys.iter().copied().filter(|key| self.has(key)).collect();
        let listed = keys.join(", ");
        match there[..] {
            [_] => {}
            [] => self.complain(self.span.clone(), format!("one of {listed} is missing")),
            [first, second, ..] => {
                self.complain(
                    self.span_of(second),
                    format!("{second}: {first} is there too; only one of {listed} can be"),
                );
            }
        }
    }

    /// Says which of these keys are there that `why` forbids.
    pub(super) fn none_of(&mut self, keys: &[&str], why: &str) {
        for key in keys {
            if self.has(key) {
                self.complain(self.span_of(key), format!("{key}: {why}"));
            }
        }
    }

    /// These keys are known as well: what is wrong with them has been said.
    pub(super) fn know(&mut self, keys: &[&'static str]) {
        self.known.extend_from_slice(keys);
    }

    /// Says which keys are not known.
    pub(super) fn finish(mut self) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let text = if let Some(known) = alike(name, self.known.iter().copied()) {
                    format!("unknown key '{name}'; did you mean '{known}'?")
                } else {
                    let mut known = self.known.clone();
                    known.sort_unstable();
                    known.dedup();
                    format!("unknown key '{name}'; known are {}", known.join(", "))
                };
                self.complain(key.span(), text);
            }
        }
    }
}

/// The known word that is most like this one, if one is.
pub(super) fn alike<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let rated = known.map(|known| (strsim::jaro_winkler(known, word), known));
    rated
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

/// Reads an address.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("\"{text}\" is no address: an IP address or localhost, a colon and a port");
    match text.strip_prefix("localhost:") {
        Some(port) => port.parse().map(|port| (Ipv4Addr::LOCALHOST, port).into()).map_err(|_| wrong()),
        None => text.parse().map_err(|_| wrong()),
    }
}

/// A value in a message.
fn named(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the string \"{}\"", text.chars().take(40).collect::<String>()),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
