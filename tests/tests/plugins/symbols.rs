//! The symbols that plugins export: one of Cesar, and those on a list.

use std::process::Command;

use cesar_tests::sandbox::program_folder;
use cesar_tests::workspace;

/// abi_stable's library header. The name is part of ABI 1.
const HEADER: &str = "_1as_0lib_1header_0root_bmodule_bloader";

/// Symbols besides the header that a plugin may export, by prefix. None are needed so far.
const ALLOWED: [&str; 0] = [];

#[test]
fn each_plugin_exports_one_symbol() {
    let folders = std::fs::read_dir(workspace().join("plugins")).expect("the folder is part of the repository");
    let plugins: Vec<_> = folders
        .map(|folder| folder.expect("the folder can be read").path())
        .filter(|folder| folder.join("src/cesar-plugin.json").is_file())
        .filter_map(|folder| Some(folder.file_name()?.to_str()?.replace('-', "_")))
        .collect();
    assert!(plugins.len() >= 5, "{plugins:?}");
    for plugin in plugins {
        let library = program_folder().join(format!("libcesar_plugin_{plugin}.so"));
        let output = Command::new("nm")
            .args(["-D", "--defined-only"])
            .arg(&library)
            .output()
            .expect("`nm` is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let symbols: Vec<_> = text.lines().filter_map(|line| line.split_whitespace().last()).collect();
        assert!(symbols.contains(&HEADER), "{plugin}: {symbols:?}");
        let others: Vec<_> = symbols
            .iter()
            .filter(|symbol| **symbol != HEADER && !ALLOWED.iter().any(|prefix| symbol.starts_with(prefix)))
            .collect();
        assert!(others.is_empty(), "{plugin} exports {others:?}");
    }
}
