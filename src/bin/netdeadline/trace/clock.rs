//! The kernel's clocks, and one in the other's terms. How a date is written is the engine's.

use std::mem::MaybeUninit;

/// CLOCK_MONOTONIC, nanoseconds: what BPF calls bpf_ktime_get_ns.
pub fn monotonic() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// What to add to a monotonic time to have the time of day, now. Asked anew for each batch: the time of day may be set.
pub fn offset() -> u64 {
    read(libc::CLOCK_REALTIME).wrapping_sub(monotonic())
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` is ours to write, and zeroes, a value, if the call should fail.
    let time = unsafe {
        libc::clock_gettime(clock, time.as_mut_ptr());
        time.assume_init()
    };
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// `2026-03-01T16:13:24.120456Z`
pub fn rfc3339(realtime: u64) -> String {
    let (year, month, day) = date(realtime / NS / DAY);
    let second = realtime / NS % DAY;
    let (hour, minute, second, us) = (second / 3600, second / 60 % 60, second % 60, realtime / 1_000 % 1_000_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{us:06}Z")
}

/// `16:13:24.120Z`, as in netdeadline's records.
pub fn time_of_day(realtime: u64) -> String {
    let second = realtime / NS % DAY;
    let ms = realtime / 1_000_000 % 1_000;
    format!("{:02}:{:02}:{:02}.{ms:03}Z", second / 3600, second / 60 % 60, second % 60)
}

const NS: u64 = 1_000_000_000;
const DAY: u64 = 86_400;

/// Year, month and day of a number of days since 1970-01-01, by the C library's calendar.
fn date(days: u64) -> (i32, i32, i32) {
    let seconds = (days * DAY) as libc::time_t;
    let mut parts = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both places are ours; a tm of zeroes is a value.
    let parts = unsafe {
        libc::gmtime_r(&seconds, parts.as_mut_ptr());
        parts.assume_init()
    };
    (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
}
