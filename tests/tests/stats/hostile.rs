//! Pages with anything in them, by their thousands, through every reader: none may panic, hang or let anything but text out.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use netdeadline_engine::policy::Class;
use netdeadline_tests::Program;

use crate::made::{expiry, Home, Made, NOBODY};
use crate::screen::Screen;

/// So many at a time.
const BATCH: usize = 250;
const SIZE: u64 = 358_400;
/// Where the destinations begin, and the last expiries: there is more to see there than in the buckets.
const DESTINATIONS: u64 = 256;
const LAST: u64 = 256 + 32 * 10_680;

/// Numbers that need not be random, only many (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Where a word is, below the head.
    fn place(&mut self, head: u64) -> u64 {
        let (from, to) = match self.below(8) {
            0 => (head, DESTINATIONS),
            1..=3 => (LAST, SIZE),
            // The first words of a destination, before its classes.
            4 | 5 => {
                let place = DESTINATIONS + self.below(32) * 10_680;
                (place, place + 8 * 25)
            }
            _ => (DESTINATIONS, LAST),
        };
        from + self.below((to - from) / 8) * 8
    }

    /// What it is to be.
    fn word(&mut self, before: u64) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => i64::MAX as u64,
            3 => self.below(300),
            4 => before ^ 1 << self.below(64),
            5 => before.wrapping_add(self.below(5)).wrapping_sub(2),
            6 => u64::from_ne_bytes(*b"\x1b[2J\"\\\n\xff"),
            _ => self.next(),
        }
    }
}

/// A page with something of everything in it.
fn full(pid: i32) -> Made {
    let made = Made::new(pid, 1, "curl").busy();
    for last in 0..4 {
        let place = made.destination([10, 0, 1, last], 80, 3);
        Class::ALL.iter().for_each(|class| place.class(*class).count(1 << (10 + 9 * last)));
        place.open.store(1, Relaxed);
    }
    (1..100).for_each(|number| made.page.keep(&expiry(number)));
    made
}

/// Files of pages that are changed in some words, and then made good again.
struct Pages {
    files: Vec<(PathBuf, File)>,
    good: Vec<Vec<u8>>,
    changed: Vec<Vec<u64>>,
}

impl Pages {
    fn new(home: &Home, number: usize) -> Pages {
        let mut pages = Pages { files: Vec::new(), good: Vec::new(), changed: vec![Vec::new(); number] };
        for index in 0..number {
            let made = full(NOBODY + index as i32);
            let path = made.put(home);
            let file = OpenOptions::new().read(true).write(true).open(&path).expect("it was just made");
            pages.files.push((path, file));
            pages.good.push(made.bytes());
        }
        pages
    }

    /// Change every page anew, nothing before `head`. Remembered is which words, or by the number behind them all of it.
    fn change(&mut self, numbers: &mut Numbers, head: u64) {
        for (((_, file), good), changed) in self.files.iter().zip(&self.good).zip(&mut self.changed) {
            let write = |place: u64, bytes: &[u8]| file.write_all_at(bytes, place).expect("it is ours");
            let word = |place: u64| &good[place as usize..place as usize + 8];
            file.set_len(SIZE).expect("it is ours");
            for place in changed.drain(..) {
                match place {
                    SIZE => write(0, good),
                    place => write(place, word(place)),
                }
            }
            for _ in 0..1 + numbers.below(32) {
                let place = numbers.place(head);
                let before = u64::from_ne_bytes(word(place).try_into().expect("8 bytes"));
                write(place, &numbers.word(before).to_ne_bytes());
                changed.push(place);
            }
            // Some are cut short as well; to be whole again they are written whole.
            if head == 0 && numbers.below(50) == 0 {
                file.set_len(numbers.below(SIZE)).and_then(|()| file.set_len(SIZE)).expect("it is ours");
                changed.push(SIZE);
            }
        }
    }
}

#[test]
fn ten_thousand_pages_with_anything_in_them_are_shown_or_refused() {
    let home = Home::new("hostile");
    let mut pages = Pages::new(&home, BATCH);
    let paths: Vec<String> = pages.files.iter().map(|(path, _)| path.to_str().expect("UTF-8").to_owned()).collect();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut shown, mut refused) = (0, 0);
    let mut read = 0;
    for batch in 0..48 {
        pages.change(&mut numbers, 0);
        // Metrics are many bytes: some batches of few.
        let (form, number) = match batch % 8 {
            7 => (&["stats", "--openmetrics"][..], 50),
            1 | 4 => (&["stats", "--json"][..], BATCH),
            _ => (&["stats"][..], BATCH),
        };
        read += number;
        let arguments: Vec<&str> = form.iter().copied().chain(paths.iter().take(number).map(String::as_str)).collect();
        let finished = home.nd(&arguments).bound(Duration::from_secs(60)).run();
        let code = finished.code();
        assert!(matches!(code, Some(0 | 125)), "batch {batch}: {:?} {}", finished.status, finished.stderr);
        let lines = finished.stderr.lines();
        assert!(lines.clone().all(|line| line.starts_with("netdeadline: /")), "batch {batch}: {}", finished.stderr);
        refused += lines.count();
        let odd = finished.stdout.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(odd, None, "batch {batch}");
        match form {
            [_] => shown += finished.stdout.matches(", deadlines ").count(),
            [_, "--json"] => {
                for line in finished.stdout.lines() {
                    let document: serde_json::Value = serde_json::from_str(line).expect("JSON");
                    assert!(document["destinations"].is_array() && document["last"].is_array(), "batch {batch}");
                    shown += 1;
                }
            }
            _ => {
                assert!(finished.stdout.ends_with("\n# EOF\n"), "batch {batch}");
                shown += finished.stdout.matches("\nnetdeadline_running{").count();
            }
        }
    }
    assert!(read >= 10_000, "{read}");
    assert_eq!(shown + refused, read, "{shown} shown, {refused} refused");
    assert!(shown > 5_000 && refused > 100, "{shown} shown, {refused} refused");
}

/// While somebody looks through them, as long as it takes to change a thousand.
#[test]
fn top_outlives_pages_that_change_into_anything_under_its_eyes() {
    let home = Home::new("hostile-top");
    let mut pages = Pages::new(&home, 25);
    let Some(screen) = Screen::start(&home, (100, 30), "top -d 0.1", &[]) else { return };
    screen.shows(&["5000000 curl"]);
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let end = Instant::now() + Duration::from_secs(60);
    for round in 0..40 {
        // What it finds the page by stays: magic, version, size, number, start.
        pages.change(&mut numbers, 40);
        screen.keys(&["Down", "Enter", "Right", "Escape", "PageDown", "s"]);
        screen.keys(if round % 4 == 0 { &["Home", "Enter"] } else { &["Escape", "Down"] });
        std::thread::sleep(Duration::from_millis(60));
        assert!(Instant::now() < end, "round {round}");
    }
    screen.keys(&["Escape"]);
    let text = screen.shows(&["netdeadline top", " ended  by ", "destination"]);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    screen.keys(&["q"]);
    assert_eq!(screen.ended(), 0);
}

/// A writer that is never done does not hold the reader up.
#[test]
fn a_page_that_changes_all_the_time_is_read_in_one_go() {
    let home = Home::new("restless");
    let pages = Pages::new(&home, 1);
    let (path, file) = &pages.files[0];
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut numbers = Numbers(7);
            while !stop.load(Relaxed) {
                let _ = file.write_all_at(&numbers.next().to_ne_bytes(), LAST + numbers.below((SIZE - LAST) / 8) * 8);
            }
        });
        for _ in 0..20 {
            let finished = Program::new(netdeadline_tests::command()).args(["stats"]).args([path]).run().succeeded();
            assert!(finished.stdout.starts_with("curl[5000000] ended"), "{finished:#?}");
        }
        stop.store(true, Relaxed);
    });
}
