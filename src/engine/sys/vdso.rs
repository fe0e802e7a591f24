//! A function's place in the vDSO, a small shared object that the kernel maps into every process.
//!
//! Not a loader: no relocation, one name. The image is the kernel's, yet nothing in it is trusted: kernels differ, and
//! sandboxes (gVisor) and emulators (qemu-user) bring their own. All reads go through `get`, all loops are bounded, so the
//! worst a strange image can do is to have no clock.

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_GNU_HASH: u64 = 0x6fff_fef5;
const DT_VERSYM: u64 = 0x6fff_fff0;
const DT_VERDEF: u64 = 0x6fff_fffc;

/// Real ones have two to four pages and a dozen names.
const LARGEST: usize = 1 << 20;
const MOST_SYMBOLS: usize = 4096;
const MOST_ENTRIES: usize = 256;

/// The bytes of the vDSO at `address`; `None` for 0 and for what is not an ELF image of 64 bits.
///
/// # Safety
/// `address` is 0 or where the kernel mapped the vDSO (AT_SYSINFO_EHDR).
pub unsafe fn image(address: usize) -> Option<&'static [u8]> {
    if address == 0 || !address.is_multiple_of(super::PAGE) {
        return None;
    }
    // SAFETY: the kernel maps whole pages, read-only and for the life of the process: the first one is there.
    let head = unsafe { core::slice::from_raw_parts(address as *const u8, super::PAGE) };
    let length = loaded(head)?.length;
    // SAFETY: the loaded segment's length, from the header of the very image that the kernel mapped by it, bounded.
    (length <= LARGEST).then(|| unsafe { core::slice::from_raw_parts(address as *const u8, length) })
}

/// How many bytes into `image` the function `name` starts: the one of `version`, else one that carries no version we know.
pub fn function(image: &[u8], name: &[u8], version: &[u8]) -> Option<usize> {
    let load = loaded(image)?;
    let dynamic = Dynamic::of(image, &load)?;
    let mut any = None;
    for index in 1..dynamic.symbols(image)?.min(MOST_SYMBOLS) {
        let symbol = dynamic.symtab.checked_add(index.checked_mul(24)?)?;
        let info = *image.get(symbol.checked_add(4)?)?;
        // A function or untyped (kind 2, 0), global or weak (binding 1, 2), defined here.
        let visible =
            matches!(info & 15, 0 | 2) && matches!(info >> 4, 1 | 2) && half(image, symbol.checked_add(6)?)? != 0;
        if !visible || !same(image, dynamic.strtab.checked_add(word(image, symbol)? as usize)?, name) {
            continue;
        }
        let place = load.offset(long(image, symbol.checked_add(8)?)?)?;
        if place >= image.len() {
            continue;
        }
        if dynamic.version(image, index).is_some_and(|at| same(image, at, version)) {
            return Some(place);
        }
        any = any.or(Some(place));
    }
    any
}

/// The image's one loaded segment.
struct Load {
    address: u64,
    length: usize,
}

impl Load {
    /// An address of the image as an offset into it.
    fn offset(&self, address: u64) -> Option<usize> {
        usize::try_from(address.checked_sub(self.address)?).ok()
    }
}

fn loaded(image: &[u8]) -> Option<Load> {
    // Class 2: 64 bits. Data 1: little endian, as the processors we run on.
    if !image.starts_with(&[0x7f, b'E', b'L', b'F', 2, 1]) {
        return None;
    }
    let header = header(image, PT_LOAD)?;
    // The file's start must be the segment's start, or offsets would not be addresses.
    if long(image, header.checked_add(8)?)? != 0 {
        return None;
    }
    Some(Load {
        address: long(image, header.checked_add(16)?)?,
        length: usize::try_from(long(image, header.checked_add(40)?)?).ok()?,
    })
}

/// Where the first program header of this kind is.
fn header(image: &[u8], kind: u32) -> Option<usize> {
    let start = usize::try_from(long(image, 32)?).ok()?;
    let size = usize::from(half(image, 54)?);
    let count = usize::from(half(image, 56)?).min(MOST_ENTRIES);
    (0..count).filter_map(|index| start.checked_add(index.checked_mul(size)?)).find(|&at| word(image, at) == Some(kind))
}

/// The tables that the dynamic section names, as offsets into the image.
#[derive(Default)]
struct Dynamic {
    symtab: usize,
    strtab: usize,
    hash: Option<usize>,
    gnu_hash: Option<usize>,
    versym: Option<usize>,
    verdef: Option<usize>,
}

impl Dynamic {
    fn of(image: &[u8], load: &Load) -> Option<Dynamic> {
        let section = load.offset(long(image, header(image, PT_DYNAMIC)?.checked_add(16)?)?)?;
        let mut found = Dynamic::default();
        for index in 0..MOST_ENTRIES {
            let entry = section.checked_add(index.checked_mul(16)?)?;
            let tag = long(image, entry)?;
            if tag == 0 {
                break;
            }
            let at = load.offset(long(image, entry.checked_add(8)?)?);
            match tag {
                DT_SYMTAB => found.symtab = at?,
                DT_STRTAB => found.strtab = at?,
                DT_HASH => found.hash = at,
                DT_GNU_HASH => found.gnu_hash = at,
                DT_VERSYM => found.versym = at,
                DT_VERDEF => found.verdef = at,
                _ => {}
            }
        }
        (found.symtab != 0 && found.strtab != 0).then_some(found)
    }

    /// How many symbols there are. ELF says so only through its hash tables.
    fn symbols(&self, image: &[u8]) -> Option<usize> {
        if let Some(hash) = self.hash {
            // nbucket, nchain; there is one chain word for every symbol.
            return Some(word(image, hash.checked_add(4)?)? as usize);
        }
        // GNU: nbuckets, first hashed symbol, bloom words (8 bytes each), shift; then the buckets, then one word for every
        // hashed symbol, whose lowest bit ends a bucket's run. The last run's end is the number of symbols.
        let table = self.gnu_hash?;
        let buckets = word(image, table)? as usize;
        let first = word(image, table.checked_add(4)?)? as usize;
        let bloom = word(image, table.checked_add(8)?)? as usize;
        let bucket = table.checked_add(16)?.checked_add(bloom.checked_mul(8)?)?;
        let chain = bucket.checked_add(buckets.checked_mul(4)?)?;
        let mut last = 0;
        for index in 0..buckets.min(MOST_SYMBOLS) {
            last = last.max(word(image, bucket.checked_add(index.checked_mul(4)?)?)? as usize);
        }
        while last < MOST_SYMBOLS {
            let at = chain.checked_add(last.checked_sub(first)?.checked_mul(4)?)?;
            last = last.checked_add(1)?;
            if word(image, at)? & 1 == 1 {
                break;
            }
        }
        Some(last)
    }

    /// Where the name of this symbol's version is.
    fn version(&self, image: &[u8], symbol: usize) -> Option<usize> {
        // Bit 15 hides a symbol from linkers; the rest is the version's index.
        let wanted = half(image, self.versym?.checked_add(symbol.checked_mul(2)?)?)? & 0x7fff;
        let mut definition = self.verdef?;
        for _ in 0..MOST_ENTRIES {
            if half(image, definition.checked_add(4)?)? & 0x7fff == wanted {
                let name = definition.checked_add(word(image, definition.checked_add(12)?)? as usize)?;
                return self.strtab.checked_add(word(image, name)? as usize);
            }
            match word(image, definition.checked_add(16)?)? {
                0 => break,
                next => definition = definition.checked_add(next as usize)?,
            }
        }
        None
    }
}

fn half(image: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*image.get(at..)?.first_chunk()?))
}

fn word(image: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*image.get(at..)?.first_chunk()?))
}

fn long(image: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*image.get(at..)?.first_chunk()?))
}

/// Is this NUL-terminated name there?
fn same(image: &[u8], at: usize, name: &[u8]) -> bool {
    image.get(at..).and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.first() == Some(&0))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn own() -> Vec<u8> {
        // SAFETY: getauxval gives the kernel's own value.
        unsafe { image(libc::getauxval(libc::AT_SYSINFO_EHDR) as usize) }.expect("this machine has a vDSO").to_vec()
    }

    #[test]
    fn names_are_found_where_the_loader_finds_them() {
        let image = own();
        // glibc's loader keeps the vDSO as linux-vdso.so.1; what dlvsym says of it is the control.
        // SAFETY: constant names; the handle is only used for the two look-ups.
        let (handle, base) = unsafe {
            (
                libc::dlopen(c"linux-vdso.so.1".as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD),
                libc::getauxval(libc::AT_SYSINFO_EHDR),
            )
        };
        for name in [c"__vdso_clock_gettime", c"__vdso_gettimeofday", c"__vdso_getcpu"] {
            // SAFETY: as above.
            let theirs = unsafe { libc::dlsym(handle, name.as_ptr()) } as usize;
            assert_ne!(theirs, 0, "{name:?}");
            assert_eq!(
                function(&image, name.to_bytes(), b"LINUX_2.6").map(|at| at + base as usize),
                Some(theirs),
                "{name:?}"
            );
        }
        assert_eq!(function(&image, b"__vdso_clock_gettim", b"LINUX_2.6"), None);
        assert_eq!(function(&image, b"__vdso_clock_gettime_", b"LINUX_2.6"), None);
    }

    #[test]
    fn a_symbol_of_an_unknown_version_is_still_found() {
        assert_eq!(
            function(&own(), b"__vdso_clock_gettime", b"LINUX_9"),
            function(&own(), b"__vdso_clock_gettime", b"LINUX_2.6")
        );
    }

    #[test]
    fn either_hash_table_alone_suffices() {
        let image = own();
        let expected = function(&image, b"__vdso_clock_gettime", b"LINUX_2.6");
        let load = loaded(&image).expect("load");
        let whole = Dynamic::of(&image, &load).expect("dynamic");
        let mut counted = Vec::new();
        for (hash, gnu_hash) in [(whole.hash, None), (None, whole.gnu_hash)] {
            if hash.is_some() || gnu_hash.is_some() {
                counted
                    .push(Dynamic { hash, gnu_hash, ..Dynamic::of(&image, &load).expect("dynamic") }.symbols(&image));
            }
        }
        assert!(expected.is_some() && counted.iter().all(|&count| count > Some(1)), "{counted:?}");
        assert!(counted.windows(2).all(|pair| pair[0] == pair[1]), "{counted:?}");
    }

    #[test]
    fn damaged_images_give_no_clock_and_no_fault() {
        let image = own();
        for length in 0..image.len().min(5000) {
            let _ = function(&image[..length], b"__vdso_clock_gettime", b"LINUX_2.6");
        }
        // Every byte of the headers and tables, set to each of these, one at a time.
        let mut survived = 0;
        for at in 0..image.len().min(2500) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut image = image.clone();
                image[at] = value;
                if let Some(place) = function(&image, b"__vdso_clock_gettime", b"LINUX_2.6") {
                    assert!(place < image.len());
                    survived += 1;
                }
            }
        }
        assert!(survived > 0, "the undamaged bytes still lead to the clock");
    }

    #[test]
    fn no_vdso_is_no_error() {
        // SAFETY: 0 is allowed, and an odd address is refused before it is read.
        assert!(unsafe { image(0).is_none() && image(0x1001).is_none() });
    }
}
