//! A tree's events as metrics and as events of `tracing`.

use std::io::{self, Write};
use std::sync::Arc;

use greenproc_supervisor::{Backoff, ChildSpec, Event, Events, Supervisor, telemetry};
use greenproc_tests::{AN_HOUR, Fixture};
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::Mutex;

/// The events of a tree whose one child fails until its supervisor gives up.
fn events() -> Vec<Event> {
    let fixture = Fixture::boot();
    let events = Events::bounded(100);
    let tree = Supervisor::new("root")
        .intensity(1, AN_HOUR)
        .backoff(Backoff::NONE)
        .child(ChildSpec::with_life("bad", |_, life| {
            life.ready();
            Err::<(), _>("no luck")
        }))
        .events(&events)
        .launch(&fixture)
        .expect("it is right");
    assert!(!tree.wait().expect("mine").status.success());
    std::iter::from_fn(|| events.try_recv()).collect()
}

#[test]
fn events_are_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        telemetry::describe();
        events().iter().for_each(telemetry::count);
    });
    let metrics = recorder.handle().render();
    for line in [
        "# HELP greenproc_child_starts_total Lives of the child that began",
        "greenproc_child_starts_total{child=\"root/bad\"} 2",
        "greenproc_child_restarts_total{child=\"root/bad\"} 1",
        "greenproc_child_exits_total{child=\"root/bad\",cause=\"exit\"} 2",
        "greenproc_child_up{child=\"root/bad\"} 0",
        "greenproc_child_ready_seconds_count{child=\"root/bad\"} 2",
        "greenproc_supervisor_gave_up_total{supervisor=\"root\"} 1",
    ] {
        assert!(metrics.lines().any(|is| is == line), "{line}:\n{metrics}");
    }
}

#[test]
fn events_are_traced_with_their_weight_and_their_fields() {
    let log = Log::default();
    let own = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || own.clone())
        .with_max_level(tracing::Level::DEBUG)
        .without_time()
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, || events().iter().for_each(telemetry::trace));
    let text = String::from_utf8(log.0.lock().clone()).expect("UTF-8");
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let has = |begin: &str, parts: &[&str]| {
        let fits = |line: &&&str| line.starts_with(begin) && parts.iter().all(|part| line.contains(part));
        assert!(lines.iter().any(|line| fits(&line)), "{begin}, {parts:?}:\n{text}");
    };
    has("INFO greenproc_supervisor: started as ", &["path=root/bad", "incarnation=1"]);
    has("INFO greenproc_supervisor: ready after ", &["path=root/bad"]);
    has(
        "WARN greenproc_supervisor: ended: exit status: 1 (no luck)",
        &["path=root/bad", "status=exit status: 1"],
    );
    has("WARN greenproc_supervisor: starts again in ", &["path=root/bad"]);
    has("ERROR greenproc_supervisor: gives up", &["path=root"]);
    has("DEBUG greenproc_supervisor: is down", &["path=root"]);
}

/// What was written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
