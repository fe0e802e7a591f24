//! `#!` lines, read as the kernel reads them, and what env(1) is called with.

use crate::script::{env_call, shebang, EnvCall};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

pub fn run(bytes: &[u8]) {
    if let Some(line) = shebang(&bytes[..bytes.len().min(256)]) {
        let name = line.interpreter.as_os_str().as_bytes();
        assert!(!name.is_empty() && !name.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'\n' | 0)));
        if let Some(argument) = line.argument {
            let bytes = argument.as_bytes();
            assert!(!bytes.is_empty() && !bytes.iter().any(|byte| matches!(byte, b'\n' | 0)));
        }
    }
    let words = bytes.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect::<Vec<_>>();
    let total: usize = words.iter().map(|word| word.len() + 1).sum();
    if let EnvCall::Starts { arguments, .. } = env_call(&words) {
        // Words come of words: what -S splits has no more than a letter each.
        assert!(arguments.len() <= total);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let words = [
        "#!/bin/sh -e\n",
        "#! /usr/bin/env -S python3 -u\n",
        "-u\0LD_PRELOAD\0sh",
        "-S'a b' \"c\\n\"\0-i",
        "-vS a=b PATH=/x sh\0x",
    ];
    words.map(|words| words.as_bytes().to_vec()).to_vec()
}
