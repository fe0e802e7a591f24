//! What the shared object is: its ELF file, its committed symbol lists, and that one file serves glibc and musl, in little
//! memory and with few descriptors. What a deadline does to a call is tested by the C programs.

use std::collections::BTreeSet;
use std::time::Duration;

use netdeadline_tests::{compile, library, root, Finished, Libc, Program};
use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, Sym};
use object::Endianness::{self, Little};

type Elf = elf::FileHeader64<Endianness>;

fn image() -> Vec<u8> {
    std::fs::read(library()).expect("the library was built")
}

/// The dynamic entries, as (tag, value).
fn dynamic(image: &[u8]) -> Vec<(u64, u64)> {
    let header = Elf::parse(image).expect("an ELF file");
    let sections = header.sections(Little, image).expect("section headers");
    let (entries, _) = sections.dynamic(Little, image).expect("readable").expect("a dynamic section");
    entries.iter().map(|entry| (entry.d_tag(Little), entry.d_val(Little))).collect()
}

fn value(image: &[u8], tag: u32) -> Option<u64> {
    dynamic(image).into_iter().find(|entry| entry.0 == u64::from(tag)).map(|entry| entry.1)
}

/// (type, flags) of the segments.
fn segments(image: &[u8]) -> Vec<(u32, u32)> {
    let header = Elf::parse(image).expect("an ELF file");
    let segments = header.program_headers(Little, image).expect("program headers");
    segments.iter().map(|segment| (segment.p_type(Little), segment.p_flags(Little))).collect()
}

/// The names in the dynamic symbol table that are defined here, or are not; weak ones of the latter are marked.
fn symbols(image: &[u8], defined: bool) -> BTreeSet<String> {
    let header = Elf::parse(image).expect("an ELF file");
    let sections = header.sections(Little, image).expect("section headers");
    let table = sections.symbols(Little, image, elf::SHT_DYNSYM).expect("a dynamic symbol table");
    let name = |symbol: &elf::Sym64<Endianness>| {
        let name = table.symbol_name(Little, symbol).expect("a name");
        let mark = if !defined && symbol.st_bind() == elf::STB_WEAK { " weak" } else { "" };
        format!("{}{mark}", String::from_utf8_lossy(name))
    };
    // The first symbol is the table's empty one.
    table.iter().skip(1).filter(|symbol| (symbol.st_shndx(Little) != elf::SHN_UNDEF) == defined).map(name).collect()
}

fn listed(name: &str) -> BTreeSet<String> {
    let path = root().join("tests").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Both sets are the same; says what is too much and what is missing.
#[track_caller]
fn same(built: BTreeSet<String>, listed: BTreeSet<String>) {
    let more: Vec<_> = built.difference(&listed).collect();
    let fewer: Vec<_> = listed.difference(&built).collect();
    assert!(more.is_empty() && fewer.is_empty(), "not in the list: {more:?}; not in the library: {fewer:?}");
}

#[test]
fn it_needs_no_library() {
    assert_eq!(value(&image(), elf::DT_NEEDED), None);
}

#[test]
fn it_has_no_thread_local_storage() {
    assert!(segments(&image()).iter().all(|segment| segment.0 != elf::PT_TLS));
}

#[test]
fn its_soname_carries_the_abi_number() {
    let image = image();
    let header = Elf::parse(&*image).expect("an ELF file");
    let sections = header.sections(Little, &*image).expect("section headers");
    let (_, link) = sections.dynamic(Little, &*image).expect("readable").expect("a dynamic section");
    let strings = sections.strings(Little, &*image, link).expect("dynamic strings");
    let offset = value(&image, elf::DT_SONAME).expect("a soname") as u32;
    assert_eq!(strings.get(offset), Ok(&b"libnetdeadline.so.0"[..]));
}

#[test]
fn no_segment_is_writable_and_executable_and_the_stack_is_not() {
    let segments = segments(&image());
    let both = elf::PF_W | elf::PF_X;
    assert!(segments.iter().all(|segment| segment.1 & both != both), "{segments:x?}");
    // Without this header the loader makes every stack executable.
    assert!(
        segments.iter().any(|segment| segment.0 == elf::PT_GNU_STACK && segment.1 & elf::PF_X == 0),
        "{segments:x?}"
    );
    assert!(segments.iter().any(|segment| segment.0 == elf::PT_GNU_RELRO), "{segments:x?}");
    assert_eq!(value(&image(), elf::DT_TEXTREL), None);
}

#[test]
fn it_is_bound_when_it_is_loaded_and_initialised_before_the_others() {
    let flags = value(&image(), elf::DT_FLAGS_1).unwrap_or(0) as u32;
    assert_ne!(flags & elf::DF_1_NOW, 0, "a symbol bound in a signal handler may deadlock in the loader");
    assert_ne!(flags & elf::DF_1_INITFIRST, 0, "other constructors start threads and do I/O");
}

#[test]
fn it_exports_exactly_the_listed_names() {
    same(symbols(&image(), true), listed("exports.txt"));
}

#[test]
fn it_leaves_exactly_the_listed_names_to_the_process() {
    same(symbols(&image(), false), listed("undefined.txt"));
}

#[test]
fn no_symbol_has_a_version() {
    // A version node on an interposed name makes the loader not interpose it; a version needed ties us to one libc.
    for tag in [elf::DT_VERSYM, elf::DT_VERDEF, elf::DT_VERNEED] {
        assert_eq!(value(&image(), tag), None, "{tag:#x}");
    }
}

/// `bounded_read` for both libcs; of musl there may be none here, which is said.
fn readers() -> Vec<std::path::PathBuf> {
    let musl = compile("c/bounded_read.c", Libc::Musl, &[]);
    if musl.is_none() {
        eprintln!("skipped: musl: no musl-gcc (package musl-tools)");
    }
    compile("c/bounded_read.c", Libc::Glibc, &[]).into_iter().chain(musl).collect()
}

/// It ended with ETIMEDOUT, not before `least` and within seconds of it.
#[track_caller]
fn timed_out(finished: Finished, least: Duration) {
    let finished = finished.succeeded();
    let (error, took) = finished.stdout.trim().split_once(' ').expect("an error and a time");
    let took: f64 = took.parse().expect("a time");
    assert_eq!(error, "ETIMEDOUT", "{finished:#?}");
    assert!(took >= least.as_secs_f64() * 1e3, "early: {finished:#?}");
    assert!(took < least.as_secs_f64() * 1e3 + 5e3, "late: {finished:#?}");
}

#[test]
fn without_it_a_read_on_a_silent_peer_has_no_end() {
    for reader in readers() {
        for how in ["read", "epoll"] {
            let finished =
                Program::new(&reader).args([how]).env("NETDEADLINE_READ", "300ms").bound(Duration::from_secs(1));
            assert!(finished.run().hung(), "{} {how}", reader.display());
        }
    }
}

#[test]
fn one_file_bounds_reads_under_glibc_and_under_musl() {
    for reader in readers() {
        for how in ["read", "epoll"] {
            let program = Program::new(&reader).args([how]).preload(&[library()]).env("NETDEADLINE_READ", "300ms");
            timed_out(program.run(), Duration::from_millis(300));
        }
    }
}

#[test]
fn it_needs_less_than_a_mebibyte_of_address_space() {
    for reader in readers() {
        let native = Program::new(&reader).args(["memory"]).run().succeeded().stdout;
        let peak =
            native.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).expect("VmPeak: N kB");
        for how in ["read", "epoll"] {
            let program = Program::new(&reader).args([how]).preload(&[library()]).env("NETDEADLINE_READ", "300ms");
            // What the loader maps while it works comes on top of a native peak that has no preload: hence not less.
            timed_out(program.limit(libc::RLIMIT_AS, (peak + 1024) * 1024).run(), Duration::from_millis(300));
        }
    }
}

#[test]
fn a_deadline_holds_where_no_descriptor_is_left_for_the_hidden_timer() {
    // 0, 1, 2, the listener, the client, the set: with 6 there is not one more.
    for descriptors in [6, 7, 64] {
        for reader in readers() {
            for how in ["read", "epoll"] {
                let program = Program::new(&reader).args([how]).preload(&[library()]).env("NETDEADLINE_READ", "300ms");
                timed_out(program.limit(libc::RLIMIT_NOFILE, descriptors).run(), Duration::from_millis(300));
            }
        }
    }
}

#[test]
fn nothing_is_mapped_writable_and_executable_in_the_process() {
    for reader in readers() {
        let program = Program::new(&reader).args(["memory"]).preload(&[library()]).env("NETDEADLINE_READ", "1h");
        let finished = program.run().succeeded();
        assert!(finished.stdout.starts_with("VmPeak:"), "{finished:#?}");
        assert!(!finished.stdout.contains("writable and executable"), "{finished:#?}");
    }
}
