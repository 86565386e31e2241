//! How much memory this process holds, as far as the system tells it to everyone: a long run's first sign of a leak.

/// Resident bytes; `None` where the system does not say so in a file.
pub(crate) fn resident() -> Option<u64> {
    kibibytes(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn kibibytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// `1.5 GiB`, `212 MiB`.
pub(crate) fn readable(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1000.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found() {
        assert_eq!(
            kibibytes("Name:\tx\nVmHWM:\t  99 kB\nVmRSS:\t   1234 kB\nThreads:\t1\n"),
            Some(1234 * 1024)
        );
        assert_eq!(kibibytes("Name:\tx\n"), None);
        assert_eq!((readable(212 << 20), readable(3 << 29)), ("212 MiB".to_owned(), "1.5 GiB".to_owned()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_holds_some() {
        assert!(resident().is_some_and(|bytes| bytes > 1 << 18));
    }
}
