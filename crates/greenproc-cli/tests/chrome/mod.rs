//! What the Chrome trace event format asks of a trace, checked of a whole file.
//!
//! Source: "Trace Event Format", Google (Chromium's catapult): the JSON object format, and the phases B, E, X, i, s, t, f
//! and M.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// A line of the timeline: process and thread.
pub(crate) type Track = (i64, i64);

/// A slice of a track.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) track: Track,
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) begin: f64,
    pub(crate) end: f64,
}

/// What is in a valid trace.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) slices: Vec<Slice>,
    /// The names of the processes, by pid.
    pub(crate) processes: BTreeMap<i64, String>,
    /// The tracks' names.
    pub(crate) threads: BTreeMap<Track, String>,
    /// The arrows: what each is called, and the tracks that it joins.
    pub(crate) arrows: Vec<(String, Track, Track)>,
    /// How many records had gone.
    pub(crate) dropped: u64,
}

/// Reads a trace.
///
/// # Panics
/// If it is not valid: what is wrong, with the event.
pub(crate) fn validate(text: &str) -> Trace {
    let document: Value = serde_json::from_str(text).expect("JSON");
    assert!(["ms", "ns"].iter().any(|unit| document["displayTimeUnit"] == *unit));
    let mut reader = Reader::default();
    for event in document["traceEvents"].as_array().expect("an array of events") {
        reader.read(event.as_object().unwrap_or_else(|| panic!("no object: {event}")));
    }
    let Reader { mut trace, open, flows, used, .. } = reader;
    trace.dropped = document["otherData"]["dropped"].as_u64().expect("a count");
    assert!(open.values().all(Vec::is_empty), "a slice does not end: {open:?}");
    assert!(flows.is_empty(), "an arrow does not arrive: {flows:?}");
    for track in used {
        assert!(trace.processes.contains_key(&track.0), "process {} has no name", track.0);
        assert!(trace.threads.contains_key(&track), "track {track:?} has no name");
    }
    trace
}

#[derive(Default)]
struct Reader {
    trace: Trace,
    open: BTreeMap<Track, Vec<Slice>>,
    /// Arrows that have left, by category, name and id.
    flows: BTreeMap<(String, String, u64), Track>,
    ids: BTreeSet<(String, String, u64)>,
    used: BTreeSet<Track>,
    last: f64,
}

impl Reader {
    fn read(&mut self, event: &Map<String, Value>) {
        let phase = text(event, "ph");
        let track = (integer(event, "pid"), integer(event, "tid"));
        let name = text(event, "name");
        if phase == "M" {
            let named = text(event["args"].as_object().expect("args of a name"), "name");
            let twice = match name.as_str() {
                "process_name" => self.trace.processes.insert(track.0, named).is_some(),
                "thread_name" => self.trace.threads.insert(track, named).is_some(),
                other => panic!("a name of what? {other}"),
            };
            assert!(!twice, "named twice: {event:?}");
            return;
        }
        let ts = number(event, "ts");
        assert!(ts >= self.last, "before the event before it: {event:?}");
        self.last = ts;
        self.used.insert(track);
        let category = text(event, "cat");
        assert!(event.get("args").is_none_or(Value::is_object), "{event:?}");
        let open = self.open.entry(track).or_default();
        match phase.as_str() {
            "B" => open.push(Slice { track, name, category, begin: ts, end: ts }),
            "E" => {
                let slice = open.pop().unwrap_or_else(|| panic!("nothing ends here: {event:?}"));
                assert_eq!((&slice.name, &slice.category), (&name, &category), "the innermost ends first");
                self.trace.slices.push(Slice { end: ts, ..slice });
            }
            "X" => {
                let duration = number(event, "dur");
                assert!(duration >= 0.0, "{event:?}");
                self.trace.slices.push(Slice { track, name, category, begin: ts, end: ts + duration });
            }
            "i" => assert!(["t", "p", "g"].contains(&text(event, "s").as_str()), "{event:?}"),
            "s" => {
                assert!(!open.is_empty(), "it leaves from no slice: {event:?}");
                let key = (category, name, unsigned(event, "id"));
                assert!(self.ids.insert(key.clone()), "an id is used twice: {event:?}");
                self.flows.insert(key, track);
            }
            "f" => {
                assert!(!open.is_empty(), "it arrives at no slice: {event:?}");
                assert_eq!(text(event, "bp"), "e", "else it is bound to the next slice");
                let key = (category, name, unsigned(event, "id"));
                let from = self.flows.remove(&key);
                let from = from.unwrap_or_else(|| panic!("it has not left: {event:?}"));
                self.trace.arrows.push((key.1, from, track));
            }
            other => panic!("unknown phase {other}: {event:?}"),
        }
    }
}

fn member<'a, T>(event: &'a Map<String, Value>, name: &str, read: impl Fn(&'a Value) -> Option<T>) -> T {
    event.get(name).and_then(read).unwrap_or_else(|| panic!("no {name}, or another type: {event:?}"))
}

fn text(event: &Map<String, Value>, name: &str) -> String {
    member(event, name, Value::as_str).to_owned()
}

fn integer(event: &Map<String, Value>, name: &str) -> i64 {
    member(event, name, Value::as_i64)
}

fn unsigned(event: &Map<String, Value>, name: &str) -> u64 {
    member(event, name, Value::as_u64)
}

fn number(event: &Map<String, Value>, name: &str) -> f64 {
    member(event, name, Value::as_f64)
}

/// What cannot be opened with a viewer is found to be invalid.
#[test]
fn what_is_wrong_is_found() {
    const NAMES: &str = r#"{"ph":"M","name":"process_name","pid":1,"tid":1,"args":{"name":"p"}},
        {"ph":"M","name":"thread_name","pid":1,"tid":1,"args":{"name":"t"}}"#;
    let event = |ph: &str, ts: f64, more: &str| {
        format!(r#",{{"ph":"{ph}","name":"n","cat":"c","ts":{ts},"pid":1,"tid":1{more}}}"#)
    };
    let check = |events: &[String]| {
        let text = format!(
            r#"{{"displayTimeUnit":"ns","otherData":{{"dropped":0}},"traceEvents":[{NAMES}{}]}}"#,
            events.concat()
        );
        std::panic::catch_unwind(|| validate(&text)).is_ok()
    };
    let (begin, end) = (event("B", 1.0, ""), event("E", 9.0, ""));
    let (leave, arrive) = (event("s", 2.0, r#","id":1"#), event("f", 3.0, r#","id":1,"bp":"e""#));
    assert!(check(&[begin.clone(), leave.clone(), arrive.clone(), end.clone()]));
    assert!(check(&[event("X", 1.0, r#","dur":0"#), event("i", 1.0, r#","s":"t""#)]));
    let invalid = [
        vec![begin.clone()],
        vec![end.clone()],
        vec![begin.clone(), event("E", 0.5, "")],
        vec![begin.clone(), event("E", 9.0, r#","cat":"other""#)],
        vec![event("X", 1.0, "")],
        vec![event("X", 1.0, r#","dur":-1"#)],
        vec![event("i", 1.0, "")],
        vec![event("Q", 1.0, "")],
        vec![begin.clone(), leave.clone(), end.clone()],
        vec![begin.clone(), arrive.clone(), end.clone()],
        vec![leave.clone(), arrive.clone()],
        vec![begin.clone(), leave.clone(), event("f", 3.0, r#","id":2,"bp":"e""#), end.clone()],
        vec![begin.clone(), leave.clone(), event("f", 3.0, r#","id":1"#), end.clone()],
        vec![r#",{"ph":"i","s":"t","name":"n","cat":"c","ts":1,"pid":2,"tid":1}"#.to_owned()],
        vec![r#",{"ph":"i","s":"t","name":"n","cat":"c","ts":1,"pid":1,"tid":2}"#.to_owned()],
        vec![r#",{"ph":"i","s":"t","name":"n","cat":"c","pid":1,"tid":1}"#.to_owned()],
    ];
    for (case, events) in invalid.iter().enumerate() {
        assert!(!check(events), "case {case}: {events:?}");
    }
}
