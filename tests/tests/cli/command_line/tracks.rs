//! Recordings of several audio tracks, and of channels that cancel each other out: the track read, and the reports.

use std::path::PathBuf;
use std::process::Command;

use cesar_tests::Sandbox;
use cesar_tests::server::{Server, with_echo};
use serde_json::{Value, json};

/// Tracks at 16 kHz: "Desk" in English speaks in the first of two seconds, "Guest" in German in the second, three times as loud.
const TRACKS: [&str; 2] = [
    "aevalsrc='if(lt(t,1),0.2,0)':s=16000:d=2",
    "aevalsrc='if(lt(t,1),0,0.6)':s=16000:d=2",
];

/// ffmpeg's result for these sources, each a track.
fn made(sandbox: &Sandbox, name: &str, sources: &[&str], more: &[&str]) -> PathBuf {
    let path = sandbox.work().join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-y"]);
    for source in sources {
        ffmpeg.args(["-f", "lavfi", "-i", source]);
    }
    for number in 0..sources.len() {
        ffmpeg.args(["-map", &number.to_string()]);
    }
    let status = ffmpeg.args(["-c:a", "pcm_s16le"]).args(more).arg(&path).status();
    assert!(status.expect("`ffmpeg` is installed").success(), "{name}");
    path
}

fn two_tracks(sandbox: &Sandbox) -> PathBuf {
    let about = ["language=eng", "title=Desk", "language=deu", "title=Guest"];
    let [eng, desk, deu, guest] = about;
    let flags = [
        "-metadata:s:a:0",
        eng,
        "-metadata:s:a:0",
        desk,
        "-metadata:s:a:1",
        deu,
        "-metadata:s:a:1",
        guest,
    ];
    made(
        sandbox,
        "two.mkv",
        &TRACKS,
        &[&flags[..], &["-disposition:a:0", "default"]].concat(),
    )
}

/// The choice, and the engine's input for it.
const CHOICES: [(&str, [&str; 2]); 6] = [
    ("1", ["0.20", "0.00"]),
    ("en", ["0.20", "0.00"]),
    ("Desk", ["0.20", "0.00"]),
    ("2", ["0.00", "0.60"]),
    ("german", ["0.00", "0.60"]),
    ("guest", ["0.00", "0.60"]),
];

/// Whether each track was heard alone: never as half of a mix.
fn are_apart(document: &Value) -> bool {
    let segments = document["segments"].as_array().cloned().unwrap_or_default();
    let hears = |speaker: &str, peak: &str| {
        let own = segments.iter().filter(|segment| segment["speaker"] == speaker);
        let texts: Vec<_> = own.filter_map(|segment| segment["text"].as_str()).collect();
        let is_own = |text: &&str| text.ends_with(peak) || text.ends_with("0.00");
        texts.iter().all(is_own) && texts.iter().any(|text| text.ends_with(peak))
    };
    document["speakers"] == json!(["Desk", "Guest"]) && hears("Desk", "0.20") && hears("Guest", "0.60")
}

fn texts(document: &Value) -> Vec<String> {
    let segments = document["segments"].as_array().cloned().unwrap_or_default();
    segments
        .iter()
        .map(|segment| segment["text"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn heard([first, second]: [&str; 2]) -> Vec<String> {
    vec![
        format!("second 0 peaks at {first}"),
        format!("second 1 peaks at {second}"),
    ]
}

fn transcribe(sandbox: &Sandbox, path: &str, more: &[&str]) -> cesar_tests::Output {
    sandbox.run([&["transcribe", path, "--asr-plugin", "echo", "-f", "json"], more].concat())
}

#[test]
fn a_track_is_chosen_by_number_language_and_title() {
    let sandbox = with_echo();
    let path = two_tracks(&sandbox);
    for (choice, expected) in CHOICES {
        let options = ["--audio-track", choice, "--no-diarize"];
        let document = transcribe(&sandbox, path.to_str().unwrap(), &options).exits(0).json();
        assert_eq!(texts(&document), heard(expected), "{choice}");
    }
    let all = transcribe(&sandbox, path.to_str().unwrap(), &["--audio-track", "all"]);
    let all = all.exits(0).json();
    assert!(are_apart(&all), "{all}");
    let run = transcribe(&sandbox, path.to_str().unwrap(), &["--audio-track", "Camera"]).exits(1);
    assert!(run.stderr.contains("no audio track `Camera`"), "{}", run.stderr);
    assert!(
        run.stderr.contains("1 (eng, \"Desk\"), 2 (deu, \"Guest\")"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_track_is_chosen_in_a_request() {
    let sandbox = with_echo();
    let recording = std::fs::read(two_tracks(&sandbox)).unwrap();
    let server = Server::start(&sandbox, &[]);
    for (choice, expected) in CHOICES {
        let id = server.submit(&recording, &[("audio_track", choice)]);
        server.wait_for(&id, &["completed"]);
        let document = server.get(&format!("/jobs/{id}/transcript?format=json")).is(200).json();
        assert_eq!(texts(&document), heard(expected), "{choice}");
    }
    let id = server.submit(&recording, &[("audio_track", "all")]);
    server.wait_for(&id, &["completed"]);
    let all = server.get(&format!("/jobs/{id}/transcript?format=json")).is(200).json();
    assert!(are_apart(&all), "{all}");
}

#[test]
fn channels_that_cancel_are_reported_with_their_place() {
    let sandbox = with_echo();
    let source = "aevalsrc='0.5*sin(3000*t)|if(between(t,2,4),-1,1)*0.5*sin(3000*t)':s=16000:d=6";
    let path = made(&sandbox, "part.wav", &[source], &[]);
    let part = ["--no-diarize", "--start-time", "1"];
    let run = transcribe(&sandbox, path.to_str().unwrap(), &part).exits(0);
    let document = run.json();
    assert_eq!(texts(&document)[2], "second 2 peaks at 0.50");
    let message = "the channels cancel each other out, so channel 1 alone is used";
    assert_eq!(
        document["audio"]["issues"],
        json!([{"kind": "channels_cancel", "start": 1.0, "end": 3.0, "message": message}]),
        "from the start of the part"
    );
    let warning = format!("{message} from 2.0 s to 4.0 s");
    assert!(run.stderr.contains(&warning), "in the recording: {}", run.stderr);
}

#[test]
fn a_silent_first_track_is_not_read() {
    let sandbox = with_echo();
    let silence = "anullsrc=r=16000:cl=mono:d=2";
    let path = made(&sandbox, "first_silent.mov", &[silence, TRACKS[0]], &[]);
    let run = transcribe(&sandbox, path.to_str().unwrap(), &["--no-diarize"]).exits(0);
    let document = run.json();
    assert_eq!(texts(&document), heard(["0.20", "0.00"]));
    assert_eq!(document["audio"]["issues"][0]["kind"], "silent_track");
    let warning =
        "audio track 2 of 2 is read (choose with --audio-track), because track 1 is silent from 0.0 s to 2.0 s";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    let run = transcribe(
        &sandbox,
        path.to_str().unwrap(),
        &["--no-diarize", "--audio-track", "1"],
    )
    .exits(0);
    assert_eq!(texts(&run.json()), heard(["0.00", "0.00"]));
}
