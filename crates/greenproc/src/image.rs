//! What a process runs: its name, arguments and environment, and what an exec makes of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::error::{Error, Result};
use crate::locks::Leaf;
use crate::process::Process;

/// How many bytes the arguments and the environment of a process may have together, with a byte more for each string.
///
/// Source: POSIX `ARG_MAX`; the value is Linux's.
pub const ARG_MAX: usize = 2 << 20;

pub(crate) type Name = Cow<'static, str>;

/// Variables by their names.
pub(crate) type Environment = BTreeMap<String, String>;

/// The image of a process, as far as it is not its parent's.
#[derive(Default)]
pub(crate) struct Image(Mutex<Leaf, Contents>);

#[derive(Default)]
struct Contents {
    /// What it is called since its exec; before that its record has the name.
    name: Option<Arc<Name>>,
    args: Arc<[String]>,
    /// `None` is an empty one.
    env: Option<Arc<Environment>>,
    /// It has replaced its body.
    executed: bool,
}

/// What a command says about arguments and environment.
#[derive(Default)]
pub(crate) struct Strings {
    pub(crate) args: Vec<String>,
    /// Nothing of the parent's environment is kept.
    pub(crate) clear: bool,
    /// Variables that are set, and such as are taken away.
    pub(crate) changes: BTreeMap<String, Option<String>>,
}

/// The name of a process, as it is now.
pub(crate) enum NameNow<'a> {
    First(&'a Name),
    Later(Arc<Name>),
}

impl Strings {
    /// What is wrong with them whatever the parent's environment is.
    pub(crate) fn check(&self) -> Result<()> {
        let values = self.changes.values().flatten();
        if self.args.iter().chain(values).chain(self.changes.keys()).any(|string| string.contains('\0')) {
            return Err(Error::Invalid { what: "an argument or a variable holds a NUL byte" });
        }
        if self.changes.keys().any(|name| !is_variable(name)) {
            return Err(Error::Invalid { what: "the name of a variable is empty or holds a =" });
        }
        Ok(())
    }

    /// The environment that they make of the parent's.
    pub(crate) fn environment(&self, parents: Option<Arc<Environment>>) -> Result<Option<Arc<Environment>>> {
        let mut env = parents.filter(|_| !self.clear);
        for (name, value) in &self.changes {
            let env = Arc::make_mut(env.get_or_insert_default());
            match value {
                Some(value) => env.insert(name.clone(), value.clone()),
                None => env.remove(name),
            };
        }
        let args = self.args.iter().map(|arg| arg.len() + 1);
        let env_bytes =
            env.iter().flat_map(|env| env.iter()).map(|(name, value)| name.len() + value.len() + 2);
        let bytes = args.chain(env_bytes).sum();
        if bytes > ARG_MAX { Err(Error::ArgumentsTooLong { bytes }) } else { Ok(env) }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains('=')
}

impl Image {
    pub(crate) fn name(&self) -> Option<Arc<Name>> {
        self.0.lock().name.clone()
    }

    /// The environment; `None` if it is empty.
    pub(crate) fn env(&self) -> Option<Arc<Environment>> {
        self.0.lock().env.clone()
    }

    pub(crate) fn has_executed(&self) -> bool {
        self.0.lock().executed
    }

    /// A new process's.
    pub(crate) fn begin(&self, args: Vec<String>, env: Option<Arc<Environment>>) {
        if args.is_empty() && env.is_none() {
            return;
        }
        let mut contents = self.0.lock();
        contents.args = args.into();
        contents.env = env;
    }

    /// What a child inherits.
    pub(crate) fn inherit(&self, env: Arc<Environment>) {
        self.0.lock().env = Some(env);
    }

    /// An exec's. Under `proclist_lock`, so that who is told of it finds the new name.
    pub(crate) fn replace(&self, name: &Arc<Name>, args: Arc<[String]>, env: Option<Arc<Environment>>) {
        *self.0.lock() = Contents { name: Some(Arc::clone(name)), args, env, executed: true };
    }
}

impl Deref for NameNow<'_> {
    type Target = Name;

    fn deref(&self) -> &Name {
        match self {
            NameNow::First(name) => name,
            NameNow::Later(name) => name,
        }
    }
}

impl Process {
    /// The arguments that its command, or the last [`exec`](Process::exec), was given; its name is not among them.
    ///
    /// Source: POSIX `execve`.
    pub fn args(&self) -> Arc<[String]> {
        self.record.extras().map(|extras| Arc::clone(&extras.image.0.lock().args)).unwrap_or_default()
    }

    /// A variable of its environment; `None` if it is not set.
    ///
    /// Each process has an environment of its own, which begins as a copy of its parent's and is changed by its command,
    /// [`set_env`](Process::set_env) and [`remove_env`](Process::remove_env). Init begins without any variable: the
    /// environment of the host process is not looked at, so what a process finds is what somebody in the tree has said.
    ///
    /// Source: POSIX `getenv`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// let runtime = Runtime::boot()?;
    /// runtime.run(Command::new("parent", |p| {
    ///     assert_eq!(p.env("LANG").as_deref(), Some("C"));
    ///     p.set_env("MODE", "fast")?;
    ///     let child = p.spawn(Command::new("child", |p| {
    ///         assert_eq!(p.env("MODE").as_deref(), Some("fast"));
    ///         assert_eq!(p.env("LANG"), None);
    ///     }).env_remove("LANG"))?;
    ///     assert!(child.wait()?.status.success());
    ///     greenproc::Result::Ok(())
    /// }).env("LANG", "C"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn env(&self, name: &str) -> Option<String> {
        self.record.extras().and_then(|extras| extras.image.env()).and_then(|env| env.get(name).cloned())
    }

    /// All of its environment, as it is now.
    ///
    /// Source: POSIX `environ`.
    pub fn environment(&self) -> Arc<BTreeMap<String, String>> {
        self.record.extras().and_then(|extras| extras.image.env()).unwrap_or_default()
    }

    /// Sets a variable of its environment; children made from now on inherit it.
    ///
    /// # Errors
    /// - EINVAL: the name is empty or holds a `=`, or one of the two holds a NUL byte.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `setenv`.
    pub fn set_env(&self, name: impl Into<String>, value: impl Into<String>) -> Result<()> {
        self.change_env(name.into(), Some(value.into()))
    }

    /// Takes a variable out of its environment.
    ///
    /// # Errors
    /// As [`set_env`](Process::set_env).
    ///
    /// Source: POSIX `unsetenv`.
    pub fn remove_env(&self, name: impl Into<String>) -> Result<()> {
        self.change_env(name.into(), None)
    }

    fn change_env(&self, name: String, value: Option<String>) -> Result<()> {
        self.check_live()?;
        let change = Strings { changes: BTreeMap::from([(name, value)]), ..Strings::default() };
        change.check()?;
        let mut contents = self.record.need_extras().image.0.lock();
        let env = Arc::make_mut(contents.env.get_or_insert_default());
        for (name, value) in change.changes {
            match value {
                Some(value) => env.insert(name, value),
                None => env.remove(&name),
            };
        }
        Ok(())
    }
}
