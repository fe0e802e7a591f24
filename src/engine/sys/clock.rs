//! What time it is: the vDSO's clock where there is one, else a system call.
//!
//! The precise clock, not the coarse one: that fires up to 5 ms early. The vDSO's code needs no libc and no TLS, but some
//! hundred bytes of stack; where the kernel's clock source cannot be read from user space it makes the system call itself.

use super::{arch, vdso, Kernel};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use libc::timespec;

type ClockGettime = unsafe extern "C" fn(libc::clockid_t, *mut timespec) -> libc::c_int;

/// The address of the vDSO's clock_gettime; 0 until [`find`] found it. Relaxed suffices: the code it points to was there
/// before the process was.
static CLOCK_GETTIME: AtomicUsize = AtomicUsize::new(0);

/// Look the clock up in the vDSO at `sysinfo_ehdr`.
///
/// # Safety
/// The address is the kernel's AT_SYSINFO_EHDR, or 0.
pub unsafe fn find(sysinfo_ehdr: usize) {
    // SAFETY: the caller's promise, handed on.
    let image = unsafe { vdso::image(sysinfo_ehdr) };
    let offset = image.and_then(|image| vdso::function(image, arch::VDSO_CLOCK_GETTIME, arch::VDSO_VERSION));
    CLOCK_GETTIME.store(offset.map_or(0, |offset| sysinfo_ehdr.wrapping_add(offset)), Relaxed);
}

/// Nanoseconds on `clock`.
#[inline]
pub fn read(k: &impl Kernel, clock: libc::clockid_t) -> u64 {
    let address = CLOCK_GETTIME.load(Relaxed);
    if address != 0 {
        let mut ts = timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `find` took the address of a function of this name and version from the kernel's own image, and the kernel
        // documents its signature as that of clock_gettime (man 7 vdso).
        let clock_gettime = unsafe { core::mem::transmute::<usize, ClockGettime>(address) };
        // SAFETY: `ts` is ours and lives through the call.
        if unsafe { clock_gettime(clock, &mut ts) } == 0 {
            return nanoseconds(&ts);
        }
    }
    by_syscall(k, clock)
}

/// Nanoseconds on `clock`, asked of the kernel proper. 0 when it refuses.
#[cold]
pub fn by_syscall<K: Kernel + ?Sized>(k: &K, clock: libc::clockid_t) -> u64 {
    let mut ts = timespec { tv_sec: 0, tv_nsec: 0 };
    k.call(libc::SYS_clock_gettime, [clock as usize, &raw mut ts as usize, 0, 0, 0, 0]);
    nanoseconds(&ts)
}

/// 584 years fit; a clock beyond them stops there.
#[inline]
fn nanoseconds(ts: &timespec) -> u64 {
    (ts.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(ts.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::Linux;

    fn load() {
        // SAFETY: getauxval gives the kernel's own value.
        unsafe { Linux::init(libc::getauxval(libc::AT_SYSINFO_EHDR) as usize) };
    }

    #[test]
    fn the_vdso_has_a_clock() {
        load();
        assert_ne!(CLOCK_GETTIME.load(Relaxed), 0);
    }

    #[test]
    fn it_never_runs_backwards_and_agrees_with_the_system_call() {
        load();
        for clock in [libc::CLOCK_MONOTONIC, libc::CLOCK_REALTIME] {
            let mut before = by_syscall(&Linux, clock);
            for _ in 0..10_000 {
                let vdso = read(&Linux, clock);
                let after = by_syscall(&Linux, clock);
                // Between two system calls lies the vDSO's answer; a realtime clock may be stepped, the monotonic may not.
                if clock == libc::CLOCK_MONOTONIC {
                    assert!(before <= vdso && vdso <= after, "{before} {vdso} {after}");
                } else {
                    assert!(vdso.abs_diff(after) < 10_000_000_000, "{vdso} {after}");
                }
                before = after;
            }
        }
    }

    #[test]
    fn monotonic_is_what_std_calls_an_instant() {
        load();
        let (ours, theirs) = (Linux.now(), std::time::Instant::now());
        std::thread::sleep(std::time::Duration::from_millis(30));
        let (ours, theirs) = (Linux.now() - ours, theirs.elapsed().as_nanos() as u64);
        assert!(ours >= 30_000_000 && ours.abs_diff(theirs) < 1_000_000_000, "{ours} {theirs}");
    }

    #[test]
    fn realtime_is_after_2020() {
        load();
        assert!(Linux.realtime() > 1_577_836_800_000_000_000);
    }
}
