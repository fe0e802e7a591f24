//! Bounded reads of a file that may be damaged or made to hurt its reader. What the bytes mean does not belong here.
//!
//! Every read names the most it is willing to take, so a header that claims gigabytes (a sparse file is enough) costs
//! nothing. The file is read, never mapped: a file cut short under a mapping would kill us by SIGBUS.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use object::pod::{from_bytes, slice_from_bytes, Pod};

/// A file and its size when it was opened.
pub struct Image<'a> {
    file: &'a File,
    len: u64,
}

impl<'a> Image<'a> {
    /// Take the size once: a file that grows later is read as it was.
    pub fn new(file: &'a File) -> io::Result<Self> {
        Ok(Image { file, len: file.metadata()?.len() })
    }

    /// `size` bytes at `offset`; None where they do not exist, are more than `most`, or cannot be read.
    pub fn bytes(&self, offset: u64, size: u64, most: u64) -> Option<Vec<u8>> {
        if size > most || offset.checked_add(size)? > self.len {
            return None;
        }
        let size = usize::try_from(size).ok()?;
        // Where there is no memory for it, `vec!` would end us.
        Vec::<u8>::new().try_reserve_exact(size).ok()?;
        let mut bytes = vec![0; size];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }

    /// Up to `most` bytes at `offset`: fewer at the end of the file.
    pub fn up_to(&self, offset: u64, most: u64) -> Vec<u8> {
        let size = self.len.saturating_sub(offset).min(most);
        self.bytes(offset, size, most).unwrap_or_default()
    }

    /// One structure of the file format.
    pub fn one<T: Pod + Copy>(&self, offset: u64) -> Option<T> {
        let size = size_of::<T>() as u64;
        let bytes = self.bytes(offset, size, size)?;
        from_bytes::<T>(&bytes).ok().map(|(value, _)| *value)
    }

    /// `count` structures in a row, `most` at the most.
    pub fn many<T: Pod + Copy>(&self, offset: u64, count: u64, most: u64) -> Option<Vec<T>> {
        let each = size_of::<T>() as u64;
        let bytes = self.bytes(offset, count.checked_mul(each)?, most.checked_mul(each)?)?;
        slice_from_bytes::<T>(&bytes, usize::try_from(count).ok()?).ok().map(|(values, _)| values.to_vec())
    }
}

/// Where `needle` first stands in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
