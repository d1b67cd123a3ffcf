//! Refuses to link a plugin without what `native/whisper.cmake` adds to whisper.cpp: a shared library may have symbols that nothing
//! defines, which would be found out only when it is loaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
}
