//! Accounting: one record for each process that ends, final, and none lost without being counted.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | status and times are those of the wait, whatever ended the process | row 21, mistake n |
//! | flags, user, parent | row 21 |
//! | a torn line is told of and passed over, and nothing is appended to it | row 21 |
//! | a disk that is full, a sink that blocks or panics hold up no process | row 21 |
//! | a shutdown loses nothing | row 21 |

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, unbounded};
use greenproc::accounting::{self, AccountFile, Flags, Record};
use greenproc::{Builder, Command, Pid, SigAction, Signal, Waited};
use greenproc_tests::{Fixture, barrier, burn, dead, hold, same, soon, succeeded};

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("greenproc-accounting-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Scratch(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("acct")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A runtime whose records come through a channel.
fn told(change: impl FnOnce(Builder) -> Builder) -> (Fixture, Receiver<Record>) {
    let (sender, records) = unbounded();
    let sink = move |record: &Record| sender.send(record.clone()).map_err(io::Error::other);
    (Fixture::with(|builder| change(builder).accounting(sink)), records)
}

/// The next record, which has to have this name and no flag.
fn soon_named(records: &Receiver<Record>, name: &str) -> Record {
    let record = soon(records);
    assert_eq!((record.name.as_ref(), record.flags), (name, Flags::empty()));
    record
}

fn is_of(record: &Record, waited: &Waited) {
    assert_eq!(record.pid, waited.pid);
    assert_eq!(record.status, waited.status);
    assert_eq!(record.usage, waited.usage);
}

/// Row 21, mistake n: a record has what the wait has, however the process ended.
#[test]
fn a_record_has_the_final_status_and_times() {
    let (fixture, records) = told(|builder| builder);
    let runtime = (*fixture).clone();
    let begun = SystemTime::now();
    let plain = fixture.child("plain", |_| {
        burn(Duration::from_millis(12));
        259
    });
    let waited = plain.wait().expect("its handle owns it");
    let record = soon(&records);
    is_of(&record, &waited);
    assert_eq!((record.name.as_ref(), record.ppid, record.flags), ("plain", Pid::INIT, Flags::FORKED));
    assert!(record.usage.total() >= Duration::from_millis(12));
    // The clock for ages ticks every few milliseconds, and it and the calendar are read one after the other.
    let slack = Duration::from_secs(1);
    assert!(record.start >= begun - slack && record.start <= SystemTime::now() + slack, "{record:?}");

    let panics = fixture.child("panics", |_| panic!("on purpose"));
    let waited = panics.wait().expect("its handle owns it");
    let record = soon(&records);
    is_of(&record, &waited);
    assert_eq!(record.flags.to_string(), "FDX");

    let held = fixture.child("held", |p| p.sleep(Duration::from_hours(1)));
    held.kill().expect("it lives");
    is_of(&soon(&records), &held.wait().expect("its handle owns it"));

    let own = fixture.spawn(Command::new("own", |p| p.exit(4)).own_thread()).expect("room");
    let waited = own.wait().expect("its handle owns it");
    is_of(&soon(&records), &waited);

    let several = fixture.child("several", |p| {
        let lwp = p.spawn_lwp(|p| p.exit(6)).expect("room");
        let _ = lwp.join(p);
    });
    is_of(&soon(&records), &several.wait().expect("its handle owns it"));

    // Who leaves no zombie leaves a record.
    fixture.inside(|p| {
        p.sigaction(Signal::CHLD, SigAction::IGNORE).expect("it can be ignored");
        p.spawn(Command::new("ignored", |_| 5)).expect("room");
        assert_eq!(p.wait().expect_err("it leaves no zombie").errno(), libc::ECHILD);
    });
    let record = soon(&records);
    assert_eq!((record.name.as_ref(), record.status.code()), ("ignored", Some(5)));
    assert_eq!(soon(&records).name, "inside");

    let _report = fixture.shut_down();
    let record = soon(&records);
    assert_eq!((record.name.as_ref(), record.pid, record.ppid), ("init", Pid::INIT, Pid::INIT));
    assert!(records.is_empty(), "one record for each");
    let stats = runtime.accounting().expect("it was booted with a sink");
    assert_eq!((stats.written, stats.dropped, stats.failed, stats.last_error), (8, 0, 0, None));
}

/// A process that is killed at once, before or after its first step, has lived too.
#[test]
fn a_process_that_is_killed_at_once_leaves_a_record() {
    let (fixture, records) = told(|builder| builder.max_lwps(2));
    let child = fixture.child("killed", |p| p.sleep(Duration::from_hours(1)));
    child.kill().expect("it lives");
    is_of(&soon(&records), &child.wait().expect("its handle owns it"));
}

/// Records come in the order of the ends, and each is on its way when the end can be seen.
#[test]
fn records_are_in_the_order_of_the_ends() {
    let (fixture, records) = told(|builder| builder);
    let (waited, inside) = fixture.inside(|p| {
        let zombies: Vec<_> = (0..50).map(|code| dead(p, code, same)).collect();
        // In another order than that in which they ended.
        let waited = zombies.iter().rev().map(|zombie| zombie.wait().expect("mine")).collect::<Vec<_>>();
        (waited, p.pid())
    });
    for waited in waited.iter().rev() {
        let record = soon(&records);
        is_of(&record, waited);
        assert_eq!(record.ppid, inside);
    }
    assert_eq!(soon(&records).pid, inside);
}

/// The parent is the one at the end; user, group and S are those of the end too.
#[test]
fn parent_user_and_flags_are_those_of_the_end() {
    let (fixture, records) = told(|builder| builder);
    let root = fixture.inside(|p| {
        let (hold, held) = hold();
        let (orphan, adopted) = unbounded();
        let parent = p.spawn(Command::new("parent", move |p| {
            let child = p.spawn(Command::new("orphan", held)).expect("room");
            orphan.send(child.id()).expect("the test listens");
        }));
        succeeded(&parent.expect("room").wait().expect("mine"));
        soon(&adopted);
        drop(hold);
        p.uid() == 0
    });
    let mut ended: Vec<Record> = (0..3).map(|_| soon(&records)).collect();
    ended.sort_by_key(|record| record.name.clone());
    assert_eq!((ended[1].name.as_ref(), ended[1].ppid), ("orphan", Pid::INIT));
    assert_eq!(ended[2].ppid, ended[0].pid);
    assert!(ended.iter().all(|record| !record.flags.contains(Flags::SUPERUSER)));
    // Who has executed another program has its name, and no F.
    let executes = fixture.child("before", |p| p.exec(Command::new("after", |_| 7)).map(drop));
    is_of(&soon_named(&records, "after"), &executes.wait().expect("its handle owns it"));
    if root {
        fixture.inside(|p| {
            p.setgid(77).expect("root may");
            p.setuid(1000).expect("root may");
        });
        let record = soon(&records);
        assert_eq!((record.uid, record.gid), (1000, 77));
        assert_eq!(record.flags, Flags::SUPERUSER | Flags::FORKED);
    }
}

/// What a crash leaves is told of and passed over; the next writer does not append to it.
#[test]
fn a_torn_last_line_is_recognised_and_nothing_is_appended_to_it() {
    let scratch = Scratch::new("torn");
    let run = |name: &'static str| {
        let sink = AccountFile::open(scratch.file()).expect("a file");
        let fixture = Fixture::with(|builder| builder.accounting(sink));
        assert!(fixture.run(Command::new(name, |_| {})).expect("it runs").success());
        let _report = fixture.shut_down();
    };
    run("first \"line\"\nwith a break");
    let whole = fs::read(scratch.file()).expect("the file");
    let reading = accounting::read(scratch.file()).expect("the file");
    assert_eq!(reading.torn, [0_usize; 0]);
    assert_eq!(reading.records.len(), 2, "the process and init");
    assert_eq!(reading.records[0].name, "first \"line\"\nwith a break");
    // Wherever the crash cut init's line.
    let begin = whole.iter().position(|&byte| byte == b'\n').expect("two lines") + 1;
    for cut in begin..whole.len() {
        fs::write(scratch.file(), &whole[..cut]).expect("the file");
        let reading = accounting::read(scratch.file()).expect("the file");
        // Without its line break the last record is whole all the same.
        let init = usize::from(cut == whole.len() - 1);
        assert_eq!(reading.records.len(), 1 + init, "cut at {cut}");
        assert_eq!(reading.torn.len(), usize::from(cut > begin) - init, "cut at {cut}");
        if cut.is_multiple_of(16) || init == 1 {
            run("second");
            let reading = accounting::read(scratch.file()).expect("the file");
            let names: Vec<&str> =
                reading.records.iter().skip(1 + init).map(|record| &*record.name).collect();
            assert_eq!(names, ["second", "init"], "cut at {cut}");
            assert_eq!(reading.torn.len(), usize::from(cut > begin) - init, "cut at {cut}");
            assert!(reading.torn.iter().all(|&line| line == 2), "cut at {cut}");
        }
    }
    assert!(accounting::read(scratch.0.join("nothing")).is_err());
    assert!(AccountFile::open(&scratch.0).is_err(), "a directory");
}

/// A full disk costs records, which are counted, and nothing else.
#[test]
fn a_full_disk_is_counted_and_told() {
    let sink = AccountFile::open("/dev/full").expect("the host has it");
    let fixture = Fixture::with(|builder| builder.accounting(sink));
    let runtime = (*fixture).clone();
    for _ in 0..10 {
        succeeded(&fixture.child("unwritten", |_| {}).wait().expect("its handle owns it"));
    }
    let _report = fixture.shut_down();
    let stats = runtime.accounting().expect("it was booted with a sink");
    assert_eq!((stats.written, stats.dropped, stats.failed), (0, 0, 11));
    let error = io::Error::from_raw_os_error(libc::ENOSPC).to_string();
    assert_eq!(stats.last_error, Some(error));
}

/// What finds a line torn by a full disk begins a new one as soon as there is room again.
#[test]
fn a_record_that_did_not_fit_leaves_no_trace_in_the_next() {
    let scratch = Scratch::new("short");
    let mut file = fs::File::create(scratch.file()).expect("a file");
    file.write_all(b"{\"pid\":7,\"name\":\"half").expect("room");
    let sink = AccountFile::open(scratch.file()).expect("a file");
    let fixture = Fixture::with(|builder| builder.accounting(sink));
    let _report = fixture.shut_down();
    let reading = accounting::read(scratch.file()).expect("the file");
    assert_eq!((reading.records.len(), reading.torn), (1, vec![1]));
}

/// A sink that blocks holds up no process: what it does not take in time is queued, and what finds no place is counted. A
/// shutdown writes what is queued.
#[test]
fn a_sink_that_blocks_holds_up_nobody_and_loses_only_what_is_counted() {
    const PLACES: u64 = 65_536;
    let (arrive, arrived) = barrier();
    let mut first = true;
    let sink = move |_: &Record| {
        if std::mem::take(&mut first) {
            arrive();
        }
        Ok(())
    };
    let fixture = Fixture::with(|builder| builder.accounting(sink));
    let runtime = (*fixture).clone();
    succeeded(&fixture.child("first", |_| {}).wait().expect("its handle owns it"));
    arrived.is_reached();
    // The sink holds one; so many fit into the queue, and some do not.
    let (queued, lost) = (PLACES, 100);
    fixture.inside(move |p| {
        for _ in 0..(queued + lost) / 256 {
            (0..256).for_each(|_| drop(p.spawn(Command::new("many", |_| {})).expect("room")));
            (0..256).for_each(|_| succeeded(&p.wait().expect("a child")));
        }
        for _ in 0..(queued + lost) % 256 {
            p.spawn(Command::new("many", |_| {})).expect("room");
            succeeded(&p.wait().expect("a child"));
        }
    });
    let stats = runtime.accounting().expect("it was booted with a sink");
    assert_eq!((stats.written, stats.dropped), (0, lost + 1), "the process inside found no place either");
    drop(arrived);
    let _report = fixture.shut_down();
    let stats = runtime.accounting().expect("it was booted with a sink");
    assert_eq!(stats.written + stats.dropped, 1 + queued + lost + 2, "{stats:?}");
    assert!(stats.written > queued && stats.failed == 0, "{stats:?}");
}

/// A shutdown that ends processes writes their records before it returns.
#[test]
fn a_shutdown_loses_no_record() {
    const COUNT: usize = 200;
    let scratch = Scratch::new("shutdown");
    let sink = AccountFile::open(scratch.file()).expect("a file");
    let fixture = Fixture::with(|builder| builder.accounting(sink));
    for _ in 0..COUNT {
        drop(fixture.child("asleep", |p| p.sleep(Duration::from_hours(1))));
    }
    let _report = fixture.shut_down();
    let reading = accounting::read(scratch.file()).expect("the file");
    assert_eq!(reading.records.len(), COUNT + 1);
    let termed = reading.records.iter().filter(|record| record.status.signal() == Some(Signal::TERM));
    assert_eq!(termed.count(), COUNT);
    assert_eq!(reading.records[COUNT].name, "init");
}

/// A sink that panics is dropped; the runtime goes on, and says so.
#[test]
fn a_sink_that_panics_is_contained() {
    let mut left = 3;
    let sink = move |_: &Record| {
        left -= 1;
        assert!(left > 0, "the sink breaks");
        Ok(())
    };
    let fixture = Fixture::with(|builder| builder.accounting(sink));
    let runtime = (*fixture).clone();
    for _ in 0..5 {
        succeeded(&fixture.child("watched", |_| {}).wait().expect("its handle owns it"));
    }
    let _report = fixture.shut_down();
    let stats = runtime.accounting().expect("it was booted with a sink");
    assert_eq!((stats.written, stats.failed), (2, 4));
    assert_eq!(stats.last_error.as_deref(), Some("the sink has panicked"));
}

/// Without a sink there is nothing to ask for.
#[test]
fn without_a_sink_nothing_is_recorded() {
    assert_eq!(Fixture::boot().accounting(), None);
}
