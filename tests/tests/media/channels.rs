//! One speaker on each channel or track.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;
use std::process::Command;

use cesar_tests::{Sandbox, fixture};
use serde_json::{Value, json};

use crate::speakers::{ENGINE, document, partial, requests, samples, stages, transcribe, wav};

/// A call with one person per channel.
#[test]
fn channels_are_speakers() {
    let sandbox = Sandbox::with_one_thread();
    let pause = vec![0_u8; 16_000];
    let (left, right) = (samples("short.wav"), samples("welcome.ogg"));
    let first: Vec<u8> = [&left[..], &pause, &vec![0; right.len()]].concat();
    let second: Vec<u8> = [&vec![0; left.len()][..], &pause, &right].concat();
    let file = sandbox.write("call.wav", two_channels(&first, &second));
    let options = ["--channels-as-speakers", "--speaker-names", "Ann,Bo", "-f", "json"];
    let json = document(&transcribe(&sandbox, file.to_str().unwrap(), &[&ENGINE[..], &options].concat()).exits(0));
    assert_eq!(json["speakers"], json!(["Ann", "Bo"]));
    let segments = json["segments"].as_array().unwrap();
    assert_eq!(
        (&segments[0]["speaker"], &segments[segments.len() - 1]["speaker"]),
        (&json!("Ann"), &json!("Bo"))
    );
    let listed = sandbox.run(["cache", "list", "--json"]).exits(0).json();
    let of_stage = |entry: &&Value| entry["stage"] == "diarize" && entry["plugin"] == "cesar";
    let entries = listed["entries"].as_array().unwrap();
    assert_eq!(entries.iter().filter(of_stage).count(), 1, "{listed}");

    let mono = fixture("short.wav");
    let told = transcribe(
        &sandbox,
        mono.to_str().unwrap(),
        &[&ENGINE[..], &["--channels-as-speakers"]].concat(),
    )
    .exits(3);
    assert!(
        partial(&told)["message"].as_str().unwrap().contains("it has one"),
        "{}",
        told.stderr
    );
}

/// The words of a speaker, without what punctuation and letter case may differ in.
fn said_by(document: &Value, speaker: &str) -> String {
    let segments = document["segments"].as_array().unwrap().iter();
    let own = segments.filter(|segment| segment["speaker"] == speaker);
    let text: Vec<&str> = own.map(|segment| segment["text"].as_str().unwrap()).collect();
    let is_of_word = |letter: &char| letter.is_alphanumeric() || *letter == ' ';
    text.join(" ").to_lowercase().chars().filter(is_of_word).collect()
}

/// Two people who speak at the same time, each in a channel or a track of their own.
#[test]
fn people_who_speak_at_once_are_recognised_apart() {
    let sandbox = Sandbox::with_one_thread();
    let (left, right) = (samples("short.wav"), samples("welcome.ogg"));
    let length = left.len().max(right.len());
    let padded = |samples: &[u8]| [samples, &vec![0; length - samples.len()]].concat();
    let (first, second) = (padded(&left), padded(&right));
    let call = sandbox.write("call.wav", two_channels(&first, &second));
    let [one, other] =
        [("ann.wav", &first), ("bo.wav", &second)].map(|(name, samples)| sandbox.write(name, wav(samples)));
    let film = sandbox.path().join("call.mka");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(&one).arg("-i").arg(&other);
    let made = ffmpeg
        .args(["-map", "0", "-map", "1", "-c:a", "copy"])
        .arg(&film)
        .status();
    assert!(made.unwrap().success());
    let run = |recording: &Path, more: &[&str]| {
        let options = ["-f", "json", "--asr-option", "word_timestamps=true"];
        transcribe(
            &sandbox,
            recording.to_str().unwrap(),
            &[&ENGINE[..], &options, more].concat(),
        )
    };
    let names = ["--speaker-names", "Ann,Bo"];
    for (recording, how) in [
        (&call, &["--channels-as-speakers"][..]),
        (&film, &["--audio-track", "all"]),
    ] {
        let told = run(recording, &[how, &names].concat()).exits(0);
        let json = document(&told);
        assert!(said_by(&json, "Ann").contains("close the door"), "{json}");
        assert!(said_by(&json, "Bo").contains("welcome to the museum"), "{json}");
        assert!(said_by(&json, "Bo").contains("turn off your telephone"), "{json}");
        let segments = json["segments"].as_array().unwrap();
        assert!(segments.iter().any(|segment| segment["overlap"] == true), "{json}");
        let starts: Vec<f64> = segments
            .iter()
            .map(|segment| segment["start"].as_f64().unwrap())
            .collect();
        assert!(starts.is_sorted() && starts.iter().all(|start| *start < json["duration"].as_f64().unwrap()));
        for segment in segments {
            let words = segment["words"].as_array().unwrap();
            assert!(
                words.iter().all(|word| word["speaker"] == segment["speaker"]),
                "{segment}"
            );
        }
        let again = run(recording, &[how, &names].concat()).exits(0);
        assert_eq!((requests(&again), &again.stdout), (0, &told.stdout));
        let renamed = run(recording, &[how, &["--speaker-names", "A,B"]].concat()).exits(0);
        assert!(
            stages(&renamed).contains(&"asr hit".to_owned()),
            "{:?}",
            stages(&renamed)
        );
    }
    let explained = sandbox
        .run(
            [
                &["cache", "explain", call.to_str().unwrap(), "--json"][..],
                &ENGINE,
                &["--asr-option", "word_timestamps=true", "--channels-as-speakers"],
                &names,
            ]
            .concat(),
        )
        .exits(0);
    assert!(explained.stdout.matches("\"hit\"").count() >= 4, "{}", explained.stdout);
}

/// A WAV file whose channels have these samples of 16 bits.
fn two_channels(left: &[u8], right: &[u8]) -> Vec<u8> {
    let frames = left.chunks_exact(2).zip(right.chunks_exact(2));
    let both: Vec<u8> = frames.flat_map(|(left, right)| [left, right].concat()).collect();
    let mut file = wav(&both);
    // Two channels, and the corresponding bytes by frame and second.
    file[22] = 2;
    file[28..32].copy_from_slice(&64_000_u32.to_le_bytes());
    file[32] = 4;
    file
}
