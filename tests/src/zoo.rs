//! Plugins with every kind of fault, and files that are no plugins: copies of the library of `tests/zoo`, one for each animal.
//!
//! Each animal has its own id (`zoo-17`), written over the one in the library, so that each has its own digest, verdict and
//! quarantine, and all can be in one folder.

use crate::plugins::build_outside;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Recipes for an animal's file from the zoo's library.
#[derive(Clone, Copy, Debug)]
pub enum File {
    /// A copy, whose option `behaviour` is the animal's name.
    Copy,
    /// A copy whose file name selects its behaviour while it loads.
    OnLoad,
    /// Changed bytes.
    Changed(fn(&mut Vec<u8>)),
}

/// One animal.
#[derive(Clone, Copy, Debug)]
pub struct Animal {
    /// Its name; its option `behaviour` if it is a copy.
    pub name: &'static str,
    /// Its recipe.
    pub file: File,
}

const fn copy(name: &'static str) -> Animal {
    Animal { name, file: File::Copy }
}

const fn on_load(name: &'static str) -> Animal {
    Animal {
        name,
        file: File::OnLoad,
    }
}

const fn changed(name: &'static str, change: fn(&mut Vec<u8>)) -> Animal {
    Animal {
        name,
        file: File::Changed(change),
    }
}

/// All animals. The number of an animal is its index.
pub const ANIMALS: &[Animal] = &[
    changed("not-elf", |bytes| *bytes = b"hello".to_vec()),
    changed("empty-file", Vec::clear),
    changed("cut-short", |bytes| bytes.truncate(bytes.len() / 2)),
    changed("other-machine", |bytes| bytes[18] = 183),
    changed("plain-elf", |bytes| replace(bytes, b".cesar.plugin", b".cesar.plug_n")),
    changed("manifest-no-json", |bytes| {
        replace(bytes, b"\"cesar_plugin\": 1", b"\"cesar_plugin\"; 1")
    }),
    changed("abi-2", |bytes| replace(bytes, b"\"abi\": 1", b"\"abi\": 2")),
    // The first of the two copies is the section's or the code's; either way they differ.
    changed("two-manifests", |bytes| {
        replace_first(bytes, b"Misbehaves on request.", b"Behaves on request, ok")
    }),
    // The header's first words: who wrote it, and versions 0 and 11.
    changed("other-abi-stable", |bytes| {
        let of = |minor: u8| [&b"abi stable library for Rust     "[..], &[0, 0, 0, 0, minor, 0, 0, 0]].concat();
        replace(bytes, &of(11), &of(10));
    }),
    on_load("load-segfault"),
    on_load("load-hang"),
    on_load("load-exit"),
    on_load("load-garbage"),
    copy("open-panic"),
    copy("open-segfault"),
    copy("panic"),
    copy("segfault"),
    copy("abort"),
    copy("exit"),
    copy("overflow"),
    copy("endless"),
    copy("deaf"),
    copy("stop"),
    copy("parricide"),
    copy("gluttony"),
    copy("hoard"),
    copy("logs"),
    copy("stderr"),
    copy("segments"),
    copy("stdout"),
    copy("endless-line"),
    copy("close-streams"),
    copy("out-of-order"),
    copy("shown-out-of-order"),
    copy("past-the-end"),
    copy("not-utf-8"),
    copy("not-a-transcription"),
    copy("enormous"),
    copy("garbage"),
    copy("backwards"),
    copy("moody"),
    copy("orphans"),
    copy("drop-panic"),
    copy("drop-segfault"),
    copy("orphaned-orphans"),
];

impl Animal {
    /// Its plugin's id.
    ///
    /// # Panics
    /// If it is not in [`ANIMALS`].
    pub fn id(&self) -> String {
        let number = ANIMALS.iter().position(|animal| animal.name == self.name);
        format!("zoo-{:02}", 1 + number.expect("it is in the zoo"))
    }

    /// The name of its library: it selects the behaviour while loading, and shows the id in messages.
    pub fn file_name(&self) -> String {
        match self.file {
            File::OnLoad => format!("lib{}_{}.so", self.name, self.id().replace('-', "_")),
            _ => format!("lib{}.so", self.id().replace('-', "_")),
        }
    }

    /// Puts its library into a folder and returns the path.
    ///
    /// # Panics
    /// If the zoo does not compile, or the folder cannot be written.
    pub fn put_into(&self, folder: &Path) -> PathBuf {
        let mut bytes = library().clone();
        replace(&mut bytes, b"zoo-00", self.id().as_bytes());
        if let File::Changed(change) = self.file {
            change(&mut bytes);
        }
        fs::create_dir_all(folder).expect("the folder can be written");
        let path = folder.join(self.file_name());
        fs::write(&path, bytes).expect("the folder can be written");
        path
    }
}

/// Puts a well-behaved plugin into a folder: the library with its own number, below 100.
///
/// # Panics
/// If the zoo does not compile, or the folder cannot be written.
pub fn put_numbered(number: u32, folder: &Path) {
    let mut bytes = library().clone();
    replace(&mut bytes, b"zoo-00", format!("zoo-{number:02}").as_bytes());
    fs::create_dir_all(folder).expect("the folder can be written");
    fs::write(folder.join(format!("libzoo_{number:02}.so")), bytes).expect("the folder can be written");
}

/// The zoo's library, as built.
fn library() -> &'static Vec<u8> {
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let built = build_outside("tests/zoo", "zoo");
        let bytes = fs::read(&built).expect("it was just built");
        // A copy for this process alone.
        let _ = fs::remove_file(built);
        bytes
    })
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Replaces every occurrence; both have the same length.
fn replace(bytes: &mut [u8], what: &[u8], by: &[u8]) {
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], what) {
        bytes[from + at..from + at + by.len()].copy_from_slice(by);
        from += at + by.len();
    }
    assert_ne!(from, 0, "`{}` is not in the library", String::from_utf8_lossy(what));
}

fn replace_first(bytes: &mut [u8], what: &[u8], by: &[u8]) {
    let at = find(bytes, what).expect("it is in the library");
    bytes[at..at + by.len()].copy_from_slice(by);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_is_replaced() {
        let mut bytes = b"a zoo-00 and zoo-00".to_vec();
        replace(&mut bytes, b"zoo-00", b"zoo-07");
        assert_eq!(bytes, b"a zoo-07 and zoo-07");
        assert_eq!(ANIMALS[6].id(), "zoo-07");
    }
}
