//! One line of text in a fixed buffer.

use core::fmt;

/// A line under construction. What does not fit is left out, at a character's boundary, and the line then ends in `...`.
///
/// 1,024 bytes: below PIPE_BUF, so that a pipe takes it whole or not at all, and small enough for a signal's stack.
pub struct Line {
    bytes: [u8; Line::CAPACITY],
    length: usize,
    cut: bool,
}

/// Room that is kept for `...` and the newline.
const END: &str = "...\n";

impl Line {
    /// The most bytes a line has, with its newline.
    pub const CAPACITY: usize = 1024;

    /// Empty.
    pub const fn new() -> Line {
        Line { bytes: [0; Line::CAPACITY], length: 0, cut: false }
    }

    /// What is there so far.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Add text, or as much of it as fits. After a cut nothing is added any more.
    pub fn text(&mut self, text: &str) {
        if self.cut {
            return;
        }
        let room = (Line::CAPACITY - END.len()).saturating_sub(self.length);
        let mut fits = text.len().min(room);
        while !text.is_char_boundary(fits) {
            fits = fits.saturating_sub(1);
        }
        self.cut = fits < text.len();
        self.append(text.as_bytes().get(..fits).unwrap_or_default());
    }

    /// Add a number with at least `width` digits, zeroes in front.
    pub fn digits(&mut self, mut number: u64, width: usize) {
        let mut digits = [b'0'; 20];
        let mut used = 0_usize;
        for digit in digits.iter_mut().rev() {
            if number == 0 && used >= width.max(1) {
                break;
            }
            *digit = b'0'.wrapping_add((number % 10) as u8);
            number /= 10;
            used = used.wrapping_add(1);
        }
        let start = digits.len().wrapping_sub(used);
        self.text(digits.get(start..).and_then(|digits| core::str::from_utf8(digits).ok()).unwrap_or_default());
    }

    /// Add a number.
    pub fn number(&mut self, number: u64) {
        self.digits(number, 1);
    }

    /// Add a number that may be negative.
    pub fn signed(&mut self, number: i64) {
        if number < 0 {
            self.text("-");
        }
        self.number(number.unsigned_abs());
    }

    /// Add nanoseconds as seconds with three decimals, rounded down: nothing that waited looks shorter than its deadline.
    pub fn seconds(&mut self, ns: u64) {
        self.thousandths(ns / 1_000_000);
    }

    /// Add nanoseconds as milliseconds with three decimals, rounded down.
    pub fn milliseconds(&mut self, ns: u64) {
        self.thousandths(ns / 1_000);
    }

    fn thousandths(&mut self, number: u64) {
        self.number(number / 1_000);
        self.text(".");
        self.digits(number % 1_000, 3);
    }

    /// End the line: with a newline, after `...` if something was left out.
    pub fn end(&mut self) {
        let end = if self.cut { END } else { "\n" };
        self.append(end.as_bytes());
        self.cut = true;
    }

    fn append(&mut self, bytes: &[u8]) {
        for (to, from) in self.bytes.iter_mut().skip(self.length).zip(bytes) {
            *to = *from;
            self.length = self.length.wrapping_add(1);
        }
    }
}

impl Default for Line {
    fn default() -> Self {
        Line::new()
    }
}

/// Never fails before the line is full; then it does, so that whoever formats stops.
impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text(text);
        if self.cut {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    fn shown(add: impl FnOnce(&mut Line)) -> String {
        let mut line = Line::new();
        add(&mut line);
        String::from_utf8(line.bytes().to_vec()).expect("UTF-8")
    }

    #[test]
    fn numbers_read_as_numbers() {
        assert_eq!(shown(|line| line.number(0)), "0");
        assert_eq!(shown(|line| line.number(u64::MAX)), "18446744073709551615");
        assert_eq!(shown(|line| line.signed(i64::MIN)), "-9223372036854775808");
        assert_eq!(shown(|line| line.digits(7, 3)), "007");
        assert_eq!(shown(|line| line.digits(1234, 3)), "1234");
        assert_eq!(shown(|line| line.digits(0, 6)), "000000");
        assert_eq!(shown(|line| line.seconds(2_000_999_999)), "2.000");
        assert_eq!(shown(|line| line.seconds(u64::MAX)), "18446744073.709");
        assert_eq!(shown(|line| line.milliseconds(1_234_567)), "1.234");
        assert_eq!(shown(|line| line.milliseconds(999)), "0.000");
    }

    #[test]
    fn a_long_line_is_cut_at_a_character_and_says_so() {
        for before in 0..4 {
            let line = shown(|line| {
                line.text(&"x".repeat(before));
                for _ in 0..400 {
                    line.text("\u{20ac}");
                }
                line.text("never seen");
                line.end();
            });
            assert!(line.len() <= Line::CAPACITY && line.len() > Line::CAPACITY - 4, "{}", line.len());
            assert!(line.ends_with("\u{20ac}...\n") && !line.contains("never"));
        }
    }

    #[test]
    fn a_line_that_fits_ends_in_a_newline_only() {
        let longest = Line::CAPACITY - END.len();
        let line = shown(|line| {
            line.text(&"x".repeat(longest));
            line.end();
        });
        assert_eq!(line, "x".repeat(longest) + "\n");
    }
}
