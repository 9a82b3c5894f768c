//! How a runtime is to be, and its boot.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_utils::CachePadded;
use greenproc_os::clock::Moment;
use greenproc_os::kick::{InstallError, Kick};
use greenproc_os::limits::{self, HostLimits};
use greenproc_sync::atomic::{AtomicBool, AtomicU32};
use greenproc_sync::{Condvar, Mutex};

use crate::accounting::{self, Accounting};
use crate::admission::Admission;
use crate::command::{Body, check_name, check_stack};
use crate::crash;
use crate::departures::Departures;
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::hooks::{Ending, Personality};
use crate::host::{self, HostSignals, Plan};
use crate::kernel::{Config, Kernel, ProcList, ProclistLock};
use crate::ktrace::{Fact, Recorder};
use crate::pace::Pace;
use crate::pid::LwpId;
use crate::proc::{Inherited, Proc};
use crate::process::Process;
use crate::programs::{self, Program, Programs};
use crate::reaper;
use crate::runtime::Runtime;
use crate::spin::Spinning;
use crate::starts::{ClassId, Starts};
use crate::status::ExitStatus;
use crate::table::PidTable;
use crate::termination::Termination;
use crate::threads::{LwpStart, Start, Threads};
use crate::timekeeper::Timekeeper;

/// How a runtime is to be.
#[must_use = "a builder does nothing until boot"]
pub struct Builder {
    pid_max: i32,
    max_lwps: Option<usize>,
    stack_size: usize,
    spin: Duration,
    keep_threads: Duration,
    on_init_exit: OnInitExit,
    panic_report: PanicReport,
    kick_signal: i32,
    host_signals: HostSignals,
    orphan_grace: Option<Duration>,
    accounting: Option<Box<dyn accounting::Sink>>,
    init: Option<Body>,
    personality: Option<Personality>,
    recorder: Option<Recorder>,
    programs: Vec<(Cow<'static, str>, Program)>,
    #[cfg(feature = "racelab")]
    faults: Option<Arc<crate::racelab::Faults>>,
}

/// What becomes of calls on a runtime whose init has ended (row 6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnInitExit {
    /// They return [`Error::InitEnded`], which names init's status.
    #[default]
    Shutdown,
    /// They panic with that message.
    Panic,
}

/// What is written to standard error when a process panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanicReport {
    /// One line, at most ten a second.
    #[default]
    Line,
    /// Nothing; the crash report is kept with the status all the same.
    Silent,
}

const DEFAULT_PID_MAX: i32 = 4_194_304;
const DEFAULT_STACK: usize = 2 << 20;
const DEFAULT_SPIN: Duration = Duration::from_micros(20);
const DEFAULT_KEEP: Duration = Duration::from_secs(5);

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            pid_max: DEFAULT_PID_MAX,
            max_lwps: None,
            stack_size: DEFAULT_STACK,
            spin: DEFAULT_SPIN,
            keep_threads: DEFAULT_KEEP,
            on_init_exit: OnInitExit::default(),
            panic_report: PanicReport::default(),
            kick_signal: Kick::default_signal(),
            host_signals: HostSignals::new(),
            orphan_grace: None,
            accounting: None,
            init: None,
            personality: None,
            recorder: None,
            programs: Vec::new(),
            #[cfg(feature = "racelab")]
            faults: None,
        }
    }
}

impl Builder {
    /// The highest pid, at least 2. Default: 4,194,304.
    pub fn pid_max(mut self, highest: i32) -> Builder {
        self.pid_max = highest;
        self
    }

    /// How many LWPs there may be, init's included; never more than the host allows. Default: what the host allows.
    pub fn max_lwps(mut self, count: usize) -> Builder {
        self.max_lwps = Some(count);
        self
    }

    /// The usable stack of an LWP in bytes, rounded up to a power of two, unless its command says otherwise. Default:
    /// 2 MiB, of which only what is touched takes memory.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = bytes;
        self
    }

    /// How long an idle thread and a waiter look before they sleep; zero is not at all. Where one CPU is usable they let
    /// another thread have it, once, and look then. Default: 20 us, while it pays.
    pub fn spin(mut self, limit: Duration) -> Builder {
        self.spin = limit;
        self
    }

    /// How long a native thread that has nothing to do is kept for the next process. Default: 5 s.
    pub fn keep_threads(mut self, time: Duration) -> Builder {
        self.keep_threads = time;
        self
    }

    /// What becomes of calls on the runtime when init has ended.
    pub fn on_init_exit(mut self, action: OnInitExit) -> Builder {
        self.on_init_exit = action;
        self
    }

    /// What is written when a process panics.
    pub fn panic_report(mut self, report: PanicReport) -> Builder {
        self.panic_report = report;
        self
    }

    /// Which signal of the host interrupts threads in host calls. Default: the ninth real-time signal.
    pub fn kick_signal(mut self, number: i32) -> Builder {
        self.kick_signal = number;
        self
    }

    /// Which signals of the host the runtime takes, and what is done about them. Default: none.
    pub fn host_signals(mut self, signals: HostSignals) -> Builder {
        self.host_signals = signals;
        self
    }

    /// Waits for children of the OS process that nobody else waits for, once they have been zombies for `grace`. For
    /// programs that the host gives orphans: pid 1 of a container, and subreapers. Default: they are left alone.
    ///
    /// An orphan looks like a child that the program has made itself, so the grace has to be longer than anybody in it
    /// lets a `std::process::Child` wait that has ended. Of several runtimes that ask, the longest grace counts.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use std::time::Duration;
    /// let runtime = greenproc::Runtime::builder().reap_host_orphans(Duration::from_mins(1)).boot()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Source: Linux `prctl(PR_SET_CHILD_SUBREAPER)`, POSIX `waitid`.
    pub fn reap_host_orphans(mut self, grace: Duration) -> Builder {
        self.orphan_grace = Some(grace);
        self
    }

    /// Gives a record of each process that ends to this sink: an [`AccountFile`](accounting::AccountFile), or one of your own. See
    /// [`accounting`]. Default: nothing is recorded.
    ///
    /// Source: BSD `acct`.
    pub fn accounting(mut self, sink: impl accounting::Sink + 'static) -> Builder {
        self.accounting = Some(Box::new(sink));
        self
    }

    /// Runs this as init, instead of the reaper. It has to wait for the orphans it is given; when it returns, every
    /// process is killed and the runtime ends.
    pub fn init<R: Termination>(mut self, body: impl FnOnce(&Process) -> R + Send + 'static) -> Builder {
        self.init = Some(Box::new(move |process| body(process).report()));
        self
    }

    /// Gives `body` a name, by which commands can ask for it: [`Command::program`](crate::Command::program). Of two programs
    /// with one name the later counts.
    ///
    /// A program is what an [`exec`](Process::exec) runs that has nothing but strings: the name, arguments and an
    /// environment, as a shell or a supervisor with a configuration file has. See
    /// [`Runtime::register`](crate::Runtime::register) for programs that come later.
    pub fn program<R: Termination>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        body: impl Fn(&Process) -> R + Send + Sync + 'static,
    ) -> Builder {
        self.programs.push((name.into(), programs::program(body)));
        self
    }

    /// Has `personality` say with which status a process ends that would end so: init, and all others whose command says
    /// nothing else, as they inherit it. See [`Command::personality`](crate::Command::personality).
    ///
    /// Source: row 24 of the kernel map.
    pub fn personality(
        mut self,
        personality: impl Fn(&Process, &Ending) -> ExitStatus + Send + Sync + 'static,
    ) -> Builder {
        self.personality = Some(Arc::new(personality));
        self
    }

    /// Records init, and all other processes if [`Facts::INHERIT`](crate::ktrace::Facts::INHERIT) is among the recorder's facts.
    /// Default: nobody is recorded whose command does not say so. See [`ktrace`](crate::ktrace).
    ///
    /// Source: NetBSD `ktrace(2)`, row 22 of the kernel map.
    pub fn ktrace(mut self, recorder: &Recorder) -> Builder {
        self.recorder = Some(recorder.clone());
        self
    }

    /// Makes the runtime one of the race lab's: faults can be planted in it, and each start has a thread at once, so that
    /// no order of its processes is left out.
    #[cfg(feature = "racelab")]
    pub fn race_lab(mut self, faults: Arc<crate::racelab::Faults>) -> Builder {
        self.faults = Some(faults);
        self
    }

    /// How many LWPs there may be.
    fn capacity(&self) -> usize {
        #[cfg(feature = "racelab")]
        if let (Some(_), Some(wish)) = (&self.faults, self.max_lwps) {
            // The lab has threads of its own, and boots so often that the look at the host would be most of it.
            return wish;
        }
        let host = HostLimits::read().thread_capacity();
        self.max_lwps.map_or(host, |wish| wish.min(host))
    }

    /// On how many CPUs threads may be at work.
    fn cpus(&self) -> usize {
        #[cfg(feature = "racelab")]
        if self.faults.is_some() {
            // The lab's threads share one, and are to do what they would on a large machine.
            return self.max_lwps.unwrap_or(usize::MAX);
        }
        let _ = self;
        limits::usable_cpus()
    }

    /// Boots: makes the tree, its init and the first threads.
    ///
    /// # Errors
    /// - EINVAL: `pid_max` is below 2, `max_lwps` is 0, the stack size is 0 or over 1 GiB, or the kick signal is no signal
    ///   that can be used, or has a handler of somebody else.
    /// - EINVAL, ENAMETOOLONG: the name of a program holds a NUL, or is longer than 255 bytes.
    /// - EINVAL: a signal of the host that cannot be taken: SIGKILL, SIGSTOP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, a kick
    ///   signal, a real-time signal; or one that cannot be sent, as by [`Runtime::kill`].
    /// - EAGAIN or ENOMEM: the host has no thread left.
    pub fn boot(self) -> Result<Runtime> {
        let (cpus, capacity) = (self.cpus(), self.capacity());
        if self.pid_max < 2 {
            return Err(Error::Invalid { what: "pid_max has to be at least 2" });
        }
        if self.max_lwps == Some(0) {
            return Err(Error::Invalid { what: "max_lwps has to be at least 1, for init" });
        }
        check_stack(self.stack_size)?;
        self.programs.iter().try_for_each(|(name, _)| check_name(name))?;
        let kick = Kick::install(self.kick_signal).map_err(|error| match error {
            InstallError::Foreign { .. } => Error::Invalid {
                what: "the kick signal has a handler of somebody else: choose another kick_signal",
            },
            InstallError::Invalid { .. } => Error::Invalid { what: "this number cannot be the kick signal" },
        })?;
        let host_plan = Plan::make(self.host_signals, self.orphan_grace, kick)?;
        greenproc_os::overflow::install();
        crash::install(self.panic_report == PanicReport::Silent);
        #[cfg(feature = "racelab")]
        let faults = self.faults.unwrap_or_default();
        #[cfg_attr(
            not(feature = "racelab"),
            expect(unused_mut, reason = "the race lab plants its faults there")
        )]
        let mut list = ProcList { admission: Admission::new(capacity), ..ProcList::default() };
        #[cfg(feature = "racelab")]
        list.tree.lab.faults.clone_from(&faults);
        let pace = Arc::new(Pace::new(cpus as u32));
        let starts = Starts::new(self.stack_size, Some(Arc::clone(&pace)));
        let config = Config {
            spinning: Spinning::new(self.spin, cpus),
            keep_threads: self.keep_threads,
            on_init_exit: self.on_init_exit,
            built_in_init: self.init.is_none(),
            stack_size: self.stack_size,
        };
        let writer = |sink| Accounting::start(sink, self.stack_size, kick);
        let accounting = self.accounting.map(writer).transpose()?;
        let kernel = Arc::new(Kernel {
            config,
            kick,
            proclist: ProclistLock::new(list),
            departures: Departures::default(),
            quiet_cv: Condvar::new(),
            starts: CachePadded::new(Mutex::new(starts)),
            pids: PidTable::new(self.pid_max),
            programs: Programs::default(),
            threads: Threads::default(),
            timekeeper: Timekeeper::default(),
            accounting,
            pace,
            start_is_there: CachePadded::new(AtomicBool::new(false)),
            interest: AtomicU32::new(0),
            #[cfg(feature = "racelab")]
            faults,
        });
        for (name, program) in self.programs {
            drop(kernel.programs.register(name, program));
        }
        Timekeeper::start(&kernel)?;
        let body = self.init.unwrap_or_else(|| {
            Box::new(|process| {
                reaper::run(process);
                ExitStatus::exited(0).into()
            })
        });
        start_init(&kernel, body, host_plan, (self.personality, self.recorder))?;
        Ok(Runtime::of(Handle { kernel, stopped: AtomicBool::new(false) }))
    }
}

fn start_init(
    kernel: &Arc<Kernel>,
    body: Body,
    host_plan: Plan,
    (personality, recorder): (Option<Personality>, Option<Recorder>),
) -> Result<()> {
    let now = Moment::now();
    let (uid, gid) = (limits::user_id(), limits::group_id());
    let inherited = Inherited { uid, gid };
    let class = ClassId::DEFAULT;
    let record =
        kernel.pids.claim(|pid| Arc::new(Proc::new(pid, Cow::Borrowed("init"), inherited, class, now)));
    let record = record.map_err(|_| kernel.pids.exhausted())?;
    if let Some(personality) = personality {
        drop(record.need_extras().personality.set(Some(personality)));
    }
    if let Some(recorder) = recorder {
        drop(record.begin_ktrace(&recorder));
    }
    let mut list = kernel.lock();
    list.admission.reserve()?;
    record.ktrace(None, || Fact::Spawned { parent: None });
    list.init = Some(list.tree.link_init(Arc::clone(&record)));
    kernel.pids.mark_group(record.pid);
    kernel.pids.mark_session(record.pid);
    let start = LwpStart { process: record, lwp: LwpId::MAIN, body, queued: now };
    let call = kernel.starts.lock().push(class, Start::Lwp(start));
    // In this hold: a signal that comes now finds init, and an init that ends at once leaves after this.
    host::join(kernel, host_plan);
    drop(list);
    kernel.answer(class, call);
    Ok(())
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("pid_max", &self.pid_max)
            .field("max_lwps", &self.max_lwps)
            .field("stack_size", &self.stack_size)
            .field("spin", &self.spin)
            .field("keep_threads", &self.keep_threads)
            .field("on_init_exit", &self.on_init_exit)
            .field("panic_report", &self.panic_report)
            .field("kick_signal", &self.kick_signal)
            .field("host_signals", &self.host_signals)
            .field("orphan_grace", &self.orphan_grace)
            .finish_non_exhaustive()
    }
}
