//! Keeps the symbols of the libraries linked into the plugin to itself.
//!
//! `cxx` exports some 280 `cxxbridge1$…` functions from every library it is linked into (rust-lang/rust#73958). Two plugins in one
//! process could then run each other's code; a plugin exports one symbol, the one of `cesar_plugin!`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }
}
