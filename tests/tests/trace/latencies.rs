//! How long a connect took, beside what the program itself measured.

use crate::stage::{possible, traced, Traced};

/// What is wrong with the latencies; they are to be within 1 ms of the program's.
pub fn faults(traced: &Traced) -> Result<usize, String> {
    let said: Vec<_> =
        traced.said().into_iter().filter(|line| !matches!(line.kind.as_str(), "refused" | "burst")).collect();
    let mut apart = Vec::new();
    for line in &said {
        let row = traced.row(line.cookie).ok_or_else(|| format!("no row for {line:?}"))?;
        let traced = row["connect_ms"].as_f64().ok_or_else(|| format!("no latency: {row}"))?;
        let own = line.ns as f64 / 1e6;
        // The program's clock runs from before the call until after it was woken: it can see no less than the kernel.
        if traced > own {
            return Err(format!("{traced} ms, and for the program it stood after {own}: {row}"));
        }
        apart.push(own - traced);
    }
    let far = apart.iter().filter(|apart| **apart > 1.0).count();
    // On a machine that others use, a program may be woken later than the kernel had wanted. That is not the connect's time.
    if far * 10 > apart.len() {
        return Err(format!("{far} of {} are more than 1 ms from what the program measured: {apart:?}", apart.len()));
    }
    Ok(far)
}

#[test]
fn a_latency_is_within_a_millisecond_of_what_the_program_measured() {
    if !possible() {
        return;
    }
    let traced = traced(&[], &["close/4/53", "close/6/29", "slow/4/7", "slow/6/5"]);
    let far = faults(&traced).unwrap_or_else(|why| panic!("{why}"));
    // The slow ones are those that can show it: a SYN that finds a full queue is sent again after a second.
    let slow: Vec<_> =
        traced.rows.iter().filter(|row| row["connect_ms"].as_f64().is_some_and(|ms| ms > 900.0)).collect();
    assert!(slow.len() >= 8, "{} of 12 were slow", slow.len());
    assert!(slow.iter().all(|row| row["retransmits"].as_u64() >= Some(1)), "{slow:#?}");
    println!("{far} of 94 latencies more than 1 ms from the program's own");
}

#[test]
fn only_slow_connects_are_shown_and_all_are_counted() {
    if !possible() {
        return;
    }
    let all = traced(&["--slow", "500ms"], &["close/4/11", "slow/4/5", "refused/4/3"]);
    assert_eq!(all.summary["connected"], 19, "{}", all.summary);
    assert!(all.rows.iter().all(|row| row["connect_ms"].as_f64() >= Some(500.0)), "{:#?}", all.rows);
    assert!((3..=5).contains(&all.rows.len()), "{} were slow", all.rows.len());
    // The histogram has them all: 11 + 5 that stood.
    let buckets = all.summary["connect_ms"]["buckets"].as_array().expect("buckets").clone();
    let sum: u64 = buckets.iter().filter_map(|bucket| bucket["count"].as_u64()).sum();
    assert_eq!((sum, &all.summary["connect_ms"]["count"]), (16, &16.into()), "{}", all.summary);
}
