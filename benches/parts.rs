//! Question: what does a process pay for a part that it uses (hooks, values, an arena, a personality, an environment, descriptors, limits,
//! counters, a recorder), what do
//! `exec` and `vfork` cost beside a life, and what a call that a policy or a tracer looks at?
//!
//! A parent process spawns lives a hundred at a time and waits for them; what a part costs is the difference to the plain row,
//! divided by a hundred. On one CPU (`taskset -c 0`) that is CPU time; on several, most of it is hidden behind the parent.
//!
//! ```text
//! cargo bench -p greenproc-benches --bench parts [-- FILTER]
//! ```

mod stopwatch;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use criterion::Criterion;
use crossbeam_channel::bounded;
use greenproc::ktrace::{Facts, Recorder};
use greenproc::{
    Call, Command, ExitStatus, Limits, Local, LwpLocal, Policy, Process, Runtime, TraceOptions, Tracee,
};

use stopwatch::Stopwatch;

static OWN: Local<AtomicU32> = Local::new(AtomicU32::default);
static LWPS: LwpLocal<AtomicU32> = LwpLocal::new(AtomicU32::default);

/// A recorder that is full.
static RECORDER: LazyLock<Recorder> = LazyLock::new(|| Recorder::new(10_000));

/// A limit that nobody reaches.
const AN_HOUR: Duration = Duration::from_hours(1);

/// How many lives there are at a time.
const BATCH: u64 = 100;

/// What the lives of a row are.
type Life = (&'static str, fn() -> Command);

/// What is done again and again.
type Use = (&'static str, fn(&Process));

/// How long so many calls of a process take that somebody looks at.
type Watched = (&'static str, fn(&Process, u64) -> Duration);

/// Lives with a part each, beside plain ones.
const LIVES: [Life; 21] = [
    ("plain", || Command::new("plain", |_| {})),
    ("with an exit hook", || Command::new("hook", |p| p.on_exit(|_, _| {}))),
    ("with a personality", || Command::new("own", |_| {}).personality(|_, _| ExitStatus::exited(0))),
    ("with a value", || Command::new("local", |p| OWN.with(p, |_| ()))),
    ("with a value of its LWP", || Command::new("lwp_local", |p| LWPS.with(p, |_| ()))),
    ("with 64 leaked bytes in its arena", || {
        Command::new("arena", |p| p.arena()?.alloc([0_u8; 64]).map(std::mem::forget))
    }),
    ("of a program, with an argument and a variable", || Command::program("program").arg("a").env("A", "1")),
    ("with a limit of LWPs", || limited(Limits { lwps: Some(9), ..Limits::default() })),
    ("with a limit of CPU time", || limited(Limits { cpu: Some(AN_HOUR), ..Limits::default() })),
    ("with an account of its subtree", || {
        limited(Limits { subtree_cpu: Some(AN_HOUR), ..Limits::default() })
    }),
    ("with a descriptor", || Command::new("opens", |p| p.open(1).map(drop))),
    ("that shares actions", || Command::new("shares", |_| {}).share_signal_actions()),
    ("with work for its pool", || Command::new("aio", |p| p.aio(|_| ())?.wait(p))),
    ("that counts", || Command::new("counted", |_| {}).counted()),
    ("under a policy", || Command::new("restricted", |_| {}).policy(harmless())),
    ("with a hundred calls", || Command::new("calls", hundred_calls)),
    ("that counts, with a hundred calls", || Command::new("counted", hundred_calls).counted()),
    ("recorded, its steps only", || Command::new("steps", |_| {}).ktrace(&RECORDER.only(Facts::LIFE))),
    ("recorded", || Command::new("recorded", |_| {}).ktrace(&RECORDER)),
    ("recorded, with a hundred calls", || Command::new("recorded", hundred_calls).ktrace(&RECORDER)),
    ("with an exec", || Command::new("first", |p| p.exec(Command::new("second", |_| {})))),
];

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let runtime = Runtime::builder().program("program", |_| {}).boot().expect("it boots");
    let mut group = criterion.benchmark_group("a hundred lives");
    for (name, life) in LIVES {
        group.bench_function(name, |bencher| {
            bencher
                .iter_custom(|batches| inside(&runtime, move |p| (0..batches).for_each(|_| batch(p, life))));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("one");
    let uses: [Use; 13] = [
        ("spawn and wait", |p| done(p.spawn(Command::new("plain", |_| {})).and_then(|child| child.wait()))),
        ("spawn of a tracee that is let run, and wait", |p| {
            let child = p.spawn(Command::new("plain", |_| {}).traced(TraceOptions::empty()));
            let tracee = child.and_then(|child| p.tracee(child.id())).expect("it is traced");
            done(tracee.wait(p).and_then(|_| tracee.cont(None)).and_then(|()| tracee.wait(p)));
        }),
        ("vfork and wait", |p| done(p.vfork(Command::new("plain", |_| {})).and_then(|child| child.wait()))),
        ("vfork of what executes, and wait", |p| {
            let command = Command::new("first", |p| p.exec(Command::new("second", |_| {})));
            done(p.vfork(command).and_then(|child| child.wait()));
        }),
        ("use of a value", |p| done(OWN.with(p, |own| own.fetch_add(1, Ordering::Relaxed)))),
        ("use of a value of the LWP", |p| done(LWPS.with(p, |own| own.fetch_add(1, Ordering::Relaxed)))),
        ("look at an LWP", |p| done(p.lwpctl().map(|control| control.look()))),
        ("restartable sequence, with its registration", |p| {
            done(
                p.sequence("s").and_then(|sequence| sequence.run(p, || ()).map(|()| sequence.unregister(p))),
            );
        }),
        ("count of its own, looked up by name", |p| done(p.counter("own").map(|counter| counter.add(1)))),
        ("usage of a subtree that is alone", |p| {
            std::hint::black_box(p.subtree_usage());
        }),
        ("descriptor opened and closed", |p| done(p.open(1).and_then(|fd| p.close(fd)))),
        ("work for the pool", |p| done(p.aio(|_| ()).and_then(|work| work.wait(p)))),
        ("value into the arena and out", |p| done(p.arena().and_then(|arena| arena.alloc(1)))),
    ];
    for (name, uses) in uses {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| inside(&runtime, move |p| (0..count).for_each(|_| uses(p))));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("a call");
    let watched: [Watched; 4] = [
        ("as it is", |p, count| calls(p, count)),
        ("under a policy", |p, count| {
            p.restrict(harmless()).expect("nothing forbids it");
            calls(p, count)
        }),
        ("of a tracee that runs", |p, count| calls_of_a_tracee(p, count, |tracee| tracee.cont(None))),
        ("of a tracee that is stepped, two stops", |p, count| {
            calls_of_a_tracee(p, count, |tracee| tracee.step_call(None))
        }),
    ];
    for (name, watched) in watched {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| {
                let child = runtime.spawn_returning("parent", move |p| watched(p, count));
                let (child, took) = child.expect("room for one process");
                done(child.wait());
                took.take().expect("it returned")
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

fn hundred_calls(p: &Process) {
    for _ in 0..100 {
        std::hint::black_box(p.uid());
    }
}

/// A policy that allows what is measured.
fn harmless() -> Policy {
    Policy::new().kill(Call::Chroot)
}

/// Makes a call so often.
fn calls(p: &Process, count: u64) -> Duration {
    let watch = Stopwatch::start();
    for _ in 0..count {
        std::hint::black_box(p.ppid());
    }
    watch.elapsed()
}

/// The same as a tracee, which is let go on like this.
fn calls_of_a_tracee(p: &Process, count: u64, go_on: impl Fn(&Tracee) -> greenproc::Result<()>) -> Duration {
    let (tell, told) = bounded(1);
    let tracee = Command::new("tracee", move |p| tell.send(calls(p, count)));
    let child = p.spawn(tracee.traced(TraceOptions::empty())).expect("room for a child");
    let tracee = p.tracee(child.id()).expect("it is traced");
    while tracee.wait(p).expect("it is traced").status.stopped_signal().is_some() {
        done(go_on(&tracee));
    }
    told.recv().expect("it has told")
}

fn limited(limits: Limits) -> Command {
    Command::new("limited", |_| {}).limits(limits)
}

fn done<T>(result: greenproc::Result<T>) {
    drop(std::hint::black_box(result).expect("it succeeds"));
}

/// Lives that run while others begin and end.
fn batch(p: &Process, life: fn() -> Command) {
    for _ in 0..BATCH {
        drop(p.spawn(life()).expect("room for a hundred"));
    }
    for _ in 0..BATCH {
        done(p.wait());
    }
}

/// How long this takes in a process of its own, without that process's own life.
fn inside(runtime: &Runtime, body: impl FnOnce(&Process) + Send + 'static) -> Duration {
    let (child, took) = runtime
        .spawn_returning("parent", move |p| {
            let watch = Stopwatch::start();
            body(p);
            watch.elapsed()
        })
        .expect("room for one process");
    done(child.wait());
    took.take().expect("it returned")
}
