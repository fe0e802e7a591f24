//! Lives of connections put together from trace events. The same machine as src/bpf/trace.bpf.c, with less to go by.

use std::collections::HashMap;

use super::super::ending::{self, Ending};
use super::super::life::{self, Life, Side, State};
use super::super::source::Whose;
use super::tasks::Tasks;

/// What an event says.
#[derive(Clone, Copy, Debug)]
pub enum Happened {
    Changed {
        /// The address of the kernel's object: a key and nothing else.
        socket: u64,
        tid: u32,
        interrupts: bool,
        old: State,
        new: State,
        family: u16,
        local: ([u8; 16], u16),
        remote: ([u8; 16], u16),
    },
    ConnectEntered {
        tid: u32,
    },
    ConnectReturned {
        tid: u32,
        errno: i32,
    },
    SentAgain {
        socket: u64,
    },
    Reset {
        socket: u64,
    },
    Began {
        parent: u32,
        child: u32,
        /// It is another thread of its parent's process.
        thread: bool,
        comm: [u8; 16],
    },
    Renamed {
        tid: u32,
        comm: [u8; 16],
    },
}

/// A connection that is open, or whose connect() has not returned.
struct Open {
    life: Life,
    wanted: bool,
    reset: bool,
    /// The thread whose connect() sent the SYN, until that returns.
    calling: Option<u32>,
}

/// All that are followed.
pub struct Follow {
    whose: Whose,
    limit: usize,
    open: HashMap<u64, Open>,
    /// connect() calls under way, and the socket that each was seen to begin with.
    calls: HashMap<u32, Option<u64>>,
    tasks: Tasks,
    /// Is it told what was sent again?
    pub counts: bool,
    /// Connections for which there was no room.
    pub full: u64,
    /// Those that had begun before.
    pub older: u64,
}

impl Follow {
    pub fn new(whose: Whose, limit: usize) -> Follow {
        let tasks = Tasks::new(&whose);
        Follow { whose, limit, open: HashMap::new(), calls: HashMap::new(), tasks, counts: false, full: 0, older: 0 }
    }

    fn wants(&self, tid: u32) -> bool {
        match &self.whose {
            Whose::Everyones => true,
            Whose::Process(_) => self.tasks.is_followed(tid),
            Whose::Named(name) => self.tasks.is_named(tid, name),
        }
    }

    /// Take an event into account; tell of the connection that it ends.
    pub fn happened(&mut self, time: u64, happened: Happened, tell: &mut dyn FnMut(Life)) {
        match happened {
            Happened::Began { parent, child, thread, comm } => self.tasks.began(parent, child, thread, comm),
            Happened::Renamed { tid, comm } => self.tasks.renamed(tid, comm),
            Happened::ConnectEntered { tid } => {
                // As many as there may be threads in it; one whose end was lost makes room again.
                if self.calls.len() >= self.limit {
                    self.calls.clear();
                }
                self.calls.insert(tid, None);
            }
            Happened::ConnectReturned { tid, errno } => {
                let Some(socket) = self.calls.remove(&tid).flatten() else { return };
                let Some(open) = self.open.get_mut(&socket).filter(|open| open.calling == Some(tid)) else { return };
                (open.calling, open.life.connect) = (None, Some(errno));
                if open.life.ended.is_some() {
                    self.finish(socket, tell);
                }
            }
            Happened::SentAgain { socket } => {
                if let Some(open) = self.open.get_mut(&socket) {
                    open.life.retransmits = open.life.retransmits.map(|count| count + 1);
                }
            }
            Happened::Reset { socket } => {
                if let Some(open) = self.open.get_mut(&socket) {
                    open.reset = true;
                }
            }
            Happened::Changed { .. } => self.changed(time, happened, tell),
        }
    }

    fn changed(&mut self, time: u64, happened: Happened, tell: &mut dyn FnMut(Life)) {
        let Happened::Changed { socket, tid, interrupts, old, new, family, local, remote } = happened else { return };
        if new == State::LISTEN || (old == State::LISTEN && new == State::CLOSE) {
            return;
        }
        if old == State::CLOSE || old == State::LISTEN {
            return self.begin(time, &happened);
        }
        let process = matches!(new, State::FIN_WAIT1 | State::LAST_ACK);
        let claims = process && self.open.get(&socket).is_some_and(|open| open.life.tid.is_none()) && self.wants(tid);
        let Some(open) = self.open.get_mut(&socket) else {
            self.older += u64::from(new == State::CLOSE && matches!(self.whose, Whose::Everyones));
            return;
        };
        let life = &mut open.life;
        if process && life.tid.is_none() {
            self.tasks.name(life, tid);
            open.wanted |= claims;
        }
        if new == State::ESTABLISHED {
            life.established = Some(time);
        }
        if new == State::ESTABLISHED || life.local.port() == 0 {
            life.local = life::address(family, local.0, local.1);
            life.remote = life::address(family, remote.0, remote.1);
        }
        if new != State::CLOSE {
            life.states.push(new);
            life.states.truncate(16);
            return;
        }
        life.ended = Some(time);
        // The error is not told. A reset is an event; what else comes in an interrupt is a timer, or a router's word.
        life.error = match (open.reset, old) {
            (true, State::SYN_SENT) => Some(libc::ECONNREFUSED),
            (true, _) => Some(libc::ECONNRESET),
            (false, State::SYN_SENT | State::ESTABLISHED | State::CLOSE_WAIT) if interrupts && again(life) => {
                Some(libc::ETIMEDOUT)
            }
            _ => None,
        };
        life.ending = match (life.error, old) {
            (None, State::SYN_SENT) if interrupts => Ending::Unknown,
            _ => ending::of(life, old, false, false),
        };
        if open.calling.is_none() {
            self.finish(socket, tell);
        }
    }

    fn begin(&mut self, time: u64, happened: &Happened) {
        let Happened::Changed { socket, tid, new, family, local, remote, .. } = *happened else { return };
        let accepted = new == State::SYN_RECV;
        let wanted = if accepted { matches!(self.whose, Whose::Everyones) } else { self.wants(tid) };
        if !accepted && !wanted {
            return;
        }
        if self.open.len() >= self.limit {
            self.full += 1;
            return;
        }
        let mut life = Life {
            cookie: None,
            side: if accepted { Side::Accepted } else { Side::Connected },
            pid: None,
            tid: None,
            comm: Vec::new(),
            netns: None,
            local: life::address(family, local.0, local.1),
            remote: life::address(family, remote.0, remote.1),
            began: time,
            established: None,
            ended: None,
            states: vec![new],
            connect: None,
            retransmits: self.counts.then_some(0),
            rtt_us: None,
            sent: None,
            received: None,
            ending: Ending::Open,
            error: None,
        };
        let mut calling = None;
        if !accepted {
            self.tasks.name(&mut life, tid);
            if let Some(call) = self.calls.get_mut(&tid) {
                *call = Some(socket);
                calling = Some(tid);
            }
        }
        self.open.insert(socket, Open { life, wanted, reset: false, calling });
    }

    fn finish(&mut self, socket: u64, tell: &mut dyn FnMut(Life)) {
        if let Some(open) = self.open.remove(&socket).filter(|open| open.wanted) {
            tell(open.life);
        }
    }

    /// Those that are wanted and open.
    pub fn open(&self) -> Vec<Life> {
        self.open.values().filter(|open| open.wanted).map(|open| open.life.clone()).collect()
    }

    /// Are there none?
    pub fn is_idle(&self) -> bool {
        !self.open.values().any(|open| open.wanted)
    }
}

fn again(life: &Life) -> bool {
    life.retransmits.is_some_and(|count| count > 0)
}
