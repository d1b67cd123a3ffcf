use super::*;
use std::fs;
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    ledger: Ledger,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(Some(&folder.path().join("state")));
        Self { folder, ledger }
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn transcripts(&self, recording: &Path, extensions: &[&str]) -> Option<Vec<PathBuf>> {
        let extensions: Vec<_> = extensions.iter().map(|&extension| extension.to_owned()).collect();
        self.ledger
            .transcripts(recording, &FileStamp::of(recording).unwrap(), &extensions)
    }

    fn replaced(&self, recording: &Path) -> Replaced {
        self.ledger.replaced(recording, &FileStamp::of(recording).unwrap())
    }

    fn remember(&self, recording: &Path, file: &Path) {
        self.ledger.remember(&recorded(recording), &[file.to_owned()]);
    }
}

fn recorded(recording: &Path) -> Recorded {
    Recorded::new(recording, FileStamp::of(recording).unwrap()).unwrap()
}

fn nothing() -> Replaced {
    Replaced::default()
}

fn same(file: PathBuf) -> Replaced {
    Replaced {
        same: vec![file],
        ..nothing()
    }
}

#[test]
fn unchanged_recordings_with_all_transcripts_are_known() {
    let place = Place::new();
    let (recording, text) = (place.write("a.wav", b"sound"), place.write("a.txt", b"words"));
    assert_eq!(place.transcripts(&recording, &["txt"]), None);
    place.remember(&recording, &text);
    assert_eq!(place.transcripts(&recording, &["txt"]), Some(vec![text.clone()]));
    assert_eq!(place.transcripts(&recording, &["txt", "srt"]), None, "a format is new");
    place.write("a.txt", b"edited");
    assert_eq!(place.transcripts(&recording, &["txt"]), Some(vec![text.clone()]));
    fs::remove_file(text).unwrap();
    assert_eq!(place.transcripts(&recording, &["txt"]), None, "it was removed");
    place.write("a.txt", b"words");
    place.write("a.wav", b"other sound");
    assert_eq!(place.transcripts(&recording, &["txt"]), None, "the recording changed");
}

#[test]
fn a_transcript_in_a_longer_extension_is_of_another_format() {
    let place = Place::new();
    let (recording, labels) = (place.write("a.wav", b"sound"), place.write("a.labels.txt", b"words"));
    place.remember(&recording, &labels);
    assert_eq!(place.transcripts(&recording, &["txt"]), None);
    assert_eq!(place.transcripts(&recording, &["labels.txt"]), Some(vec![labels]));
    let longer = place.write("a.wav.txt", b"words");
    place.remember(&recording, &longer);
    assert_eq!(
        place.transcripts(&recording, &["txt"]),
        Some(vec![longer]),
        "the name was taken"
    );
}

#[test]
fn a_moved_recording_is_forgotten() {
    let place = Place::new();
    let (recording, text) = (place.write("a.wav", b"sound"), place.write("a.txt", b"words"));
    place.remember(&recording, &text);
    fs::rename(&recording, place.folder.path().join("b.wav")).unwrap();
    place.ledger.forget(&recording);
    assert_eq!(place.replaced(&place.folder.path().join("b.wav")), nothing());
}

#[test]
fn a_renamed_recording_takes_its_transcript_along_and_a_copy_does_not() {
    let place = Place::new();
    let (recording, text) = (place.write("a.wav", b"sound"), place.write("a.txt", b"words"));
    place.remember(&recording, &text);
    let copy = place.write("copy.wav", b"sound");
    assert_eq!(place.replaced(&copy), nothing());
    let renamed = place.folder.path().join("b.wav");
    fs::hard_link(&recording, &renamed).unwrap();
    assert_eq!(place.replaced(&renamed), nothing(), "both names are there");
    fs::remove_file(&recording).unwrap();
    assert_eq!(place.replaced(&renamed), same(text));
    let new = place.write("b.txt", b"words");
    place.remember(&renamed, &new);
    assert_eq!(place.replaced(&renamed), nothing(), "the old name is forgotten");
}

/// The process died before the end of the work, and the recording was renamed meanwhile.
#[test]
fn probable_transcripts_of_a_renamed_recording_are_known() {
    let place = Place::new();
    let (recording, text) = (place.write("a.wav", b"sound"), place.write("a.txt", b"words"));
    place.ledger.begin(&recorded(&recording), std::slice::from_ref(&text));
    assert_eq!(place.transcripts(&recording, &["txt"]), None);
    let renamed = place.folder.path().join("b.wav");
    fs::rename(&recording, &renamed).unwrap();
    assert_eq!(place.replaced(&renamed), same(text.clone()));
    place.remember(&renamed, &place.write("b.txt", b"words"));
    assert_eq!(place.replaced(&renamed), nothing());
}

#[test]
fn a_grown_recording_replaces_its_transcript_and_another_one_does_not() {
    let place = Place::new();
    let content = |length: u8| (0..length).collect::<Vec<u8>>();
    let (recording, text) = (place.write("a.wav", &content(60)), place.write("a.txt", b"words"));
    place.remember(&recording, &text);
    let mut grown = content(90);
    // The header has the length.
    grown[0] = 90;
    place.write("a.wav", &grown);
    let earlier = Replaced {
        earlier: vec![text],
        ..nothing()
    };
    assert_eq!(place.replaced(&recording), earlier);
    place.write("a.wav", &content(90).into_iter().rev().collect::<Vec<u8>>());
    assert_eq!(place.replaced(&recording), nothing(), "another recording of this name");
    place.write("a.wav", &content(50));
    assert_eq!(place.replaced(&recording), nothing(), "it was cut");
}
