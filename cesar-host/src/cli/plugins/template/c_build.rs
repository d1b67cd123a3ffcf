//! Compiles the stage.
fn main() {
    println!("cargo::rerun-if-changed=src/stage.c");
    println!("cargo::rerun-if-changed=src/cesar_plugin.h");
    cc::Build::new().file("src/stage.c").std("c11").warnings(true).compile("stage");
}
