//! The job table: which jobs there are, and how they stand. Nothing in here waits or signals.

use std::fmt;

use greenproc::{ExitStatus, Pid, Signal};

use super::status::Status;

/// The jobs of a shell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs {
    /// Sorted by number.
    jobs: Vec<Job>,
    /// The numbers of the jobs, the one that was put aside last at the end.
    order: Vec<usize>,
}

/// A pipeline and its processes.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// What stands after the `%`.
    pub(crate) number: usize,
    /// Its process group.
    pub(crate) group: Pid,
    /// As it stands in the script.
    pub(crate) text: String,
    members: Vec<Member>,
    news: News,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    pid: Pid,
    state: State,
}

/// How a process or a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs, or could.
    Running,
    /// It was stopped by this signal.
    Stopped(Signal),
    /// It has ended.
    Done(ExitStatus),
}

/// Whether the user knows how a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Told,
    Untold,
}

/// Which job of the order a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    Current,
    Previous,
    Other,
}

/// Why no job is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoJob {
    /// None fits.
    #[error("{0}: no such job")]
    None(String),
    /// Several fit.
    #[error("{0}: ambiguous job")]
    Several(String),
}

impl Job {
    /// How the whole job stands: it runs as long as one of its processes does.
    pub(crate) fn state(&self) -> State {
        let running = self.members.iter().any(|member| member.state == State::Running);
        let stopped = self.members.iter().find_map(|member| match member.state {
            State::Stopped(signal) => Some(State::Stopped(signal)),
            _ => None,
        });
        match (running, stopped, self.members.last()) {
            (true, ..) => State::Running,
            (false, Some(stopped), _) => stopped,
            (false, None, Some(last)) => last.state,
            (false, None, None) => State::Done(ExitStatus::exited(0)),
        }
    }

    /// What `$?` is after it, as it stands: that of its last process.
    pub(crate) fn status(&self) -> Status {
        match self.state() {
            State::Running => Status::SUCCESS,
            State::Stopped(signal) => Status::of(ExitStatus::stopped(signal)),
            State::Done(status) => Status::of(status),
        }
    }

    /// The processes that have not ended.
    pub(crate) fn living(&self) -> impl Iterator<Item = Pid> {
        self.members.iter().filter(|member| !matches!(member.state, State::Done(_))).map(|member| member.pid)
    }

    /// All its processes.
    pub(crate) fn pids(&self) -> impl Iterator<Item = Pid> {
        self.members.iter().map(|member| member.pid)
    }

    fn set(&mut self, pid: Pid, state: State) -> bool {
        let member = self.members.iter_mut().find(|member| member.pid == pid && member.is_open());
        let Some(member) = member else { return false };
        member.state = state;
        self.news = News::Untold;
        true
    }
}

impl Member {
    /// A pid may be in use again once its process was reaped.
    fn is_open(&self) -> bool {
        !matches!(self.state, State::Done(_))
    }
}

impl Jobs {
    /// A new job of these processes, the current one from now on.
    pub(crate) fn add(&mut self, group: Pid, pids: impl IntoIterator<Item = Pid>, text: String) -> usize {
        let number = self.jobs.last().map_or(1, |last| last.number + 1);
        let members = pids.into_iter().map(|pid| Member { pid, state: State::Running }).collect();
        self.jobs.push(Job { number, group, text, members, news: News::Told });
        self.order.push(number);
        number
    }

    /// The job of this number.
    pub(crate) fn get(&self, number: usize) -> Option<&Job> {
        let place = self.jobs.binary_search_by_key(&number, |job| job.number).ok()?;
        self.jobs.get(place)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter()
    }

    /// The job that a process belongs to.
    pub(crate) fn of_pid(&self, pid: Pid) -> Option<&Job> {
        self.jobs.iter().rev().find(|job| job.pids().any(|member| member == pid))
    }

    /// Notes what a wait found.
    pub(crate) fn note(&mut self, pid: Pid, status: ExitStatus) {
        let state = match status.stopped_signal() {
            Some(signal) => State::Stopped(signal),
            None if status.continued() => State::Running,
            None => State::Done(status),
        };
        let job = self.jobs.iter_mut().find_map(|job| job.set(pid, state).then_some(job.number));
        if let Some(number) = job.filter(|_| matches!(state, State::Stopped(_))) {
            self.put_aside(number);
        }
    }

    /// The processes of a job that nobody can wait for have ended somehow.
    pub(crate) fn lose(&mut self, number: usize) {
        self.change(number, |member| {
            if member.is_open() {
                member.state = State::Done(ExitStatus::exited(Status::NOT_FOUND.code().into()));
            }
        });
    }

    /// A job was continued.
    pub(crate) fn resume(&mut self, number: usize) {
        self.change(number, |member| {
            if matches!(member.state, State::Stopped(_)) {
                member.state = State::Running;
            }
        });
    }

    /// The job is the current one from now on.
    pub(crate) fn put_aside(&mut self, number: usize) {
        self.order.retain(|&other| other != number);
        self.order.push(number);
    }

    /// The job is there no more.
    pub(crate) fn remove(&mut self, number: usize) {
        self.jobs.retain(|job| job.number != number);
        self.order.retain(|&other| other != number);
    }

    /// The job that a `%` word means: `%%`, `%+`, `%`, `%-`, `%2`, `%NAME`, `%?TEXT`.
    pub(crate) fn find(&self, word: &str) -> Result<&Job, NoJob> {
        let none = || NoJob::None(word.to_owned());
        let by_rank = |rank| self.jobs.iter().find(|job| self.rank(job.number) == rank).ok_or_else(none);
        let meant = word.strip_prefix('%').ok_or_else(none)?;
        match meant {
            "" | "%" | "+" => by_rank(Rank::Current),
            "-" => by_rank(Rank::Previous).or_else(|_| by_rank(Rank::Current)),
            _ if meant.bytes().all(|byte| byte.is_ascii_digit()) => {
                meant.parse().ok().and_then(|number| self.get(number)).ok_or_else(none)
            }
            _ => {
                let fits = |job: &&Job| match meant.strip_prefix('?') {
                    Some(inside) => job.text.contains(inside),
                    None => job.text.starts_with(meant),
                };
                let mut fitting = self.jobs.iter().filter(fits);
                match (fitting.next(), fitting.next()) {
                    (Some(job), None) => Ok(job),
                    (Some(_), Some(_)) => Err(NoJob::Several(word.to_owned())),
                    (None, _) => Err(none()),
                }
            }
        }
    }

    /// A line of `jobs`.
    pub(crate) fn line<'a>(&self, job: &'a Job) -> Line<'a> {
        Line { job, rank: self.rank(job.number) }
    }

    /// What the user does not know yet, in lines; jobs that have ended are removed with it.
    pub(crate) fn news(&mut self) -> Vec<String> {
        let untold = |job: &&Job| job.news == News::Untold && job.state() != State::Running;
        let lines = self.jobs.iter().filter(untold).map(|job| self.line(job).to_string()).collect();
        self.told();
        lines
    }

    /// The user has seen how all stand: jobs that have ended are there no more.
    pub(crate) fn told(&mut self) {
        for job in &mut self.jobs {
            job.news = News::Told;
        }
        self.jobs.retain(|job| !matches!(job.state(), State::Done(_)));
        let jobs = &self.jobs;
        self.order.retain(|&number| jobs.iter().any(|job| job.number == number));
    }

    fn change(&mut self, number: usize, change: impl FnMut(&mut Member)) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.number == number) {
            job.members.iter_mut().for_each(change);
        }
    }

    /// A stopped job is the current one before any other, then the one that was put aside last.
    fn rank(&self, number: usize) -> Rank {
        let is_stopped =
            |number: usize| self.get(number).is_some_and(|job| matches!(job.state(), State::Stopped(_)));
        let latest_first = || self.order.iter().rev().copied();
        let mut ranked = latest_first()
            .filter(|&number| is_stopped(number))
            .chain(latest_first().filter(|&number| !is_stopped(number)));
        match ranked.position(|other| other == number) {
            Some(0) => Rank::Current,
            Some(1) => Rank::Previous,
            _ => Rank::Other,
        }
    }
}

/// How a job is shown: `[1]+  Running                 sleep 10 &`.
pub(crate) struct Line<'a> {
    job: &'a Job,
    rank: Rank,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.rank {
            Rank::Current => '+',
            Rank::Previous => '-',
            Rank::Other => ' ',
        };
        let state = self.job.state();
        let ampersand = if state == State::Running { " &" } else { "" };
        write!(f, "[{}]{mark}  {:<23} {}{ampersand}", self.job.number, state.to_string(), self.job.text)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Running => f.write_str("Running"),
            State::Stopped(Signal::TSTP) => f.write_str("Stopped"),
            State::Stopped(signal) => write!(f, "Stopped ({signal})"),
            State::Done(status) => match (status.code(), status.signal()) {
                (Some(0), _) | (None, None) => f.write_str("Done"),
                (Some(code), _) => write!(f, "Exit {}", code & 0xff),
                (None, Some(signal)) if status.core_dumped() => {
                    write!(f, "{} (core dumped)", death(signal))
                }
                (None, Some(signal)) => f.write_str(death(signal)),
            },
        }
    }
}

/// What the C library calls the death by a signal.
pub(crate) fn death(signal: Signal) -> &'static str {
    match signal {
        Signal::HUP => "Hangup",
        Signal::INT => "Interrupt",
        Signal::QUIT => "Quit",
        Signal::ABRT => "Aborted",
        Signal::KILL => "Killed",
        Signal::PIPE => "Broken pipe",
        Signal::ALRM => "Alarm clock",
        Signal::TERM => "Terminated",
        other => other.name().unwrap_or("Real-time signal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: i32) -> Pid {
        Pid::new(number).expect("positive")
    }

    /// Jobs 1 `sleep 5`, 2 `cat | wc` and 3 `sleep 7`, of the pids 11, 21 and 22, and 31.
    fn three() -> Jobs {
        let mut jobs = Jobs::default();
        assert_eq!(jobs.add(pid(11), [pid(11)], "sleep 5".to_owned()), 1);
        assert_eq!(jobs.add(pid(21), [pid(21), pid(22)], "cat | wc".to_owned()), 2);
        assert_eq!(jobs.add(pid(31), [pid(31)], "sleep 7".to_owned()), 3);
        jobs
    }

    fn found(jobs: &Jobs, word: &str) -> usize {
        jobs.find(word).unwrap_or_else(|error| panic!("{error}")).number
    }

    fn lines(jobs: &Jobs) -> Vec<String> {
        jobs.iter().map(|job| jobs.line(job).to_string()).collect()
    }

    #[test]
    fn jobs_are_shown_as_sh_shows_them() {
        let mut jobs = three();
        assert_eq!(
            lines(&jobs),
            [
                "[1]   Running                 sleep 5 &",
                "[2]-  Running                 cat | wc &",
                "[3]+  Running                 sleep 7 &",
            ]
        );
        jobs.note(pid(11), ExitStatus::killed(Signal::KILL));
        jobs.note(pid(31), ExitStatus::exited(3));
        jobs.note(pid(21), ExitStatus::stopped(Signal::TSTP));
        jobs.note(pid(22), ExitStatus::stopped(Signal::TSTP));
        assert_eq!(
            lines(&jobs),
            [
                "[1]   Killed                  sleep 5",
                "[2]+  Stopped                 cat | wc",
                "[3]-  Exit 3                  sleep 7",
            ]
        );
    }

    #[test]
    fn a_job_runs_as_long_as_one_of_its_processes() {
        let mut jobs = three();
        let state = |jobs: &Jobs| jobs.get(2).expect("there").state();
        jobs.note(pid(22), ExitStatus::exited(4));
        assert_eq!(state(&jobs), State::Running);
        jobs.note(pid(21), ExitStatus::stopped(Signal::STOP));
        assert_eq!(state(&jobs), State::Stopped(Signal::STOP));
        jobs.note(pid(21), ExitStatus::resumed());
        assert_eq!(state(&jobs), State::Running);
        jobs.note(pid(21), ExitStatus::killed(Signal::PIPE));
        assert_eq!(state(&jobs), State::Done(ExitStatus::exited(4)));
        assert_eq!(jobs.get(2).expect("there").status().code(), 4);
    }

    #[test]
    fn the_current_job_is_the_last_that_stopped() {
        let mut jobs = three();
        assert_eq!((found(&jobs, "%+"), found(&jobs, "%-")), (3, 2));
        jobs.note(pid(11), ExitStatus::stopped(Signal::TSTP));
        assert_eq!((found(&jobs, "%%"), found(&jobs, "%-")), (1, 3));
        jobs.resume(1);
        jobs.put_aside(2);
        assert_eq!((found(&jobs, "%"), found(&jobs, "%-")), (2, 1));
        jobs.remove(2);
        assert_eq!((found(&jobs, "%+"), found(&jobs, "%-")), (1, 3));
        jobs.remove(1);
        assert_eq!((found(&jobs, "%+"), found(&jobs, "%-")), (3, 3));
    }

    #[test]
    fn jobs_are_found_by_number_name_and_content() {
        let jobs = three();
        assert_eq!(found(&jobs, "%1"), 1);
        assert_eq!(found(&jobs, "%cat"), 2);
        assert_eq!(found(&jobs, "%?wc"), 2);
        assert_eq!(found(&jobs, "%?7"), 3);
        let error = |word: &str| jobs.find(word).map(|job| job.number).expect_err(word).to_string();
        assert_eq!(error("%sleep"), "%sleep: ambiguous job");
        assert_eq!(error("%4"), "%4: no such job");
        assert_eq!(error("%nap"), "%nap: no such job");
        assert_eq!(error("1"), "1: no such job");
        assert!(Jobs::default().find("%%").is_err());
    }

    #[test]
    fn news_are_told_once() {
        let mut jobs = three();
        assert_eq!(jobs.news(), Vec::<String>::new());
        jobs.note(pid(31), ExitStatus::exited(0));
        jobs.note(pid(11), ExitStatus::stopped(Signal::STOP));
        assert_eq!(
            jobs.news(),
            ["[1]+  Stopped (SIGSTOP)       sleep 5", "[3]-  Done                    sleep 7"]
        );
        assert_eq!(jobs.news(), Vec::<String>::new());
        assert!(jobs.get(3).is_none());
        assert!(jobs.get(1).is_some());
    }

    #[test]
    fn a_number_is_free_again_when_no_later_job_is_there() {
        let mut jobs = three();
        jobs.remove(1);
        assert_eq!(jobs.add(pid(41), [pid(41)], "x".to_owned()), 4);
        jobs.remove(4);
        jobs.remove(3);
        assert_eq!(jobs.add(pid(51), [pid(51)], "y".to_owned()), 3);
    }

    #[test]
    fn a_pid_that_is_used_again_means_the_later_process() {
        let mut jobs = Jobs::default();
        jobs.add(pid(11), [pid(11)], "first".to_owned());
        jobs.note(pid(11), ExitStatus::exited(1));
        jobs.add(pid(11), [pid(11)], "second".to_owned());
        jobs.note(pid(11), ExitStatus::exited(2));
        let codes: Vec<_> = jobs.iter().map(|job| job.status().code()).collect();
        assert_eq!(codes, [1, 2]);
        assert_eq!(jobs.of_pid(pid(11)).map(|job| job.number), Some(2));
    }

    #[test]
    fn processes_that_nobody_can_wait_for_are_lost() {
        let mut jobs = three();
        jobs.lose(2);
        assert_eq!(jobs.get(2).expect("there").status(), Status::NOT_FOUND);
        assert_eq!(jobs.get(2).expect("there").living().count(), 0);
    }
}
