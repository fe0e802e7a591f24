//! The BPF programs, loaded and attached, as a source of connections.
//!
//! aya (0.14: what comes after it needs a newer Rust) puts the running kernel's offsets into the committed object and hands it to
//! the kernel; everything is gone again when we are, however we end. What permits it is permit.rs's.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::Path;

use aya::maps::{Array, HashMap, MapData, RingBuf};
use aya::programs::{BtfTracePoint, ProgramError, TracePoint};
use aya::{Btf, Ebpf, EbpfLoader};

use super::life::Life;
use super::permit;
use super::source::{Lost, Source, Whose};
use super::wire::{self, Config, Connection};
use crate::text;

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bpf/trace.bpf.o"));

/// Sizes that an operator may choose.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Bytes of the ring buffer: a power of two, whole pages.
    pub buffer: u32,
    /// Connections that can be followed at a time.
    pub connections: u32,
}

/// The programs at work.
pub struct Bpf {
    /// Holds the programs, and so their links: dropping it detaches them.
    programs: Ebpf,
    events: RingBuf<MapData>,
    connections: HashMap<MapData, u64, Connection>,
    lost: Array<MapData, u64>,
}

impl Bpf {
    /// Load and attach. Beside the source: what the operator should know of what is missing.
    pub fn start(whose: &Whose, sizes: Sizes) -> Result<(Bpf, Vec<String>), String> {
        permit::btf()?;
        permit::capabilities()?;
        let btf = Btf::from_sys_fs()
            .map_err(|error| format!("cannot read this kernel's BTF: {error}; {}", permit::TRACEFS))?;
        let config = config(whose, sizes);
        let mut programs = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global("config", &config, true)
            .map_max_entries("events", sizes.buffer)
            .map_max_entries("connections", sizes.connections)
            // Not to be folded into the code: the tests sow faults by putting another object in its place.
            .load(std::hint::black_box(OBJECT))
            .map_err(|error| permit::refused(&error))?;
        let events = take(&mut programs, "events")?;
        let connections = take(&mut programs, "connections")?;
        let lost = take(&mut programs, "lost")?;
        let events = RingBuf::try_from(events).map_err(|error| permit::refused(&error))?;
        let connections = HashMap::try_from(connections).map_err(|error| permit::refused(&error))?;
        let lost = Array::try_from(lost).map_err(|error| permit::refused(&error))?;
        let mut warnings = Vec::new();
        // Calls first: a connection whose connect() is on its way when its states are already seen would have no answer.
        if let Err(why) = permit::calls().and_then(|()| calls(&mut programs)) {
            warnings.push(why);
        }
        if let Whose::Process(_) = whose {
            for (name, point) in [("forked", "sched_process_fork"), ("freed", "sched_process_free")] {
                raw(&mut programs, name, point, &btf)?;
            }
        }
        // They are run in the order in which they came.
        raw(&mut programs, "state_changed", "inet_sock_set_state", &btf)?;
        raw(&mut programs, "state_changed_again", "inet_sock_set_state", &btf)?;
        Ok((Bpf { programs, events, connections, lost }, warnings))
    }

    /// How often the kernel left a program out because it was running on that CPU already; it says so in fdinfo.
    fn missed(&self) -> u64 {
        let of = |name: &str| -> Option<u64> {
            let program = self.programs.program(name)?;
            let fd = program.fd().ok()?.as_fd().as_raw_fd();
            let info = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(fd.to_string())).ok()?;
            info.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
        };
        // Not of state_changed: what one of the two leaves out the other has seen (trace.bpf.c).
        ["connect_entered", "connect_returned", "accept_returned", "accept4_returned"].into_iter().filter_map(of).sum()
    }

    fn counter(&self, index: u32) -> u64 {
        self.lost.get(&index, 0).unwrap_or_default()
    }
}

fn take(programs: &mut Ebpf, name: &str) -> Result<aya::maps::Map, String> {
    programs.take_map(name).ok_or_else(|| format!("the BPF object has no map {name}"))
}

fn config(whose: &Whose, sizes: Sizes) -> Config {
    let (device, inode) = permit::pid_namespace();
    let mut config = Config {
        mode: wire::EVERYONE,
        pid: 0,
        namespace_device: device,
        namespace_inode: inode,
        wake: u64::from(sizes.buffer) / 8,
        name: [0; 16],
    };
    match whose {
        Whose::Everyones => {}
        Whose::Process(pid) => (config.mode, config.pid) = (wire::PROCESS, *pid),
        Whose::Named(name) => {
            config.mode = wire::NAME;
            // The kernel keeps 15 bytes of a name.
            config.name.iter_mut().take(15).zip(name).for_each(|(to, from)| *to = *from);
        }
    }
    config
}

fn raw(programs: &mut Ebpf, name: &str, point: &str, btf: &Btf) -> Result<(), String> {
    let program = programs.program_mut(name).ok_or_else(|| format!("the BPF object has no program {name}"))?;
    let program: &mut BtfTracePoint = program.try_into().map_err(|error: ProgramError| error.to_string())?;
    program.load(point, btf).and_then(|()| program.attach()).map_err(|error| permit::refused(&error))?;
    Ok(())
}

fn calls(programs: &mut Ebpf) -> Result<(), String> {
    for (name, point) in [
        // The last first: who is found in `calls` by its exit has entered under our eyes.
        ("connect_returned", "sys_exit_connect"),
        ("connect_entered", "sys_enter_connect"),
        ("accept_returned", "sys_exit_accept"),
        ("accept4_returned", "sys_exit_accept4"),
    ] {
        let program = programs.program_mut(name).ok_or_else(|| format!("the BPF object has no program {name}"))?;
        let program: &mut TracePoint = program.try_into().map_err(|error: ProgramError| error.to_string())?;
        let attached = program.load().and_then(|()| program.attach("syscalls", point));
        attached.map_err(|error| permit::without_calls(&permit::chain(&error)))?;
    }
    Ok(())
}

impl Source for Bpf {
    fn descriptor(&self) -> Option<RawFd> {
        Some(self.events.as_raw_fd())
    }

    fn drain(&mut self, tell: &mut dyn FnMut(Life)) -> Result<(), String> {
        while let Some(record) = self.events.next() {
            match Connection::read(&record) {
                Some(connection) => tell(Life::of(&connection)),
                None => return Err(format!("a record of {} bytes in the ring buffer", record.len())),
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Vec<Life> {
        let wanted = |c: &Connection| c.flags & wire::WANTED != 0 && c.flags & wire::ENDED == 0;
        // Others come and go meanwhile: the kernel may tell one twice, or begin anew when the one we stood on is gone.
        let mut found = std::collections::BTreeMap::new();
        for (cookie, connection) in self.connections.iter().flatten().filter(|(_, c)| wanted(c)) {
            found.insert(cookie, connection);
        }
        found.values().map(Life::of).collect()
    }

    fn lost(&mut self) -> Lost {
        Lost {
            events: self.counter(wire::LOST_EVENTS),
            connections: self.counter(wire::LOST_CONNECTIONS),
            accepted: self.counter(wire::LOST_ACCEPTED),
            calls: self.counter(wire::LOST_CALLS),
            missed: self.missed(),
            older: self.counter(wire::OLDER),
        }
    }
}

/// For a terminal: what aya says may span lines.
pub fn one_line(words: &str) -> String {
    text::printable(words.split_whitespace().collect::<Vec<_>>().join(" ").as_bytes())
}
