//! The live bar, behind the feature `progress`; without it a stand-in that is always off. It must never write where
//! there is no terminal.

#[cfg(feature = "progress")]
pub(super) use with_bar::Live;
#[cfg(not(feature = "progress"))]
pub(super) use without_bar::Live;

#[cfg(feature = "progress")]
mod with_bar {
    use std::fmt::Write;
    use std::io::IsTerminal;

    use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

    use crate::callbacks::Run;

    const TEMPLATE: &str = "{prefix} {bar:24} {percent:>3} % · {msg} · {rate} · {eta} left";

    /// A bar, or nothing at all where there is no terminal.
    pub(crate) struct Live {
        bar: Option<ProgressBar>,
    }

    impl Live {
        pub(crate) fn on_terminal() -> Self {
            Self { bar: std::io::stderr().is_terminal().then(ProgressBar::hidden) }
        }

        pub(crate) fn off() -> Self {
            Self { bar: None }
        }

        pub(crate) fn is_on(&self) -> bool {
            self.bar.is_some()
        }

        pub(crate) fn start(&mut self, run: &Run<'_>) {
            let Some(bar) = &mut self.bar else { return };
            let total = run.epochs as u64 * run.batches;
            *bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // The text is a constant; that it is a template is tested.
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                let rate = |state: &ProgressState, out: &mut dyn Write| {
                    // A bar that cannot be drawn is no reason to stop.
                    _ = write!(out, "{:.0} steps/s", state.per_sec());
                };
                bar.set_style(style.progress_chars("━╸─").with_key("rate", rate));
            }
            bar.set_position(run.step);
            // What was done before a resume must not count as speed.
            bar.reset_eta();
        }

        pub(crate) fn step(&mut self, run: &Run<'_>, words: &str) {
            let Some(bar) = &self.bar else { return };
            bar.set_prefix(format!("epoch {}/{}", run.epoch, run.epochs));
            bar.set_message(words.to_owned());
            bar.set_position(run.step);
        }

        /// Lets `f` write lines above the bar.
        pub(crate) fn pause(&mut self, f: impl FnOnce()) {
            match &self.bar {
                Some(bar) => bar.suspend(f),
                None => f(),
            }
        }

        pub(crate) fn finish(&mut self) {
            if let Some(bar) = &self.bar {
                bar.finish_and_clear();
            }
        }
    }

    /// Also when a panic ends the training.
    impl Drop for Live {
        fn drop(&mut self) {
            self.finish();
        }
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_template_is_one() {
            assert!(indicatif::ProgressStyle::with_template(super::TEMPLATE).is_ok());
        }
    }
}

#[cfg(not(feature = "progress"))]
mod without_bar {
    use crate::callbacks::Run;

    /// Always off.
    pub(crate) struct Live;

    impl Live {
        pub(crate) fn on_terminal() -> Self {
            Self
        }

        pub(crate) fn off() -> Self {
            Self
        }

        pub(crate) fn is_on(&self) -> bool {
            false
        }

        pub(crate) fn start(&mut self, _run: &Run<'_>) {}

        pub(crate) fn step(&mut self, _run: &Run<'_>, _words: &str) {}

        pub(crate) fn pause(&mut self, f: impl FnOnce()) {
            f();
        }

        pub(crate) fn finish(&mut self) {}
    }
}
