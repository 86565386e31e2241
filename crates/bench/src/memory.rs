//! The peak memory of this process, as the system counts it.

/// Megabytes (10⁶ bytes) of memory that this process had resident at most (`VmHWM`); none where the system does not say.
#[must_use]
pub fn peak_megabytes() -> Option<f64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status() {
        assert_eq!(parse("Name:\tx\nVmHWM:\t    1000 kB\nVmRSS:\t 1 kB\n"), Some(1.024));
        assert_eq!(parse("Name:\tx\n"), None);
    }
}
