//! `top` as its user sees it.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;

use netdeadline_engine::policy::Class;

use crate::made::{expiry, start_of, Home, Made, NOBODY};
use crate::screen::Screen;

/// A process of ours that has a page, until it is killed.
struct Living(Child);

impl Living {
    fn new() -> Living {
        Living(Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().expect("sleep"))
    }

    fn made(&self, comm: &str) -> Made {
        let pid = self.0.id() as i32;
        Made::new(pid, start_of(pid), comm)
    }

    fn kill(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One process that runs, with two destinations, and one that has ended.
fn usual(home: &Home) -> Living {
    let living = Living::new();
    living.made("service").busy().put(home);
    Made::new(NOBODY, 1, "curl").busy().put(home);
    living
}

#[test]
fn a_table_fits_80_by_24() {
    let home = Home::new("top-small");
    let living = usual(&home);
    let Some(screen) = Screen::start(&home, (80, 24), &format!("top {} 5000000", living.0.id()), &[]) else { return };
    let text = screen.shows(&["1 running, 1 ended  by waits now  every 1 s", "q quit"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 24, "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
    let service = format!("{} service", living.0.id());
    for (line, words) in [
        (1, &["process", "waits", "connect", "respon."][..]),
        (2, &["destination", "now", "expired", "/s", "p50", "p99"]),
        (3, &[&service, " 3 ", " 10 ", "503ms", "1.00s", "250us"]),
        (4, &["  10.0.0.7:5432", " 3 ", " 9 ", "503ms"]),
        (5, &["  on [::]:8080", " 0 ", " 1 "]),
        (6, &["5000000 curl (ended)", " - "]),
        (7, &["  10.0.0.7:5432", " - "]),
    ] {
        words.iter().for_each(|word| assert!(lines[line].contains(word), "no {word:?} in {:?}\n{text}", lines[line]));
    }
    screen.keys(&["q"]);
    assert_eq!(screen.ended(), 0);
}

#[test]
fn a_wide_terminal_has_every_column_and_a_narrow_one_the_first() {
    let home = Home::new("top-wide");
    let _living = usual(&home);
    let Some(screen) = Screen::start(&home, (200, 60), "top -d 0.2 5000000", &[]) else { return };
    let text = screen.shows(&["0 running, 1 ended", "every 0.2 s"]);
    assert_eq!(text.lines().count(), 60, "{text}");
    let heads = text.lines().nth(2).expect("60 lines");
    for head in ["now", "open", "/s", "expired", "p50", "p99"] {
        assert!(heads.contains(head), "{text}");
    }
    // Smaller and smaller; what matters is that it is still there.
    for (width, height) in [(60, 20), (40, 10), (20, 5), (10, 3), (3, 2), (1, 1), (2, 1), (20, 1), (1, 20)] {
        screen.resize(width, height);
        screen.keys(&["Down", "Enter", "Right", "Escape", "?", "x", "s"]);
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    screen.resize(20, 5);
    screen.keys(&["Escape", "Escape", "Home"]);
    let text = screen.shows(&["netdeadline top", "5000000 curl"]);
    assert_eq!(text.lines().count(), 5, "{text}");
    screen.resize(80, 24);
    screen.shows(&["5000000 curl (ended)", "10.0.0.7:5432", "q quit"]);
    screen.keys(&["q"]);
    assert_eq!(screen.ended(), 0);
}

#[test]
fn a_look_into_a_destination_shows_classes_bars_and_expiries() {
    let home = Home::new("top-detail");
    let made = Made::new(NOBODY, 1, "curl").busy();
    (1..10).for_each(|number| made.page.keep(&expiry(number)));
    made.put(&home);
    let Some(screen) = Screen::start(&home, (80, 24), "top 5000000", &[]) else { return };
    screen.shows(&["5000000 curl"]);
    screen.keys(&["Down", "Enter"]);
    let text = screen.shows(&["curl[5000000] (ended): to 10.0.0.7:5432", "how long waits lasted: connect", "Esc back"]);
    for words in [
        "1204 connections, 3 open, 1 connecting, 2 awaiting an answer",
        "> connect     1000       5        0         0   503ms   939ms   1.00s   1.00s",
        "  268ms -   1.07s #",
        " 732\n",
        "last expiries, the newest first (UTC)",
        "16:13:33.120Z worker[5000000] connect to 10.0.0.7:5432 (fd 5) timed out after",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    screen.keys(&["Right"]);
    screen.shows(&["how long waits lasted: response", "> response       1", "  131us -   262us "]);
    screen.keys(&["Left", "Left"]);
    screen.shows(&["how long waits lasted: lifetime", "no waits yet"]);
    screen.keys(&["Escape"]);
    screen.shows(&["destination", "q quit"]);
    // The whole process.
    screen.keys(&["Home", "Enter"]);
    screen.shows(&["curl[5000000] (ended): all destinations", "1221 connections"]);
    // It is gone while it is looked at.
    std::fs::remove_file(home.pages().join("5000000.1.0")).expect("it is there");
    screen.shows(&["Its page is gone."]);
    screen.keys(&["q"]);
    assert_eq!(screen.ended(), 0);
}

#[test]
fn keys_sort_hide_pause_and_help() {
    let home = Home::new("top-keys");
    let mut living = Living::new();
    let made = living.made("service");
    // By waits now the first is first; by connections, the second; by connect's p99, the third.
    for (last, waiting, open, connect) in [(1, 9, 1, 1), (2, 5, 9, 5), (3, 1, 5, 9)] {
        let place = made.destination([10, 0, 0, last], 80, 1);
        place.awaiting.store(waiting, Relaxed);
        place.open.store(open, Relaxed);
        place.class(Class::Connect).count(connect << 30);
    }
    made.put(&home);
    Made::new(NOBODY, 1, "curl").put(&home);
    let arguments = format!("top -d 0.2 {} 5000000", living.0.id());
    let Some(screen) = Screen::start(&home, (120, 24), &arguments, &[]) else { return };
    let order = |by: &str| {
        let text = screen.shows(&[by]);
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("10.0.0."));
        lines.map(|line| line[..1].to_owned()).collect::<Vec<_>>().concat()
    };
    assert_eq!(order("  by waits now  "), "123");
    screen.keys(&["r"]);
    assert_eq!(order("  by waits now, least first  "), "321");
    screen.keys(&["r", "Right"]);
    assert_eq!(order("  by open connections  "), "231");
    screen.keys(&["Right", "Right", "Right", "Right", ">"]);
    assert_eq!(order("  by connect p99  "), "321");
    screen.keys(&["Left", "Left", "<", "Left", "Left", "Left", "Left"]);
    assert_eq!(order("  by number  "), "123");
    screen.keys(&["e"]);
    screen.hides(&["5000000 curl"]);
    screen.keys(&["e"]);
    screen.shows(&["5000000 curl"]);
    screen.keys(&["?"]);
    screen.shows(&["sort by the next column", "any key: back"]);
    screen.keys(&["x"]);
    screen.shows(&["q quit"]);
    // Stops are for terminals with a shell that can wake it again; here it only draws anew.
    screen.keys(&["C-z", "C-l"]);
    screen.keys(&["p"]);
    screen.shows(&["PAUSED"]);
    living.kill();
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert!(screen.shown().contains("1 running, 1 ended"), "{}", screen.shown());
    screen.keys(&["Space"]);
    screen.shows(&["0 running, 2 ended", "service (ended)"]);
    screen.keys(&["C-c"]);
    assert_eq!(screen.ended(), 0);
}

#[test]
fn processes_come_and_go_and_count_on() {
    let home = Home::new("top-living");
    let Some(screen) = Screen::start(&home, (100, 24), "top -d 0.2", &[]) else { return };
    screen.shows(&["netdeadline top"]);
    let mut living = Living::new();
    let made = living.made("comes");
    let place = made.destination([10, 0, 0, 1], 80, 0);
    let path = made.put(&home);
    let line = format!("{} comes", living.0.id());
    screen.shows(&[&line]);
    // Growing as long as it takes until somebody has looked.
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("it is ours");
    let rates = std::time::Instant::now();
    loop {
        place.connections.fetch_add(50, Relaxed);
        place.class(Class::Read).expired.fetch_add(5, Relaxed);
        std::os::unix::fs::FileExt::write_all_at(&file, &made.bytes(), 0).expect("it is ours");
        let text = screen.shown();
        let found = text.lines().find(|line| line.trim().starts_with("10.0.0.1:80")).unwrap_or_default().to_owned();
        // now, connections/s, expired, expiries/s
        let numbers: Vec<f64> = found.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
        if numbers.iter().filter(|number| **number > 0.0).count() >= 3 {
            break;
        }
        assert!(rates.elapsed().as_secs() < 15, "{text}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    living.kill();
    screen.shows(&[&format!("{line} (ended)")]);
    std::fs::remove_file(path).expect("it is ours");
    screen.hides(&[&line]);
    screen.keys(&["q"]);
    assert_eq!(screen.ended(), 0);
}

#[test]
fn the_terminal_is_as_it_was_also_after_a_signal() {
    let home = Home::new("top-signals");
    Made::new(NOBODY, 1, "curl").put(&home);
    for (signal, code) in [(libc::SIGTERM, 143), (libc::SIGINT, 130), (libc::SIGHUP, 129), (libc::SIGQUIT, 131)] {
        let Some(screen) = Screen::start(&home, (80, 24), "top 5000000", &[]) else { return };
        screen.shows(&["5000000 curl"]);
        // SAFETY: a process of ours, which waits for keys.
        unsafe { libc::kill(screen.pid(), signal) };
        assert_eq!(screen.ended(), code);
    }
}

/// Of a command in which `sown/a_panic_leaves_no_raw_terminal` has put a panic: of its own it has none to show.
#[test]
fn the_terminal_is_as_it_was_also_after_a_panic() {
    if std::env::var_os("ND_TOP_PANICS").is_none() {
        return println!("skipped: no panic was sown (tests/tests/stats/sown/run)");
    }
    let home = Home::new("top-panic");
    Made::new(NOBODY, 1, "curl").put(&home);
    // A long trace would push the shell's own words off the screen.
    let variables = [("RUST_BACKTRACE", "0")];
    let Some(screen) = Screen::start(&home, (80, 24), "top 5000000", &variables) else { return };
    screen.shows(&["5000000 curl"]);
    screen.keys(&["C-l"]);
    assert_eq!(screen.ended(), 128 + libc::SIGABRT);
}

#[test]
fn colours_can_be_turned_off() {
    let home = Home::new("top-colours");
    Made::new(NOBODY, 1, "curl").busy().put(&home);
    for (variables, coloured) in [(&[][..], true), (&[("NO_COLOR", "1")], false), (&[("NO_COLOR", "")], true)] {
        let Some(screen) = Screen::start(&home, (80, 24), "top 5000000", variables) else { return };
        screen.shows(&["5000000 curl", "q quit"]);
        let text = screen.coloured();
        let has = (30..38).any(|number| text.contains(&format!("[{number}m")) || text.contains(&format!(";{number}m")));
        assert_eq!(has, coloured, "{text:?}");
        screen.keys(&["q"]);
        assert_eq!(screen.ended(), 0);
    }
}

#[test]
fn without_a_terminal_it_names_stats() {
    let home = Home::new("top-pipe");
    home.refused(&["top"], &["top wants a terminal", "netdeadline stats"]);
}

#[test]
fn a_bad_argument_or_a_process_without_a_page_never_takes_the_screen() {
    let home = Home::new("top-refused");
    for (arguments, words) in [
        ("top 5000009", "there is no process 5000009"),
        ("top curl", "expected the number of a process"),
        ("top -d 0", "expected seconds from 0.1 to 3600"),
        ("top -d -1", "expected seconds from 0.1 to 3600"),
        ("top -d nan", "expected seconds from 0.1 to 3600"),
    ] {
        let Some(screen) = Screen::start(&home, (100, 24), arguments, &[]) else { return };
        assert_eq!(screen.ended(), 125, "{arguments}");
        screen.shows(&[words]);
    }
}
