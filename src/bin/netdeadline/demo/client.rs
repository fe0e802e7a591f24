//! The built-in client: what a program without any timeout does, in blocking calls of the standard library.
//!
//! Run as a child (`netdeadline demo --client KIND ADDR`) so that the preload reaches it. No deadline of its own belongs
//! here, but for the alarm that ends a child which lost its parent.

use std::io::{self, Read, Write};
use std::net::TcpStream;

/// Talks to `address` as `kind` says and prints the error that ended it.
pub fn main(kind: &str, address: &str) -> u8 {
    // SAFETY: alarm takes no pointer; SIGALRM ends the process, which is the intent.
    unsafe { libc::alarm(60) };
    match talk(kind, address) {
        Ok(()) => 0,
        Err((call, error)) => {
            eprintln!("{call}: {error}");
            1
        }
    }
}

fn talk(kind: &str, address: &str) -> Result<(), (&'static str, io::Error)> {
    let mut stream = TcpStream::connect(address).map_err(|error| ("connect", error))?;
    if kind == "upload" {
        let block = vec![0; 1 << 20];
        loop {
            stream.write_all(&block).map_err(|error| ("write", error))?;
        }
    }
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| ("write", error))?;
    stream.read_to_end(&mut Vec::new()).map_err(|error| ("read", error))?;
    Ok(())
}
