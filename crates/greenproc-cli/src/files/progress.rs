//! The progress bar, on a terminal only.

use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar is drawn while nothing ends.
const REDRAW: Duration = Duration::from_millis(100);

/// Shows on stderr how far the work is; nothing where stderr is no terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    bytes: u64,
}

impl Progress {
    pub(crate) fn new(files: u64) -> Progress {
        let bar = ProgressBar::with_draw_target(Some(files), ProgressDrawTarget::stderr());
        let layout = "{elapsed_precise} [{bar:40}] {pos}/{len} files, {msg}";
        // The layout is a constant; were it wrong, the default one would do.
        if let Ok(style) = ProgressStyle::with_template(layout) {
            bar.set_style(style.progress_chars("=> "));
        }
        Progress { bar, bytes: 0 }
    }

    /// One more file is done; `running` processes are still at work.
    pub(crate) fn done(&mut self, size: u64, running: usize) {
        self.bytes += size;
        self.bar.inc(1);
        self.show(running);
    }

    /// Draws the bar again although nothing ended.
    pub(crate) fn show(&mut self, running: usize) {
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{}, {running} running", HumanBytes(self.bytes)));
        }
    }

    /// How long at most to wait before the bar is to be drawn again.
    pub(crate) fn redraw_after(&self) -> Option<Duration> {
        (!self.bar.is_hidden()).then_some(REDRAW)
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
