//! The date, from nanoseconds since 1970. UTC only: a zone would mean reading files in somebody else's process.

use super::line::Line;

/// `2026-03-01T16:13:24.120456Z` (RFC 3339).
pub fn rfc3339(line: &mut Line, realtime: u64) {
    let (year, month, day) = date(realtime / NS / DAY);
    line.digits(year, 4);
    line.text("-");
    line.digits(month, 2);
    line.text("-");
    line.digits(day, 2);
    line.text("T");
    clock(line, realtime);
    line.digits(realtime / 1_000 % 1_000_000, 6);
    line.text("Z");
}

/// `16:13:24.120Z`.
pub fn time_of_day(line: &mut Line, realtime: u64) {
    clock(line, realtime);
    line.digits(realtime / 1_000_000 % 1_000, 3);
    line.text("Z");
}

const NS: u64 = 1_000_000_000;
const DAY: u64 = 86_400;

fn clock(line: &mut Line, realtime: u64) {
    let second = realtime / NS % DAY;
    line.digits(second / 3600, 2);
    line.text(":");
    line.digits(second / 60 % 60, 2);
    line.text(":");
    line.digits(second % 60, 2);
    line.text(".");
}

/// Year, month and day of a number of days since 1970-01-01.
///
/// Counted in years that begin on 1 March, so that a leap day is a year's last, within eras of 400 years, each of 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    // 0000-03-01 is 719,468 days before 1970-01-01.
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    // Take out the leap days that came before: one in 1,460 days, but not in 36,524, but in 146,096.
    let leaps = (of_era / 1_460).wrapping_sub(of_era / 36_524).wrapping_add(of_era / 146_096);
    let year_of_era = of_era.wrapping_sub(leaps) / 365;
    let before = (365 * year_of_era).wrapping_add(year_of_era / 4).wrapping_sub(year_of_era / 100);
    let of_year = of_era.wrapping_sub(before);
    // From March on five months have 153 days, in the order 31 30 31 30 31.
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year.wrapping_sub((153 * march_month + 2) / 5).wrapping_add(1);
    let (month, next) = if march_month < 10 { (march_month + 3, 0) } else { (march_month - 9, 1) };
    (era.wrapping_mul(400).wrapping_add(year_of_era).wrapping_add(next), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_until_2300_is_its_predecessors_next() {
        let leap = |year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let mut expected = (1970, 1, 1);
        for days in 0..120_600 {
            assert_eq!(date(days), expected);
            let (year, month, day) = expected;
            let length = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day == length) {
                (12, true) => (year + 1, 1, 1),
                (_, true) => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
        assert!(expected.0 >= 2300);
    }

    #[test]
    fn an_instant_reads_as_rfc_3339() {
        let shown = |show: fn(&mut Line, u64), realtime, expected: &str| {
            let mut line = Line::new();
            show(&mut line, realtime);
            assert_eq!(line.bytes(), expected.as_bytes());
        };
        // `date -u -d @1772381604 +%FT%TZ` says the first.
        shown(rfc3339, 1_772_381_604_120_456_789, "2026-03-01T16:13:24.120456Z");
        shown(time_of_day, 1_772_381_604_120_456_789, "16:13:24.120Z");
        shown(rfc3339, 951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z");
        shown(rfc3339, 0, "1970-01-01T00:00:00.000000Z");
        shown(rfc3339, u64::MAX, "2554-07-21T23:34:33.709551Z");
    }
}
