//! Check whether the program that fetched is still the one that would be called, by its file: asking it takes as long as starting it, and
//! a hit should start nothing.
//!
//! It is when the file that its name leads to has the stamp that it had: device, inode, size, times. A file that had changed within two
//! seconds may change again under the same stamp, so that its stamp is not kept. What comes in behind the file's back, such as a package
//! that a script imports, is noticed when the time step is over.

use std::path::PathBuf;

use cesar_base::{Clock as _, FileStamp, SystemClock};
use plugin_api::download::{Known, Program};

/// The stamp of the program's file, if any later change will show in it.
pub(super) fn stamp(known: &Known) -> Option<String> {
    let stamp = present(known.program.as_ref()?)?;
    stamp.is_settled(SystemClock.now_ms()).then(|| text(&stamp))
}

/// Whether this is the program that would be called, without a doubt.
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
