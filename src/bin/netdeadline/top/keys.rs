//! What terminals send for keys. What a key does is state.rs's.

/// A key that means something to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// A character as it stands.
    Char(char),
    Enter,
    Escape,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    /// Ctrl-C
    Interrupt,
    /// Ctrl-Z
    Suspend,
    /// Ctrl-L
    Redraw,
}

/// The keys in what was read. An escape at its very end is the key Esc: nothing has followed.
pub fn decode(mut bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        let (key, after) = match first {
            0x1b => sequence(rest),
            b'\r' | b'\n' => (Some(Key::Enter), rest),
            0x03 => (Some(Key::Interrupt), rest),
            0x1a => (Some(Key::Suspend), rest),
            0x0c => (Some(Key::Redraw), rest),
            b' '..=b'~' => (Some(Key::Char(char::from(*first))), rest),
            _ => (None, rest),
        };
        keys.extend(key);
        bytes = after;
    }
    keys
}

/// What follows an escape: `[A`, `OA`, `[5~`; anything else of that form is some other key and is skipped whole.
fn sequence(bytes: &[u8]) -> (Option<Key>, &[u8]) {
    let Some((b'[' | b'O', rest)) = bytes.split_first() else { return (Some(Key::Escape), bytes) };
    // Parameters, then one final byte (ECMA-48, 5.4).
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else { return (None, &[]) };
    let (parameters, after) = rest.split_at(end);
    let key = match (parameters, after.first()) {
        (_, Some(b'A')) => Some(Key::Up),
        (_, Some(b'B')) => Some(Key::Down),
        (_, Some(b'C')) => Some(Key::Right),
        (_, Some(b'D')) => Some(Key::Left),
        (_, Some(b'H')) | (b"1" | b"7", Some(b'~')) => Some(Key::Home),
        (_, Some(b'F')) | (b"4" | b"8", Some(b'~')) => Some(Key::End),
        (b"5", Some(b'~')) => Some(Key::PageUp),
        (b"6", Some(b'~')) => Some(Key::PageDown),
        _ => None,
    };
    (key, after.get(1..).unwrap_or_default())
}
