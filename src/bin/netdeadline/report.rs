//! What is known of a file's coverage, and its words. How it is found out is coverage.rs's.

use std::path::{Path, PathBuf};

use crate::text;

/// How a file would fare.
#[derive(Clone, PartialEq)]
pub enum Verdict {
    /// Deadlines reach it.
    Covered,
    /// It runs, and deadlines do not reach it: why.
    Uncovered(String),
    /// The kernel would not execute it: why.
    CannotExecute(String),
    /// It, or what it hands over to, is not there: in words.
    Missing(String),
}

/// How the library gets into a program.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Way {
    /// Its dynamic loader reads LD_PRELOAD.
    Preload,
    /// It has no loader: the launcher maps the library into it.
    Launcher,
}

impl Way {
    /// One word.
    pub fn name(self) -> &'static str {
        match self {
            Way::Preload => "preload",
            Way::Launcher => "launcher",
        }
    }
}

/// What is known of a file.
pub struct Report {
    /// The file.
    pub file: PathBuf,
    /// One word for programs that read the report: `dynamic-glibc`, `static`, `go`, `script`, ...
    pub kind: &'static str,
    /// What runs in the end, for people.
    pub what: String,
    /// How it would fare.
    pub verdict: Verdict,
    /// How it is covered; None where it is not.
    pub way: Option<Way>,
    /// The files that a script hands over to, in order; the last is the program that runs.
    pub through: Vec<PathBuf>,
    /// env(1) executes the program in the end: it is protected as a child would be.
    pub by_env: bool,
    /// Go's version, where it is Go and says so.
    pub go_version: Option<String>,
    /// What else the user should know.
    pub notes: Vec<String>,
    /// The loader of this program would greet the library with an error on stderr: another class or machine.
    pub repels: bool,
}

impl Report {
    /// Nothing is known yet.
    pub fn new(file: &Path) -> Self {
        Report {
            file: file.to_path_buf(),
            kind: "missing",
            what: String::from("missing"),
            verdict: Verdict::Missing(String::from("there is no such file")),
            way: None,
            through: Vec::new(),
            by_env: false,
            go_version: None,
            notes: Vec::new(),
            repels: false,
        }
    }

    /// Deadlines reach it.
    pub fn covered(&mut self, way: Way, kind: &'static str, what: &str) {
        (self.kind, self.what, self.verdict) = (kind, what.to_owned(), Verdict::Covered);
        self.way = Some(way);
    }

    /// They do not.
    pub fn lost(&mut self, kind: &'static str, what: &str, why: &str) {
        (self.kind, self.what, self.verdict) = (kind, what.to_owned(), Verdict::Uncovered(why.to_owned()));
        self.way = None;
    }

    /// It cannot run.
    pub fn cannot(&mut self, kind: &'static str, what: &str, why: &str) {
        (self.kind, self.what, self.verdict) = (kind, what.to_owned(), Verdict::CannotExecute(why.to_owned()));
        self.way = None;
    }

    /// It is only the way to another program: that one's answer is the answer.
    pub fn hand_over(&mut self, kind: &'static str, next: Report, hint: &str) {
        let named = |why: &str| format!("its interpreter {}: {why}{hint}", text::path(&next.file));
        self.verdict = match next.verdict {
            Verdict::Missing(why) if kind == "script" => Verdict::CannotExecute(named(&why)),
            Verdict::CannotExecute(why) if kind == "script" => Verdict::CannotExecute(named(&why)),
            other => other,
        };
        // A script's interpreter is what the kernel executes. env is itself executed, and starts the other as its child would be.
        self.way = if kind == "script" { next.way } else { next.way.map(|_| Way::Preload) };
        self.by_env = kind == "env" || next.by_env;
        self.kind = kind;
        self.what = next.what;
        self.through = [vec![next.file], next.through].concat();
        self.go_version = next.go_version;
        self.notes.extend(next.notes);
        self.repels = next.repels;
    }

    /// What it is: `dynamic, glibc`, `script of /usr/bin/python3 through /usr/bin/env (dynamic, glibc)`.
    pub fn described(&self) -> String {
        let Some((last, between)) = self.through.split_last() else { return self.what.clone() };
        let mut words = format!("{} {}", if self.kind == "env" { "env for" } else { "script of" }, text::path(last));
        for (index, file) in between.iter().enumerate() {
            words.push_str(if index == 0 { " through " } else { ", " });
            words.push_str(&text::path(file));
        }
        format!("{words} ({})", self.what)
    }

    /// Why it is not covered; None where it is.
    pub fn reason(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Covered => None,
            Verdict::Uncovered(why) | Verdict::CannotExecute(why) | Verdict::Missing(why) => Some(why),
        }
    }
}
