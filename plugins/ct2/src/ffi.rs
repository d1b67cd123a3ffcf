//! The only foreign calls of this crate.

#![expect(unsafe_code, reason = "calls C functions")]

#[cfg(all(test, feature = "onednn", target_arch = "x86_64"))]
pub(crate) mod products;

include!(concat!(env!("OUT_DIR"), "/guard.rs"));
