use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;

/// This test's own executable: a real ELF file of this machine (position independent, so of type `DYN`), without a manifest.
fn own_executable() -> Vec<u8> {
    std::fs::read(std::env::current_exe().unwrap()).unwrap()
}

fn refused(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libfoo.so");
    std::fs::write(&path, bytes).unwrap();
    let text = read_manifest(&path).unwrap_err().to_string();
    text.replace(&folder.path().display().to_string(), "FOLDER")
        .replace(std::env::consts::ARCH, "ARCH")
}

/// It has no writer: opening it for reading would block.
#[test]
fn a_pipe_is_no_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libpipe.so");
    let (fifo, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, &path, fifo, mode, 0).unwrap();
    let said = read_manifest(&path).unwrap_err().to_string();
    assert!(said.ends_with("it is not a regular file"), "{said}");
}

#[test]
fn each_gate_refuses_with_its_message() {
    let elf = own_executable();
    assert_eq!(
        refused(b"hello"),
        "`FOLDER/libfoo.so` is not a shared library for ARCH: it is not an ELF file"
    );
    assert_eq!(
        refused(b""),
        "`FOLDER/libfoo.so` is not a shared library for ARCH: it is not an ELF file"
    );
    assert_eq!(
        refused(&elf),
        "`FOLDER/libfoo.so` is not a Cesar plugin (it has no section .cesar.plugin)"
    );
    let mut other = elf.clone();
    other[18..20].copy_from_slice(&elf::EM_PPC64.0.to_le_bytes());
    assert_eq!(
        refused(&other),
        "`FOLDER/libfoo.so` is not a shared library for ARCH: the file is for machine 21"
    );
    let mut narrow = elf.clone();
    narrow[4] = elf::ELFCLASS32.0;
    assert_eq!(
        refused(&narrow),
        "`FOLDER/libfoo.so` is not a shared library for ARCH: it is not a 64-bit file"
    );
    let mut object = elf;
    object[16..18].copy_from_slice(&elf::ET_REL.0.to_le_bytes());
    assert_eq!(
        refused(&object),
        "`FOLDER/libfoo.so` is not a shared library for ARCH: it is not a library"
    );
}

#[test]
fn a_world_writable_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libfoo.so");
    std::fs::write(&path, own_executable()).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(read_manifest(&path), Err(GateError::Writable { .. })));
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let sticky = read_manifest(&path).unwrap_err().to_string();
    assert!(
        sticky.contains("others may write to its folder; run `chmod o-w "),
        "{sticky}"
    );
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o775)).unwrap();
    assert!(matches!(read_manifest(&path), Err(GateError::NotPlugin { .. })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(
        read_manifest(&path)
            .unwrap_err()
            .to_string()
            .contains("others may write to its file")
    );
}

#[test]
fn an_unknown_cpu_feature_counts_as_missing() {
    assert!(!cpu_has("quantum"));
}

proptest! {
    /// A library truncated anywhere is refused before it would be loaded.
    #[test]
    fn a_library_cut_anywhere_is_refused(keep in 0.0_f64..1.0) {
        let elf = own_executable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of a length")]
        let keep = (elf.len() as f64 * keep) as usize;
        let text = refused(&elf[..keep]);
        prop_assert!(text.contains("is not a shared library"), "{}", text);
    }
}
