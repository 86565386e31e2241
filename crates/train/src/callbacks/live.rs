//! The live bar, behind the feature `progress`; without it a stand-in that is always off. It must never write where
//! there is no terminal.

#[cfg(feature = "progress")]
pub(super) use with_bar::Live;
#[cfg(not(feature = "progress"))]
pub(super) use without_bar::Live;

#[cfg(feature = "progress")]
mod with_bar {
    use std::io::IsTerminal;
    use std::time::Instant;

    use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

    use crate::callbacks::memory::{readable, resident};
    use crate::callbacks::rate::Rate;
    use crate::callbacks::{Run, StepRecord};
    use crate::metrics::significant;
    use crate::naming::metric_words;

    /// What matters most stands first: a narrow terminal cuts off the rest.
    const TEMPLATE: &str = "{prefix} {bar:10} {percent:>3} % · {eta} left · {wide_msg}";

    /// A bar, or nothing at all where there is no terminal.
    pub(crate) struct Live {
        bar: Option<ProgressBar>,
        began: Instant,
        rate: Rate,
        /// Rate and memory, as of the latest mark.
        facts: String,
    }

    /// ` · 123 steps/s · 7872 examples/s · 212 MiB`, whatever of it is known.
    fn facts(rate: &Rate, memory: Option<u64>) -> String {
        let speed = rate.per_second().map(|(steps, examples)| {
            let steps = if steps < 10.0 { format!("{steps:.2}") } else { format!("{steps:.0}") };
            format!(" · {steps} steps/s · {examples:.0} examples/s")
        });
        let memory = memory.map(|bytes| format!(" · {}", readable(bytes)));
        speed.unwrap_or_default() + &memory.unwrap_or_default()
    }

    impl Live {
        fn of(bar: Option<ProgressBar>) -> Self {
            Self { bar, began: Instant::now(), rate: Rate::default(), facts: String::new() }
        }

        pub(crate) fn on_terminal() -> Self {
            Self::of(std::io::stderr().is_terminal().then(ProgressBar::hidden))
        }

        pub(crate) fn off() -> Self {
            Self::of(None)
        }

        pub(crate) fn start(&mut self, run: &Run<'_>) {
            let Some(bar) = &mut self.bar else { return };
            let total = run.epochs as u64 * run.batches;
            *bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // The text is a constant; that it is a template is tested.
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar.set_position(position(run));
            // What was done before a resume must not count as speed.
            bar.reset_eta();
            (self.began, self.rate) = (Instant::now(), Rate::default());
        }

        pub(crate) fn step(&mut self, run: &Run<'_>, step: &StepRecord) {
            let Some(bar) = &self.bar else { return };
            if self.rate.add(step.examples, self.began.elapsed().as_secs_f64()) {
                self.facts = facts(&self.rate, resident());
            }
            bar.set_prefix(format!("epoch {}/{}", run.epoch, run.epochs));
            let means = step
                .running
                .iter()
                .map(|(name, value)| format!("{} {}", metric_words(name), significant(value)));
            let mut means = means.collect::<Vec<_>>().into_iter();
            // The loss comes first, what else is measured after rate and memory.
            let loss = means.next().unwrap_or_default();
            let rest: String = means.map(|mean| format!(" · {mean}")).collect();
            bar.set_message(format!("{loss}{}{rest}", self.facts));
            bar.set_position(position(run));
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

    /// Batches that are done: a step may be of several.
    fn position(run: &Run<'_>) -> u64 {
        (run.epoch as u64 - 1) * run.batches + run.batch as u64
    }

    /// Also when a panic ends the training.
    impl Drop for Live {
        fn drop(&mut self) {
            self.finish();
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_template_is_one() {
            assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
        }

        #[test]
        fn only_what_is_known_is_told() {
            let mut rate = Rate::default();
            assert_eq!(facts(&rate, None), "");
            rate.add(32, 0.0);
            rate.add(32, 0.5);
            assert_eq!(facts(&rate, Some(212 << 20)), " · 2.00 steps/s · 64 examples/s · 212 MiB");
        }
    }
}

#[cfg(not(feature = "progress"))]
mod without_bar {
    use crate::callbacks::{Run, StepRecord};

    /// Always off.
    pub(crate) struct Live;

    impl Live {
        pub(crate) fn on_terminal() -> Self {
            Self
        }

        pub(crate) fn off() -> Self {
            Self
        }

        pub(crate) fn start(&mut self, _run: &Run<'_>) {}

        pub(crate) fn step(&mut self, _run: &Run<'_>, _step: &StepRecord) {}

        pub(crate) fn pause(&mut self, f: impl FnOnce()) {
            f();
        }

        pub(crate) fn finish(&mut self) {}
    }
}
