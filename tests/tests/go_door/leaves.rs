//! The functions that run on a goroutine's own stack: what they call, and how deep they go. Read from the built library's
//! machine code, for no compiler promises it.

use netdeadline_tests::library;
use std::collections::BTreeMap;
use std::process::Command;

/// A function's instructions: mnemonic and operands.
type Code = Vec<(String, String)>;

/// Every function of the library, by its demangled path without the hash.
fn disassembly() -> BTreeMap<String, Code> {
    let output = Command::new("objdump").args(["-dC", "--no-show-raw-insn", "-Mintel"]).arg(library()).output();
    let output = output.expect("objdump, of binutils");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names in UTF-8");
    let mut functions = BTreeMap::<String, Code>::new();
    let mut current = None;
    for line in text.lines() {
        if let Some((_, name)) = line.strip_suffix(">:").and_then(|line| line.split_once(" <")) {
            current = Some(functions.entry(name.to_owned()).or_default());
        } else if let (Some(code), Some((_, instruction))) = (&mut current, line.split_once(":\t")) {
            let (mnemonic, operands) = instruction.trim().split_once(' ').unwrap_or((instruction.trim(), ""));
            code.push((mnemonic.to_owned(), operands.trim().to_owned()));
        }
    }
    functions
}

fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    i64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok().map(|n| sign * n)
}

/// The deepest use of the stack below the function's own return address, in bytes, with what it calls.
struct Depth<'a> {
    functions: &'a BTreeMap<String, Code>,
    within: Vec<String>,
}

impl Depth<'_> {
    fn of(&mut self, name: &str) -> i64 {
        assert!(!self.within.iter().any(|caller| caller == name), "{name} calls itself, by {:?}", self.within);
        let code = self.functions.get(name).unwrap_or_else(|| panic!("no {name} in the library, of {:?}", self.within));
        self.within.push(name.to_owned());
        let (mut frame, mut deepest) = (0, 0);
        for (mnemonic, operands) in code {
            match mnemonic.as_str() {
                "push" => frame += 8,
                "sub" if operands.starts_with("rsp,") => frame += number(&operands[4..]).expect("a number"),
                // Epilogues are not looked at: the frame only grows here, which overstates it at worst.
                "and" if operands.starts_with("rsp,") => frame += 15,
                "call" | "jmp" => {
                    let target = operands.split_once('<').map(|(_, target)| target.trim_end_matches('>'));
                    let own = target.is_some_and(|target| target.starts_with(&format!("{name}+")));
                    match target {
                        _ if own => {}
                        Some(target) if self.functions.contains_key(target) => {
                            let call = if mnemonic == "call" { 8 } else { 0 };
                            deepest = deepest.max(frame + call + self.of(target));
                        }
                        // A jump table.
                        None if mnemonic == "jmp" => {}
                        _ => panic!("{name}: {mnemonic} {operands}: where to?"),
                    }
                }
                _ => {}
            }
            // The red zone.
            if let Some((_, below)) = operands.split_once("[rsp-") {
                let below = number(&below[..below.find(']').expect("a bracket")]).expect("a number");
                deepest = deepest.max(frame + below);
            }
        }
        self.within.pop();
        deepest.max(frame)
    }
}

fn depth(functions: &BTreeMap<String, Code>, name: &str) -> i64 {
    Depth { functions, within: Vec::new() }.of(name)
}

fn calls(functions: &BTreeMap<String, Code>, name: &str) -> Vec<String> {
    let code = functions.get(name).unwrap_or_else(|| panic!("no {name} in the library"));
    let leaves = |(mnemonic, operands): &&(String, String)| {
        let own = operands.contains(&format!("<{name}+"));
        mnemonic == "call" || mnemonic.starts_with('j') && operands.contains('<') && !own
    };
    code.iter().filter(leaves).map(|(mnemonic, operands)| format!("{mnemonic} {operands}")).collect()
}

const DECIDE: &str = "netdeadline::go::quick::decide";
const WORTH: &str = "netdeadline::go::quick::worth";

#[test]
fn what_is_asked_of_every_call_calls_nothing() {
    let functions = disassembly();
    for name in [DECIDE, WORTH] {
        assert_eq!(calls(&functions, name), [""; 0], "{name}");
    }
}

#[test]
fn what_is_asked_of_every_call_needs_next_to_no_stack() {
    let functions = disassembly();
    for name in [DECIDE, WORTH] {
        let depth = depth(&functions, name);
        assert!(depth <= 64, "{name} uses {depth} bytes");
    }
    // With the trampoline's own: return addresses, saved registers, alignment.
    for (name, callee) in [("before", DECIDE), ("after", WORTH)] {
        let code = &functions[&format!("netdeadline::go::trampoline::{name}")];
        let pushes = code.iter().filter(|(mnemonic, _)| mnemonic == "push").count() as i64;
        let depth = 8 + 8 * pushes + 8 + 8 + depth(&functions, callee);
        assert!(depth <= 150, "{name} goes {depth} bytes deep");
    }
}

#[test]
fn what_a_vfork_asks_fits_on_a_goroutines_stack() {
    let functions = disassembly();
    let asked = ["netdeadline::go::vfork::lend", "netdeadline::go::vfork::returned"];
    for name in asked.iter().filter(|name| functions.contains_key(**name)) {
        let depth = depth(&functions, name);
        assert!(depth <= 300, "{name} uses {depth} bytes");
    }
    assert!(functions.contains_key(asked[0]));
}

#[test]
fn nothing_of_the_library_uses_the_upper_halves_of_vectors() {
    // Go counts on xmm15 alone, and `xorps` clears no more than that: one instruction of AVX would leave the rest behind.
    let functions = disassembly();
    let avx = |operands: &str| operands.contains("ymm") || operands.contains("zmm");
    let using: Vec<&String> =
        functions.iter().filter(|(_, code)| code.iter().any(|(_, o)| avx(o))).map(|(name, _)| name).collect();
    assert_eq!(using, [""; 0]);
}

#[test]
fn nothing_of_the_library_touches_the_thread_pointer_or_leaves_the_direction_flag_set() {
    // In Go's programs fs is Go's own, and nobody clears the flag for Go. (The kernel does for a signal's handler.)
    let functions = disassembly();
    for (name, code) in &functions {
        for (i, (mnemonic, operands)) in code.iter().enumerate() {
            assert!(!operands.contains("fs:"), "{name}: {mnemonic} {operands}");
            if mnemonic == "std" {
                let rest = code[i..].iter().map(|(mnemonic, _)| mnemonic.as_str());
                let until: Vec<&str> = rest.skip(1).take_while(|mnemonic| *mnemonic != "cld").collect();
                assert!(until.iter().all(|m| !matches!(*m, "ret" | "call" | "jmp")), "{name}: {until:?}");
                assert!(until.len() + 1 < code.len() - i, "{name}: no cld");
            }
        }
    }
}
