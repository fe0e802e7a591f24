//! The manual pages of section 3 against include/netdeadline.h: each function has a page, with the header's prototype, numbers
//! and errors.
//!
//! Their example programs are `programs`.

use super::{blocks, lint, text, words_with, MAN_1, MAN_7};
use netdeadline_tests::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const HEADER: &str = "include/netdeadline.h";

/// The pages of section 3 by name: those with a text, and those that name another page, with that page's name.
fn section_3() -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (mut pages, mut aliases) = (BTreeMap::new(), BTreeMap::new());
    for entry in fs::read_dir(root().join("docs/man")).expect("there are manual pages").flatten() {
        let file = entry.file_name().into_string().expect("UTF-8");
        let Some(name) = file.strip_suffix(".3") else { continue };
        let page = text(&format!("docs/man/{file}"));
        match page.strip_prefix(".so man3/") {
            Some(rest) => aliases.insert(name.to_owned(), rest.strip_suffix(".3\n").expect("nothing else").to_owned()),
            None => pages.insert(name.to_owned(), page),
        };
    }
    (pages, aliases)
}

/// The header's functions: each with its prototype and the comment before it.
fn functions() -> BTreeMap<String, (String, String)> {
    let header = text(HEADER);
    let mut comment = String::new();
    let mut found = BTreeMap::new();
    for line in header.lines() {
        if line.starts_with("/**") {
            comment.clear();
        }
        if line.starts_with("/*") || line.starts_with(" *") {
            comment.push_str(line);
        } else if line.ends_with(");") && line.contains(" nd_") || line.contains("*nd_") {
            let name = &line[line.find("nd_").expect("just found")..line.find('(').expect("a function")];
            found.insert(name.to_owned(), (line.to_owned(), comment.clone()));
        }
    }
    found
}

/// The section of a page.
fn section<'a>(page: &'a str, name: &str) -> &'a str {
    let rest = page.split(&format!(".Sh {name}\n")).nth(1).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split("\n.Sh ").next().expect("split gives a first piece")
}

/// The names in a page's first section.
fn names(page: &str) -> BTreeSet<String> {
    let lines = section(page, "NAME").lines().filter_map(|line| line.strip_prefix(".Nm "));
    lines.map(|name| name.trim_end_matches(" ,").to_owned()).collect()
}

/// A prototype without spaces that mean nothing.
fn plain(prototype: &str) -> String {
    prototype.replace("* ", "*").replace(" *", "*").replace(", ", ",")
}

/// What a page's synopsis declares, as C has it.
fn prototypes(page: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut kind = String::new();
    for line in section(page, "SYNOPSIS").lines() {
        if let Some(rest) = line.strip_prefix(".Ft ") {
            kind = rest.trim_matches('"').to_owned();
        }
        let Some(rest) = line.strip_prefix(".Fn ") else { continue };
        let (name, arguments) = rest.split_once(' ').expect("at least void");
        let arguments: Vec<_> = arguments.split('"').map(str::trim).filter(|word| !word.is_empty()).collect();
        found.insert(name.to_owned(), plain(&format!("{kind} {name}({});", arguments.join(", "))));
    }
    found
}

#[test]
fn every_function_of_the_header_has_a_page_and_every_page_a_function() {
    let functions: BTreeSet<_> = functions().into_keys().collect();
    assert!(functions.len() >= 19, "{functions:?}");
    let (pages, aliases) = section_3();
    let mut documented = BTreeSet::new();
    for (name, page) in &pages {
        assert!(names(page).contains(name), "{name}(3) is about {:?}", names(page));
        documented.extend(names(page));
    }
    assert!(documented.remove("libnetdeadline"), "an overview");
    assert_eq!(documented, functions, "pages on the left, {HEADER} on the right");
    for name in &functions {
        let page = aliases.get(name).unwrap_or(name);
        let page = pages.get(page).unwrap_or_else(|| panic!("{name}(3) names {page}(3), which is not there"));
        assert!(names(page).contains(name), "man {name} shows a page about {:?}", names(page));
    }
    assert!(aliases.keys().all(|name| functions.contains(name) && !pages.contains_key(name)), "{aliases:?}");
}

#[test]
fn a_synopsis_has_the_headers_prototypes() {
    let mut found = BTreeMap::new();
    for page in section_3().0.values() {
        found.extend(prototypes(page));
    }
    let wanted: BTreeMap<_, _> =
        functions().into_iter().map(|(name, (prototype, _))| (name, plain(&prototype))).collect();
    assert_eq!(found, wanted, "pages on the left, {HEADER} on the right");
}

/// The members of a struct of the header or of a page, one a line: `int64_t when;`.
fn members(lines: &str) -> Vec<String> {
    let lines = lines.lines().map(str::trim).filter(|line| line.ends_with(';') && !line.starts_with('}'));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_pages_have_the_headers_structs_and_numbers() {
    let header = text(HEADER);
    let (pages, _) = section_3();
    for (page, name) in [("nd_set_timeouts", "nd_timeouts"), ("nd_last_expiry", "nd_expiry")] {
        let open = format!("struct {name} {{");
        let declared = members(&blocks(&header, &open, "};")[0]);
        let shown = &blocks(section(&pages[page], "SYNOPSIS"), ".Bd -literal", ".Ed")[0];
        assert!(shown.starts_with(&open), "{shown}");
        assert_eq!(members(shown), declared, "{page}(3) on the left, {HEADER} on the right");
        for member in declared {
            let member = member.rsplit(' ').next().expect("a name").trim_end_matches(';');
            let item = format!(".It Fa {}\n", member.split('[').next().expect("a name"));
            assert!(pages[page].contains(&item), "{page}(3) does not explain {member}");
        }
    }
    let all: String = pages.values().flat_map(|page| page.chars()).collect();
    let constants = header.lines().filter_map(|line| line.strip_prefix("#define ND_")?.split_once(' '));
    let constants: Vec<_> = constants.collect();
    assert!(constants.len() >= 13, "{constants:?}");
    for (name, value) in &constants {
        let item = format!(".It Dv ND_{name} No ({value})");
        let macros = format!(".Fd #define ND_{name} {value}");
        assert!(all.lines().any(|line| line == item || line == macros), "no page has ND_{name} = {value}");
    }
    let named = words_with(&all, "ND_", |c| c.is_ascii_uppercase() || c == '_');
    // Titles of pages are names of functions in capitals.
    let titles: BTreeSet<_> = pages.keys().filter_map(|name| name.strip_prefix("nd_")).map(str::to_uppercase).collect();
    let known: BTreeSet<_> = constants.iter().map(|(name, _)| (*name).to_owned()).chain(titles).collect();
    let unknown: Vec<_> = named.difference(&known).filter(|name| *name != "SOURCE_").collect();
    assert!(unknown.is_empty(), "pages name what {HEADER} has not: {unknown:?}");
}

#[test]
fn every_error_in_the_header_is_in_the_page() {
    let (pages, aliases) = section_3();
    let mut compared = 0;
    for (name, (_, comment)) in functions() {
        let page = aliases.get(&name).unwrap_or(&name);
        let errors = section(&pages[page], "ERRORS");
        let (_, returns) = comment.split_once("Returns ").unwrap_or_default();
        for error in
            returns.split(|c: char| !c.is_ascii_uppercase()).filter(|word| word.len() > 3 && word.starts_with('E'))
        {
            assert!(errors.contains(&format!(".It Er {error}\n")), "{page}(3) does not have {name}'s {error}");
            compared += 1;
        }
    }
    assert!(compared >= 25, "only {compared} errors were found in {HEADER}");
}

#[test]
fn the_pages_have_the_sections_that_a_reader_of_section_3_expects() {
    let (pages, _) = section_3();
    for (name, page) in pages {
        assert_eq!(lint(&format!("docs/man/{name}.3")), "");
        let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".Sh ")).collect();
        let all =
            ["NAME", "LIBRARY", "SYNOPSIS", "DESCRIPTION", "RETURN VALUE", "ERRORS", "NOTES", "EXAMPLES", "SEE ALSO"];
        let (of_calls, overview) = (["RETURN VALUE", "ERRORS"], name == "libnetdeadline");
        let wanted: Vec<_> = all.into_iter().filter(|section| !(overview && of_calls.contains(section))).collect();
        assert_eq!(sections, wanted, "{name}(3)");
    }
}

#[test]
fn a_reference_to_one_of_our_pages_leads_to_one() {
    let (pages, aliases) = section_3();
    let manuals = [text(MAN_1), text(MAN_7)];
    let mut followed = 0;
    for page in pages.values().chain(&manuals) {
        let references = page.split(".Xr ").chain(page.split(" Xr ")).skip(1);
        for name in references.filter_map(|rest| rest.split(' ').next()).filter(|name| name.contains("nd_")) {
            assert!(pages.contains_key(name) || aliases.contains_key(name), "there is no {name}(3)");
            followed += 1;
        }
    }
    assert!(followed >= 60, "only {followed} were found");
}
