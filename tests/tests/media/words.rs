//! Word error rates: both engines on the bundled recordings, with real weights.

use std::process::Command;

use cesar_tests::recordings::{Reference, bundled};
use cesar_tests::{Sandbox, fixture, wer};

/// Word error rates measured on this code, in percent; a change may cost at most one point.
struct Measured {
    engine: &'static str,
    recording: &'static str,
    percent: f64,
}

/// `cargo xtask measure wer` prints these and many more.
const TINY_EN: [Measured; 10] = [
    Measured {
        engine: "ct2",
        recording: "harbour.mp3",
        percent: 4.3,
    },
    Measured {
        engine: "ct2",
        recording: "interview.m4a",
        percent: 0.0,
    },
    Measured {
        engine: "ct2",
        recording: "meeting.flac",
        percent: 1.9,
    },
    Measured {
        engine: "ct2",
        recording: "short.wav",
        percent: 0.0,
    },
    Measured {
        engine: "ct2",
        recording: "welcome.ogg",
        percent: 0.0,
    },
    Measured {
        engine: "whisper-cpp",
        recording: "harbour.mp3",
        percent: 4.3,
    },
    Measured {
        engine: "whisper-cpp",
        recording: "interview.m4a",
        percent: 0.0,
    },
    Measured {
        engine: "whisper-cpp",
        recording: "meeting.flac",
        percent: 3.8,
    },
    Measured {
        engine: "whisper-cpp",
        recording: "short.wav",
        percent: 0.0,
    },
    Measured {
        engine: "whisper-cpp",
        recording: "welcome.ogg",
        percent: 0.0,
    },
];

#[test]
fn both_engines_transcribe_english() {
    let sandbox = Sandbox::new();
    for engine in ["ct2", "whisper-cpp"] {
        let english: Vec<Reference> = bundled()
            .into_iter()
            .filter(|reference| reference.language == "en")
            .collect();
        assert_eq!(english.len(), 5, "the bundled English recordings");
        let mut sum = 0.0;
        for reference in &english {
            let recording = reference.recording.to_str().unwrap();
            let run = sandbox
                .run(["transcribe", recording, "--asr-plugin", engine, "--model", "tiny.en"])
                .exits(0);
            let percent = wer(&reference.text, &run.stdout).rate() * 100.0;
            let name = reference.recording.file_name().unwrap().to_str().unwrap();
            println!("{engine} tiny.en {name}: {percent:.1} %");
            let measured = TINY_EN
                .iter()
                .find(|row| row.engine == engine && row.recording == name)
                .expect("measured");
            assert!(
                percent <= measured.percent + 1.0,
                "{engine} {name}: {percent:.1} %, measured {}",
                measured.percent
            );
            sum += percent;
        }
        let mean = sum / 5.0;
        assert!(mean <= 4.0, "{engine}: mean word error rate {mean:.1} %");
    }
}

#[test]
fn both_engines_detect_spanish() {
    let sandbox = Sandbox::new();
    let recording = fixture("spanish.opus");
    // The first window of an engine has no speech for detection.
    let late = sandbox.work().join("silence_then_spanish.wav");
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&recording)
        .args(["-af", "adelay=45s:all=1", "-ar", "16000", "-ac", "1"])
        .arg(&late)
        .status();
    assert!(status.expect("`ffmpeg` is installed").success());
    for (engine, path) in [
        ("ct2", &recording),
        ("ct2", &late),
        ("whisper-cpp", &recording),
        ("whisper-cpp", &late),
    ] {
        let path = path.to_str().unwrap();
        let arguments = [
            "transcribe",
            path,
            "--asr-plugin",
            engine,
            "--model",
            "base",
            "-f",
            "json",
        ];
        let document = sandbox.run(arguments).exits(0).json();
        println!(
            "{engine} {path}: {} {}",
            document["language"], document["language_probability"]
        );
        assert_eq!(document["language"], "es", "{engine} {path}");
        assert!(
            document["language_probability"].as_f64().unwrap() > 0.5,
            "{engine} {path}"
        );
    }
}
