//! What the user wants: options and NETDEADLINE_* variables, checked, as the variables that the program will see.
//!
//! Options come before the environment. All text is read here by the parser that the library uses too, so that a word the
//! library would stumble over never reaches it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use netdeadline_engine::evidence::place::Place;
use netdeadline_engine::evidence::Log;
use netdeadline_engine::policy::{Class, Error, Origin, Policy, Rule};

use crate::config;
use crate::env::{self, ambient};
use crate::error::Failure;
use crate::resolve;
use crate::text;

/// The options that `run` and `policy` share, as given.
#[derive(Default)]
pub struct Options {
    /// `--connect D` and its like, in the order of [`Class::ALL`].
    pub shorthands: [Option<OsString>; 5],
    /// Every `--rule`.
    pub rules: Vec<OsString>,
    /// `--config`.
    pub config: Option<OsString>,
    /// `--observe`.
    pub observe: bool,
    /// `--log`.
    pub log: Option<OsString>,
    /// `--stats`.
    pub stats: Option<OsString>,
    /// `--resolve`.
    pub resolve: Option<OsString>,
}

/// Checked settings.
pub struct Settings {
    /// The rules in force.
    pub policy: Box<Policy>,
    /// What the options make of the environment: these are to be set, all others stay.
    pub variables: Vec<(&'static str, OsString)>,
    /// The policy file, if any.
    config: Option<PathBuf>,
    /// For each text in NETDEADLINE_RULES, in order: who gave it and how many lines it has.
    texts: Vec<(String, usize)>,
    /// Which classes an option gave.
    by_option: [bool; 5],
}

impl Settings {
    /// Check everything; the first fault is the answer.
    pub fn read(options: &Options) -> Result<Settings, Failure> {
        env::refuse_misspelt()?;
        let mut settings = Settings {
            policy: Box::new(Policy::new()),
            variables: Vec::new(),
            config: None,
            texts: Vec::new(),
            by_option: [false; 5],
        };
        // The order of these three is the order of precedence.
        settings.rules(&options.rules)?;
        settings.file(options.config.as_deref())?;
        settings.shorthands(&options.shorthands)?;
        settings.words(options.observe)?;
        settings.log(options.log.as_deref())?;
        settings.stats(options.stats.as_deref())?;
        if options.observe {
            settings.variables.push(("NETDEADLINE_MODE", OsString::from("observe")));
        }
        if let Some(limit) = &options.resolve {
            let existing = std::env::var_os("RES_OPTIONS");
            settings.variables.push(("RES_OPTIONS", resolve::options(limit, existing.as_deref())?));
        }
        Ok(settings)
    }

    /// `--rule` texts, then NETDEADLINE_RULES. Each is read alone first: a fault is then told where the user wrote it.
    fn rules(&mut self, given: &[OsString]) -> Result<(), Failure> {
        let mut texts: Vec<(String, OsString)> = Vec::new();
        for (index, text) in given.iter().enumerate() {
            let name = if given.len() == 1 { String::from("--rule") } else { format!("--rule {}", index + 1) };
            texts.push((name, text.clone()));
        }
        if let Some(text) = ambient(Origin::Rules.variable()) {
            texts.push((Origin::Rules.variable().to_owned(), text));
        }
        for (name, text) in &texts {
            let alone = Policy::new().parse(text.as_bytes(), Origin::Rules);
            alone.map_err(|error| fault(&error, name))?;
            self.texts.push((name.clone(), text.as_bytes().split(|&byte| byte == b'\n').count()));
        }
        let all = texts.iter().map(|(_, text)| text.as_bytes()).collect::<Vec<_>>().join(&b'\n');
        // What can fail only now is their number.
        self.policy
            .parse(&all, Origin::Rules)
            .map_err(|error| fault(&error, "--rule and NETDEADLINE_RULES together"))?;
        if !given.is_empty() {
            self.variables.push(("NETDEADLINE_RULES", OsString::from_vec(all)));
        }
        Ok(())
    }

    /// `--config`, made absolute, or NETDEADLINE_CONFIG, which must be.
    fn file(&mut self, given: Option<&OsStr>) -> Result<(), Failure> {
        let (file, source) = match (given, ambient("NETDEADLINE_CONFIG")) {
            (Some(given), _) => (absolute(given, "--config")?, "--config"),
            (None, Some(ambient)) => (PathBuf::from(ambient), "NETDEADLINE_CONFIG"),
            (None, None) => return Ok(()),
        };
        let bytes = config::read(&file, source)?;
        let result = self.policy.parse(&bytes, Origin::File);
        result.map_err(|error| Failure::own(error.naming(file.as_os_str().as_bytes()).to_string()))?;
        if given.is_some() {
            self.variables.push(("NETDEADLINE_CONFIG", file.clone().into_os_string()));
        }
        self.config = Some(file);
        Ok(())
    }

    fn shorthands(&mut self, given: &[Option<OsString>; 5]) -> Result<(), Failure> {
        for ((class, given), by_option) in Class::ALL.into_iter().zip(given).zip(&mut self.by_option) {
            let variable = Origin::Shorthand(class).variable();
            let option = format!("--{}", class.name());
            // An empty variable counts as not set; an empty option is a mistake in a script.
            if given.as_ref().is_some_and(|text| text.is_empty()) {
                return Err(Failure::own(format!(
                    "{option}: read nothing, expected a duration, such as 500ms, 1.5s or 5m, or off"
                )));
            }
            let (text, name) = match (given, ambient(variable)) {
                (Some(given), _) => (given.clone(), option.as_str()),
                (None, Some(ambient)) => (ambient, variable),
                (None, None) => continue,
            };
            self.policy.parse_shorthand(class, text.as_bytes()).map_err(|error| fault(&error, name))?;
            if given.is_some() {
                *by_option = true;
                self.variables.push((variable, text));
            }
        }
        Ok(())
    }

    /// The variables that have two words to choose from.
    fn words(&self, observe: bool) -> Result<(), Failure> {
        for (name, usual, other) in [
            ("NETDEADLINE_MODE", "enforce", "observe"),
            ("NETDEADLINE_SO_TIMEO", "enforce", "kernel"),
            ("NETDEADLINE_IO_URING", "deny", "allow"),
            ("NETDEADLINE_CHILDREN", "on", "off"),
        ] {
            // What an option replaces need not be right.
            let Some(value) = ambient(name).filter(|_| !(observe && name == "NETDEADLINE_MODE")) else { continue };
            if value != usual && value != other {
                return Err(unexpected(name, &value, &format!("{usual} or {other}")));
            }
        }
        match ambient("NETDEADLINE_LOG_FORMAT") {
            Some(value) => Log::new()
                .set_format(value.as_bytes())
                .map_err(|expected| unexpected("NETDEADLINE_LOG_FORMAT", &value, expected)),
            None => Ok(()),
        }
    }

    /// `stderr`, `off`, or a file, which must be absolute by the time the library reads of it.
    fn log(&mut self, given: Option<&OsStr>) -> Result<(), Failure> {
        let check = |name: &str, value: &OsStr| {
            Log::new().set_target(value.as_bytes()).map_err(|expected| unexpected(name, value, expected))
        };
        let Some(given) = given else {
            return ambient("NETDEADLINE_LOG").map_or(Ok(()), |ambient| check("NETDEADLINE_LOG", &ambient));
        };
        let value = if given == "stderr" || given == "off" {
            given.to_owned()
        } else {
            let file = absolute(given, "--log")?;
            let failure = |why: &str| Err(Failure::own(format!("--log: {}: {why}", text::path(&file))));
            match file.symlink_metadata() {
                Ok(metadata) if !metadata.is_file() => {
                    return failure("it is not a regular file (links are not followed)");
                }
                Err(_) if !file.parent().is_some_and(Path::is_dir) => return failure("its folder does not exist"),
                _ => file.into_os_string(),
            }
        };
        check("--log", &value)?;
        self.variables.push(("NETDEADLINE_LOG", value));
        Ok(())
    }

    /// `on`, `off`, or a directory, which must be absolute by the time the library reads of it.
    fn stats(&mut self, given: Option<&OsStr>) -> Result<(), Failure> {
        let check = |name: &str, value: &OsStr| {
            Place::new().set(value.as_bytes(), b"").map_err(|expected| unexpected(name, value, expected))
        };
        let Some(given) = given else {
            return ambient("NETDEADLINE_STATS").map_or(Ok(()), |ambient| check("NETDEADLINE_STATS", &ambient));
        };
        let value = if given == "on" || given == "off" {
            given.to_owned()
        } else {
            let directory = absolute(given, "--stats")?;
            // What is not there the program will make.
            if directory.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
                let path = text::path(&directory);
                return Err(Failure::own(format!("--stats: {path}: it is not a directory (links are not followed)")));
            }
            directory.into_os_string()
        };
        check("--stats", &value)?;
        self.variables.push(("NETDEADLINE_STATS", value));
        Ok(())
    }

    /// A variable as the program will see it.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        let set = self.variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.clone());
        set.or_else(|| ambient(name))
    }

    /// Was `--resolve` given?
    pub fn resolves(&self) -> bool {
        self.variables.iter().any(|(name, _)| *name == "RES_OPTIONS")
    }

    /// Where the user wrote a rule: `--rule 2`, `NETDEADLINE_RULES:3`, `/etc/nd.conf:7`, `--connect`.
    pub fn source(&self, rule: &Rule) -> String {
        match rule.origin {
            Origin::Shorthand(class) if self.by_option[class as usize] => format!("--{class}"),
            Origin::Shorthand(_) => rule.origin.variable().to_owned(),
            Origin::File => format!("{}:{}", self.config.as_deref().map(text::path).unwrap_or_default(), rule.line),
            Origin::Rules => {
                let mut line = rule.line as usize;
                for (name, lines) in &self.texts {
                    if line <= *lines {
                        return if *lines == 1 && name.starts_with('-') {
                            name.clone()
                        } else {
                            format!("{name}:{line}")
                        };
                    }
                    line -= lines;
                }
                rule.origin.variable().to_owned()
            }
        }
    }
}

/// A fault in the words of the parser, under the name that the user knows the text by.
fn fault(error: &Error, name: &str) -> Failure {
    Failure::own(error.naming(name.as_bytes()).to_string())
}

/// The same form for what is no policy text.
fn unexpected(name: &str, read: &OsStr, expected: &str) -> Failure {
    Failure::own(format!("{name}: read \"{}\", expected {expected}", text::printable(read.as_bytes())))
}

/// A path that means the same after the program has changed its directory. Links in it stay as they are.
fn absolute(path: &OsStr, option: &str) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|_| Failure::own(format!("{option}: read an empty path, expected a file")))
}
