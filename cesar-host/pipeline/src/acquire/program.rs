//! Check whether the program of a download is still the one that would be called, by its file: asking it takes as long as starting
//! it, and a hit should start nothing.
//!
//! It is if the file of its name has the same stamp: device, inode, size, times. A file changed within the last two seconds may
//! change again under the same stamp, so its stamp is not kept. Indirect changes, such as of a package that a script imports, are
//! noticed after the time step.

use std::path::PathBuf;

use cesar_base::{Clock as _, FileStamp, SystemClock};
use plugin_api::download::{Known, Program};

/// The stamp of the program's file, if it will show every later change.
pub(super) fn stamp(known: &Known) -> Option<String> {
    let stamp = present(known.program.as_ref()?)?;
    stamp.is_settled(SystemClock.now_ms()).then(|| text(&stamp))
}

/// Whether this is certainly the program that would be called.
pub(super) fn is_unchanged(program: &Program, stamp: Option<&str>) -> bool {
    stamp.is_some_and(|before| present(program).is_some_and(|now| text(&now) == before))
}

fn present(program: &Program) -> Option<FileStamp> {
    let file = program.file.as_deref()?;
    let path = match file.contains('/') {
        true => PathBuf::from(file),
        false => which::which(file).ok()?,
    };
    FileStamp::of(&path).ok()
}

fn text(stamp: &FileStamp) -> String {
    let FileStamp {
        device,
        inode,
        size,
        mtime_ns,
        ctime_ns,
    } = stamp;
    format!("{device} {inode} {size} {mtime_ns} {ctime_ns}")
}
