//! One fuzzer for every reader of bytes that others wrote: which of them is fuzzed, NETDEADLINE_FUZZ says.
//!
//! The product's sources are included by path, never copied; the modules below stand where those sources expect them
//! (`crate::image`, `super::weak`). What is asked of each reader is in `targets`.

#![no_main]
#![allow(dead_code, reason = "the included sources have more than is fuzzed")]
#![allow(clippy::duplicate_mod, reason = "golang.rs includes find.rs too, and keeps it to itself")]

mod host;
mod naive;
mod pretended;
mod sys;
mod targets;

#[path = "../../../src/bin/netdeadline/elf.rs"]
mod elf;
#[path = "../../../src/bin/netdeadline/golang.rs"]
mod golang;
#[path = "../../../src/bin/netdeadline/image.rs"]
mod image;
#[path = "../../../src/bin/netdeadline/launch/payload.rs"]
mod payload;
#[path = "../../../src/bin/netdeadline/script.rs"]
mod script;
#[path = "../../../src/bin/netdeadline/text.rs"]
mod text;

#[path = "../../../src/go/find.rs"]
mod find;
#[path = "../../tests/go_door/made.rs"]
mod made;

use std::sync::OnceLock;

/// As `host` expects it: the way to the kernel, which is pretended.
pub struct Way {
    pub kernel: pretended::Bytes,
}

pub static ENGINE: Way = Way { kernel: pretended::Bytes };

static TARGET: OnceLock<targets::Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: {
        let name = std::env::var("NETDEADLINE_FUZZ").unwrap_or_default();
        let found = targets::ALL.iter().find(|target| target.name == name);
        let names: Vec<&str> = targets::ALL.iter().map(|target| target.name).collect();
        let target = found.unwrap_or_else(|| panic!("NETDEADLINE_FUZZ is one of {}", names.join(", ")));
        if let Some(folder) = std::env::var_os("NETDEADLINE_FUZZ_SEEDS") {
            for (index, seed) in (target.seeds)().into_iter().enumerate() {
                std::fs::write(std::path::Path::new(&folder).join(format!("made-{index}")), seed).expect("a folder");
            }
        }
        let _ = TARGET.set(*target);
    },
    |bytes: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(bytes);
        }
    }
);
