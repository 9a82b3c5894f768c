//! A supervised TCP service: the listener, the acceptors and the workers are processes. Workers crash, one hangs in a read that
//! never ends until its watchdog has it killed, and clients that measure all the while see nothing of it.
//!
//! ```text
//! cargo run -p greenproc-examples --example supervised_service
//! ```

#![allow(clippy::disallowed_methods, reason = "the clients measure real time")]

use std::error::Error;
use std::io::{self, Read, Write, pipe};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use greenproc::{KillableMutex, PanicReport, Process, RecvError, Runtime};
use greenproc_supervisor::{
    Backoff, ChildSpec, EventKind, Events, Life, OnSilence, Strategy, Supervisor, Watchdog,
};

const ACCEPTORS: usize = 2;
const WORKERS: usize = 6;
const CLIENTS: usize = 2;

/// A worker that has not beaten for so long hangs: long enough that one which only waits for a CPU is not taken for it.
const SILENCE: Duration = Duration::from_secs(2);

/// Where the acceptors find what the listener has bound.
type Socket = Arc<KillableMutex<Option<Arc<TcpListener>>>>;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder().panic_report(PanicReport::Silent).boot()?; // the events tell of panics
    let (events, socket) = (Events::bounded(1000), Socket::new(KillableMutex::new(None)));
    let tree = service(&socket).events(&events).start(&runtime)?;
    let listener = socket.try_lock().and_then(|listener| listener.clone()).expect("all are ready");
    let address = listener.local_addr()?;
    drop(listener);
    println!("{} and all below it are up\n", tree.path());
    while events.try_recv().is_some() {}

    let calm = load_while(&runtime, address, || {
        for _ in 0..2000 {
            assert_eq!(ask(address, "is all well?").expect("an answer"), "IS ALL WELL?");
        }
    })?;
    let troubled = load_while(&runtime, address, || {
        for _ in 0..5 {
            assert_eq!(ask(address, "crash").unwrap_or_default(), "", "the worker did not answer");
        }
        assert_eq!(ask(address, "hang").unwrap_or_default(), "", "it was killed");
    })?;

    while let Some(event) = events.try_recv() {
        if matches!(
            event.kind,
            EventKind::Exited { .. } | EventKind::Silent { .. } | EventKind::Restarting { .. }
        ) {
            println!("{event}");
        }
    }
    println!("\n{:<26}{:>9}{:>10}{:>10}{:>10}", "requests of others", "answered", "median", "p99", "p99.9");
    for (when, latencies) in [("while all was well", &calm), ("while workers failed", &troubled)] {
        let [median, p99, p999] = [0.5, 0.99, 0.999].map(|share| percentile(latencies, share));
        println!("{when:<26}{:>9}{median:>7} us{p99:>7} us{p999:>7} us", latencies.len());
    }

    let workers = tree.supervisor("workers")?.which_children()?;
    let restarts: u64 = workers.iter().map(|worker| worker.restarts).sum();
    let report = tree.shutdown()?;
    println!("\nworkers were started again {restarts} times; the tree {report}");
    assert_eq!(restarts, 6);
    assert!(report.is_clean());
    Ok(())
}

/// A listener, and what depends on it: were it to fail, all after it would start again with the new socket.
fn service(socket: &Socket) -> Supervisor {
    let (queue, connections) = bounded(128);
    let (bound, shared) = (Arc::clone(socket), Arc::clone(socket));
    let acceptor = move |p: &Process| accept(p, &shared, &queue);
    let worker = move |p: &Process, life: &Life| work(p, life, &connections);
    let watchdog = Watchdog { interval: SILENCE, on_silence: OnSilence::Kill };
    let acceptors =
        (0..ACCEPTORS).map(|number| ChildSpec::new(format!("acceptor {number}"), acceptor.clone()));
    let workers = (0..WORKERS)
        .map(|number| ChildSpec::with_life(format!("worker {number}"), worker.clone()).watchdog(watchdog));
    Supervisor::new("service")
        .strategy(Strategy::RestForOne)
        .child(ChildSpec::with_life("listener", move |p, life| listen(p, life, &bound)))
        .child(ChildSpec::supervisor(
            Supervisor::new("workers")
                .intensity(10, Duration::from_secs(1))
                .backoff(Backoff { first: Duration::from_millis(20), ..Backoff::default() })
                .children(workers),
        ))
        .child(ChildSpec::supervisor(Supervisor::new("acceptors").children(acceptors)))
}

/// The socket is there as long as this process is.
fn listen(p: &Process, life: &Life, socket: &Socket) -> Result<(), Box<dyn Error>> {
    *socket.lock(p)? = Some(Arc::new(TcpListener::bind("127.0.0.1:0")?));
    life.ready(); // who comes after it can begin
    p.sleep(Duration::MAX)?;
    Ok(())
}

fn accept(p: &Process, socket: &Socket, queue: &Sender<TcpStream>) -> Result<(), Box<dyn Error>> {
    let listener = socket.lock(p)?.clone().ok_or("nobody listens")?;
    loop {
        // std's accept does not come back when it is interrupted; the system call does.
        let connection = p.blocking(|| Ok(rustix::net::accept(&listener)?))?;
        p.send(queue, connection.into())?;
    }
}

fn work(p: &Process, life: &Life, connections: &Receiver<TcpStream>) -> Result<(), RecvError> {
    life.ready();
    loop {
        match p.recv_timeout(connections, SILENCE / 3) {
            // What goes wrong with one client is not the worker's failure.
            Ok(connection) => drop(serve(p, connection)),
            Err(RecvError::Timeout) => {}
            Err(error) => return Err(error),
        }
        life.beat();
    }
}

/// Answers in capital letters.
fn serve(p: &Process, mut connection: TcpStream) -> io::Result<()> {
    let mut word = [0; 64];
    let length = p.blocking(|| connection.read(&mut word))?;
    match &word[..length] {
        b"crash" => panic!("a bug"),
        b"hang" => {
            let (mut silent, _open) = pipe()?;
            p.blocking(|| silent.read(&mut [0])).map(drop)
        }
        word => connection.write_all(&word.to_ascii_uppercase()),
    }
}

/// One request, from outside of the tree.
fn ask(address: SocketAddr, word: &str) -> io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    connection.write_all(word.as_bytes())?;
    connection.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

/// How long each request of some clients took, which ask as long as this goes on, and have to get an answer every time.
fn load_while(
    runtime: &Runtime,
    address: SocketAddr,
    goes_on: impl FnOnce(),
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let done = Arc::clone(&done);
        clients.push(runtime.spawn_returning("client", move |_| {
            let mut latencies = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let begin = Instant::now();
                assert_eq!(ask(address, "ping").expect("an answer"), "PING");
                latencies.push(begin.elapsed());
            }
            latencies
        })?);
    }
    goes_on();
    done.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for (client, measured) in clients {
        let waited = client.wait()?;
        latencies.extend(measured.take().ok_or_else(|| format!("a client failed: {waited:?}"))?);
    }
    latencies.sort_unstable();
    Ok(latencies)
}

/// In microseconds, of times that are sorted.
fn percentile(sorted: &[Duration], share: f64) -> u128 {
    let place = (sorted.len() - 1) as f64 * share;
    sorted[place as usize].as_micros()
}
