//! the .so
#![no_std]
extern crate libc;
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
core::arch::global_asm!(".weak dlsym", ".weak __errno_location");
extern "C" { fn dlsym(h: *mut libc::c_void, n: *const libc::c_char) -> *mut libc::c_void; fn __errno_location() -> *mut i32; }
/// x
#[no_mangle]
pub unsafe extern "C" fn nd_x() -> usize { 
 // SAFETY: x
 unsafe { *__errno_location() = 3; dlsym(core::ptr::null_mut(), c"read".as_ptr()) as usize } }
