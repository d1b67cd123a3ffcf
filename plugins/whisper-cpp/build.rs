//! Links the plugin only with a whisper.cpp that has the patches of `native/`.

include!("../native/guard.rs");

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        // By default a shared library may have undefined symbols, which are only detected when it is loaded.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
    write_guards(
        Path::new("native"),
        &[("cesar_patches_changed_run_cargo_clean_release_p_whisper_rs_sys", &["."])],
    )
}
