//! `netdeadline trace`: the lives of TCP connections, of any process, with nothing preloaded.
//!
//! This file is the flow: a source (bpf.rs, or tracefs/ where there is no BPF), the process that is watched, rows as connections
//! end, a summary at last. What a life is, how it is shown and what the kernel must permit have their own files. Nothing is
//! ever read of what connections carry.

mod bpf;
mod clock;
mod deadline;
mod ending;
mod errno;
mod json;
mod life;
mod permit;
mod process;
mod request;
mod row;
mod signals;
mod source;
mod spread;
mod summary;
mod tracefs;
mod wire;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use self::deadline::Expiries;
use self::life::Life;
use self::process::Process;
use self::signals::Signals;
use self::source::{Lost, Source, Whose};
use self::summary::Summary;
use crate::error::Failure;
use crate::text;

pub use self::request::{Request, Target};

/// How often the source is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long connections of a process that has ended may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Traces until Ctrl-C, or until the process that is watched ends. Returns the exit code: the command's own, if there is one.
pub fn main(request: &Request) -> Result<u8, Failure> {
    let signals = Signals::hold().map_err(|error| Failure::own(format!("signalfd: {}", text::reason(&error))))?;
    let (whose, mut process) = match &request.target {
        Target::Everyone => (Whose::Everyones, None),
        Target::Named(name) => (Whose::Named(name.clone()), None),
        Target::Process(pid) => (Whose::Process(*pid), Some(Process::there(*pid)?)),
        // What we start is followed because we are: there is no moment between its start and its being followed.
        Target::Command(_) => (Whose::Process(std::process::id()), None),
    };
    let sizes = bpf::Sizes { buffer: request.buffer, connections: request.connections };
    let (mut source, warnings): (Box<dyn Source>, _) = if request.tracefs {
        let (source, warnings) = tracefs::Tracefs::start(&whose, sizes).map_err(Failure::own)?;
        (Box::new(source), warnings)
    } else {
        let (source, warnings) = bpf::Bpf::start(&whose, sizes).map_err(Failure::own)?;
        (Box::new(source), warnings)
    };
    for warning in warnings {
        tell(&warning);
    }
    let mut out = Out::open(request)?;
    out.head()?;
    if let Target::Command(words) = &request.target {
        let (command, arguments) = words.split_first().ok_or_else(|| Failure::own("no command"))?;
        process = Some(Process::start(command, arguments, &signals)?);
    }
    let is_command = matches!(request.target, Target::Command(_));
    watch(source.as_mut(), &mut out, &signals, process.as_ref(), is_command)?;
    out.finish(source.as_mut())?;
    Ok(process.map_or(0, |mut process| process.code()))
}

/// A line on stderr.
fn tell(words: &str) {
    let _ = writeln!(io::stderr(), "netdeadline: {words}");
}

/// Until the end of the process, or of the operator's patience.
fn watch(
    source: &mut dyn Source,
    out: &mut Out,
    signals: &Signals,
    process: Option<&Process>,
    is_command: bool,
) -> Result<(), Failure> {
    let mut said = Lost::default();
    let mut looked = Instant::now();
    let mut ended = None;
    loop {
        out.take(source)?;
        // Nobody reads any more (`| head`). A command is not to suffer from that.
        if out.unread && !is_command {
            return Ok(());
        }
        while let Some(signal) = signals.next() {
            match process {
                // Ctrl-C reaches the command as well. It decides what follows; what is sent to us alone is passed on.
                Some(process) if is_command && signal != libc::SIGINT => process.signal(signal),
                Some(_) if is_command => {}
                _ => return Ok(()),
            }
        }
        if looked.elapsed() > Duration::from_secs(1) {
            looked = Instant::now();
            let lost = source.lost();
            if let Some(words) =
                summary::lost_words(&lost).filter(|_| lost.any() && Lost { older: said.older, ..lost } != said)
            {
                tell(&words);
            }
            said = lost;
        }
        // Sockets outlive their process until the peer has agreed.
        match ended {
            Some(since) if source.is_idle() || Instant::elapsed(&since) > GOODBYE => return Ok(()),
            Some(_) => wait(&[source.descriptor(), Some(signals.descriptor())]),
            None => {
                let woken = wait(&[source.descriptor(), Some(signals.descriptor()), process.map(Process::descriptor)]);
                if woken[2] {
                    ended = Some(Instant::now());
                }
                woken
            }
        };
    }
}

/// Which of the descriptors are readable, at the latest after a look's time.
fn wait(descriptors: &[Option<RawFd>]) -> [bool; 3] {
    let mut polled = [libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 }; 3];
    for (polled, fd) in polled.iter_mut().zip(descriptors) {
        polled.fd = fd.unwrap_or(-1);
    }
    // SAFETY: the array is ours and has three places. Descriptor -1 is skipped.
    unsafe { libc::poll(polled.as_mut_ptr(), 3, LOOK.as_millis() as i32) };
    polled.map(|polled| polled.revents != 0)
}

/// Where rows and the summary go, and what is summed up on the way.
struct Out {
    to: Box<dyn Write>,
    json: bool,
    /// Connects that took less are not shown, though counted.
    slow: Option<u64>,
    summary: Summary,
    expiries: Expiries,
    since: u64,
    /// The reader went away.
    unread: bool,
}

impl Out {
    fn open(request: &Request) -> Result<Out, Failure> {
        let to: Box<dyn Write> = match &request.output {
            Some(file) => match File::create(file) {
                Ok(opened) => Box::new(opened),
                Err(error) => {
                    return Err(Failure::own(format!("--output {}: {}", text::path(file), text::reason(&error))))
                }
            },
            // The command's own output is not to be mixed with ours.
            None if matches!(request.target, Target::Command(_)) => Box::new(io::stderr()),
            None => Box::new(io::stdout()),
        };
        Ok(Out {
            to: Box::new(BufWriter::with_capacity(1 << 16, to)),
            json: request.json,
            slow: request.slow,
            summary: Summary::new(),
            expiries: Expiries::new(),
            since: clock::monotonic(),
            unread: false,
        })
    }

    fn head(&mut self) -> Result<(), Failure> {
        let result = if self.json { Ok(()) } else { writeln!(self.to, "{}", row::head()) };
        self.flushed(result)
    }

    /// What has ended since.
    fn take(&mut self, source: &mut dyn Source) -> Result<(), Failure> {
        let (offset, now) = (clock::offset(), clock::monotonic());
        let mut written = Ok(());
        source
            .drain(&mut |life| {
                let result = self.one(&life, offset, now);
                if written.is_ok() {
                    written = result;
                }
            })
            .map_err(Failure::own)?;
        self.flushed(written)
    }

    fn one(&mut self, life: &Life, offset: u64, now: u64) -> io::Result<()> {
        let expired = self.expiries.of(life, offset);
        self.summary.add(life, expired.as_ref());
        let fast = |slow| life.side == life::Side::Accepted || life.tried_ns(now) < slow;
        if self.unread || self.slow.is_some_and(fast) {
            return Ok(());
        }
        let line = if self.json {
            json::of(life, expired.as_ref(), offset, now)
        } else {
            row::of(life, expired.as_ref(), offset, now)
        };
        writeln!(self.to, "{line}")
    }

    /// Those that are open, and the summary.
    fn finish(&mut self, source: &mut dyn Source) -> Result<(), Failure> {
        self.take(source)?;
        // First looked at, then drained: what ends in between is told twice by neither.
        let open = source.open();
        let mut ended = Vec::new();
        source.drain(&mut |life| ended.push(life)).map_err(Failure::own)?;
        let (offset, now) = (clock::offset(), clock::monotonic());
        let gone: HashSet<_> = ended.iter().map(|life| (life.cookie, life.began)).collect();
        let open = open.iter().filter(|life| !gone.contains(&(life.cookie, life.began)));
        let mut all: Vec<&Life> = ended.iter().chain(open).collect();
        all.sort_by_key(|life| life.ended.unwrap_or(u64::MAX));
        let written = all.into_iter().try_for_each(|life| self.one(life, offset, now));
        self.flushed(written)?;
        let lost = source.lost();
        // The summary says it too, but to a program.
        if let Some(words) = summary::lost_words(&lost).filter(|_| self.json) {
            tell(&words);
        }
        let took = now.saturating_sub(self.since);
        let written = if self.json {
            writeln!(self.to, "{}", json::summary(&self.summary, &lost, took))
        } else {
            write!(self.to, "{}", self.summary.text(&lost, took))
        };
        self.flushed(written)
    }

    /// What was written is to be seen at once.
    fn flushed(&mut self, written: io::Result<()>) -> Result<(), Failure> {
        if self.unread {
            return Ok(());
        }
        match written.and_then(|()| self.to.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.unread = true;
                Ok(())
            }
            Err(error) => Err(Failure::own(format!("cannot write: {}", text::reason(&error)))),
            Ok(()) => Ok(()),
        }
    }
}
