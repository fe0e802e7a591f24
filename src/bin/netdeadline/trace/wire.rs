//! What the BPF programs and the command tell each other: src/bpf/trace.h in Rust. What it means is life.rs's.

/// Whose connections are wanted.
pub const EVERYONE: u32 = 0;
/// A process, and what it starts.
pub const PROCESS: u32 = 1;
/// Threads or processes of a name.
pub const NAME: u32 = 2;

/// `struct config`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Config {
    pub mode: u32,
    pub pid: u32,
    pub namespace_device: u64,
    pub namespace_inode: u64,
    pub wake: u64,
    pub name: [u8; 16],
}

/// Bits of [`Connection::flags`].
pub const ACCEPTED: u32 = 1;
pub const WANTED: u32 = 2;
pub const RETURNED: u32 = 8;
pub const ENDED: u32 = 16;
pub const HALF_HERE: u32 = 32;
pub const HALF_THERE: u32 = 64;
pub const PEER_FIN: u32 = 128;

/// `struct connection`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Connection {
    pub cookie: u64,
    pub began: u64,
    pub established: u64,
    pub ended: u64,
    pub states: u64,
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub retransmits: u32,
    pub srtt_us: u32,
    pub pid: u32,
    pub tid: u32,
    pub netns: u32,
    pub flags: u32,
    pub connect: i32,
    pub error: i32,
    pub written: u32,
    pub family: u16,
    pub sport: u16,
    pub dport: u16,
    pub last: u8,
    pub count: u8,
    pub pad: [u8; 4],
    pub saddr: [u8; 16],
    pub daddr: [u8; 16],
    pub comm: [u8; 16],
}

// The compiler of the other side has the same numbers: trace.h asserts them.
const _: () = assert!(size_of::<Connection>() == 160 && size_of::<Config>() == 48);

// SAFETY: both are plain integers without a gap (the sizes above are the sums of their members): any bytes are a value, and every
// byte is initialised.
unsafe impl aya::Pod for Connection {}
// SAFETY: as above.
unsafe impl aya::Pod for Config {}

impl Connection {
    /// What stands in a record of the ring buffer. None if it has another size.
    pub fn read(bytes: &[u8]) -> Option<Connection> {
        if bytes.len() != size_of::<Connection>() {
            return None;
        }
        // SAFETY: so many bytes are there, any bytes are a value, and the place need not be aligned.
        Some(unsafe { bytes.as_ptr().cast::<Connection>().read_unaligned() })
    }
}

/// Indices of the array `lost`.
pub const LOST_EVENTS: u32 = 0;
pub const LOST_CONNECTIONS: u32 = 1;
pub const LOST_ACCEPTED: u32 = 2;
pub const LOST_CALLS: u32 = 3;
pub const OLDER: u32 = 4;
