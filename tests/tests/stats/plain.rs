//! `stats` for people: one page, and the list of all.

use std::sync::atomic::Ordering::Relaxed;

use netdeadline_engine::evidence::page::Key;
use netdeadline_engine::policy::{Addr, Class};

use crate::made::{expiry, Home, Made, NOBODY};

#[test]
fn a_page_reads_at_three_in_the_morning() {
    let home = Home::new("plain");
    Made::new(NOBODY, 1, "curl").busy().put(&home);
    let expected = "\
curl[5000000] ended, deadlines enforced, since 2026-03-01T16:13:24Z
1221 connections, 1 expiry

to 10.0.0.7:5432
  1204 connections: 3 open, 1 connecting, 2 awaiting an answer when it ended
  class      waits expired observed abandoned     p50     p90     p99 longest
  connect     1000       5        0         0   503ms   939ms   1.00s   1.00s
  response       1       0        0         0   250us   250us   250us   250us
  expired of the program's own: 4 deadline

on [::]:8080
  17 connections: 0 open, 0 connecting, 0 awaiting an answer when it ended
  class      waits expired observed abandoned     p50     p90     p99 longest
  read           1       0        1         2   30.0s   30.0s   30.0s   30.0s

last expiries, the newest at the end (UTC)
16:13:24.120Z worker[5000000] connect to 10.0.0.7:5432 (fd 5) timed out after 2.000 s: connect=2s from NETDEADLINE_RULES:3; 0 bytes in, 12 out; 1 retransmit
";
    assert_eq!(home.said(&["stats", "5000000"]), expected);
}

/// All but the expiries' lines, which are as long as the log's.
#[test]
fn every_line_of_the_tables_fits_80_columns_whatever_the_counts() {
    let home = Home::new("wide");
    let made = Made::new(NOBODY, 1, "fifteen letters");
    for last in 0..40 {
        made.destination([255, 255, 255, last], 65_535, u64::MAX);
    }
    for place in &made.page.destinations {
        for word in [&place.open, &place.connecting, &place.awaiting, &place.own[0], &place.own[3]] {
            word.store(u64::MAX, Relaxed);
        }
        for class in Class::ALL {
            let waits = place.class(class);
            for word in [&waits.ended, &waits.expired, &waits.observed, &waits.abandoned, &waits.total, &waits.longest]
            {
                word.store(u64::MAX, Relaxed);
            }
            waits.buckets.iter().for_each(|count| count.store(u64::MAX, Relaxed));
        }
    }
    made.page.expiries.store(u64::MAX, Relaxed);
    made.put(&home);
    for text in [home.said(&["stats", "5000000"]), home.list(&["stats"])] {
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
}

#[test]
fn what_a_process_counted_for_one_destination_in_two_places_is_added_up() {
    let home = Home::new("doubled");
    let made = Made::new(NOBODY, 1, "curl");
    let first = made.destination([10, 0, 0, 1], 80, 3);
    first.class(Class::Connect).count(1_000_000);
    // As two threads leave it that met the destination at the same moment; and one that only looks the same.
    let second = made.page.place(made.page.destination(&Key::of(&Addr::V4 { ip: [10, 0, 0, 2], port: 80 }), false));
    let third = made.page.place(made.page.destination(&Key::of(&Addr::V4 { ip: [10, 0, 0, 1], port: 80 }), true));
    second.connections.store(4, Relaxed);
    second.class(Class::Connect).count(3_000_000);
    third.connections.store(5, Relaxed);
    let mut bytes = made.bytes();
    let name = std::mem::offset_of!(netdeadline_engine::evidence::page::Destination, name);
    let at = |index: usize| {
        let page = std::mem::offset_of!(netdeadline_engine::evidence::page::Page, destinations);
        page + index * size_of::<netdeadline_engine::evidence::page::Destination>() + name
    };
    bytes.copy_within(at(0)..at(0) + 15 * 8, at(1));
    home.put("5000000.1.0", &bytes);
    let text = home.said(&["stats", "5000000"]);
    assert!(text.contains("\nto 10.0.0.1:80\n  7 connections: "), "{text}");
    assert!(text.contains("  connect        2       0        0         0  1.04ms  3.00ms  3.00ms  3.00ms\n"), "{text}");
    assert!(text.contains("\non 10.0.0.1:80\n  5 connections: "), "{text}");
    assert!(!text.contains("10.0.0.2"), "{text}");
}

#[test]
fn the_destinations_that_found_no_place_are_named_as_the_rest() {
    let home = Home::new("rest");
    let made = Made::new(NOBODY, 1, "crawler");
    for last in 0..40 {
        made.destination([10, 0, 0, last], 80, 1);
    }
    made.put(&home);
    let text = home.said(&["stats", "5000000"]);
    assert_eq!(text.matches("\nto 10.0.0.").count(), 31, "{text}");
    assert!(text.contains("\nother destinations\n  9 connections: "), "{text}");
}

#[test]
fn each_kind_of_expiry_has_the_words_that_the_log_has_for_it() {
    let home = Home::new("causes");
    let made = Made::new(NOBODY, 1, "curl");
    let kinds = [
        (2, 1, "read=2s from NETDEADLINE_READ"),
        (4, 2, "lifetime=2s from NETDEADLINE_RULES:3"),
        (1, 3, "response=2s from NETDEADLINE_CONFIG:3"),
        (8, 0, "connect=2s set by the program itself"),
        (12, 0, "lifetime=2s set by the program itself"),
        (16, 0, "deadline set by the program itself"),
        (17, 0, "scope entered by the program itself"),
        (18, 0, "SO_RCVTIMEO=2s set by the program itself"),
        (19, 0, "SO_SNDTIMEO=2s set by the program itself"),
        (5, 0, "an expiry of an unknown kind (5)"),
        (2, 9, "an expiry of an unknown kind (2)"),
        (255, 0, "an expiry of an unknown kind (255)"),
    ];
    for (number, (cause, origin, _)) in kinds.iter().enumerate() {
        let mut kept = expiry(number as u64);
        (kept.cause, kept.origin) = (*cause, *origin);
        made.page.keep(&kept);
    }
    let mut observed = expiry(100);
    observed.observed = true;
    made.page.keep(&observed);
    made.put(&home);
    let text = home.said(&["stats", "5000000"]);
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("last expiries")).skip(1).collect();
    assert_eq!(lines.len(), kinds.len() + 1, "{text}");
    for ((_, _, words), line) in kinds.iter().zip(&lines) {
        assert!(line.contains(words), "no {words:?} in {line}");
    }
    assert!(lines.last().is_some_and(|line| line.contains("(fd 5) would have timed out after 2.000 s")), "{text}");
}

#[test]
fn only_the_last_expiries_are_kept_and_the_newest_is_the_last_line() {
    let home = Home::new("last");
    let made = Made::new(NOBODY, 1, "curl");
    (0..100).for_each(|number| made.page.keep(&expiry(number)));
    made.page.lost.store(1, Relaxed);
    made.put(&home);
    let text = home.said(&["stats", "5000000"]);
    assert!(text.contains("0 connections, 100 expiries\n"), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("timed out after")).collect();
    assert_eq!(lines.len(), 64, "{text}");
    // 16:13:24 and 36 s; 99 s.
    assert!(lines[0].starts_with("16:14:00.120Z ") && lines[63].starts_with("16:15:03.120Z "), "{text}");
    assert!(text.ends_with("\n1 expiry not kept\n"), "{text}");
}

#[test]
fn all_pages_are_a_line_each() {
    let home = Home::new("list");
    let us = Made::of_us().busy();
    us.put(&home);
    Made::new(NOBODY, 1, "curl").busy().put(&home);
    let (text, pid) = (home.list(&["stats"]), std::process::id());
    assert!(
        text.contains(&format!("{pid:>8} tester           running  2026-03-01T16:13:24Z         1221        1\n")),
        "{text}"
    );
    assert!(text.contains(" 5000000 curl             ended    2026-03-01T16:13:24Z         1221        1\n"), "{text}");
}
