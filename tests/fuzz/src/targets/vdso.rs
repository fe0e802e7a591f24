//! The vDSO: an ELF image that a strange kernel, a sandbox or an emulator may have made.

use crate::sys::vdso;

pub fn run(image: &[u8]) {
    for name in [&b"__vdso_clock_gettime"[..], b"", b"x"] {
        if let Some(place) = vdso::function(image, name, b"LINUX_2.6") {
            assert!(place < image.len(), "a clock at {place:#x} in an image of {:#x}", image.len());
        }
    }
}

/// This machine's own.
pub fn seeds() -> Vec<Vec<u8>> {
    // SAFETY: the kernel's own value, as the loader has it.
    let own = unsafe { vdso::image(libc::getauxval(libc::AT_SYSINFO_EHDR) as usize) };
    own.map(<[u8]>::to_vec).into_iter().collect()
}
