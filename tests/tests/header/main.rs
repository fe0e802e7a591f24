//! include/netdeadline.h: that it is the one that src/capi.rs makes, that every C and C++ takes it, and that nothing in it or in
//! the list of exported names breaks a program that was built before.
//!
//! What its calls do is tested by the C programs (c-tests); what an installed header is good for, in install.rs.

mod abi;
mod compilers;
mod generate;

use std::collections::BTreeSet;

fn listed(name: &str) -> Vec<String> {
    let path = netdeadline_tests::root().join("tests").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// Both texts are the same; says the lines that differ, and what to do if they are meant to.
#[track_caller]
fn same(committed: &str, made: &str, remedy: &str) {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (committed_lines, made_lines) = (lines(committed), lines(made));
    let gone: Vec<_> = committed_lines.difference(&made_lines).collect();
    let new: Vec<_> = made_lines.difference(&committed_lines).collect();
    assert!(committed == made, "committed: {gone:#?}\nmade now: {new:#?}\nif that is meant: {remedy}");
}

#[test]
fn the_committed_header_is_what_capi_rs_makes() {
    same(&abi::committed(), &generate::header(), "./x header");
}

#[test]
fn values_layouts_and_prototypes_are_the_committed_ones() {
    let path = netdeadline_tests::root().join("tests/abi.txt");
    let committed = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    same(&committed, &abi::list(&abi::committed()), "./x symbols");
}

#[test]
fn a_change_of_a_value_a_layout_or_a_prototype_is_seen() {
    let header = abi::committed();
    let list = abi::list(&header);
    for (from, to) in [
        ("#define ND_READ 3", "#define ND_READ 4"),
        ("#define ND_READ 3\n", "\n"),
        ("uint32_t rtt;", "uint64_t rtt;"),
        ("uint64_t reserved[3]", "uint64_t reserved[4]"),
        ("int64_t when;", "uint64_t when;"),
        ("int nd_close(int fd);", "long nd_close(int fd);"),
        ("int nd_close(int fd);", ""),
    ] {
        assert!(header.contains(from), "{from}");
        assert_ne!(abi::list(&header.replace(from, to)), list, "{from} became {to}");
    }
}

#[test]
fn the_header_declares_nothing_without_our_prefix() {
    let declared = abi::declared(&abi::committed());
    let functions = declared.functions.iter().map(|prototype| abi::name(prototype));
    let tags = declared.structs.iter().map(|(tag, _)| tag.as_str());
    let names: Vec<_> = functions.chain(tags).collect();
    assert!(names.len() > 10, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("nd_")), "{names:?}");
    assert!(declared.constants.iter().all(|name| name.starts_with("ND_")), "{:?}", declared.constants);
}

#[test]
fn the_header_declares_exactly_the_exported_names_with_our_prefix() {
    let declared = abi::declared(&abi::committed());
    let declared: BTreeSet<_> = declared.functions.iter().map(|prototype| abi::name(prototype).to_owned()).collect();
    let exported = listed("exports.txt").into_iter().filter(|name| name.starts_with("nd_")).collect();
    assert_eq!(declared, exported);
}

#[test]
fn every_other_exported_name_is_one_of_libcs() {
    // Newer than the oldest glibc that the tests run on (2.35).
    let newer = ["pidfd_getfd"];
    let exported = listed("exports.txt").into_iter().filter(|name| !name.starts_with("nd_"));
    let exported: Vec<_> = exported.filter(|name| !newer.contains(&name.as_str())).collect();
    assert!(exported.iter().any(|name| name == "connect"), "{exported:?}");
    for name in exported {
        let symbol = std::ffi::CString::new(name.as_str()).expect("a name");
        // SAFETY: the name ends with a NUL; what is found is not called.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) };
        assert!(!found.is_null(), "libc has no {name}, and it does not begin with nd_");
    }
}

#[test]
fn comments_keep_what_a_c_reader_needs_and_no_more() {
    let header = abi::committed();
    for unwanted in ["# Safety", "isize", "intptr_t", "ptrdiff_t", "c_int"] {
        assert!(!header.contains(unwanted), "{unwanted}");
    }
    // Each function has a comment of its own right before it.
    for prototype in abi::declared(&header).functions {
        let at = header.find(&prototype).unwrap_or_else(|| panic!("{prototype} is not on one line"));
        assert!(header[..at].trim_end().ends_with("*/"), "{prototype} has no comment");
    }
}

#[test]
fn what_is_not_public_in_capi_rs_stays_out_of_the_header() {
    let source = "
        mod interpose;
        pub use libc::read;
        pub extern \"C\" fn mangled() {}
        const HIDDEN: u32 = 1;
        fn helper() {}
        /// Kept.
        ///
        /// # Safety
        /// Dropped.
        #[no_mangle]
        pub unsafe extern \"C\" fn nd_made(bytes: *const u8, count: usize) -> isize { 0 }
    ";
    let file = netdeadline_tests::scratch("header").join("public.rs");
    std::fs::write(&file, source).expect("the target directory is writable");
    let header = generate::header_of(&file);
    let declared = abi::declared(&header);
    assert_eq!(declared.functions, ["ssize_t nd_made(const uint8_t *bytes, size_t count)"], "{header}");
    assert!(header.contains("/** Kept. */") && !header.contains("Dropped"), "{header}");
}
