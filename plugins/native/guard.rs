// The guard that `patches.cmake` adds to a patched C++ library; included by the build scripts of the plugins that link one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Kinds of files in the digest; other files of a `native` folder, such as its README, change no library.
const KINDS: [&str; 5] = ["cmake", "cpp", "h", "patch", "txt"];

/// The files beside this one that build the libraries; their changes count as changes of the patches.
const SHARED: [&str; 2] = ["patches.cmake", "toolchain.cmake"];

/// Writes `guard.rs` to `OUT_DIR`: a function `require_patches` that calls each guard `<prefix>_<digest of its files>` with `files`, which are
/// folders and files relative to `folder`. Without the library that was built from exactly these files the plugin does not link.
///
/// Cargo does not build a library again when its patches change, so that is a link error as well.
fn write_guards(folder: &Path, guards: &[(&str, &[&str])]) -> std::io::Result<()> {
    let (mut declarations, mut calls) = (String::new(), String::new());
    println!("cargo::rerun-if-changed=../native");
    for (prefix, files) in guards {
        let name = format!("{prefix}_{}", digest(folder, files)?);
        println!("cargo::rerun-if-changed={}", folder.display());
        _ = writeln!(declarations, "    safe fn {name}();");
        _ = writeln!(calls, "    {name}();");
    }
    let text = format!(
        "unsafe extern \"C\" {{\n{declarations}}}\n\n\
         /// Keeps the plugin from linking with libraries that lack the patches of `native/` or were built from other ones.\n\
         pub(crate) fn require_patches() {{\n{calls}}}\n"
    );
    let target = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
    std::fs::write(Path::new(&target).join("guard.rs"), text)
}

/// The digest that `cesar_add_guard` computes of the same files.
fn digest(folder: &Path, files: &[&str]) -> std::io::Result<String> {
    let mut found = Vec::new();
    for file in files {
        collect(&folder.join(file), &mut found)?;
    }
    let mut named = Vec::new();
    for path in found {
        let name = path.strip_prefix(folder).map_err(std::io::Error::other)?;
        let name = name.to_str().ok_or_else(|| std::io::Error::other(format!("`{}` is not UTF-8", name.display())))?;
        named.push((name.to_owned(), path));
    }
    named.sort();
    let mut listed = String::new();
    for (name, path) in named {
        _ = writeln!(listed, "{}  {name}", sha1_smol::Sha1::from(std::fs::read(path)?).digest());
    }
    for file in SHARED {
        _ = writeln!(listed, "{}  {file}", sha1_smol::Sha1::from(std::fs::read(Path::new("../native").join(file))?).digest());
    }
    Ok(sha1_smol::Sha1::from(listed).digest().to_string()[..12].to_owned())
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if path.is_dir() || kind.is_some_and(|kind| KINDS.contains(&kind)) {
            collect(&path, found)?;
        }
    }
    Ok(())
}
