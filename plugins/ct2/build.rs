//! Completes the manifest, hides the symbols of the libraries linked into the plugin, and links only with patched libraries.
//!
//! The matrix library is chosen at build time (`[features]` of `Cargo.toml`) and decides the speed, so the manifest in the plugin
//! names it: `cesar plugins show ct2`. It is `src/cesar-plugin.json` with the field `backend` added first.
//!
//! `cxx` exports some 280 `cxxbridge1$…` functions from every library it is linked into (rust-lang/rust#73958). Two plugins in one
//! process could then run each other's code; a plugin exports one symbol, the one of `cesar_plugin!`.

include!("../native/guard.rs");

/// The features that choose a back end, in CTranslate2's order of preference, and their names for users.
const BACKENDS: [(&str, &str); 2] = [("CARGO_FEATURE_ONEDNN", "oneDNN"), ("CARGO_FEATURE_RUY", "ruy")];

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/cesar-plugin.json");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
        // By default a shared library may have undefined symbols, which are only detected when it is loaded.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
    let onednn = std::env::var_os("CARGO_FEATURE_ONEDNN").is_some()
        && std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|processor| processor == "x86_64");
    let guards: [(&str, &[&str]); 2] = [
        ("cesar_patches_changed_run_cargo_clean_release_p_ct2rs", &["."]),
        (
            "cesar_patches_changed_run_cargo_clean_release_p_onednn_src",
            &["onednn", "onednn.cmake"],
        ),
    ];
    write_guards(Path::new("native"), &guards[..if onednn { 2 } else { 1 }])?;
    complete_manifest()
}

fn complete_manifest() -> std::io::Result<()> {
    let chosen = BACKENDS.iter().find(|(feature, _)| std::env::var_os(feature).is_some());
    let Some((_, name)) = chosen else {
        println!("cargo::error=no back end is chosen: add `onednn`, which is the default, or `ruy` to `--features`");
        return Ok(());
    };
    let backend = format!("{{\n  \"backend\": \"CTranslate2 on {name}\",");
    let manifest = std::fs::read_to_string("src/cesar-plugin.json")?.replacen('{', &backend, 1);
    let folder = std::env::var("OUT_DIR").map_err(std::io::Error::other)?;
    std::fs::write(Path::new(&folder).join("cesar-plugin.json"), manifest)
}
