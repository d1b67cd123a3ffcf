//! Third-party programs that `cargo xtask clients` installs for the suite.

use std::env;
use std::path::PathBuf;

/// A program or folder installed by `cargo xtask clients`: `$variable`, else `has` in a folder of the user's cache folder.
#[must_use]
pub fn installed(name: &str, variable: &str, has: &str) -> PathBuf {
    let named = env::var_os(variable).map(PathBuf::from);
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    named.unwrap_or_else(|| cache.unwrap_or_default().join("cesar").join(name).join(has))
}

/// The Python with the clients.
#[must_use]
pub fn python() -> PathBuf {
    installed("clients", "CESAR_CLIENTS_PYTHON", "bin/python3")
}

/// yt-dlp, or `None` with a reported skip.
#[must_use]
pub fn yt_dlp() -> Option<PathBuf> {
    let program = python().with_file_name("yt-dlp");
    if program.is_file() {
        return Some(program);
    }
    crate::skip::missing(&format!(
        "`{}` does not exist; run `cargo xtask clients`, which installs yt-dlp",
        program.display()
    ));
    None
}
