//! The terminal: raw and on its other screen while we run, and as it was in whatever way we end. What is drawn is draw.rs's; what the
//! keys mean, state.rs's.
//!
//! Written here and not taken from crossterm, whose dependencies turn on `std` in the libc crate that the library is built with.
//!
//! # Safety
//! The calls of termios(3) and ioctl_tty(2) get pointers to values of the very type that they take, of ours.

use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::sync::Mutex;

use ratatui::backend::{Backend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

/// As it was before us; None while it is so.
static BEFORE: Mutex<Option<libc::termios>> = Mutex::new(None);

/// Are keys and screen a terminal?
pub fn is_there() -> bool {
    // SAFETY: both take a number.
    unsafe { libc::isatty(libc::STDIN_FILENO) == 1 && libc::isatty(libc::STDOUT_FILENO) == 1 }
}

/// Take it: raw, the other screen, no cursor.
pub fn enter() -> io::Result<()> {
    let mut settings = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: see the top; it is initialized where the call succeeds.
    let before = unsafe {
        if libc::tcgetattr(libc::STDIN_FILENO, settings.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        settings.assume_init()
    };
    let mut raw = before;
    // SAFETY: see the top.
    unsafe { libc::cfmakeraw(&mut raw) };
    if let Ok(mut place) = BEFORE.lock() {
        place.get_or_insert(before);
    }
    // SAFETY: see the top.
    if unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, &raw) } != 0 {
        return Err(io::Error::last_os_error());
    }
    say(b"\x1b[?1049h\x1b[?25l\x1b[0m\x1b[2J")
}

/// Give it back. Also called by a panic, wherever that comes from.
pub fn leave() {
    let Some(before) = BEFORE.try_lock().ok().and_then(|mut place| place.take()) else { return };
    // SAFETY: see the top.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, &before) };
    let _ = say(b"\x1b[0m\x1b[?25h\x1b[?1049l");
}

fn say(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// What ratatui draws on: escape sequences of ECMA-48 that every terminal of today has.
#[derive(Default)]
pub struct Screen {
    pending: Vec<u8>,
    /// Where the next character would appear, and how; None: not known.
    position: Option<(u16, u16)>,
    style: Option<(Color, Color, Modifier)>,
}

impl Screen {
    fn style(&mut self, cell: &Cell) {
        let style = (cell.fg, cell.bg, cell.modifier);
        if self.style.replace(style) == Some(style) {
            return;
        }
        self.pending.extend_from_slice(b"\x1b[0");
        for (modifier, number) in
            [(Modifier::BOLD, "1"), (Modifier::DIM, "2"), (Modifier::UNDERLINED, "4"), (Modifier::REVERSED, "7")]
        {
            if cell.modifier.contains(modifier) {
                self.pending.extend_from_slice(b";");
                self.pending.extend_from_slice(number.as_bytes());
            }
        }
        for (color, base) in [(cell.fg, 30), (cell.bg, 40)] {
            // The eight that each terminal gives its own shade; the rest is not used here.
            let number = match color {
                Color::Black => 0,
                Color::Red => 1,
                Color::Green => 2,
                Color::Yellow => 3,
                Color::Blue => 4,
                Color::Magenta => 5,
                Color::Cyan => 6,
                Color::Gray => 7,
                _ => continue,
            };
            self.pending.extend_from_slice(format!(";{}", base + number).as_bytes());
        }
        self.pending.push(b'm');
    }
}

impl Backend for Screen {
    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            if self.position != Some((x, y)) {
                self.set_cursor_position((x, y))?;
            }
            self.style(cell);
            self.pending.extend_from_slice(cell.symbol().as_bytes());
            // Only of plain characters is it certain how far they move the cursor.
            self.position = cell.symbol().is_ascii().then_some((x.saturating_add(1), y));
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.pending.extend_from_slice(b"\x1b[?25l");
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.pending.extend_from_slice(b"\x1b[?25h");
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        let (x, y) = self.position.unwrap_or_default();
        Ok(Position { x, y })
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        self.position = Some((x, y));
        self.pending.extend_from_slice(format!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1).as_bytes());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        (self.position, self.style) = (None, None);
        self.pending.extend_from_slice(b"\x1b[0m\x1b[2J");
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        let mut size = MaybeUninit::<libc::winsize>::zeroed();
        // SAFETY: see the top; zeroes are a size.
        let size = unsafe {
            libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, size.as_mut_ptr());
            size.assume_init()
        };
        Ok(match (size.ws_col, size.ws_row) {
            // A serial line does not know.
            (0, _) | (_, 0) => Size { width: 80, height: 24 },
            // A buffer has at most 2^16 cells.
            (width, height) => Size { width: width.min(1_000), height: height.min(u16::MAX / width.min(1_000)) },
        })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        // The cursor may be moved by others in between: by a resize, by a word on stderr.
        self.position = None;
        say(&std::mem::take(&mut self.pending))
    }
}
