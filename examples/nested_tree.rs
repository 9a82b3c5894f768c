//! A tree of supervisors: who is started again with whom, and a failure that climbs until somebody can do something about it.
//!
//! ```text
//! cargo run -p greenproc-examples --example nested_tree
//! ```

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenproc::{Process, Result, Runtime, Signal};
use greenproc_supervisor::{
    Backoff, ChildSpec, Event, EventKind, Events, Strategy, Supervisor, SupervisorRef, Tree,
};

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let runtime = Runtime::boot()?;
    let events = Events::bounded(1000);
    let disk_is_full = Arc::new(AtomicBool::new(false));
    let tree = shop(&disk_is_full).events(&events).start(&runtime)?;
    print_until_quiet(&events);
    show("all are up, in the order of the list", &tree)?;

    // The cache fails: the listener, which comes after it, is started again with it; the database, before it, is not.
    let web = tree.supervisor("web")?;
    web.child("cache")?.signal(Signal::KILL)?;
    print_until(&events, |event| is_ready(event, "shop/web/listener"));
    show("the cache was killed", &tree)?;
    assert_eq!(lives(&web)?, [1, 2, 2]);

    // The database fails for good. Its supervisor gives up, and ends; the one above starts that again, and gives up too.
    disk_is_full.store(true, Ordering::Relaxed);
    println!("\n-- the disk is full, and the database is killed");
    web.child("database")?.signal(Signal::KILL)?;
    let report = tree.wait()?;
    print_until_quiet(&events);
    println!("\nthe tree {report}");
    assert!(!report.status.success(), "it has given up");
    assert!(report.unstopped.is_empty(), "but it has left nobody behind");
    assert!(web.which_children().is_err(), "a handle says so, and finds no other supervisor");

    // With room on the disk the same tree starts again, and is stopped from the last to the first.
    disk_is_full.store(false, Ordering::Relaxed);
    let tree = shop(&disk_is_full).events(&events).start(&runtime)?;
    while events.try_recv().is_some() {}
    println!("\n-- the same tree, stopped");
    let report = tree.shutdown()?;
    print_until_quiet(&events);
    assert!(report.is_clean());
    Ok(())
}

/// ```text
/// shop                one for one
///   log
///   web               rest for one
///     database
///     cache
///     listener
/// ```
fn shop(disk_is_full: &Arc<AtomicBool>) -> Supervisor {
    let disk_is_full = Arc::clone(disk_is_full);
    let database = ChildSpec::with_life("database", move |p, life| {
        if disk_is_full.load(Ordering::Relaxed) {
            return Err("no space left on the disk".to_owned());
        }
        life.ready();
        work(p).map_err(|error| error.to_string())
    });
    let web = Supervisor::new("web")
        .strategy(Strategy::RestForOne)
        .intensity(2, Duration::from_secs(5))
        .child(database)
        .child(ChildSpec::new("cache", work))
        .child(ChildSpec::new("listener", work));
    Supervisor::new("shop")
        .backoff(Backoff { first: Duration::from_millis(10), jitter: 0.0, ..Backoff::default() })
        .child(ChildSpec::new("log", work))
        .child(ChildSpec::supervisor(web.backoff(Backoff {
            first: Duration::from_millis(10),
            jitter: 0.0,
            ..Backoff::default()
        })))
}

fn work(p: &Process) -> Result<()> {
    p.sleep(Duration::from_hours(1))
}

/// Prints the tree as it is.
fn show(what: &str, tree: &Tree) -> std::result::Result<(), Box<dyn Error>> {
    println!("\n-- {what}");
    show_below(tree, 0)?;
    println!();
    Ok(())
}

fn show_below(supervisor: &SupervisorRef, depth: usize) -> std::result::Result<(), Box<dyn Error>> {
    println!("{:depth$}{}", "", supervisor.path());
    let depth = depth + 2;
    for child in supervisor.which_children()? {
        if child.is_supervisor {
            show_below(&supervisor.supervisor(&child.id)?, depth)?;
        } else {
            println!("{:depth$}{:<10} {}, life {}", "", child.id, child.state, child.incarnation);
        }
    }
    Ok(())
}

/// Which life each child is in.
fn lives(supervisor: &SupervisorRef) -> std::result::Result<Vec<u64>, Box<dyn Error>> {
    Ok(supervisor.which_children()?.iter().map(|child| child.incarnation).collect())
}

fn is_ready(event: &Event, path: &str) -> bool {
    *event.path == *path && matches!(event.kind, EventKind::Ready { .. })
}

/// Prints what happens, until this has.
fn print_until(events: &Events, is_last: impl Fn(&Event) -> bool) {
    while let Ok(event) = events.recv() {
        print(&event);
        if is_last(&event) {
            return;
        }
    }
}

/// Prints what has happened.
fn print_until_quiet(events: &Events) {
    while let Some(event) = events.try_recv() {
        print(&event);
    }
}

fn print(event: &Event) {
    // How long a start took is never the same twice.
    match event.kind {
        EventKind::Ready { .. } => println!("{}: ready", event.path),
        _ => println!("{event}"),
    }
}
