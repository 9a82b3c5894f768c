//! What a script says, once it is read.

/// Commands, one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    /// In the order of the script.
    pub(crate) items: Vec<Item>,
}

/// Pipelines joined by `&&` and `||`, ended by `;`, `&` or the end of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// What to run.
    pub(crate) and_or: AndOr,
    /// Whether the shell waits for it.
    pub(crate) ground: Ground,
}

/// Whether the shell waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// It does.
    Fore,
    /// It was told not to, by `&`.
    Back,
}

/// Pipelines of which the later ones depend on the status so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AndOr {
    /// The first, which runs in any case.
    pub(crate) first: Pipeline,
    /// The others.
    pub(crate) rest: Vec<(Condition, Pipeline)>,
    /// As it stands in the script.
    pub(crate) text: String,
}

/// When a pipeline after the first one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `&&`: the status so far is 0.
    Success,
    /// `||`: it is not.
    Failure,
}

/// Commands, each of which reads what the one before writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// Whether its status is turned round, by `!`.
    pub(crate) negated: bool,
    /// At least one.
    pub(crate) commands: Vec<Simple>,
    /// As it stands in the script.
    pub(crate) text: String,
}

/// A command with its arguments, or assignments alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Simple {
    /// `NAME=value` in front of the command.
    pub(crate) assignments: Vec<Assignment>,
    /// The command's name and its arguments.
    pub(crate) words: Vec<Word>,
    /// To be done from left to right.
    pub(crate) redirections: Vec<Redirection>,
}

/// `NAME=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The variable.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: Word,
}

/// Where one of a command's streams goes to or comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirection {
    /// `<FILE`.
    Read(Word),
    /// `>FILE`, `2>FILE`.
    Write(Channel, Word),
    /// `>>FILE`, `2>>FILE`.
    Append(Channel, Word),
    /// `2>&1`, `>&2`: the first goes where the second goes.
    Same(Channel, Channel),
}

/// An output of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Descriptor 1.
    Out,
    /// Descriptor 2.
    Err,
}

/// A word, of which parameters are still to be expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// What it is put together from.
    pub(crate) parts: Vec<Part>,
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that nothing protects.
    Plain(String),
    /// Text in quotes or after a backslash.
    Quoted(String),
    /// `$NAME`: its value, split at blanks unless it stands in double quotes.
    Parameter(Parameter, Quoting),
}

/// Whether something stands in double quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// It does not.
    Bare,
    /// It does.
    Double,
}

/// What can stand after a `$`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parameter {
    /// `$?`.
    Status,
    /// `$$`.
    Shell,
    /// `$!`.
    Background,
    /// `$#`.
    Count,
    /// `$@`.
    Each,
    /// `$*`.
    Joined,
    /// `$0`, `$1`, `${10}`.
    Position(usize),
    /// `$NAME`.
    Variable(String),
}

impl Word {
    /// The word's text if nothing in it is quoted or expanded: what may be a reserved word.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Plain(text)] => Some(text),
            _ => None,
        }
    }
}
