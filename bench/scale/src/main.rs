//! How the cost of deadlines grows with their number: the engine driven without the kernel's limits.
//!
//!   scale set N             the set alone, beside a binary heap and a B-tree
//!   scale door N            the whole engine: sockets that no kernel knows, registered in one epoll set
//!   scale crowd N           rarer things beside N descriptors or sets
//!   scale limits            what happens beyond the numbers and sets that are covered
//!   scale timers N          the control: one timerfd for each descriptor
//!   scale late deadlines N TIMEOUT_MS SPAN_MS    how late expiries are: the engine, the clock and a timerfd being real
//!   scale late timers N TIMEOUT_MS SPAN_MS       the control: N timerfds in one epoll set
//!
//! Prints lines `n, what, operation, value`, separated by tabs; times are ns for one operation, medians of many batches. With
//! `--count` under callgrind no time is measured; the dumps' names say which operation was counted. Exit 3: something expired
//! early, twice, or not at all. Exit 4: the machine was too busy for so short a timeout. Tables, and real sockets, are the driver's.

mod controls;
mod crowd;
mod door;
mod late;
mod limits;
mod machine;
mod meter;
mod random;
mod set;
mod timers;

/// The numbers of the descriptors begin here: below are the real ones.
pub const FIRST: i32 = 40_000;

/// Something expired early, twice or not at all.
pub fn broken(what: &str) -> ! {
    eprintln!("scale: {what}");
    std::process::exit(3);
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let flags: Vec<&str> = words.iter().map(String::as_str).filter(|word| word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.starts_with("--")).collect();
    let number = |i: usize| words.get(i).and_then(|word| word.parse::<u64>().ok());
    let meter = meter::Meter::new(flags.contains(&"--count"), flags.contains(&"--quick"));
    match (words.first().copied(), number(1)) {
        (Some("set"), Some(n)) => {
            let (mut meter, n) = (meter, n as usize);
            set::run(&mut set::Tree::new(n), n, &mut meter);
            if !flags.contains(&"--alone") {
                set::run(&mut controls::Heap::new(n), n, &mut meter);
                set::run(&mut controls::Tree::new(n), n, &mut meter);
            }
            meter.report(n as u64);
        }
        (Some("door"), Some(n)) => door::run(n as usize, meter).report(n),
        (Some("crowd"), Some(n)) => crowd::run(n as usize, meter).report(n),
        (Some("timers"), Some(n)) => timers::run(n as usize, meter).report(n),
        (Some("limits"), None) => limits::run(),
        (Some("late"), None) => match (words.get(1).copied(), number(2), number(3), number(4)) {
            (Some("deadlines"), Some(n), Some(timeout), Some(span)) => late::deadlines(n as usize, timeout, span),
            (Some("timers"), Some(n), Some(timeout), Some(span)) => late::timers(n as usize, timeout, span),
            _ => usage(),
        },
        _ => usage(),
    }
}

fn usage() -> ! {
    eprintln!(
        "usage: scale set|door|crowd|timers N [--quick] [--count] | scale late deadlines|timers N TIMEOUT_MS SPAN_MS"
    );
    std::process::exit(2);
}
