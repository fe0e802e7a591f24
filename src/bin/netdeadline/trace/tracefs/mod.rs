//! The trace events of the kernel as a source of connections: without BPF, and so without BTF and its capabilities.
//!
//! Less is known: no bytes, no cookie and so no deadline, and the owner of an accepted connection only where it closes it. This
//! file reads and puts records into their order; lives are put together in follow.rs.

mod follow;
mod format;
mod instance;
mod page;
mod tasks;

use std::os::fd::RawFd;

use self::follow::{Follow, Happened};
use self::format::{Field, Format};
use self::instance::Instance;
use super::bpf::Sizes;
use super::clock;
use super::life::{Life, State};
use super::permit;
use super::source::{Lost, Source, Whose};

/// Records younger than this wait for the next look: another CPU's that came before may not be readable yet.
const SETTLED: u64 = 2_000_000;

/// The instance, what its records look like, and what became of them.
pub struct Tracefs {
    instance: Instance,
    shapes: Vec<Shape>,
    waiting: Vec<(u64, Happened)>,
    follow: Follow,
}

/// An event and where its fields lie.
struct Shape {
    id: u64,
    read: Reader,
}

type Reader = Box<dyn Fn(&[u8]) -> Option<Happened>>;

impl Tracefs {
    /// Begin. Beside the source: what the operator should know of what is missing.
    pub fn start(whose: &Whose, sizes: Sizes) -> Result<(Tracefs, Vec<String>), String> {
        let tracefs = permit::tracefs().ok_or(
            "tracefs is not mounted on /sys/kernel/tracing (`sudo mount -t tracefs tracefs /sys/kernel/tracing`)",
        )?;
        let instance = Instance::make(tracefs, sizes.buffer)?;
        let mut warnings = Vec::new();
        let mut shapes = Vec::new();
        let mut counts = false;
        let mut add = |event: &str, reader: fn(&Format) -> Option<Reader>| -> Result<(), String> {
            let format = instance.enable(event)?;
            let read = reader(&format).ok_or_else(|| format!("the fields of {event} are not those that are known"))?;
            shapes.push(Shape { id: format.id, read });
            Ok(())
        };
        for (event, reader, without) in [
            ("task/task_newtask", began as fn(&Format) -> Option<Reader>, "what a process starts is not followed"),
            ("task/task_rename", renamed, "a new process has its parent's name"),
            ("syscalls/sys_exit_connect", connect_returned, "no EINPROGRESS column"),
            ("syscalls/sys_enter_connect", connect_entered, "no EINPROGRESS column"),
            ("tcp/tcp_retransmit_skb", sent_again, "no retransmits"),
            ("tcp/tcp_receive_reset", was_reset, "a reset is not told from other ends"),
        ] {
            match add(event, reader) {
                Ok(()) => counts |= event == "tcp/tcp_retransmit_skb",
                Err(why) => warnings.push(format!("{without}: {why}")),
            }
        }
        add("sock/inet_sock_set_state", changed)?;
        warnings.push(
            "without BPF: no bytes, no deadlines, and an accepted connection is of the thread that closes it".into(),
        );
        let mut follow = Follow::new(whose.clone(), sizes.connections as usize);
        follow.counts = counts;
        Ok((Tracefs { instance, shapes, waiting: Vec::new(), follow }, warnings))
    }
}

/// All events begin with the thread in whose time they happened, and how.
struct Common {
    tid: Field,
    flags: Field,
}

impl Common {
    fn of(format: &Format) -> Option<Common> {
        Some(Common { tid: format.field("common_pid")?, flags: format.field("common_flags")? })
    }

    fn tid(&self, record: &[u8]) -> Option<u32> {
        self.tid.number(record).map(|tid| tid as u32)
    }

    /// In an interrupt: the thread has nothing to do with it. linux/trace_events.h, TRACE_FLAG_HARDIRQ and _SOFTIRQ; the latter
    /// is also set where soft interrupts are only held off.
    fn interrupts(&self, record: &[u8]) -> bool {
        self.flags.number(record).is_some_and(|flags| flags & 0x18 != 0)
    }
}

fn changed(format: &Format) -> Option<Reader> {
    let common = Common::of(format)?;
    let field = |name| format.field(name);
    let (socket, old, new) = (field("skaddr")?, field("oldstate")?, field("newstate")?);
    let (family, protocol) = (field("family")?, field("protocol")?);
    let (sport, dport) = (field("sport")?, field("dport")?);
    let (saddr, daddr, saddr6, daddr6) = (field("saddr")?, field("daddr")?, field("saddr_v6")?, field("daddr_v6")?);
    Some(Box::new(move |record| {
        if protocol.number(record)? != libc::IPPROTO_TCP as u64 {
            return None;
        }
        let six = family.number(record)? == libc::AF_INET6 as u64;
        let address = |four: Field, six_: Field| {
            let mut bytes = [0; 16];
            let from = if six { six_ } else { four };
            bytes.iter_mut().zip(from.bytes(record)?).for_each(|(to, from)| *to = *from);
            Some(bytes)
        };
        Some(Happened::Changed {
            socket: socket.number(record)?,
            tid: common.tid(record)?,
            interrupts: common.interrupts(record),
            old: State(old.number(record)? as u8),
            new: State(new.number(record)? as u8),
            family: family.number(record)? as u16,
            // The event has them in the machine's order.
            local: (address(saddr, saddr6)?, (sport.number(record)? as u16).to_be()),
            remote: (address(daddr, daddr6)?, (dport.number(record)? as u16).to_be()),
        })
    }))
}

fn connect_entered(format: &Format) -> Option<Reader> {
    let common = Common::of(format)?;
    Some(Box::new(move |record| Some(Happened::ConnectEntered { tid: common.tid(record)? })))
}

fn connect_returned(format: &Format) -> Option<Reader> {
    let (common, result) = (Common::of(format)?, format.field("ret")?);
    Some(Box::new(move |record| {
        let result = result.number(record)? as i64;
        Some(Happened::ConnectReturned { tid: common.tid(record)?, errno: result.wrapping_neg() as i32 })
    }))
}

fn sent_again(format: &Format) -> Option<Reader> {
    let socket = format.field("skaddr")?;
    Some(Box::new(move |record| Some(Happened::SentAgain { socket: socket.number(record)? })))
}

fn was_reset(format: &Format) -> Option<Reader> {
    let socket = format.field("skaddr")?;
    Some(Box::new(move |record| Some(Happened::Reset { socket: socket.number(record)? })))
}

fn began(format: &Format) -> Option<Reader> {
    let (common, child) = (Common::of(format)?, format.field("pid")?);
    let (flags, comm) = (format.field("clone_flags")?, format.field("comm")?);
    Some(Box::new(move |record| {
        Some(Happened::Began {
            parent: common.tid(record)?,
            child: child.number(record)? as u32,
            thread: flags.number(record)? & libc::CLONE_THREAD as u64 != 0,
            comm: comm.bytes(record)?.try_into().ok()?,
        })
    }))
}

fn renamed(format: &Format) -> Option<Reader> {
    let (tid, comm) = (format.field("pid").or_else(|| format.field("common_pid"))?, format.field("newcomm")?);
    Some(Box::new(move |record| {
        Some(Happened::Renamed { tid: tid.number(record)? as u32, comm: comm.bytes(record)?.try_into().ok()? })
    }))
}

impl Source for Tracefs {
    fn descriptor(&self) -> Option<RawFd> {
        None
    }

    fn drain(&mut self, tell: &mut dyn FnMut(Life)) -> Result<(), String> {
        let before = clock::monotonic().saturating_sub(SETTLED);
        let (shapes, waiting) = (&self.shapes, &mut self.waiting);
        self.instance.pages(&mut |page| {
            page::records(page, &mut |time, record| {
                let Some(id) = record.first_chunk().map(|id| u64::from(u16::from_ne_bytes(*id))) else { return };
                let read = shapes.iter().find(|shape| shape.id == id).and_then(|shape| (shape.read)(record));
                waiting.extend(read.map(|happened| (time, happened)));
            });
        })?;
        // Stable: those of one CPU keep their order.
        self.waiting.sort_by_key(|(time, _)| *time);
        let ready = self.waiting.partition_point(|(time, _)| *time <= before);
        for (time, happened) in self.waiting.drain(..ready) {
            self.follow.happened(time, happened, tell);
        }
        Ok(())
    }

    fn open(&mut self) -> Vec<Life> {
        // What happened just now is to be read before it is said what is open.
        std::thread::sleep(std::time::Duration::from_nanos(2 * SETTLED));
        let mut ended = Vec::new();
        let _ = self.drain(&mut |life| ended.push(life));
        ended.extend(self.follow.open());
        ended
    }

    fn is_idle(&mut self) -> bool {
        self.waiting.is_empty() && self.follow.is_idle()
    }

    fn lost(&mut self) -> Lost {
        Lost {
            events: self.instance.lost(),
            connections: self.follow.full,
            older: self.follow.older,
            ..Lost::default()
        }
    }
}
