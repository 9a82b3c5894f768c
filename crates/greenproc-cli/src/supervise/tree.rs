//! The plan as supervisors and children.

use std::sync::Arc;

use crossbeam_channel::Sender;
use greenproc::{Process, Runtime};
use greenproc_supervisor::host::HostTable;
use greenproc_supervisor::{ChildSpec, Life, Supervisor};

use super::news::{News, Teller};
use super::node::{Node, SayReady};
use super::plan::{Child, Plan, Work};

/// What the children of a tree have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) news: Sender<News>,
    pub(super) table: HostTable,
    pub(super) runtime: Runtime,
}

/// The supervisor that the plan describes; `path` is where it stands.
pub(super) fn supervisor(plan: Plan, path: &str, common: &Common) -> Supervisor {
    let Plan { name, strategy, intensity, backoff, auto_shutdown, children } = plan;
    let children = children.into_iter().map(|one| child(one, path, common));
    Supervisor::new(name)
        .strategy(strategy)
        .intensity(intensity.restarts, intensity.period)
        .backoff(backoff)
        .auto_shutdown(auto_shutdown)
        .children(children.collect::<Vec<_>>())
}

fn child(child: Child, path: &str, common: &Common) -> ChildSpec {
    let Child { name, restart, shutdown, significant, intensity, backoff, after: _, work } = child;
    let path = format!("{path}/{name}");
    let mut spec = match work {
        Work::Supervisor(plan) => ChildSpec::supervisor(supervisor(plan, &path, common)),
        Work::Program(program) => {
            let within = program.ready.as_ref().map(|ready| ready.within);
            let Common { news, table, runtime } = common.clone();
            let teller = Teller { child: path.into(), sender: news };
            let node = Arc::new(Node { program: *program, shutdown, teller, table, runtime });
            let spec = ChildSpec::with_life(name, move |p: &Process, life: &Life| {
                let life = life.clone();
                let say_ready: SayReady = Arc::new(move || life.ready());
                node.run(p, say_ready)
            });
            within.into_iter().fold(spec, ChildSpec::ready_within)
        }
    };
    spec = spec.restart(restart).shutdown(shutdown);
    if significant {
        spec = spec.significant();
    }
    spec = intensity.into_iter().fold(spec, |spec, limit| spec.intensity(limit.restarts, limit.period));
    backoff.into_iter().fold(spec, ChildSpec::backoff)
}
