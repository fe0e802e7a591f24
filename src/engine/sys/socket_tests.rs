//! Each question, asked of real sockets.

extern crate std;
use super::*;
use crate::sys::Linux;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

fn tcp() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("name")).expect("connect");
    let server = listener.accept().expect("accept").0;
    (listener, client, server)
}

#[test]
fn a_socket_says_what_it_is() {
    let (listener, client, _server) = tcp();
    let (listener, client) = (listener.as_raw_fd(), client.as_raw_fd());
    assert_eq!(kind(&Linux, client), Ok(libc::SOCK_STREAM));
    assert_eq!(domain(&Linux, client), Ok(libc::AF_INET));
    assert_eq!(protocol(&Linux, client), Ok(libc::IPPROTO_TCP));
    assert_eq!(is_listening(&Linux, client), Ok(false));
    assert_eq!(is_listening(&Linux, listener), Ok(true));
    assert_eq!(receive_low_water(&Linux, client), Ok(1));
    assert_eq!(is_nonblocking(&Linux, client), Ok(false));
    assert_eq!(take_error(&Linux, client), Ok(0));
    let udp = UdpSocket::bind("[::1]:0").expect("bind");
    assert_eq!(kind(&Linux, udp.as_raw_fd()), Ok(libc::SOCK_DGRAM));
    assert_eq!(domain(&Linux, udp.as_raw_fd()), Ok(libc::AF_INET6));
    udp.set_nonblocking(true).expect("nonblocking");
    assert_eq!(is_nonblocking(&Linux, udp.as_raw_fd()), Ok(true));
    let file = std::fs::File::open("/proc/self/exe").expect("open");
    assert_eq!(kind(&Linux, file.as_raw_fd()), Err(libc::ENOTSOCK));
    assert_eq!(kind(&Linux, -1), Err(libc::EBADF));
}

#[test]
fn a_cookie_is_the_descriptions_and_not_the_numbers() {
    let (_listener, client, server) = tcp();
    let again = client.try_clone().expect("dup");
    let [client, server, again] =
        [client.as_raw_fd(), server.as_raw_fd(), again.as_raw_fd()].map(|fd| cookie(&Linux, fd));
    assert_eq!(client, again);
    assert!(client != server && client > Ok(0));
}

#[test]
fn names_are_sockaddrs() {
    let (listener, client, _server) = tcp();
    let port = listener.local_addr().expect("name").port().to_be_bytes();
    for name in [local_name(&Linux, listener.as_raw_fd()), peer_name(&Linux, client.as_raw_fd())] {
        let name = name.expect("name");
        assert_eq!(name.bytes().len(), 16);
        assert_eq!(name.bytes()[..8], [2, 0, port[0], port[1], 127, 0, 0, 1]);
    }
    assert_eq!(peer_name(&Linux, listener.as_raw_fd()).map(|_| ()), Err(libc::ENOTCONN));
    let (left, _right) = UnixStream::pair().expect("pair");
    assert_eq!(peer_name(&Linux, left.as_raw_fd()).expect("name").bytes(), [1, 0]);
}

/// A listener whose backlog is full: a connect to it stays under way.
fn black_hole(domain: i32, address: &[u8]) -> (std::vec::Vec<OwnedFd>, OwnedFd) {
    let socket = |flags| {
        // SAFETY: no pointers; the number is ours from here on.
        let fd = unsafe { libc::socket(domain, libc::SOCK_STREAM | flags, 0) };
        assert!(fd >= 0);
        // SAFETY: just made.
        unsafe { OwnedFd::from_raw_fd(fd) }
    };
    let listener = socket(0);
    // SAFETY: `address` is a sockaddr with its length.
    let bound = unsafe { libc::bind(listener.as_raw_fd(), address.as_ptr().cast(), address.len() as u32) };
    assert_eq!(bound, 0);
    // SAFETY: no pointers.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let name = local_name(&Linux, listener.as_raw_fd()).expect("name");
    let mut kept = std::vec![listener];
    for _ in 0..10 {
        let client = socket(libc::SOCK_NONBLOCK);
        // SAFETY: the name has its own length.
        unsafe { libc::connect(client.as_raw_fd(), name.bytes().as_ptr().cast(), name.bytes().len() as u32) };
        let mut poll = libc::pollfd { fd: client.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: one pollfd, ours.
        if unsafe { libc::poll(&mut poll, 1, 200) } == 0 {
            return (kept, client);
        }
        kept.push(client);
    }
    panic!("the backlog never filled");
}

#[test]
fn a_connect_under_way_has_a_destination_and_can_be_aborted() {
    let v4 = [2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut v6 = [0; 28];
    v6[0] = libc::AF_INET6 as u8;
    v6[23] = 1;
    for (domain, address) in [(libc::AF_INET, &v4[..]), (libc::AF_INET6, &v6[..])] {
        let (kept, client) = black_hole(domain, address);
        let fd = client.as_raw_fd();
        assert_eq!(peer_name(&Linux, fd).map(|_| ()), Err(libc::ENOTCONN));
        let listener = local_name(&Linux, kept[0].as_raw_fd()).expect("name");
        assert_eq!(destination(&Linux, fd).expect("destination").bytes(), listener.bytes());
        let info = tcp_info(&Linux, fd).expect("TCP_INFO");
        assert_eq!((info.state, info.unacked), (2, 1), "SYN_SENT, the SYN unacknowledged");
        disconnect(&Linux, fd).expect("disconnect");
        assert_eq!(tcp_info(&Linux, fd).expect("TCP_INFO").state, 7, "CLOSE");
    }
}

#[test]
fn tcp_info_counts_what_was_sent_and_received() {
    let (_listener, mut client, server) = tcp();
    client.write_all(b"0123456789").expect("write");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while unsent(&Linux, client.as_raw_fd()).expect("SIOCOUTQ") > 0 {
        assert!(std::time::Instant::now() < deadline, "loopback acknowledges");
        std::thread::yield_now();
    }
    let (client, server) = (tcp_info(&Linux, client.as_raw_fd()), tcp_info(&Linux, server.as_raw_fd()));
    let (client, server) = (client.expect("TCP_INFO"), server.expect("TCP_INFO"));
    assert_eq!(
        (client.state, client.bytes_acked, client.notsent_bytes, client.unacked),
        (1, 11, 0, 0),
        "ten and the SYN"
    );
    assert_eq!(server.bytes_received, 10);
    assert!(client.rtt > 0 && client.rto > 0 && client.snd_mss > 0);
    let udp = UdpSocket::bind("127.0.0.1:0").expect("bind");
    assert!(tcp_info(&Linux, udp.as_raw_fd()).is_err());
}

#[test]
fn an_old_kernels_short_answer_leaves_zeroes() {
    struct Old;
    impl Kernel for Old {
        fn call(&self, _: i64, args: [usize; 6]) -> isize {
            // SAFETY: the buffer and its length are the caller's; 104 bytes are fewer than it has.
            unsafe {
                (args[3] as *mut u8).write_bytes(1, 104);
                (args[4] as *mut u32).write(104);
            }
            0
        }
        fn now(&self) -> u64 {
            1
        }
        fn pages(&self, _: usize) -> Option<core::ptr::NonNull<u8>> {
            None
        }
    }
    let info = tcp_info(&Old, 3).expect("TCP_INFO");
    assert_eq!((info.total_retrans, info.pacing_rate, info.bytes_acked, info.notsent_bytes), (0x01010101, 0, 0, 0));
}

#[test]
fn unsent_bytes_are_counted_until_they_are_acknowledged() {
    let (left, _right) = UnixStream::pair().expect("pair");
    assert_eq!(unsent(&Linux, left.as_raw_fd()), Ok(0));
    (&left).write_all(b"abc").expect("write");
    assert!(unsent(&Linux, left.as_raw_fd()) > Ok(0));
}

#[test]
fn options_can_be_set_and_read_as_bytes() {
    let (_listener, client, _server) = tcp();
    let fd = client.as_raw_fd();
    let mut value = [0_u8; 16];
    value[0] = 3;
    set_option(&Linux, fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &value).expect("set");
    let mut read = [0xff_u8; 32];
    assert_eq!(option_bytes(&Linux, fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &mut read), Ok(16));
    assert_eq!(read[..16], value);
    assert_eq!(client.read_timeout().expect("timeout"), Some(std::time::Duration::from_secs(3)));
    assert_eq!(set_option(&Linux, fd, 12345, 1, &[]), Err(libc::ENOPROTOOPT));
}
