//! The runtime's invariants, looked at now and then while the workers work: in builds with debug assertions, as others
//! have nothing to look with.

use greenproc::Runtime;

/// Whoever looks, and the first thing that was found wrong.
pub(super) struct Auditor<F> {
    look: F,
    found: Option<String>,
}

/// One that looks at this runtime.
pub(super) fn auditor(runtime: &Runtime) -> Auditor<impl FnMut() -> Option<String> + '_> {
    Auditor { look: || audit(runtime), found: None }
}

#[cfg(debug_assertions)]
fn audit(runtime: &Runtime) -> Option<String> {
    runtime.audit_running()
}

#[cfg(not(debug_assertions))]
fn audit(_: &Runtime) -> Option<String> {
    None
}

impl<F: FnMut() -> Option<String>> Auditor<F> {
    /// Looks, unless something was found already: what comes later may be only a consequence.
    pub(super) fn look(&mut self) {
        if self.found.is_none() {
            self.found = (self.look)();
        }
    }

    /// What was found, in a sentence.
    pub(super) fn found(self) -> Option<String> {
        self.found.map(|sentence| format!("what always holds did not: {sentence}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_is_the_verdict() {
        let mut sentences = vec![Some("process 3 has no parent"), Some("process 2 is dead"), None];
        let mut auditor = Auditor { look: || sentences.pop().flatten().map(str::to_owned), found: None };
        auditor.look();
        auditor.look();
        auditor.look();
        assert_eq!(auditor.found().as_deref(), Some("what always holds did not: process 2 is dead"));
    }

    #[test]
    fn nothing_is_wrong_with_a_runtime_that_runs() {
        let runtime = Runtime::boot().unwrap();
        let mut auditor = auditor(&runtime);
        auditor.look();
        assert_eq!(auditor.found(), None);
    }
}
