//! The stressors, one file each.

mod deep_tree;
mod descriptors;
mod exec;
mod exit_storm;
mod group;
mod kill;
mod lwp;
mod orphan;
mod pid_reuse;
mod session;
mod signal;
mod spawn;
mod stopcont;
mod trace;
mod vfork;
mod wait_mix;
mod zombie;

use std::fmt;

use super::worker::Worker;

/// Something to do again and again.
pub(crate) struct Stressor {
    /// The name as the command line has it.
    pub(crate) name: &'static str,
    /// What it stresses: the first line of its file.
    pub(crate) about: &'static str,
    /// What one operation is.
    pub(crate) op: &'static str,
    /// What it checks, besides that each process is reaped exactly once.
    pub(crate) checks: &'static str,
    /// What it does but cannot check.
    pub(crate) unchecked: Option<&'static str>,
    /// Does some operations, at most so many, and says how many; none if the runtime has no room for its processes.
    pub(super) round: fn(&mut Worker<'_>, u64) -> greenproc::Result<u64>,
}

/// All of them. A seed means the same to one that keeps its place.
pub(crate) const ALL: &[&Stressor] = &[
    &spawn::STRESSOR,
    &zombie::STRESSOR,
    &orphan::STRESSOR,
    &lwp::STRESSOR,
    &kill::STRESSOR,
    &signal::STRESSOR,
    &stopcont::STRESSOR,
    &group::STRESSOR,
    &session::STRESSOR,
    &vfork::STRESSOR,
    &exec::STRESSOR,
    &trace::STRESSOR,
    &wait_mix::STRESSOR,
    &pid_reuse::STRESSOR,
    &exit_storm::STRESSOR,
    &deep_tree::STRESSOR,
    &descriptors::STRESSOR,
];

impl fmt::Debug for Stressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_says_in_its_first_line_what_it_stresses() {
        for stressor in ALL {
            let file = format!(
                "{}/src/stress/stressors/{}.rs",
                env!("CARGO_MANIFEST_DIR"),
                stressor.name.replace('-', "_")
            );
            let text = std::fs::read_to_string(&file).unwrap();
            assert_eq!(text.lines().next(), Some(format!("//! {}.", stressor.about).as_str()), "{file}");
        }
    }
}
