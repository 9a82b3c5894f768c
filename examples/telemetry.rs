//! The events of a tree as metrics, with an exporter for Prometheus, and as lines of a log: the facades `metrics` and `tracing`.
//!
//! ```text
//! cargo run -p greenproc-examples --example telemetry
//! ```

use std::error::Error;
use std::time::Duration;

use greenproc::Runtime;
use greenproc_supervisor::{AutoShutdown, Backoff, ChildSpec, Events, Restart, Supervisor, telemetry};
use metrics_exporter_prometheus::PrometheusBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    // Where metrics and log lines go is the program's choice: here both come on standard output.
    let recorder = PrometheusBuilder::new().install_recorder()?;
    telemetry::describe();
    tracing_subscriber::fmt().without_time().with_ansi(false).init();

    let events = Events::bounded(1000);
    let runtime = Runtime::boot()?;
    let tree = Supervisor::new("jobs")
        .auto_shutdown(AutoShutdown::AnySignificant)
        .intensity(5, Duration::from_mins(1))
        .backoff(Backoff { first: Duration::from_millis(10), ..Backoff::default() })
        .child(ChildSpec::new("helper", |p| p.sleep(Duration::from_hours(1))))
        .child(
            ChildSpec::with_life("job", |_, life| {
                life.ready();
                // Succeeds the third time.
                if life.incarnation() < 3 { Err("the input is not there yet") } else { Ok(()) }
            })
            .restart(Restart::Transient)
            .significant(),
        )
        .events(&events)
        .launch(&runtime)?;
    // In a program that goes on, a process of its own reads them as they come.
    let report = tree.wait()?;
    while let Some(event) = events.try_recv() {
        telemetry::count(&event);
        telemetry::trace(&event);
    }
    assert!(report.is_clean());

    let metrics = recorder.render();
    println!("\n{metrics}");
    for line in [
        r#"greenproc_child_starts_total{child="jobs/job"} 3"#,
        r#"greenproc_child_restarts_total{child="jobs/job"} 2"#,
        r#"greenproc_child_exits_total{child="jobs/helper",cause="signal"} 1"#,
        r#"greenproc_child_up{child="jobs/helper"} 0"#,
    ] {
        assert!(metrics.lines().any(|is| is == line), "{line} is missing");
    }
    Ok(())
}
