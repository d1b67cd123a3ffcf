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
    let sandbox = Sandbox::with_one_thread();
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
    let sandbox = Sandbox::with_one_thread();
    let recording = fixture("spanish.opus");
    // The first window of an engine has no speech for detection: a telephone rings. Both engines test silence themselves.
    let rings = sandbox.work().join("rings.wav");
    let sound = "aevalsrc='if(lt(mod(t,5),1),0.15*sin(2*PI*425*t),0)':s=16000";
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-t", "45", "-i", sound, "-i"])
        .arg(&recording)
        .args([
            "-filter_complex",
            "[0][1]concat=n=2:v=0:a=1",
            "-ar",
            "16000",
            "-ac",
            "1",
        ])
        .arg(&rings)
        .status();
    assert!(status.expect("`ffmpeg` is installed").success());
    for (engine, path) in [("ct2", &rings), ("whisper-cpp", &rings), ("whisper-cpp", &recording)] {
        let path = path.to_str().unwrap();
        let arguments = [
            "transcribe",
            path,
            "--asr-plugin",
            engine,
            "--model",
            "base",
            "--beam-size",
            "1",
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

/// What the model cannot hold of a prompt is left out with a warning, also of a result from the cache; the words stay.
#[test]
fn a_prompt_of_three_thousand_words_costs_no_text() {
    let sandbox = Sandbox::with_one_thread();
    let prompt = std::fs::read_to_string(super::recordings::inputs().join("t13_prompt.txt")).unwrap();
    let (recording, said) = (fixture("welcome.ogg"), fixture("welcome.txt"));
    let said = std::fs::read_to_string(said).unwrap();
    for engine in ["ct2", "whisper-cpp"] {
        let arguments = ["transcribe", recording.to_str().unwrap(), "--asr-plugin", engine];
        let options = ["--model", "tiny.en", "--initial-prompt", &prompt];
        let run = sandbox.run(arguments.iter().chain(&options)).exits(0);
        let again = sandbox.run(arguments.iter().chain(&options)).exits(0);
        let warning = "welcome.ogg: the prompt is too long: using the last 223 of";
        for told in [&run, &again] {
            assert_eq!(told.stderr.matches(warning).count(), 1, "{engine}: {}", told.stderr);
        }
        let errors = wer(&said, &run.stdout);
        assert!(errors.rate() <= 0.08, "{engine}: {}", run.stdout);
    }
}

/// A window behind a list of words without earlier text was filled with that list, in place of what is said.
#[test]
fn three_thousand_hotwords_cost_no_text() {
    let sandbox = Sandbox::with_one_thread();
    let words = std::fs::read_to_string(super::recordings::inputs().join("t13_prompt.txt")).unwrap();
    let hotwords = format!("hotwords={words}");
    let recording = fixture("meeting.flac");
    let said = std::fs::read_to_string(fixture("meeting.txt")).unwrap();
    let arguments = [
        "transcribe",
        recording.to_str().unwrap(),
        "--asr-plugin",
        "ct2",
        "--model",
        "tiny.en",
    ];
    let options = ["--beam-size", "1", "--no-diarize", "--asr-option", &hotwords];
    let run = sandbox.run(arguments.iter().chain(&options)).exits(0);
    let warning = "meeting.flac: the prompt is too long: using the first 150 of";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    let errors = wer(&said, &run.stdout);
    assert!(errors.rate() <= 0.08, "{}", run.stdout);
}
