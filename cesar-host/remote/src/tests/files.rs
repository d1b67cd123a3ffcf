//! Files in a bucket of a real S3 server and in a folder.

use std::fs;
use std::io;
use std::time::Duration;

use cesar_tests::fault_proxy::{Fault, FaultProxy};

use super::*;
use crate::runtime::Runtime;
use crate::{FilesError, RemoteFiles};

/// More than one part and one range, and no multiple of either.
const LARGE: usize = 20 * 1024 * 1024 + 4_321;

fn open(place: Place) -> (RemoteFiles, Option<TempDir>) {
    let files = RemoteFiles::of_store(place.location, place.store, Runtime::start().unwrap());
    (files.unwrap(), place._folder)
}

fn read(files: &RemoteFiles, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let found = files.get(name, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(found.then_some(bytes))
}

#[test]
fn files_of_every_size_come_back() {
    let folder = TempDir::new().unwrap();
    for place in [Place::bucket(), Place::folder()] {
        let (files, _kept) = open(place);
        for length in [0, 1, 8 * 1024 * 1024, 16 * 1024 * 1024, LARGE] {
            let (name, path) = (length.to_string(), folder.path().join("upload"));
            let bytes: Vec<u8> = (0..length).map(|index| ((index * 31) >> 5) as u8).collect();
            fs::write(&path, &bytes).unwrap();
            assert!(!files.contains(&name).unwrap());
            assert!(read(&files, &name).unwrap().is_none());
            files.put(&name, &path).unwrap();
            assert!(
                read(&files, &name).unwrap().as_deref() == Some(&bytes[..]),
                "{length} bytes"
            );
        }
        let mut listed = files.list().unwrap();
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        let names: Vec<_> = listed.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["0", "1", "16777216", "20975841", "8388608"]);
        assert!(
            listed
                .iter()
                .all(|entry| entry.age < Duration::from_secs(600) && entry.name == entry.bytes.to_string()),
            "{listed:?}"
        );
        for name in names {
            files.remove(name).unwrap();
            files.remove(name).unwrap();
            assert!(!files.contains(name).unwrap());
        }
    }
}

#[test]
fn a_look_marks_no_place_of_uploads() {
    for place in [Place::bucket(), Place::folder()] {
        let find =
            || RemoteFiles::find_in_store(place.location.clone(), place.store.clone(), Runtime::start().unwrap());
        for _ in 0..2 {
            assert!(find().unwrap().is_none(), "{}", place.location);
        }
        RemoteFiles::of_store(place.location.clone(), place.store.clone(), Runtime::start().unwrap()).unwrap();
        assert!(find().unwrap().is_some(), "{}", place.location);
    }
}

/// Created by itself, it could be the mount point of a share that is not mounted, and uploads on the disk of one machine are lost for the others.
#[test]
fn a_folder_that_does_not_exist_is_refused_and_not_created() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("share");
    let refused = |path: &std::path::Path| {
        let opened = RemoteFiles::open(&format!("file://{}", path.display()), &|_| None);
        opened.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&missing),
        format!(
            "the folder `{}` of uploads cannot be used (No such file or directory (os error 2)); create or mount it, or correct `server.blobs`",
            missing.display()
        )
    );
    assert!(!missing.exists());
    fs::write(&missing, "a file").unwrap();
    assert!(
        refused(&missing).contains("(not a directory); create"),
        "{}",
        refused(&missing)
    );
}

#[test]
fn a_place_with_other_things_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("letter.txt"), "Dear Ann").unwrap();
    let url = format!("file://{}", folder.path().display());
    let error = RemoteFiles::open(&url, &|_| None).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot use the storage of uploads `{url}` (it holds other objects; give a bucket or a prefix of its own); check \
             `server.blobs`, the credentials, the clock and the network"
        )
    );
    for url in ["results", "s3://user:hunter2@results/x", "file://relative"] {
        let error = RemoteFiles::open(url, &|_| None).unwrap_err();
        assert!(matches!(error, FilesError::Url { .. }), "{url}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn no_fault_of_the_network_gives_other_bytes() {
    let proxy = FaultProxy::start(object_storage().port());
    let place = Place::at(&object_storage().place(), &proxy.endpoint(), WRITER);
    let (files, _kept) = open(place);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("upload");
    fs::write(&path, b"the words of the meeting").unwrap();
    files.put("meeting", &path).unwrap();
    for fault in [Fault::Cut, Fault::Status500, Fault::Truncated] {
        proxy.fail(fault);
        match read(&files, "meeting") {
            // Another attempt succeeds where the fault is of one request.
            Ok(found) => assert_eq!(found.as_deref(), Some(&b"the words of the meeting"[..]), "{fault:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        proxy.fail(Fault::None);
    }
    assert!(read(&files, "meeting").unwrap().is_some());
}

#[test]
fn pieces_are_created_once_and_apart_from_files() {
    for place in [Place::bucket(), Place::folder()] {
        let (files, _kept) = open(place);
        let files = files.within("cluster");
        let pieces = files.pieces();
        let one = pieces.within("upload");
        assert!(one.create("0", b"first".to_vec()).unwrap());
        assert!(!one.create("0", b"other".to_vec()).unwrap());
        assert!(one.create("5", Vec::new()).unwrap());
        assert!(pieces.within("upload-2").create("0", b"x".to_vec()).unwrap());
        assert_eq!(read(&one, "0").unwrap().as_deref(), Some(&b"first"[..]));
        let listed = |files: &RemoteFiles| {
            let mut all: Vec<_> = files
                .list()
                .unwrap()
                .into_iter()
                .map(|entry| (entry.name, entry.bytes))
                .collect();
            all.sort();
            all
        };
        let named = |names: &[(&str, u64)]| {
            names
                .iter()
                .map(|(name, bytes)| ((*name).to_owned(), *bytes))
                .collect::<Vec<_>>()
        };
        assert_eq!(listed(&one), named(&[("0", 5), ("5", 0)]));
        assert_eq!(
            listed(&pieces),
            named(&[("upload-2/0", 1), ("upload/0", 5), ("upload/5", 0)])
        );
        assert_eq!(listed(&files), []);
    }
}
