//! Embeds the files of `page/`: each with its type, a tag by its content, and a compressed copy.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The level of compression: a tenth larger than the best one, and several times as fast.
const LEVEL: u8 = 6;

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=page");
    let page = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("page");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let mut names = Vec::new();
    collect(&page, "", &mut names)?;
    // The server searches them by their text.
    names.sort();
    let mut table = String::from("&[\n");
    for name in &names {
        let Some(kind) = content_type(name) else { continue };
        let path = page.join(name);
        let bytes = fs::read(&path)?;
        let tag = sha1_smol::Sha1::from(&bytes).digest().to_string();
        let packed = gzip(&bytes);
        let gzipped = if packed.len() < bytes.len() {
            fs::write(out.join(&tag), &packed)?;
            format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{tag}\")))")
        } else {
            "None".to_owned()
        };
        let path = path.display().to_string();
        writeln!(
            table,
            "    PageFile {{ path: {name:?}, content_type: {kind:?}, tag: \"\\\"{tag}\\\"\", plain: include_bytes!({path:?}), gzip: {gzipped} }},"
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("]\n");
    fs::write(out.join("page.rs"), table)
}

/// Adds the names below `prefix`, without hidden files and the tests.
fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            return Err(io::Error::other(format!("{} is not UTF-8", entry.path().display())));
        };
        if name.starts_with('.') || name == "tests" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{prefix}{name}/"), names)?;
        } else if entry.file_type()?.is_file() {
            names.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

/// The type of a file that browsers load; `None` for others (notes, type declarations, the settings of tools).
fn content_type(name: &str) -> Option<&'static str> {
    if name.ends_with(".d.ts") || name.ends_with("tsconfig.json") || name.ends_with("package.json") {
        return None;
    }
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        _ => return None,
    })
}

/// A gzip member (RFC 1952) without a name or time, so that equal files give equal bytes.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    packed.extend(miniz_oxide::deflate::compress_to_vec(bytes, LEVEL));
    packed.extend(crc32fast::hash(bytes).to_le_bytes());
    packed.extend((bytes.len() as u32).to_le_bytes());
    packed
}
