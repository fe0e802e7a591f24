//! The four broken peers, each a listener on 127.0.0.1 with a port of the kernel's choice.
//!
//! What breaks a client is here; who the clients are is not. Every connection is kept open for as long as the demo lives:
//! a peer that closes would end the hang that the demo shows.
//!
//! # Safety
//! The one unsafe call is `listen` on a socket that this file owns; it takes no pointer.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

/// What is wrong with a peer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SYNs go unanswered.
    BlackHole,
    /// Takes the request and says nothing.
    Silent,
    /// Sends the head and a part of the body, then nothing.
    HalfAnswer,
    /// Never reads: its window closes and the client cannot send on.
    ZeroWindow,
}

impl Fault {
    /// In the order of a connection's life.
    pub const ALL: [Fault; 4] = [Fault::BlackHole, Fault::Silent, Fault::HalfAnswer, Fault::ZeroWindow];

    /// Three words at most, for the table.
    pub fn name(self) -> &'static str {
        match self {
            Fault::BlackHole => "black hole",
            Fault::Silent => "silent server",
            Fault::HalfAnswer => "half an answer",
            Fault::ZeroWindow => "zero window",
        }
    }

    /// The class of deadline that is made for this fault.
    pub fn class(self) -> &'static str {
        match self {
            Fault::BlackHole => "connect",
            Fault::Silent => "response",
            Fault::HalfAnswer => "read",
            Fault::ZeroWindow => "write",
        }
    }
}

/// The running peers. Dropping it closes the black hole; the threads of the others end with the process.
pub struct Faults {
    addresses: [SocketAddr; 4],
    _black_hole: (TcpListener, Vec<TcpStream>),
}

impl Faults {
    /// Starts all four.
    pub fn start() -> io::Result<Faults> {
        let (hole, fillers) = black_hole()?;
        let silent = listener()?;
        let half = listener()?;
        let zero = listener()?;
        let addresses = [hole.local_addr()?, silent.local_addr()?, half.local_addr()?, zero.local_addr()?];
        serve(silent, |stream| drop(request(stream)));
        serve(half, |stream| {
            if request(stream).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nThis is the first half of");
            }
        });
        // Default buffers: tiny ones let the client's kernel push a few bytes more after seconds, which is progress.
        serve(zero, |_| {});
        Ok(Faults { addresses, _black_hole: (hole, fillers) })
    }

    /// Where to find one.
    pub fn address(&self, fault: Fault) -> SocketAddr {
        self.addresses[Fault::ALL.iter().position(|one| *one == fault).unwrap_or(0)]
    }
}

fn listener() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// A listener whose accept queue is full drops SYNs, as a firewall or a dead host would.
fn black_hole() -> io::Result<(TcpListener, Vec<TcpStream>)> {
    let listener = listener()?;
    // A second listen() on a listening socket only changes the length of its queue.
    // SAFETY: listen takes no pointer.
    if unsafe { libc::listen(listener.as_raw_fd(), 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let address = listener.local_addr()?;
    let mut fillers = Vec::new();
    for _ in 0..8 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(150)) {
            Ok(stream) => fillers.push(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok((listener, fillers)),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("the queue of the black hole does not fill up"))
}

/// Accepts for ever; each connection gets a thread that answers and then holds it open.
fn serve(listener: TcpListener, answer: fn(&mut TcpStream)) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut stream = stream;
                answer(&mut stream);
                // Longer than the demo lives: the process ends first.
                thread::sleep(Duration::from_secs(60));
            });
        }
    });
}

/// Reads until the end of a request's head.
fn request(stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut head = Vec::new();
    let mut piece = [0; 512];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => head.extend_from_slice(&piece[..n]),
        }
    }
    Ok(())
}
