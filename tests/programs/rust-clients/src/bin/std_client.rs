//! A client on std::net without a timeout. Arguments: host port get|put.

use std::io::{Read, Result, Write};
use std::net::TcpStream;

fn talk(address: &str, put: bool) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    if put {
        stream.write_all(&vec![0; 32 << 20])?;
        return Ok("sent".into());
    }
    stream.write_all(b"please\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    netdeadline_rust_clients::report(talk(&format!("{}:{}", words[0], words[1]), words[2] == "put"));
}
