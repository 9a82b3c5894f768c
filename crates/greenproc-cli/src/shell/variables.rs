//! Variables, and which of them programs get.

use std::collections::BTreeMap;

/// The variables of a shell, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables(BTreeMap<String, Variable>);

#[derive(Clone, Debug, Default)]
struct Variable {
    value: String,
    reach: Reach,
}

/// Who sees a variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reach {
    #[default]
    Shell,
    Programs,
}

impl Variables {
    /// The host's environment. What is not text is left out.
    pub(crate) fn of_host() -> Variables {
        let mut variables = Variables::default();
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                variables.set(&name, value);
                variables.export(&name);
            }
        }
        variables
    }

    /// The value of a variable that is set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|variable| variable.value.as_str())
    }

    /// Sets a variable; whether programs get it stays as it was.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.0.entry(name.to_owned()).or_default().value = value;
    }

    /// Programs get the variable from now on.
    pub(crate) fn export(&mut self, name: &str) {
        self.0.entry(name.to_owned()).or_default().reach = Reach::Programs;
    }

    /// The variable is there no more.
    pub(crate) fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All of them, sorted by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, variable)| (name.as_str(), variable.value.as_str()))
    }

    /// What programs get.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let exported = self.0.iter().filter(|(_, variable)| variable.reach == Reach::Programs);
        exported.map(|(name, variable)| (name.clone(), variable.value.clone())).collect()
    }
}
