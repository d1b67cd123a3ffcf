//! Variables of this process.

use std::{env, ffi::OsString};

/// Variables that cargo has set for xtask itself.
pub(crate) fn own_variables() -> impl Iterator<Item = OsString> {
    let is_own = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    };
    env::vars_os().map(|(name, _)| name).filter(is_own)
}
