use super::*;

/// A folder with a recording in it, and the record of outputs.
struct Site {
    folder: tempfile::TempDir,
    remembers: bool,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("out")).unwrap();
        Self {
            folder,
            remembers: true,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the transcript of a recording with these bytes in another process; returns file names and note.
    fn write(&self, name: &str, media: &str, text: &str, overwrite: bool) -> (Vec<String>, Option<String>) {
        self.write_all(name, media, &[("txt", text)], overwrite)
    }

    fn write_all(
        &self,
        name: &str,
        media: &str,
        texts: &[(&str, &str)],
        overwrite: bool,
    ) -> (Vec<String>, Option<String>) {
        let names = names::assign(&self.path("out"), &[(Path::new(name), Path::new(name))]).remove(0);
        let place = Place::Folder(names);
        let state = self.path("state");
        let state = self.remembers.then_some(state.as_path());
        let clobbering = if overwrite { Clobbering::Any } else { Clobbering::Own };
        let outputs = Outputs::new(&[], std::slice::from_ref(&place), clobbering, state);
        let fills: Vec<_> = texts
            .iter()
            .map(|(_, text)| |file: &mut dyn Write| file.write_all(text.as_bytes()))
            .collect();
        let contents: Vec<_> = (texts.iter().zip(&fills))
            .map(|((extension, _), fill)| Content { extension, fill })
            .collect();
        let wrote = outputs.write(&place, &Digest::of(media.as_bytes()), &contents).unwrap();
        let names = wrote.files.iter().map(|file| {
            let name = file.strip_prefix(self.path("out")).unwrap();
            name.display().to_string()
        });
        let root = self.folder.path().display().to_string();
        (names.collect(), wrote.note.map(|note| note.replace(&root, "")))
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

fn named(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

#[test]
fn the_same_recording_replaces_its_own_transcript() {
    let site = Site::new();
    assert_eq!(site.write("talk.ogg", "A", "one", false), (named("talk.txt"), None));
    assert_eq!(site.write("talk.ogg", "A", "two", false), (named("talk.txt"), None));
    assert_eq!(site.read("out/talk.txt"), "two");
}

#[test]
fn the_transcript_of_another_recording_is_kept() {
    let site = Site::new();
    site.write("talk.ogg", "A", "one", false);
    let (names, note) = site.write("talk.mp3", "B", "two", false);
    assert_eq!(names, named("talk.mp3.txt"));
    insta::assert_snapshot!(note.unwrap(), @"`/out/talk.txt` is of another recording or was edited; wrote `/out/talk.mp3.txt` instead (replace with --overwrite)");
    // The same run again finds its own file.
    assert_eq!(site.write("talk.mp3", "B", "three", false).0, named("talk.mp3.txt"));
    assert_eq!(site.write("talk.mp3", "C", "four", false).0, named("talk.mp3.2.txt"));
    assert_eq!(
        (site.read("out/talk.txt"), site.read("out/talk.mp3.txt")),
        ("one".into(), "three".into())
    );
}

/// Two recordings with the same words: a later run of one replaces its own transcript, not the other's.
#[test]
fn the_same_text_of_another_recording_is_another_file() {
    let site = Site::new();
    site.write("talk.ogg", "A", "you", false);
    assert_eq!(site.write("talk.mp3", "B", "you", false).0, named("talk.mp3.txt"));
    site.write("talk.ogg", "A", "me", false);
    assert_eq!(
        (site.read("out/talk.txt"), site.read("out/talk.mp3.txt")),
        ("me".into(), "you".into())
    );
}

#[test]
fn an_edited_transcript_is_kept_without_overwrite() {
    let site = Site::new();
    site.write("talk.ogg", "A", "one", false);
    std::fs::write(site.path("out/talk.txt"), "one, corrected by hand").unwrap();
    assert_eq!(site.write("talk.ogg", "A", "two", false).0, named("talk.ogg.txt"));
    assert_eq!(site.write("talk.ogg", "A", "two", true), (named("talk.txt"), None));
    assert_eq!(site.read("out/talk.txt"), "two");
}

#[test]
fn without_a_record_only_identical_files_are_reused() {
    let site = Site {
        remembers: false,
        ..Site::new()
    };
    assert_eq!(site.write("talk.ogg", "A", "one", false).0, named("talk.txt"));
    assert_eq!(site.write("talk.ogg", "A", "one", false), (named("talk.txt"), None));
    assert_eq!(site.write("talk.ogg", "A", "two", false).0, named("talk.ogg.txt"));
}

#[test]
fn the_formats_of_a_recording_stay_together() {
    let site = Site::new();
    std::fs::write(site.path("out/talk.srt"), "of another author").unwrap();
    let texts = [("txt", "one"), ("srt", "1")];
    let (names, _) = site.write_all("talk.ogg", "A", &texts, false);
    assert_eq!(names, ["talk.ogg.txt", "talk.ogg.srt"]);
    assert!(!site.path("out/talk.txt").exists());
}

#[test]
fn folders_and_broken_links_are_kept() {
    let site = Site::new();
    std::fs::create_dir(site.path("out/talk.txt")).unwrap();
    std::os::unix::fs::symlink("nowhere", site.path("out/walk.txt")).unwrap();
    assert_eq!(site.write("talk.ogg", "A", "one", true).0, named("talk.ogg.txt"));
    assert_eq!(site.write("walk.ogg", "A", "one", true).0, named("walk.ogg.txt"));
    assert_eq!(site.write("sub/talk.ogg", "A", "one", true).0, named("sub/talk.txt"));
}

#[test]
fn a_recording_is_never_overwritten() {
    let site = Site::new();
    let recording = site.path("out/talk.txt");
    std::fs::write(&recording, "a recording").unwrap();
    let collected = crate::cli::inputs::collect(&[&recording], &cesar_runner::CancelToken::default())
        .unwrap()
        .recordings;
    let places = places(&collected, &["txt".into()], None, Some(&site.path("out"))).unwrap();
    let outputs = Outputs::new(&collected, &places, Clobbering::Any, None);
    let fill = |file: &mut dyn Write| file.write_all(b"text");
    let content = Content {
        extension: "txt",
        fill: &fill,
    };
    let wrote = outputs.write(&places[0], &Digest::of(b"A"), &[content]).unwrap();
    assert_eq!(wrote.files, [site.path("out/talk.txt.txt")]);
    assert_eq!(site.read("out/talk.txt"), "a recording");
}

#[test]
fn files_that_are_there_are_kept_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let place =
        Place::Folder(names::assign(folder.path(), &[(Path::new("talk.mp3"), Path::new("talk.mp3"))]).remove(0));
    let extensions = ["txt".to_owned(), "srt".to_owned()];
    let outputs = Outputs::new(&[], std::slice::from_ref(&place), Clobbering::None, None);
    assert_eq!(outputs.kept(&place, &extensions), None);
    let text = folder.path().join("talk.txt");
    std::fs::write(&text, "edited").unwrap();
    assert_eq!(outputs.kept(&place, &extensions), None, "srt is missing");
    let fill = |file: &mut dyn Write| file.write_all(b"new");
    let contents = ["txt", "srt"].map(|extension| Content { extension, fill: &fill });
    let wrote = outputs.write(&place, &Digest::of(b"bytes"), &contents).unwrap();
    assert_eq!(wrote.files, [folder.path().join("talk.srt")]);
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "edited");
    assert_eq!(outputs.kept(&place, &extensions), Some(text));
    let own = Outputs::new(&[], std::slice::from_ref(&place), Clobbering::Own, None);
    assert_eq!(own.kept(&place, &extensions), None);
}

#[test]
fn an_unwritable_output_has_a_code_for_programs() {
    let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
    let code = |error: OutputError| Failure::from(error).code;
    assert_eq!(
        code(OutputError::NotWritable("talk.txt".into(), full())),
        Some("not_writable")
    );
    assert_eq!(code(OutputError::Stdout(full())), None);
}

#[test]
fn an_unwritable_output_is_named_with_its_extension() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let message = |place: &Place, extension: &str, fill: Fill<'_>| {
        let outputs = Outputs::new(&[], std::slice::from_ref(place), Clobbering::Own, None);
        let content = Content { extension, fill };
        let error = outputs.write(place, &Digest::of(b"bytes"), &[content]).unwrap_err();
        error.to_string().replace(folder.path().to_str().unwrap(), "FOLDER")
    };
    let full = |_: &mut dyn Write| Err(rustix::io::Errno::NOSPC.into());
    let names = |folder: &str| names::assign(&at(folder), &[(Path::new("talk.mp3"), Path::new("talk.mp3"))]).remove(0);
    assert_eq!(
        message(&Place::Folder(names("out")), "txt", &full),
        "`FOLDER/out/talk.txt` cannot be written: No space left on device (os error 28)"
    );
    // Where the temporary file cannot even be created.
    let fill = |file: &mut dyn Write| file.write_all(b"text");
    assert_eq!(
        message(&Place::File(at("missing/talk.srt")), "srt", &fill),
        "`FOLDER/missing/talk.srt` cannot be written: No such file or directory (os error 2)"
    );
    std::fs::create_dir(at("long")).unwrap();
    let extension = "x".repeat(255);
    let error = message(&Place::Folder(names("long")), &extension, &fill);
    let expected = format!("`FOLDER/long/talk.{extension}` cannot be written: File name too long (os error 36)");
    assert_eq!(error, expected);
}
