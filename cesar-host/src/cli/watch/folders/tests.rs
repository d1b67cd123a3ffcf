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
    let (found, said) = folders.walk(false, &CancelToken::default());
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

/// The recordings that a walk through `in` finds, by their paths below the root, with `files` and `links` (target, path) and these
/// folders for processed recordings.
fn found(files: &[&str], links: &[(&str, &str)], others: &[&str]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for file in files {
        std::fs::create_dir_all(at(file).parent().unwrap()).unwrap();
        std::fs::write(at(file), "x").unwrap();
    }
    for (target, link) in links {
        std::os::unix::fs::symlink(target, at(link)).unwrap();
    }
    let others: Vec<_> = others.iter().map(|other| at(other)).collect();
    let others: Vec<_> = others.iter().map(PathBuf::as_path).collect();
    let mut folders = Folders::new(&[at("in")], &others).unwrap();
    let found = folders
        .walk(false, &CancelToken::default())
        .0
        .into_iter()
        .map(|(path, _)| path);
    let name = |path: PathBuf| path.strip_prefix(root.path()).unwrap().display().to_string();
    let found: Vec<_> = found.map(name).collect();
    // What a walk does not find, no report leads to.
    let walked = walkdir::WalkDir::new(at("in")).follow_links(true);
    for path in walked.into_iter().filter_map(|entry| Some(entry.ok()?.into_path())) {
        if let Some(local) = folders.local(&path) {
            let local = name(local);
            assert!(found.contains(&local), "{local} by a report of {}", path.display());
        }
    }
    found
}

#[test]
fn a_link_to_the_folder_of_processed_recordings_is_not_followed() {
    let files = ["in/a.wav", "done/b.wav"];
    assert_eq!(found(&files, &[("../done", "in/finished")], &["done"]), ["in/a.wav"]);
    let chain = [("../done", "in/finished"), ("finished", "in/ready"), ("done", "moved")];
    assert_eq!(found(&files, &chain, &["failed", "moved"]), ["in/a.wav"]);
}

#[test]
fn a_link_below_the_folder_of_processed_recordings_is_not_followed() {
    let files = ["in/a.wav", "done/sub/b.wav"];
    assert_eq!(found(&files, &[("../done/sub", "in/sub")], &["done"]), ["in/a.wav"]);
}

#[test]
fn processed_recordings_are_not_found_through_a_link_to_a_folder_above_them() {
    let files = ["in/arch/a.wav", "in/arch/done/b.wav"];
    let links = [("arch", "in/lnk")];
    assert_eq!(found(&files, &links, &["in/arch/done"]), ["in/arch/a.wav"]);
}

#[test]
fn a_link_above_the_watched_folder_leads_to_no_recording_twice() {
    let files = ["in/a.wav", "done/b.wav", "more/c.wav"];
    let links = [("..", "in/loop")];
    assert_eq!(found(&files, &links, &["done"]), ["in/a.wav", "in/loop/more/c.wav"]);
}

#[test]
fn a_report_by_another_path_of_the_watched_folder_is_of_its_recording() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("in");
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("a.wav"), "x").unwrap();
    std::os::unix::fs::symlink("..", path.join(".loop")).unwrap();
    let folders = Folders::new(std::slice::from_ref(&path), &[]).unwrap();
    assert_eq!(folders.local(&path.join(".loop/in/a.wav")), Some(path.join("a.wav")));
}

#[test]
fn a_folder_may_disappear_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in");
    let mut folders = Folders::new(std::slice::from_ref(&path), &[]).unwrap();
    assert_eq!(folders.walk(false, &CancelToken::default()).1.len(), 1);
    assert!(folders.are_incomplete());
    assert_eq!(
        folders.walk(false, &CancelToken::default()).1,
        [""; 0],
        "it is said once"
    );
    std::fs::create_dir(&path).unwrap();
    assert_eq!(
        folders.walk(false, &CancelToken::default()).1,
        [format!("`{}` is back", path.display())]
    );
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
