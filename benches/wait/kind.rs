//! The kinds of wait that are measured.

/// By what a wait selects its child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    Pid,
    Group,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Any, Kind::Pid, Kind::Group];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::Pid => "pid",
            Kind::Group => "group",
        }
    }
}
