//! Threads, their processes and their names, as the events and /proc have them: a thread may be gone when its record is read.

use std::collections::HashMap;

use super::super::life::Life;
use super::super::source::Whose;

/// So many are remembered. What is forgotten is asked of /proc again.
const KNOWN: usize = 65_536;

struct Task {
    process: u32,
    comm: Vec<u8>,
    /// The process that is wanted, or one that it started.
    followed: bool,
}

/// Those that were seen.
pub struct Tasks {
    known: HashMap<u32, Task>,
}

impl Tasks {
    pub fn new(whose: &Whose) -> Tasks {
        let mut tasks = Tasks { known: HashMap::new() };
        if let Whose::Process(pid) = whose {
            let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            for tid in entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
                let comm = name(tid).unwrap_or_default();
                tasks.known.insert(tid, Task { process: *pid, comm, followed: true });
            }
        }
        tasks
    }

    pub fn began(&mut self, parent: u32, child: u32, thread: bool, comm: [u8; 16]) {
        let parent_ = self.known.get(&parent);
        let followed = parent_.is_some_and(|parent| parent.followed);
        let process =
            if thread { parent_.map(|parent| parent.process).or_else(|| process(parent)) } else { Some(child) };
        if self.known.len() >= KNOWN {
            self.known.retain(|_, task| task.followed);
        }
        if self.known.len() < KNOWN {
            let process = process.unwrap_or(parent);
            self.known.insert(child, Task { process, comm: until_nul(&comm), followed });
        }
    }

    pub fn renamed(&mut self, tid: u32, comm: [u8; 16]) {
        if let Some(task) = self.known.get_mut(&tid) {
            task.comm = until_nul(&comm);
        }
    }

    pub fn is_followed(&self, tid: u32) -> bool {
        self.known.get(&tid).is_some_and(|task| task.followed)
    }

    /// Is that the thread's name, or its process's?
    pub fn is_named(&self, tid: u32, wanted: &[u8]) -> bool {
        let is = |tid| self.comm(tid).is_some_and(|comm| comm == wanted);
        is(tid) || self.process(tid).is_some_and(is)
    }

    /// Say whose the connection is.
    pub fn name(&self, life: &mut Life, tid: u32) {
        life.tid = Some(tid);
        life.pid = self.process(tid);
        life.comm = self.comm(tid).unwrap_or_default();
    }

    fn process(&self, tid: u32) -> Option<u32> {
        self.known.get(&tid).map(|task| task.process).or_else(|| process(tid))
    }

    fn comm(&self, tid: u32) -> Option<Vec<u8>> {
        self.known.get(&tid).map(|task| task.comm.clone()).or_else(|| name(tid))
    }
}

fn until_nul(comm: &[u8]) -> Vec<u8> {
    comm.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

/// The process of a thread that is alive.
fn process(tid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

fn name(tid: u32) -> Option<Vec<u8>> {
    let name = std::fs::read(format!("/proc/{tid}/comm")).ok()?;
    Some(name.strip_suffix(b"\n").unwrap_or(&name).to_vec())
}
