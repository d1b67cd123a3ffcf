//! The recordings with known turns: bundled ones, and those of the test data.

use super::score::{Turn, ms, read};
use crate::{
    failure::{Failure, Outcome},
    output::announce,
};
use cesar_tests::{recordings::find_test_data, workspace};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Source of the recordings whose reference is the output of another program; never part of a pool of real recordings.
pub(super) const SILVER: &str = "outputs of community-1";
/// Source of the bundled recordings, which are synthetic.
pub(super) const BUNDLED: &str = "bundled";
/// Source of the AMI clips joined to longer recordings; each clip is already part of the source of single ones.
pub(super) const JOINED: &str = "AMI, joined";

/// The AMI clips of the test data that are joined: those of one meeting, or with a speaker in common, and all.
const AMI: [(&str, &[usize]); 4] = [
    ("EN2001", &[1, 2, 3]),
    ("EN2005, EN2009", &[6, 9]),
    ("EN2006", &[7, 8]),
    ("all nine", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
];

/// A recording and its turns.
pub(super) struct Dialogue {
    /// Its name in tables.
    pub(super) name: String,
    /// The group that it is pooled in.
    pub(super) source: &'static str,
    pub(super) sound: Sound,
    /// Turns by words, or the only known ones.
    pub(super) turns: Vec<Turn>,
    /// Turns that count laughs and other sounds of the voice as speech.
    pub(super) with_sounds: Option<Vec<Turn>>,
}

/// The audio of a recording.
pub(super) enum Sound {
    File(PathBuf),
    /// Other recordings, by index, one after the other.
    Joined(Vec<usize>),
}

impl Dialogue {
    /// Whether people spoke and people wrote the reference.
    pub(super) fn is_real(&self) -> bool {
        ![SILVER, BUNDLED, JOINED].contains(&self.source)
    }
}

/// The bundled recordings with turns, and those of the test data.
pub(super) fn dialogues() -> Outcome<Vec<Dialogue>> {
    let mut dialogues = Vec::new();
    let fixtures = workspace().join("tests/fixtures");
    for file in [
        "meeting.flac",
        "interview.m4a",
        "harbour.mp3",
        "welcome.ogg",
        "spanish.opus",
        "short.wav",
    ] {
        let recording = fixtures.join(file);
        let turns = turns(&recording.with_extension("rttm"))?;
        dialogues.push(dialogue(file, BUNDLED, recording, turns));
    }
    let Some(data) = find_test_data() else {
        announce("no test data: only the bundled recordings; set `CESAR_TEST_DATA` to the folder that holds `audio`");
        return Ok(dialogues);
    };
    let pyannote = data.join("audio/pyannote+pyannote-audio");
    for (name, rttm) in [
        ("dev00", "debug.development"),
        ("dev01", "debug.development"),
        ("sample", "sample"),
    ] {
        let text = text(&pyannote.join(format!("{rttm}.rttm")))?;
        let own = text.lines().filter(|line| line.split_whitespace().nth(1) == Some(name));
        let turns = read(&own.map(|line| format!("{line}\n")).collect::<String>())?;
        let recording = pyannote.join(format!("{name}.wav"));
        dialogues.push(dialogue(name, "pyannote dev00, dev01, sample", recording, turns));
    }
    dialogues.push(falcon(&data.join("audio/Picovoice+falcon"))?);
    let others = data.join("der");
    for name in ["diarizationExample", "diarizationExample2"] {
        let recording = others.join(format!("tyiannak+pyAudioAnalysis/{name}.wav"));
        let turns = turns(&recording.with_extension("rttm"))?;
        dialogues.push(dialogue(name, "pyAudioAnalysis", recording, turns));
    }
    for name in ["test", "test_3speakers"] {
        let recording = others.join(format!("avencera+speakrs/{name}.wav"));
        let turns = turns(&recording.with_extension("community-1.rttm"))?;
        dialogues.push(dialogue(name, SILVER, recording, turns));
    }
    ami(&others.join("pyannote+pyannote-audio"), &mut dialogues)?;
    Ok(dialogues)
}

/// The clips of AMI, and those of one meeting and of all meetings joined.
fn ami(folder: &Path, dialogues: &mut Vec<Dialogue>) -> Outcome {
    let first = dialogues.len();
    for number in 1..=9 {
        let name = format!("trn{number:02}");
        let recording = folder.join(format!("{name}.wav"));
        let words = turns(&recording.with_extension("words.rttm"))?;
        let with_sounds = turns(&recording.with_extension("rttm"))?;
        dialogues.push(Dialogue {
            with_sounds: Some(with_sounds),
            ..dialogue(&name, "AMI", recording, words)
        });
    }
    for (meeting, clips) in AMI {
        dialogues.push(Dialogue {
            name: format!("joined {meeting}"),
            source: JOINED,
            sound: Sound::Joined(clips.iter().map(|clip| first + clip - 1).collect()),
            turns: Vec::new(),
            with_sounds: None,
        });
    }
    Ok(())
}

fn dialogue(name: &str, source: &'static str, recording: PathBuf, turns: Vec<Turn>) -> Dialogue {
    Dialogue {
        name: name.to_owned(),
        source,
        sound: Sound::File(recording),
        turns,
        with_sounds: None,
    }
}

fn falcon(folder: &Path) -> Outcome<Dialogue> {
    let data: Value = serde_json::from_str(&text(&folder.join("test_data.json"))?)
        .map_err(|error| Failure::new(format!("`{}`: {error}", folder.display())))?;
    let segments = data["tests"]["diarization_tests"][0]["segments"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let time = |segment: &Value, name: &str| ms(segment[name].as_f64().unwrap_or_default());
    let turn = |segment: &Value| {
        let speaker = segment["speaker_tag"].to_string();
        (time(segment, "start_sec"), time(segment, "end_sec"), speaker)
    };
    let turns = segments.iter().map(turn).collect();
    Ok(dialogue("falcon test", "falcon", folder.join("test.wav"), turns))
}

/// The turns of an RTTM file.
fn turns(file: &Path) -> Outcome<Vec<Turn>> {
    read(&text(file)?)
}

fn text(file: &Path) -> Outcome<String> {
    fs::read_to_string(file).map_err(|error| Failure::path(file, &error))
}
