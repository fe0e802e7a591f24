//! Numbers, durations and instants in few columns, for people. Machines get them whole, elsewhere.

/// A count in at most six columns.
pub fn count(number: u64) -> String {
    if number < 1_000_000 {
        return number.to_string();
    }
    let (mut rest, mut unit) = (number, "");
    for next in ["k", "M", "G", "T", "P", "E"] {
        if rest < 10_000 {
            break;
        }
        (rest, unit) = (rest / 1_000, next);
    }
    format!("{rest}{unit}")
}

/// Nanoseconds in at most six columns, rounded down: nothing that waited looks shorter than it was by more than the last digit.
pub fn duration(ns: u64) -> String {
    const UNITS: [(&str, u64, u64); 3] =
        [("us", 1_000, 1_000_000), ("ms", 1_000_000, 1_000_000_000), ("s", 1_000_000_000, 1_000_000_000_000)];
    for (name, unit, end) in UNITS {
        if ns < end {
            // Three digits that count.
            return match ns / (unit / 100) {
                hundredths if hundredths < 1_000 && name != "us" => {
                    format!("{}.{:02}{name}", hundredths / 100, hundredths % 100)
                }
                hundredths if hundredths < 10_000 && name != "us" => {
                    format!("{}.{}{name}", hundredths / 100, hundredths / 10 % 10)
                }
                _ => format!("{}{name}", ns / unit),
            };
        }
    }
    let minutes = ns / 60_000_000_000;
    match minutes {
        0..=999 => format!("{minutes}m"),
        1_000..=59_999 => format!("{}h", minutes / 60),
        _ => format!("{}d", minutes / 1_440),
    }
}

/// Nanoseconds since 1970 as `2026-03-01T16:13:24Z`.
pub fn utc(realtime: u64) -> String {
    let seconds = (realtime / 1_000_000_000) as libc::time_t;
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both are ours, and the second has room for a `tm`; all-zero bytes are one.
    let parts = unsafe {
        libc::gmtime_r(&seconds, parts.as_mut_ptr());
        parts.assume_init()
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        parts.tm_year + 1900,
        parts.tm_mon + 1,
        parts.tm_mday,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec
    )
}
