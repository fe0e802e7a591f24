//! The vDSO's reader, which the engine keeps to itself.

pub const PAGE: usize = 4096;

#[path = "../../../src/engine/sys/vdso.rs"]
pub mod vdso;
