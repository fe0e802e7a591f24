//! Each ordering of the sources made weaker, one at a time: which model notices, and where none does, why it is as it is.
//!
//! ../orderings.txt is the list: a line for each ordering that could be weaker, file, function, line, change and who notices, with tabs. Who
//! is the model that notices, or `-` and a reason. The list is compared with what is found; it is read by text, not by line number.

use crate::Protocol;
use netdeadline_engine::atomic::{survey, weaken, Weakening};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The place in words that stay when lines are added elsewhere.
fn key(weakening: &Weakening) -> String {
    let site = &weakening.site;
    let text = std::fs::read_to_string(root().join(&site.file)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let at = (site.line as usize).saturating_sub(1).min(lines.len().saturating_sub(1));
    let function = lines[..=at].iter().rev().find_map(|line| line.split_once("fn ").map(|(_, name)| name));
    let function = function.and_then(|name| name.split(['(', '<']).next()).unwrap_or("");
    let file = site.file.trim_start_matches("src/engine/");
    let which = if weakening.failure { "failure " } else { "" };
    let (line, from, to) = (lines[at].trim(), weakening.from, weakening.to);
    format!("{file}\t{function}\t{line}\t{which}{from:?} -> {to:?}")
}

/// Is it the model that failed, rather than the checker?
fn is_found(outcome: &Result<usize, String>) -> bool {
    outcome.as_ref().is_err_and(|why| !why.contains("VersionVec") && !why.contains("[loom internal bug]"))
}

fn notices(protocol: &Protocol, weakening: &Weakening, most: usize) -> bool {
    weaken(Some(weakening.clone()));
    let outcome = protocol.check_some(most, Some(5_000));
    weaken(None);
    survey();
    is_found(&outcome)
}

/// Who notices each weakening.
fn find(all: &[Protocol]) -> BTreeMap<String, Option<&'static str>> {
    let mut touched: Vec<(Weakening, Vec<(usize, &Protocol)>)> = Vec::new();
    survey();
    for protocol in all {
        let cost = protocol.check(1).unwrap_or(usize::MAX);
        for weakening in survey() {
            match touched.iter_mut().find(|(known, _)| *known == weakening) {
                Some((_, by)) => by.push((cost, protocol)),
                None => touched.push((weakening, vec![(cost, protocol)])),
            }
        }
    }
    let mut found = BTreeMap::new();
    for (weakening, mut by) in touched {
        by.sort_by_key(|(cost, _)| *cost);
        let who = [1, 2].into_iter().find_map(|most| {
            // What many models come to, they come to in passing.
            let small = |cost: usize| cost < if most == 1 { 1_500 } else { 100 };
            by.iter().take(16).find(|(cost, protocol)| small(*cost) && notices(protocol, &weakening, most))
        });
        let who = who.map(|(_, protocol)| protocol.name);
        eprintln!("{}\t{}", key(&weakening), who.unwrap_or("-"));
        let entry = found.entry(key(&weakening)).or_insert(None);
        *entry = entry.or(who);
    }
    found
}

/// The list: who is said to notice, or why nobody does.
fn listed() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("tests/loom/orderings.txt")).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(|line| line.rsplit_once('\t')).map(|(key, who)| (key.into(), who.into())).collect()
}

/// One weakening that must be noticed: a test of this test.
pub fn one(all: &[Protocol]) -> Vec<(bool, String)> {
    let known = listed();
    for protocol in all.iter().filter(|protocol| known.values().any(|who| who == protocol.name)) {
        survey();
        let _ = protocol.check(1);
        for weakening in survey() {
            if known.get(&key(&weakening)).is_some_and(|who| who == protocol.name) {
                let good = notices(protocol, &weakening, 1);
                return vec![(good, format!("{} notices {}", protocol.name, key(&weakening).replace('\t', ", ")))];
            }
        }
    }
    vec![(false, "no ordering of orderings.txt is in these models".into())]
}

/// What is found against what is listed.
pub fn compare(all: &[Protocol]) -> Vec<(bool, String)> {
    let (found, known) = (find(all), listed());
    let mut lines = Vec::new();
    for (place, who) in &found {
        let key = place.replace('\t', ", ");
        lines.push(match (who, known.get(place)) {
            (Some(who), Some(_)) => (true, format!("{who} notices {key}")),
            (Some(who), None) => (false, format!("{who} notices {key}, which is not in orderings.txt")),
            (None, Some(why)) if why.starts_with("- ") => (true, format!("nobody notices {key}: {}", &why[2..])),
            (None, Some(who)) => (false, format!("{who} does not notice {key} any more")),
            (None, None) => (false, format!("nobody notices {key}, and no reason is given")),
        });
    }
    let gone = known.iter().filter(|(key, why)| !found.contains_key(*key) && !why.starts_with("- not modelled"));
    lines.extend(gone.map(|(key, _)| (false, format!("{key} is listed, and in no model"))));
    lines.extend(untouched(&found, &known));
    lines
}

/// Lines of the engine with an ordering above Relaxed that no model comes to.
fn untouched(found: &BTreeMap<String, Option<&str>>, known: &BTreeMap<String, String>) -> Vec<(bool, String)> {
    let touched: BTreeSet<(&str, &str)> = found
        .keys()
        .chain(known.iter().filter(|(_, why)| why.starts_with("- ")).map(|(key, _)| key))
        .filter_map(|key| {
            let mut parts = key.split('\t');
            Some((parts.next()?, parts.nth(1)?))
        })
        .collect();
    let mut lines = Vec::new();
    for (file, line) in orderings_of(&root().join("src/engine"), "") {
        if !touched.contains(&(file.as_str(), line.as_str())) {
            lines.push((false, format!("{file}: `{line}` is in no model and not in orderings.txt")));
        }
    }
    lines
}

/// Every line with an ordering above Relaxed, outside of comments, imports and tests.
fn orderings_of(folder: &Path, prefix: &str) -> BTreeSet<(String, String)> {
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            all.extend(orderings_of(&entry.path(), &format!("{path}/")));
        } else if name.ends_with(".rs") && !name.contains("tests") {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with("use "));
            let strong = ["Acquire", "Release", "AcqRel", "SeqCst"];
            let calls = lines.filter(|line| !line.starts_with("Ordering::")).filter(|line| {
                let code = line.split(" //").next().unwrap_or_default();
                strong.iter().any(|order| code.contains(&format!("({order}")) || code.contains(&format!(", {order}")))
                    && !code.contains("compiler_fence")
            });
            all.extend(calls.map(|line| (path.clone(), line.to_string())));
        }
    }
    all
}

/// Print the list as it should be, with the reasons that are known.
pub fn write(all: &[Protocol]) {
    let (found, known) = (find(all), listed());
    for (key, who) in &found {
        let why = known.get(key).filter(|why| why.starts_with("- ")).map_or("- ?", String::as_str);
        println!("{key}\t{}", who.unwrap_or(why));
    }
    for (good, line) in untouched(&found, &known) {
        println!("# {good} {line}");
    }
}
