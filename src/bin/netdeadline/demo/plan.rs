//! Which client runs against which fault, and how each child is started.
//!
//! A child without a deadline must not inherit one, and no child may be sent to a proxy: both would make the table lie.

use super::faults::{Fault, Faults};
use super::{watch, DEADLINE};
use crate::library;
use std::env;
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// A program that talks to the faults.
#[derive(Clone)]
pub enum Client {
    /// This very command.
    BuiltIn(PathBuf),
    /// curl, where it is installed.
    Curl,
    /// The interpreter itself rather than a wrapper that a version manager put before it.
    Python(PathBuf),
}

impl Client {
    /// As the table calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Client::BuiltIn(_) => "built-in",
            Client::Curl => "curl",
            Client::Python(_) => "python3",
        }
    }

    fn command(&self, fault: Fault, address: SocketAddr) -> Command {
        let upload = fault == Fault::ZeroWindow;
        match self {
            Client::BuiltIn(this) => {
                let mut command = Command::new(this);
                command.args(["demo", "--client", if upload { "upload" } else { "get" }, &address.to_string()]);
                command
            }
            Client::Curl => {
                let mut command = Command::new("curl");
                // -q: no .curlrc, which may hold a timeout. Without "Expect:" curl would wait a second before it uploads.
                command.args(["-q", "-sS"]);
                if upload {
                    command.args(["-T", "/dev/zero", "-H", "Expect:"]);
                }
                command.arg(format!("http://{address}/"));
                command
            }
            Client::Python(interpreter) => {
                let mut command = Command::new(interpreter);
                let (ip, port) = (address.ip(), address.port());
                command.arg("-c").arg(if upload {
                    format!("import socket; socket.create_connection(('{ip}', {port})).sendall(bytes(1 << 26))")
                } else {
                    format!("import urllib.request; urllib.request.urlopen('http://{ip}:{port}/').read()")
                });
                command
            }
        }
    }
}

/// One line of the table: a client and a fault.
pub struct Pair {
    /// The peer.
    pub fault: Fault,
    /// The program.
    pub client: Client,
    address: SocketAddr,
}

/// Everything that will run.
pub struct Plan {
    /// The lines of the table, in order.
    pub pairs: Vec<Pair>,
    /// Clients that are left out: what they are, and why.
    pub missing: Vec<&'static str>,
    /// The shared object that is preloaded.
    pub library: PathBuf,
    /// LD_PRELOAD of the protected clients: the library, then what the user preloads.
    preload: OsString,
}

impl Plan {
    /// Finds the library and the clients.
    pub fn make(faults: &Faults) -> Result<Plan, String> {
        let this = env::current_exe().map_err(|error| format!("cannot find my own executable: {error}"))?;
        let library = library::find().map_err(|failure| failure.message)?;
        let preload = library::preload(&library, Some(&others())).map_err(|failure| failure.message)?;
        let (mut clients, mut missing) = (Vec::new(), Vec::new());
        match cfg!(target_feature = "crt-static") {
            false => clients.push(Client::BuiltIn(this)),
            true => missing.push("the built-in client is static, as this command is, and takes no preload"),
        }
        match watch::output(neutral(Command::new("curl")).arg("--version")) {
            Some(_) => clients.push(Client::Curl),
            None => missing.push("curl is not installed"),
        }
        match watch::output(neutral(Command::new("python3")).args(["-c", "import sys; print(sys.executable)"])) {
            Some(path) if !path.trim().is_empty() => clients.push(Client::Python(path.trim().into())),
            _ => missing.push("python3 is not installed"),
        }
        if clients.is_empty() {
            return Err(format!("there is no client to show: {}", missing.join("; ")));
        }
        let pairs = Fault::ALL
            .iter()
            .flat_map(|fault| clients.iter().map(|client| (*fault, client.clone())))
            .map(|(fault, client)| Pair { fault, client, address: faults.address(fault) })
            .collect();
        Ok(Plan { pairs, missing, library, preload })
    }

    /// Two children for each pair: first without, then with a deadline.
    pub fn starts(&self) -> Vec<watch::Start> {
        let mut starts = Vec::new();
        for pair in &self.pairs {
            let alone = neutral(pair.client.command(pair.fault, pair.address));
            let mut protected = neutral(pair.client.command(pair.fault, pair.address));
            protected.env("LD_PRELOAD", &self.preload);
            protected.env(variable(pair.fault), seconds(DEADLINE)).env("NETDEADLINE_LOG", "stderr");
            starts.push(watch::Start { command: alone, patience: super::WATCH });
            starts.push(watch::Start { command: protected, patience: super::LATEST });
        }
        starts
    }
}

/// The variable that sets the class made for this fault.
pub fn variable(fault: Fault) -> String {
    format!("NETDEADLINE_{}", fault.class().to_uppercase())
}

/// A whole number of seconds as the grammar writes it.
pub fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}

/// LD_PRELOAD as it is, without any copy of ourselves.
fn others() -> OsString {
    let Some(list) = env::var_os("LD_PRELOAD") else { return OsString::new() };
    let Some(list) = list.to_str() else { return list };
    let kept: Vec<&str> =
        list.split([':', ' ']).filter(|one| !one.is_empty() && !one.contains("libnetdeadline.so")).collect();
    kept.join(":").into()
}

/// Takes our own variables and every proxy out of a child's environment.
fn neutral(mut command: Command) -> Command {
    let proxy = |name: &OsStr| name.to_str().is_some_and(|name| name.to_ascii_lowercase().ends_with("_proxy"));
    let ours = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with("NETDEADLINE_"));
    for (name, _) in env::vars_os().filter(|(name, _)| proxy(name) || ours(name)) {
        command.env_remove(name);
    }
    match others() {
        rest if rest.is_empty() => command.env_remove("LD_PRELOAD"),
        rest => command.env("LD_PRELOAD", rest),
    };
    // The messages are shown to the user next to each other: one language.
    command.env("LC_ALL", "C");
    command
}
