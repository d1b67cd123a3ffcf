//! The recordings with known turns: bundled ones, and those of the test data.

use crate::{
    announce,
    failure::{Failure, Outcome},
};
use cesar_tests::{recordings::find_test_data, workspace};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A recording and its turns.
pub(super) struct Dialogue {
    /// Its name in tables.
    pub(super) name: String,
    /// The group that it is counted in.
    pub(super) group: &'static str,
    pub(super) recording: PathBuf,
    /// RTTM.
    pub(super) turns: String,
}

/// The bundled recordings with turns, and those of the test data.
pub(super) fn dialogues() -> Outcome<Vec<Dialogue>> {
    let mut dialogues = Vec::new();
    let fixtures = workspace().join("tests/fixtures");
    for (file, group) in [
        ("meeting.flac", "bundled dialogues"),
        ("interview.m4a", "bundled dialogues"),
        ("harbour.mp3", "bundled, others"),
        ("welcome.ogg", "bundled, others"),
        ("spanish.opus", "bundled, others"),
        ("short.wav", "bundled, others"),
    ] {
        let recording = fixtures.join(file);
        let turns = read(&recording.with_extension("rttm"))?;
        dialogues.push(Dialogue {
            name: file.to_owned(),
            group,
            recording,
            turns,
        });
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
        let all = read(&pyannote.join(format!("{rttm}.rttm")))?;
        let own = all.lines().filter(|line| line.split_whitespace().nth(1) == Some(name));
        dialogues.push(Dialogue {
            name: format!("pyannote {name}"),
            group: "pyannote dev00, dev01, sample",
            recording: pyannote.join(format!("{name}.wav")),
            turns: own.map(|line| format!("{line}\n")).collect(),
        });
    }
    dialogues.push(falcon(&data.join("audio/Picovoice+falcon"))?);
    Ok(dialogues)
}

fn falcon(folder: &Path) -> Outcome<Dialogue> {
    let data: Value = serde_json::from_str(&read(&folder.join("test_data.json"))?)
        .map_err(|error| Failure::new(format!("`{}`: {error}", folder.display())))?;
    let segments = data["tests"]["diarization_tests"][0]["segments"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let number = |segment: &Value, name: &str| segment[name].as_f64().unwrap_or_default();
    let turn = |segment: &Value| {
        let (start, end) = (number(segment, "start_sec"), number(segment, "end_sec"));
        line(start, end, &segment["speaker_tag"].to_string())
    };
    Ok(Dialogue {
        name: "falcon test".to_owned(),
        group: "falcon",
        recording: folder.join("test.wav"),
        turns: segments.iter().map(turn).collect(),
    })
}

/// A line of RTTM.
pub(super) fn line(start: f64, end: f64, speaker: &str) -> String {
    format!(
        "SPEAKER recording 1 {start:.3} {:.3} <NA> <NA> {speaker} <NA> <NA>\n",
        end - start
    )
}

fn read(file: &Path) -> Outcome<String> {
    fs::read_to_string(file).map_err(|error| Failure::path(file, &error))
}
