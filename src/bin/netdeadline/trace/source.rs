//! Where connections are learnt from: the one thing that bpf.rs and tracefs/ have in common.

use std::os::fd::RawFd;

use super::life::Life;

/// What could not be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lost {
    /// Connections that ended and found no room on their way to us, or records that were overwritten.
    pub events: u64,
    /// Connections that found no room in the table.
    pub connections: u64,
    /// Those that came in, of whichever process, and found none.
    pub accepted: u64,
    /// connect() calls that found none: their connections are told without what connect() answered.
    pub calls: u64,
    /// Calls at which the kernel did not run our program, since it was running already.
    pub missed: u64,
    /// Not lost: connections that ended and had begun before us.
    pub older: u64,
}

impl Lost {
    /// Is anything lost at all?
    pub fn any(&self) -> bool {
        Lost { older: 0, ..*self } != Lost::default()
    }
}

/// A source of connections.
pub trait Source {
    /// A descriptor that becomes readable when the source wants to be drained early.
    fn descriptor(&self) -> Option<RawFd>;
    /// Tell of each connection that has ended since.
    fn drain(&mut self, tell: &mut dyn FnMut(Life)) -> Result<(), String>;
    /// Those that are open.
    fn open(&mut self) -> Vec<Life>;
    /// How many wanted ones are open; cheaper.
    fn is_idle(&mut self) -> bool {
        self.open().is_empty()
    }
    /// What was lost so far.
    fn lost(&mut self) -> Lost;
}

/// Whose connections are wanted.
#[derive(Clone, Debug)]
pub enum Whose {
    Everyones,
    /// A process, and what it starts from now on.
    Process(u32),
    /// Threads of this name, and all threads of processes of this name.
    Named(Vec<u8>),
}
