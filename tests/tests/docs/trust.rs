//! The page for the sceptic: its commands are there, its links lead to what they name, and what it counts is what is committed.
//! What the commands show is not judged here: they are run for that.

use super::text;
use netdeadline_tests::root;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const TRUST: &str = "docs/trust.md";
/// The documents of the proof.
const PROOF: [&str; 4] = [TRUST, "docs/bench.md", "docs/scale.md", "docs/limits.md"];

/// The rows of the page's tables as (what was run, what it showed, how to repeat it).
fn rows() -> Vec<[String; 3]> {
    let all = text(TRUST);
    let cells =
        |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_string()).collect::<Vec<_>>();
    let rows = all.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.filter_map(|cells| <[String; 3]>::try_from(cells).ok()).filter(|[_, _, how]| how != "Repeat it").collect()
}

/// The first number in a text, thousands with commas.
fn first_number(text: &str) -> usize {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != ',').unwrap_or(digits.len());
    digits[..end].replace(',', "").trim().parse().unwrap_or_else(|_| panic!("no number in {text}"))
}

#[test]
fn what_the_page_says_of_a_suite_is_the_sum_of_its_results() {
    let mut suites = 0;
    for [what, showed, _] in rows() {
        let Some(at) = showed.find("](../").filter(|at| showed[*at..].contains("results.tsv)")) else { continue };
        let path = showed[at + 5..].split(')').next().expect("split gives a first piece");
        let results = text(path);
        let lines: Vec<Vec<&str>> =
            results.lines().skip_while(|line| line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
        let column =
            |name: &str| lines[0].iter().position(|head| *head == name).unwrap_or_else(|| panic!("{path}: no {name}"));
        let sum = |name: &str| -> usize {
            let at = column(name);
            lines[1..].iter().map(|line| line[at].parse::<usize>().unwrap_or_else(|_| panic!("{path}: {line:?}"))).sum()
        };
        assert_eq!(first_number(&showed), sum("tests"), "{what}: {path}");
        let differed = match showed.split_once("results") {
            Some((_, rest)) if rest.contains(" differed at first") => {
                let words: Vec<&str> = rest.split(" differed at first").next().expect("a piece").split(' ').collect();
                first_number(words.last().expect("a word"))
            }
            _ => 0,
        };
        assert_eq!(differed, sum("differ at first"), "{what}: {path}");
        suites += 1;
    }
    assert!(suites >= 3, "only {suites} rows have results");
}

#[test]
fn what_the_page_counts_as_sown_is_what_lies_there() {
    let all = text(TRUST);
    for (directory, before, behind) in [
        ("tests/syscalls/seeded", "Of ", " faults sown all are found"),
        ("tests/fuzz/mutations", "each of ", " faults sown into the readers is found"),
        ("tests/loom/mutations", "weakened orderings and ", " changed lines"),
    ] {
        let files = fs::read_dir(root().join(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
        let mutations = files
            .filter(|file| file.as_ref().is_ok_and(|file| file.path().extension().is_some_and(|e| e == "mutation")));
        let count = mutations.count();
        assert!(all.contains(&format!("{before}{count}{behind}")), "{directory} has {count}; {TRUST} says otherwise");
    }
}

#[test]
fn every_command_of_the_page_exists_and_knows_its_options() {
    let mut commands = 0;
    for [what, _, how] in rows() {
        for command in how.split('`').skip(1).step_by(2) {
            let mut words = command.split(' ').filter(|word| !word.is_empty() && !word.contains('='));
            let Some(first) = words.next() else { continue };
            let rest: Vec<&str> = words.collect();
            commands += 1;
            if first == "cargo" {
                let name = rest
                    .iter()
                    .skip_while(|word| **word != "--test")
                    .nth(1)
                    .unwrap_or_else(|| panic!("{what}: {command}"));
                let there = [format!("tests/tests/{name}.rs"), format!("tests/tests/{name}/main.rs")];
                assert!(there.iter().any(|path| root().join(path).exists()), "{what}: {command}: no such test");
                continue;
            }
            let path = root().join(first.trim_start_matches("./"));
            let mode =
                fs::metadata(&path).unwrap_or_else(|error| panic!("{what}: {command}: {error}")).permissions().mode();
            assert!(mode & 0o111 != 0, "{what}: {first} cannot be run");
            // `./x PART` names a case of x, or what x hands to bench/run.
            let said = format!(
                "{}{}",
                text(first.trim_start_matches("./")),
                if first == "./x" { text("bench/run") } else { String::new() }
            );
            for word in rest {
                if let Some(glob) = word.strip_prefix('\'') {
                    let start = glob.trim_end_matches(['*', '\'']);
                    let files = fs::read_dir(path.parent().expect("a directory")).expect("it can be read");
                    let named = files
                        .filter_map(Result::ok)
                        .filter(|file| file.file_name().to_string_lossy().starts_with(start));
                    assert!(named.count() > 0, "{what}: {command}: nothing has this name");
                } else {
                    assert!(said.contains(word), "{what}: {first} does not know {word}");
                }
            }
        }
    }
    assert!(commands >= 15, "only {commands} commands were found");
}

/// The anchor that a heading gets: small, without marks, blanks as dashes.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn the_links_of_the_proof_lead_to_files_and_headings() {
    let mut followed = 0;
    for document in PROOF {
        let all = text(document);
        for (at, _) in all.match_indices("](") {
            let target = all[at + 2..].split(')').next().expect("split gives a first piece");
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() {
                root().join(document)
            } else {
                root().join(document).parent().expect("a directory").join(file)
            };
            assert!(path.exists(), "{document}: {target}");
            if !heading.is_empty() {
                let there = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{target}: {error}"));
                let headings = there.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(headings.into_iter().any(|one| one == heading), "{document}: {target}: no such heading");
            }
            followed += 1;
        }
    }
    assert!(followed >= 20, "only {followed} links were found");
}
