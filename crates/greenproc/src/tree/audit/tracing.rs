//! Tracers and tracees: each knows the other.

use crate::tree::ProcTree;
use crate::tree::audit::families::Tie;
use crate::tree::audit::{Audited, must};

impl ProcTree {
    pub(super) fn audit_tracing(&self) -> Audited {
        for (&tracee, &tracer) in &self.tracing.tracers {
            let who = || format!("{}, which process {} traces,", self.title(tracee), self.node(tracer).pid);
            must(self.node(tracee).traced, || format!("{} does not know that", who()))?;
            must(self.node(tracer).live().is_some(), || {
                format!(
                    "{} is traced by process {}, which has ended",
                    self.title(tracee),
                    self.node(tracer).pid
                )
            })?;
            let listed = self.tracing.charges.get(&tracer).is_some_and(|own| own.members.contains(&tracee));
            must(listed, || format!("{} is not among its tracees", who()))?;
        }
        let mut listed = 0;
        for (&tracer, own) in &self.tracing.charges {
            must(!own.members.is_empty(), || {
                format!("{} traces nobody, and is a tracer", self.title(tracer))
            })?;
            listed += own.members.len();
            self.audit_buckets(&own.waits, tracer, Tie::Tracer, &|| own.members.iter().copied())?;
        }
        must(listed == self.tracing.tracers.len(), || "somebody has two tracers".to_owned())?;
        let marked = self.all().find(|id| self.node(*id).traced && self.tracer_of(*id).is_none());
        must(marked.is_none(), || {
            let who = marked.map_or_else(String::new, |id| self.title(id));
            format!("{who} is traced, by nobody")
        })
    }
}
