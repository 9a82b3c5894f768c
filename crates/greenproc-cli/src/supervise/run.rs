//! Runs a tree until it ends or is asked to.
//!
//! Init is this command's own: signals of the host come to it, and it reaps what becomes an orphan in the runtime. The
//! journal is its child; the tree, the pages and who calls the service manager's watchdog are the runtime's.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use greenproc::{
    Builder, Command, ExitStatus, HostAction, HostSignals, MaskHow, NoteFlags, Process, Runtime, SigSet,
    Signal,
};
use greenproc_supervisor::host::HostTable;
use greenproc_supervisor::{Events, StartError, SupervisorRef, Tree, telemetry};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::board::Board;
use super::journal::Journal;
use super::plan::Plan;
use super::serve::{self, Page, Status};
use super::tree::{self, Common};
use super::{news, notify};
use crate::Verdict;
use crate::cli::SuperviseOptions;
use crate::failure::{Failure, plainly};

/// How many events may wait to be written down.
const EVENTS: usize = 65_536;

/// How long a zombie of the host that is nobody's stays, for whoever may still want it.
const ORPHAN_GRACE: Duration = Duration::from_secs(10);

/// How long what is left may take when the tree has ended: the journal, pages that are being answered.
const GRACE: Duration = Duration::from_secs(2);

/// The signals of the host that are for the tree.
const HEARD: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::HUP];

/// Runs the tree.
pub(super) fn run(plan: Plan, options: &SuperviseOptions) -> Result<Verdict, Failure> {
    let listener = options.listen.map(listen).transpose()?;
    let recorder = record()?;
    let board = Arc::new(Board::of(&plan));
    let events = Events::bounded(EVENTS);
    let (news, told) = bounded(news::ROOM);
    let journal = Journal::new(&plan.name, options.json, Arc::clone(&board), &events, told)?;
    let (signals, signalled) = unbounded();
    let (writing, written) = bounded::<()>(0);
    let runtime = builder(move |p| init(p, journal, writing, &signals)).boot()?;
    let common = Common { news, table: HostTable::new(), runtime: runtime.clone() };
    let path = plan.name.clone();
    let tree = tree::supervisor(plan, &path, &common).events(&events).launch(&runtime).map_err(refused)?;
    drop(common);
    attend(&runtime, &tree, listener, &board, recorder)?;
    let stops = until_the_end(&tree, &signalled, &board)?;
    let report = tree.wait()?;
    // The journal ends when nobody has more to tell.
    let _ = written.recv_timeout(GRACE);
    let mut unstopped = board.killed();
    unstopped.extend(report.unstopped.iter().map(|one| one.path.to_string()));
    drop(signalled);
    let left = runtime.shutdown(GRACE)?;
    unstopped.extend(left.stuck.iter().map(ToString::to_string));
    Ok(conclude(report.status, stops, &unstopped))
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    serve::listen(address).map_err(|error| {
        Failure::Usage(format!("{address}: {} (try 'greenproc supervise --help')", plainly(&error)))
    })
}

fn refused(error: StartError) -> Failure {
    match error {
        StartError::Runtime(error) => error.into(),
        fault => Failure::Usage(format!("{fault} (try 'greenproc supervise --help')")),
    }
}

/// Where the library's counters go from here on.
fn record() -> Result<PrometheusHandle, Failure> {
    let recorder = PrometheusBuilder::new().install_recorder().map_err(|error| {
        Failure::Usage(format!("cannot count: {error} (try 'greenproc supervise --help')"))
    })?;
    telemetry::describe();
    Ok(recorder)
}

/// A runtime whose init hears the host's signals, and which reaps orphans of the host as pid 1.
fn builder(init: impl FnOnce(&Process) -> greenproc::Result<()> + Send + 'static) -> Builder {
    let signals =
        HEARD.into_iter().fold(HostSignals::new(), |rules, signal| rules.on(signal, HostAction::Init));
    let builder = Runtime::builder().host_signals(signals).init(init);
    if std::process::id() == 1 { builder.reap_host_orphans(ORPHAN_GRACE) } else { builder }
}

/// Init: passes signals of the host on, reaps, and has the journal as its child, so that there is always one to wait for.
fn init(
    p: &Process,
    journal: Journal,
    writing: Sender<()>,
    signals: &Sender<Signal>,
) -> greenproc::Result<()> {
    p.sigmask(MaskHow::Block, SigSet::from(HEARD))?;
    p.spawn(Command::new("journal", move |p| {
        let _writing = writing;
        journal.write(p);
    }))?;
    p.spawn_lwp(|p| while p.wait().is_ok() {})?.detach();
    loop {
        let info = p.sigtimedwait(HEARD, None)?;
        // SIGHUP is heard so that it does nothing. Nobody listens any more when the tree has ended: then so does init.
        if info.signal != Signal::HUP && signals.send(info.signal).is_err() {
            return Ok(());
        }
    }
}

/// Those who answer for the tree while it runs.
fn attend(
    runtime: &Runtime,
    tree: &Tree,
    listener: Option<TcpListener>,
    board: &Arc<Board>,
    recorder: PrometheusHandle,
) -> Result<(), Failure> {
    if let Some(listener) = listener {
        let (root, board) = (SupervisorRef::clone(tree), Arc::clone(board));
        let pages: Arc<serve::Pages> = Arc::new(move |path: &str| page(path, &root, &board, &recorder));
        runtime.spawn(Command::new("pages", move |p| serve::serve(p, &listener, &pages)))?;
    }
    if let Some(rhythm) = notify::rhythm() {
        let root = SupervisorRef::clone(tree);
        runtime.spawn(Command::new("watchdog", move |p| {
            while root.count_children().is_ok() {
                notify::alive();
                p.sleep(rhythm)?;
            }
            greenproc::Result::Ok(())
        }))?;
    }
    Ok(())
}

/// What is at a path.
fn page(path: &str, root: &SupervisorRef, board: &Board, recorder: &PrometheusHandle) -> Page {
    let page = |status, text: String| Page { status, text };
    match path {
        "/healthz" => match root.count_children() {
            Ok(_) => page(Status::Fine, "ok\n".to_owned()),
            Err(error) => page(Status::NotNow, format!("{error}\n")),
        },
        "/readyz" => match board.not_ready() {
            Some(waiting) if waiting.is_empty() => page(Status::Fine, "ok\n".to_owned()),
            Some(waiting) => page(Status::NotNow, format!("not ready: {}\n", waiting.join(", "))),
            None => page(Status::NotNow, "stopping\n".to_owned()),
        },
        "/metrics" => {
            recorder.run_upkeep();
            page(Status::Fine, recorder.render())
        }
        _ => page(Status::NotFound, "there are /healthz, /readyz and /metrics\n".to_owned()),
    }
}

/// How often the host asked for the end before it came.
fn until_the_end(tree: &Tree, signalled: &Receiver<Signal>, board: &Board) -> Result<u32, Failure> {
    let end = tree.process().watch(NoteFlags::EXIT)?;
    let mut stops = 0;
    loop {
        select! {
            recv(signalled) -> signal => if signal.is_ok() {
                stops += 1;
                board.note_stop();
                notify::stopping();
                // It may have ended meanwhile.
                let _ = match stops {
                    1 => tree.process().signal(Signal::TERM),
                    _ => tree.process().kill_tree().map(drop),
                };
            },
            recv(end) -> _ => return Ok(stops),
        }
    }
}

/// What is to be said in the end.
fn conclude(status: ExitStatus, stops: u32, unstopped: &[String]) -> Verdict {
    let mut errors = io::stderr().lock();
    // With stderr closed there is nobody left to tell.
    if stops > 1 {
        let _ = writeln!(errors, "greenproc: killed before all had stopped");
    }
    if !unstopped.is_empty() {
        let _ = writeln!(errors, "greenproc: did not stop in time: {}", unstopped.join(", "));
    }
    Verdict::of(status.success() && stops < 2 && unstopped.is_empty())
}
