use super::*;
use notify::event::{DataChange, MetadataKind, RenameMode};

#[test]
fn reports_are_reduced_to_what_changes() {
    let path = PathBuf::from("/in/talk.wav");
    let of = |kind| changes(Ok(Event::new(kind).add_path(path.clone())));
    let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
    assert_eq!(of(closed), [Change::Closed(path.clone())]);
    let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    assert_eq!(of(written), [Change::Written(path.clone())]);
    let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
    assert_eq!(of(renamed), [Change::Other(path.clone())]);
    assert_eq!(of(EventKind::Create(CreateKind::Folder)), [Change::Folders]);
    let removed = EventKind::Remove(RemoveKind::Folder);
    assert_eq!(of(removed), [Change::FolderRemoved(path.clone())]);
    // The program's own reading.
    assert_eq!(of(EventKind::Access(AccessKind::Open(AccessMode::Any))), []);
    assert_eq!(of(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any))), []);
    let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
    assert_eq!(changes(Ok(lost)), [Change::Folders]);
    let full = notify::Error::new(notify::ErrorKind::MaxFilesWatch);
    assert_eq!(changes(Err(full)), [Change::Full]);
}

#[test]
fn walks_are_rarer_where_they_take_longer() {
    let minute = Duration::from_secs(60);
    assert_eq!(interval(minute, Duration::from_secs(1)), minute);
    assert_eq!(interval(minute, Duration::from_secs(30)), 10 * minute);
}

#[test]
fn only_recordings_outside_the_other_folders_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    for file in [
        "a.wav",
        "sub/b.mp3",
        "done/c.wav",
        ".hidden/d.wav",
        "notes.txt",
        "e.wav.part",
    ] {
        let file = path.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "x").unwrap();
    }
    let mut folders = Folders::new(std::slice::from_ref(&path), &[&path.join("done")]).unwrap();
    let (found, said) = folders.walk(false);
    let names: Vec<_> = found.into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, [path.join("a.wav"), path.join("sub/b.mp3")]);
    assert_eq!(said, [""; 0]);
    for name in &names {
        assert_eq!(folders.local(name).as_ref(), Some(name));
    }
    for other in ["done/c.wav", ".hidden/d.wav", "notes.txt", "e.wav.part"] {
        assert_eq!(folders.local(&path.join(other)), None, "{other}");
    }
    assert_eq!(folders.recording(&names[1]).name, Path::new("sub/b.mp3"));
}

#[test]
fn a_folder_may_disappear_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    let mut folders = Folders::new(std::slice::from_ref(&path), &[]).unwrap();
    assert_eq!(folders.walk(false).1.len(), 1);
    assert!(folders.are_incomplete());
    assert_eq!(folders.walk(false).1, [""; 0], "it is said once");
    std::fs::create_dir(&path).unwrap();
    assert_eq!(folders.walk(false).1, [format!("`{}` is back", path.display())]);
    assert!(!folders.are_incomplete());
}

#[test]
fn folders_that_contain_each_other_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("in/sub")).unwrap();
    std::os::unix::fs::symlink("in", path("link")).unwrap();
    let refused = |paths: &[PathBuf], others: &[&Path]| Folders::new(paths, others).err().map(|error| error.text);
    assert!(
        refused(&[path("in"), path("in/sub")], &[])
            .unwrap()
            .contains("name one of them")
    );
    assert!(refused(&[path("link"), path("in")], &[]).is_some());
    assert!(
        refused(&[path("in")], &[&path("in")])
            .unwrap()
            .contains("contains the watched folder")
    );
    assert!(refused(&[path("in/sub")], &[&path("in")]).is_some());
    assert_eq!(refused(&[path("in")], &[&path("in/done"), &path("elsewhere")]), None);
}
