//! A client on tokio without a timeout, on the multi-threaded runtime. Arguments: host port get|put.

use std::io::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn talk(address: String, put: bool) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    if put {
        stream.write_all(&vec![0; 32 << 20]).await?;
        return Ok("sent".into());
    }
    stream.write_all(b"please\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // Spawned, so that the socket is armed on a worker's thread while another one waits in epoll.
    let talking = tokio::spawn(talk(format!("{}:{}", words[0], words[1]), words[2] == "put"));
    let outcome = talking.await.unwrap_or_else(|error| panic!("the task died: {error}"));
    netdeadline_rust_clients::report(outcome);
}
