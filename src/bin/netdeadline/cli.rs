//! The command line as data. Meanings are settings.rs's; words are help.rs's.

use std::ffi::OsString;

use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use netdeadline_engine::policy::{Class, Side};

use crate::help;
use crate::policy::Question;
use crate::settings::Options;

/// All commands.
pub fn command() -> Command {
    Command::new("netdeadline")
        .override_help(help::TOP)
        .disable_version_flag(true)
        .arg(Arg::new("version").long("version").short('V').action(ArgAction::SetTrue))
        .subcommand(
            policy_options(Command::new("run").override_help(help::RUN))
                .arg(Arg::new("best-effort").long("best-effort").action(ArgAction::SetTrue))
                .arg(words("command").value_name("COMMAND").required(true).num_args(1..).trailing_var_arg(true)),
        )
        .subcommand(
            Command::new("check")
                .override_help(help::CHECK)
                .arg(Arg::new("json").long("json").action(ArgAction::SetTrue))
                .arg(words("files").value_name("FILE").required(true).num_args(1..)),
        )
        .subcommand(
            policy_options(Command::new("policy").override_help(help::POLICY))
                .arg(words("explain").long("explain").value_name("ADDRESS").num_args(1..=2).action(ArgAction::Append))
                .arg(Arg::new("on").long("on").action(ArgAction::SetTrue)),
        )
        .subcommand(trace())
        .subcommand(stats())
        .subcommand(top())
        // Reads its own arguments: main.rs calls it before it comes here. It is named for the sake of suggestions.
        .subcommand(Command::new("demo"))
}

fn trace() -> Command {
    let value =
        |name: &'static str, value: &'static str| words(name).long(name).value_name(value).allow_hyphen_values(true);
    Command::new("trace")
        .override_help(help::TRACE)
        .arg(value("pid", "PID").short('p'))
        .arg(value("comm", "NAME"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue))
        .arg(value("slow", "D"))
        .arg(value("output", "FILE").short('o'))
        .arg(Arg::new("tracefs").long("tracefs").action(ArgAction::SetTrue))
        .arg(value("buffer", "SIZE"))
        .arg(value("connections", "N"))
        .arg(words("command").value_name("COMMAND").num_args(0..).trailing_var_arg(true))
}

fn stats() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("stats")
        .override_help(help::STATS)
        .arg(flag("json").conflicts_with_all(["openmetrics", "textfile"]))
        .arg(flag("openmetrics"))
        .arg(words("textfile").long("textfile").value_name("FILE"))
        .arg(words("whose").value_name("PID").num_args(1..))
}

fn top() -> Command {
    Command::new("top")
        .override_help(help::TOP_COMMAND)
        .arg(words("interval").short('d').value_name("SECONDS").allow_hyphen_values(true))
        .arg(words("pids").value_name("PID").num_args(1..))
}

fn words(id: &'static str) -> Arg {
    Arg::new(id).value_parser(OsStringValueParser::new())
}

fn policy_options(command: Command) -> Command {
    // `--read -1s` is a bad duration and not an option that nobody knows.
    let value =
        |name: &'static str, value: &'static str| words(name).long(name).value_name(value).allow_hyphen_values(true);
    command
        .args(Class::ALL.map(|class| value(class.name(), "D")))
        .arg(value("resolve", "D"))
        .arg(value("rule", "RULE").action(ArgAction::Append))
        .arg(value("config", "FILE"))
        .arg(Arg::new("observe").long("observe").action(ArgAction::SetTrue))
        .arg(value("log", "WHERE"))
        .arg(
            words("stats")
                .long("stats")
                .value_name("DIR")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("on"),
        )
}

/// The options that `run` and `policy` share.
pub fn options(matches: &ArgMatches) -> Options {
    let one = |name: &str| matches.get_one::<OsString>(name).cloned();
    Options {
        shorthands: Class::ALL.map(|class| one(class.name())),
        rules: matches.get_many::<OsString>("rule").into_iter().flatten().cloned().collect(),
        config: one("config"),
        observe: matches.get_flag("observe"),
        log: one("log"),
        stats: one("stats"),
        resolve: one("resolve"),
    }
}

/// Every `--explain`, with `to` or `on` before it.
pub fn questions(matches: &ArgMatches) -> Result<Vec<Question>, String> {
    let side = if matches.get_flag("on") { Side::On } else { Side::To };
    let mut questions = Vec::new();
    for values in matches.get_occurrences::<OsString>("explain").into_iter().flatten() {
        let values: Vec<_> = values.collect();
        questions.push(match values.as_slice() {
            [address] => Question { side, address: (*address).clone() },
            [word, address] if *word == "to" => Question { side: Side::To, address: (*address).clone() },
            [word, address] if *word == "on" => Question { side: Side::On, address: (*address).clone() },
            _ => return Err(String::from("--explain takes one address, or `to` or `on` and an address")),
        });
    }
    Ok(questions)
}
