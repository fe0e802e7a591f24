//! Which fault a call gets. What the fault then does to the call is said in the hooks.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;

use libc::c_int;

/// What happens to one call.
pub enum Fault {
    /// It goes through.
    None,
    /// It fails with this errno and is not made.
    Errno(c_int),
    /// It is made with fewer bytes.
    Short,
}

/// What a kind of call can meet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Takes bytes from a socket.
    Receive,
    /// Gives bytes to a socket.
    Send,
    /// Waits for readiness.
    Wait,
    /// Everything else: it may only take its time.
    Other,
}

/// Chances in a thousand.
#[derive(Default)]
struct Chances {
    eintr: u64,
    short: u64,
    reset: u64,
    nobufs: u64,
    delay: u64,
    delay_us: u64,
    seed: u64,
}

fn chances() -> &'static Chances {
    static CHANCES: OnceLock<Chances> = OnceLock::new();
    CHANCES.get_or_init(|| {
        let mut chances = Chances::default();
        let text = std::env::var("FAULTS").unwrap_or_default();
        for (name, value) in text.split_whitespace().filter_map(|word| word.split_once('=')) {
            let Ok(value) = value.parse() else { continue };
            match name {
                "eintr" => chances.eintr = value,
                "short" => chances.short = value,
                "reset" => chances.reset = value,
                "nobufs" => chances.nobufs = value,
                "delay" => chances.delay = value,
                "delay_us" => chances.delay_us = value,
                "seed" => chances.seed = value,
                _ => {}
            }
        }
        chances
    })
}

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// The next number of this thread's sequence (splitmix64): the same seed gives a thread the same faults.
fn next() -> u64 {
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mut word = next ^ chances().seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
}

fn happens(in_a_thousand: u64) -> bool {
    in_a_thousand != 0 && next() % 1000 < in_a_thousand
}

/// What shall happen to a call of this kind. Sleeps here when the fault is a delay.
pub fn draw(kind: Kind) -> Fault {
    let chances = chances();
    if happens(chances.delay) {
        std::thread::sleep(Duration::from_micros(chances.delay_us));
    }
    match kind {
        Kind::Other => Fault::None,
        _ if happens(chances.eintr) => Fault::Errno(libc::EINTR),
        Kind::Receive if happens(chances.reset) => Fault::Errno(libc::ECONNRESET),
        Kind::Send if happens(chances.nobufs) => Fault::Errno(libc::ENOBUFS),
        Kind::Receive | Kind::Send if happens(chances.short) => Fault::Short,
        _ => Fault::None,
    }
}

/// Fewer bytes than `length`, but never none: no bytes would mean the end.
pub fn fewer(length: usize) -> usize {
    match length {
        0 | 1 => length,
        _ => 1 + next() as usize % (length - 1),
    }
}
