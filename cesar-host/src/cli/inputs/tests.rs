use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use cesar_base::names::shown;
use cesar_runner::CancelToken;

use super::*;

/// A realistic folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        "b.wav",
        "UPPER.WAV",
        "._b.wav",
        ".hidden.mp3",
        ".git/objects/x.wav",
        "sub/deep/talk.ogg",
        "folder.mp3/inside.flac",
        "talk.mp3.part",
        "film.mkv.crdownload",
        "notes.txt",
        "no_extension",
    ];
    for file in files {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x").unwrap();
    }
    let latin = std::ffi::OsStr::from_bytes(b"latin1_\xe9\n.wav");
    fs::write(folder.path().join(latin), "x").unwrap();
    std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling.wav")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join(".dangling.wav")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pipe.wav"), 0o600.into()).unwrap();
    folder
}

#[test]
fn a_folder_gives_its_recordings_and_reports_skipped_files() {
    let folder = folder();
    let collected = collect(&[&folder.path().to_owned()], &CancelToken::default()).unwrap();
    let root = format!("{}/", folder.path().display());
    let names = collected.recordings.iter().map(|recording| lossless(&recording.name));
    let labels = collected
        .recordings
        .iter()
        .map(|recording| recording.label.replace(&root, ""));
    let names = names.zip(labels).map(|(name, label)| format!("{name:?} {label}\n"));
    let others = collected.skipped.iter().cloned();
    let others = others.chain(collected.passed_over.iter().map(ToString::to_string));
    let others = others.map(|line| line.replace(&root, "").replace(root.trim_end_matches('/'), "FOLDER") + "\n");
    insta::assert_snapshot!(names.chain(others).collect::<String>(), @r#"
    "UPPER.WAV" UPPER.WAV
    "b.wav" b.wav
    "folder.mp3/inside.flac" folder.mp3/inside.flac
    "latin1_\\xE9\n.wav" latin1_\xE9\n.wav
    "sub/deep/talk.ogg" sub/deep/talk.ogg
    skipped `dangling.wav`: No such file or directory (os error 2)
    skipped `loop`: it links to its parent `FOLDER`
    skipped in `FOLDER`: 4 hidden files, 2 unfinished downloads, 3 other files
    "#);
    assert!(collected.failed.is_empty());
}

#[test]
fn named_inputs_are_taken_regardless_of_extension() {
    let folder = folder();
    let inputs = ["._b.wav", ".git", "talk.mp3.part", "no_extension"].map(|name| folder.path().join(name));
    let collected = collect(&inputs.iter().collect::<Vec<_>>(), &CancelToken::default()).unwrap();
    let names: Vec<_> = collected
        .recordings
        .iter()
        .map(|recording| lossless(&recording.name))
        .collect();
    assert_eq!(names, ["._b.wav", "objects/x.wav", "talk.mp3.part", "no_extension"]);
}

#[test]
fn an_input_without_recordings_does_not_stop_the_others() {
    let empty = tempfile::tempdir().unwrap();
    let (empty, file) = (empty.path().to_owned(), PathBuf::from("talk.wav"));
    let collected = collect(&[&empty, &file], &CancelToken::default()).unwrap();
    assert_eq!((collected.recordings.len(), collected.failed.len()), (1, 1));
    assert!(matches!(
        collect(&[&empty], &CancelToken::default()),
        Err(InputError::NoRecordings(_))
    ));
    assert_eq!(
        collect(&[&empty, &empty], &CancelToken::default())
            .unwrap()
            .failed
            .len(),
        2
    );
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let folder = folder();
    let path = folder.path().join("pipe.wav");
    let mut recordings = collect(&[&path], &CancelToken::default()).unwrap().recordings;
    let recording = &mut recordings[0];
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&path, &bytes).unwrap());
        recording.receive(folder.path(), &CancelToken::default()).unwrap();
    });
    assert!(fs::read(&recording.path).unwrap() == bytes);
    assert_eq!(recording.label, shown(&path));
}

#[test]
fn a_silent_pipe_can_be_cancelled() {
    let folder = folder();
    let mut recordings = collect(&[&folder.path().join("pipe.wav")], &CancelToken::default())
        .unwrap()
        .recordings;
    let cancel = CancelToken::default();
    cancel.cancel();
    let error = recordings[0].receive(folder.path(), &cancel).unwrap_err();
    assert!(matches!(error, InputError::Interrupted));
}

/// Two links in each folder to the next: 2^16 paths lead to the last.
#[test]
fn a_folder_with_many_links_to_it_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..16 {
        let path = folder.path().join(format!("f{number}"));
        fs::create_dir(&path).unwrap();
        for link in ["a", "b"] {
            std::os::unix::fs::symlink(format!("../f{}", number + 1), path.join(link)).unwrap();
        }
    }
    fs::create_dir(folder.path().join("f16")).unwrap();
    fs::write(folder.path().join("f16/talk.wav"), "x").unwrap();
    let first = folder.path().join("f0");
    let collected = collect(&[&first], &CancelToken::default()).unwrap();
    let names: Vec<_> = collected.recordings.iter().map(|recording| &recording.name).collect();
    let [name] = names[..] else { panic!("{names:?}") };
    assert_eq!(name.components().count(), 17);
    assert_eq!(collected.skipped.len(), 16);
    assert!(
        collected.skipped[0].contains("it is the same folder as"),
        "{:?}",
        collected.skipped
    );
}

#[test]
fn the_reading_of_a_folder_can_be_cancelled() {
    let folder = folder();
    let cancel = CancelToken::default();
    cancel.cancel();
    let error = collect(&[&folder.path().to_owned()], &cancel).unwrap_err();
    assert!(matches!(error, InputError::Interrupted));
}
