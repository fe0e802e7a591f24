//! Epoll sets: level- and edge-triggered, one-shot, nested, and registrations that outlive their number.

use super::{memory, File, FileId, State};
use std::collections::BTreeMap;

/// What is registered for one (number, file).
#[derive(Clone, Copy)]
pub struct Interest {
    /// The events asked for, with the modes.
    pub events: u32,
    /// The program's data.
    pub data: u64,
    /// The announcement that was reported last (edge-triggered).
    seen: Option<u64>,
    /// A one-shot that was reported.
    spent: bool,
}

/// An epoll set.
#[derive(Default)]
pub struct Epoll {
    /// By number and file, as Linux keys them.
    pub entries: BTreeMap<(i32, FileId), Interest>,
    /// Which entry is looked at first: each answer begins behind the last one's end.
    turn: usize,
}

const MODES: u32 = (libc::EPOLLET | libc::EPOLLONESHOT | libc::EPOLLEXCLUSIVE) as u32;
const UNASKED: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;

impl State {
    fn epoll(&mut self, epfd: i32) -> Result<(FileId, &mut Epoll), i32> {
        match self.file(epfd)? {
            (id, File::Epoll(epoll)) => Ok((id, epoll)),
            _ => Err(libc::EINVAL),
        }
    }

    fn reportable(&self, key: &(i32, FileId), interest: &Interest) -> u32 {
        let edge_triggered = interest.events & libc::EPOLLET as u32 != 0;
        if interest.spent || edge_triggered && interest.seen == Some(self.edge(key.1)) {
            return 0;
        }
        self.ready(key.1) & (interest.events & !MODES | UNASKED)
    }

    /// An epoll fd is readable when it has something to report.
    pub fn epoll_ready(&self, epoll: &Epoll) -> u32 {
        let any = epoll.entries.iter().any(|(key, interest)| self.reportable(key, interest) != 0);
        if any {
            libc::POLLIN as u32
        } else {
            0
        }
    }

    /// epoll_ctl(2).
    pub fn epoll_ctl(&mut self, epfd: i32, operation: i32, fd: i32, event: usize) -> Result<usize, i32> {
        let file = self.file(fd)?.0;
        let event: Option<libc::epoll_event> = memory::load_as(event);
        let entries = &mut self.epoll(epfd)?.1.entries;
        let known = entries.contains_key(&(fd, file));
        match operation {
            libc::EPOLL_CTL_DEL => {
                entries.remove(&(fd, file)).ok_or(libc::ENOENT)?;
            }
            libc::EPOLL_CTL_ADD if known => return Err(libc::EEXIST),
            libc::EPOLL_CTL_MOD if !known => return Err(libc::ENOENT),
            _ => {
                let event = event.ok_or(libc::EFAULT)?;
                if entries.get(&(fd, file)).is_some_and(|i| i.events & libc::EPOLLEXCLUSIVE as u32 != 0) {
                    return Err(libc::EINVAL);
                }
                let interest = Interest { events: event.events, data: event.u64, seen: None, spent: false };
                entries.insert((fd, file), interest);
            }
        }
        Ok(0)
    }

    /// /proc/self/fdinfo of a set (fs/eventpoll.c, ep_show_fdinfo). Of a one-shot that was reported only the modes are left.
    pub fn epoll_shown(&mut self, epfd: i32) -> Result<String, i32> {
        let (_, epoll) = self.epoll(epfd).map_err(|_| libc::ENOENT)?;
        let mut text = String::from("pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t1058\n");
        for ((fd, file), interest) in &epoll.entries {
            let events = if interest.spent { interest.events & MODES } else { interest.events };
            let data = interest.data;
            text += &format!("tfd: {fd:8} events: {events:8x} data: {data:16x}  pos:0 ino:{file:x} sdev:8\n");
        }
        Ok(text)
    }

    /// What a wait would report now, at most `room` events; they count as reported. Nothing: not ready.
    pub fn epoll_take(&mut self, set: FileId, room: usize) -> Vec<libc::epoll_event> {
        let Some(File::Epoll(epoll)) = self.files.get(&set) else { return Vec::new() };
        let keys: Vec<_> = epoll.entries.keys().copied().collect();
        let first = epoll.turn % keys.len().max(1);
        let mut events = Vec::new();
        let mut turn = first;
        for i in (first..keys.len()).chain(0..first) {
            let key = keys[i];
            let Some(File::Epoll(epoll)) = self.files.get(&set) else { break };
            let interest = epoll.entries[&key];
            let bits = self.reportable(&key, &interest);
            if bits == 0 || events.len() == room {
                continue;
            }
            events.push(libc::epoll_event { events: bits, u64: interest.data });
            turn = i + 1;
            let edge = self.edge(key.1);
            if let Some(File::Epoll(epoll)) = self.files.get_mut(&set) {
                let interest = epoll.entries.get_mut(&key).expect("just seen");
                interest.seen = Some(edge);
                interest.spent = interest.events & libc::EPOLLONESHOT as u32 != 0;
            }
        }
        if let Some(File::Epoll(epoll)) = self.files.get_mut(&set) {
            epoll.turn = turn;
        }
        events
    }
}
