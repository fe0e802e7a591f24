//! `netdeadline top`: evidence pages, watched. The loop of looking, drawing and keys; each of these is a file beside this one.

mod columns;
mod detail;
mod draw;
mod keys;
mod look;
mod signals;
mod state;
mod terminal;
mod world;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use ratatui::Terminal;

use crate::error::Failure;
use crate::text;
use keys::Key;
use look::Look;
use signals::{Event, Signals};
use state::{Next, State};
use terminal::Screen;
use world::World;

/// What was asked for.
pub struct Request {
    /// The processes; none: all.
    pub pids: Vec<i32>,
    /// How often to look.
    pub interval: Duration,
}

/// `-d SECONDS`
pub fn interval(word: &OsStr) -> Result<Duration, Failure> {
    let seconds = word.to_str().and_then(|word| word.parse::<f64>().ok());
    let seconds = seconds.filter(|seconds| (0.1..=3_600.0).contains(seconds));
    let read = text::printable(word.as_encoded_bytes());
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| Failure::own(format!("-d: read \"{read}\", expected seconds from 0.1 to 3600")))
}

/// The processes that were named.
pub fn pids<'a>(words: impl Iterator<Item = &'a OsString>) -> Result<Vec<i32>, Failure> {
    words.map(|word| crate::stats::pid(word)).collect()
}

/// Watch until the user has seen enough.
pub fn main(request: Request) -> Result<u8, Failure> {
    if !terminal::is_there() {
        let hint = "for a script there is `netdeadline stats [--json | --openmetrics]`";
        return Err(Failure::own(format!("top wants a terminal to draw on and to read keys from; {hint}")));
    }
    let world = World::new(request.pids)?;
    // A panic aborts: nothing that is dropped would help.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        terminal::leave();
        usual(panic);
    }));
    let signals = Signals::take();
    let ended = terminal::enter().and_then(|()| watch(world, &signals, request.interval));
    terminal::leave();
    match ended {
        Ok(None) => Ok(0),
        Ok(Some(signal)) => {
            signals::end(signal);
            Ok(0)
        }
        Err(error) => Err(Failure::own(format!("the terminal: {}", text::reason(&error)))),
    }
}

/// The loop. By which signal it ended, if by any.
fn watch(mut world: World, signals: &Signals, interval: Duration) -> io::Result<Option<i32>> {
    let mut screen = Terminal::new(Screen::default())?;
    let (mut state, look) = (State::new(), Look::new());
    // Not by Rust's stdin, which reads ahead: what lies in its buffer no wait tells of.
    let mut keyboard = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut next = Instant::now() + interval;
    loop {
        screen.draw(|frame| draw::screen(frame, &mut state, &world, look, interval))?;
        match signals.wait(next.saturating_duration_since(Instant::now()))? {
            Event::Ended(signal) => return Ok(Some(signal)),
            Event::Input => {
                let Some(keys) = read(&mut keyboard, signals)? else { return Ok(None) };
                for key in keys {
                    match state.press(key, &world) {
                        Next::Go => {}
                        Next::Quit => return Ok(None),
                        Next::Redraw => screen.clear()?,
                        Next::Suspend => {
                            terminal::leave();
                            signals::stop();
                            terminal::enter()?;
                            screen.clear()?;
                        }
                    }
                }
            }
            Event::Time => {}
        }
        if Instant::now() >= next {
            if !state.paused {
                world.look();
            }
            next = Instant::now() + interval;
        }
    }
}

/// The keys that were pressed; None: the terminal is gone.
fn read(keyboard: &mut File, signals: &Signals) -> io::Result<Option<Vec<Key>>> {
    let mut bytes = [0; 256];
    let mut length = keyboard.read(&mut bytes)?;
    // Is it Esc, or the beginning of an arrow? A terminal sends the rest at once.
    if bytes[..length].ends_with(b"\x1b") && length < bytes.len() {
        if let Event::Input = signals.wait(Duration::from_millis(25))? {
            length += keyboard.read(&mut bytes[length..])?;
        }
    }
    Ok((length > 0).then(|| keys::decode(&bytes[..length])))
}
