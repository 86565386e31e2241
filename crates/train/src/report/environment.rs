//! Where a training ran: what a reader needs who gets other times, or wonders why. It must never decide a result.

use gradus_tensor::{current_isa, threads};

/// The system, the processor, what of it is used, and the versions, as names and values for [`Report::facts`].
///
/// Ask while the training runs: written down then, a report that is drawn again elsewhere still tells the truth.
///
/// ```
/// use gradus_train::report::{Report, environment};
/// let facts = environment();
/// assert!(facts.iter().any(|(name, value)| *name == "instruction set" && !value.is_empty()));
/// let page = Report::new("Run").facts("Environment", facts).to_html();
/// assert!(page.contains("instruction set"));
/// ```
///
/// [`Report::facts`]: super::Report::facts
#[must_use]
pub fn environment() -> Vec<(&'static str, String)> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| processor(&text));
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut facts = vec![("system", format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH))];
    facts.extend(model.map(|model| ("processor", model)));
    facts.extend([
        ("processors", processors.to_string()),
        ("threads", threads().to_string()),
        ("instruction set", current_isa().to_string()),
        ("version", format!("Gradus {}, {build} build", env!("CARGO_PKG_VERSION"))),
    ]);
    facts
}

/// The processor's name, where the system tells it in a file.
fn processor(text: &str) -> Option<String> {
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    value("model name").filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_once() {
        let text = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: A Fast One @ 3GHz\n\nprocessor\t: 1\nmodel name\t: Other\n";
        assert_eq!(processor(text).as_deref(), Some("A Fast One @ 3GHz"));
        assert_eq!(processor("processor\t: 0\nBogoMIPS\t: 50.00\n"), None);
    }
}
