//! The program's memory, by address, as a kernel sees it.
//!
//! Sound because every address that a test passes belongs to a buffer that lives as long as the call, and the rest (null,
//! small numbers) is refused here as the kernel refuses it.

/// May this be read or written? The pretended process has nothing mapped in the first pages.
fn is_mapped(at: usize) -> bool {
    at >= 65_536
}

/// Write bytes. False: EFAULT.
pub fn store(at: usize, bytes: &[u8]) -> bool {
    if !is_mapped(at) {
        return bytes.is_empty();
    }
    // SAFETY: see the top; the memory is the caller's buffer, at least as long as the call says.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at as *mut u8, bytes.len()) };
    true
}

/// Read bytes. `None`: EFAULT.
pub fn load(at: usize, length: usize) -> Option<Vec<u8>> {
    if length == 0 {
        return Some(Vec::new());
    }
    if !is_mapped(at) {
        return None;
    }
    let mut bytes = vec![0; length];
    // SAFETY: see the top.
    unsafe { std::ptr::copy_nonoverlapping(at as *const u8, bytes.as_mut_ptr(), length) };
    Some(bytes)
}

/// Read a C value of plain integers. `None`: EFAULT.
pub fn load_as<T: Copy>(at: usize) -> Option<T> {
    // SAFETY: see the top; T is a C struct of integers, or an integer.
    is_mapped(at).then(|| unsafe { (at as *const T).read_unaligned() })
}

/// Write a C value. False: EFAULT.
pub fn store_as<T: Copy>(at: usize, value: T) -> bool {
    if is_mapped(at) {
        // SAFETY: see the top.
        unsafe { (at as *mut T).write_unaligned(value) };
    }
    is_mapped(at)
}

/// A C string. `None`: EFAULT.
pub fn load_string(at: usize) -> Option<String> {
    let bytes = (0..4096).map_while(|i| load_as::<u8>(at + i).filter(|byte| *byte != 0));
    is_mapped(at).then(|| String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned())
}

/// A sockaddr_in.
pub fn address(ip: [u8; 4], port: u16) -> Vec<u8> {
    let mut bytes = vec![0; 16];
    bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    bytes[4..8].copy_from_slice(&ip);
    bytes
}

/// A sockaddr_un.
pub fn path(path: &str) -> Vec<u8> {
    let mut bytes = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    bytes.extend(path.as_bytes());
    bytes.push(0);
    bytes
}

/// The port of a sockaddr_in.
pub fn port(address: &[u8]) -> u16 {
    u16::from_be_bytes([address[2], address[3]])
}

/// ns of a timespec. `None`: null, for ever.
pub fn time(at: usize) -> Option<u64> {
    load_as::<libc::timespec>(at).map(|t| t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64)
}
