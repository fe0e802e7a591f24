//! What is fuzzed: each target takes any bytes and panics if the product's answer is not as it must be.

mod environment;
mod files;
mod go;
mod policy;
mod records;
mod scripts;
mod vdso;

/// A reader of bytes that others wrote.
#[derive(Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// What is asked of it.
    pub run: fn(&[u8]),
    /// Inputs to begin with that are made here, of this machine: beside the committed ones.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const ALL: [Target; 7] = [
    Target { name: "environment", run: environment::run, seeds: environment::seeds },
    Target { name: "files", run: files::run, seeds: files::seeds },
    Target { name: "go", run: go::run, seeds: go::seeds },
    Target { name: "vdso", run: vdso::run, seeds: vdso::seeds },
    Target { name: "policy", run: policy::run, seeds: policy::seeds },
    Target { name: "records", run: records::run, seeds: records::seeds },
    Target { name: "scripts", run: scripts::run, seeds: scripts::seeds },
];

/// Bytes taken one after another; 0 where there are no more.
pub struct Taken<'a>(pub &'a [u8]);

impl<'a> Taken<'a> {
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn number(&mut self) -> u64 {
        // Mostly small, sometimes at an edge.
        let size = usize::from(self.byte() % 9);
        self.some(size).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    pub fn some(&mut self, most: usize) -> &'a [u8] {
        let (some, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        some
    }

    /// As many as the next byte says.
    pub fn counted(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte());
        self.some(count)
    }
}

/// Characters that a terminal obeys rather than shows, or that change what is shown beside them: by their names in Unicode, and
/// not by the product's list.
pub fn is_harmless(c: char) -> bool {
    let bidirectional = ['\u{61c}', '\u{200e}', '\u{200f}'].contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c);
    let ends_a_line = ['\u{85}', '\u{2028}', '\u{2029}'].contains(&c);
    let no_width = ('\u{200b}'..='\u{200d}').contains(&c) || ['\u{ad}', '\u{2060}', '\u{feff}'].contains(&c);
    let tags = ('\u{e0000}'..='\u{e007f}').contains(&c);
    !(c.is_control() || bidirectional || ends_a_line || no_width || tags)
}
