//! Recordings of several audio tracks, as ffmpeg writes them.

use std::process::Command;

use super::*;

/// What ffmpeg makes of `arguments`.
fn made(folder: &TempDir, name: &str, arguments: &[&str]) -> PathBuf {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let path = folder.path().join(name);
    let status = Command::new(program)
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .arg(&path)
        .status();
    assert!(status.unwrap().success(), "{arguments:?}");
    path
}

/// The loudest sample.
fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

const TONE: &str = "sine=frequency=500:sample_rate=16000:duration=3";

const OTHER: &str = "sine=frequency=900:sample_rate=16000:duration=3";

#[test]
fn each_of_all_tracks_uses_the_channel_that_is_heard() {
    let folder = folder();
    let inverted = "[0]pan=stereo|c0=c0|c1=-1*c0[inverted]";
    let maps = ["-map", "[inverted]", "-map", "1", "-metadata:s:a:0", "title=Desk"];
    let inputs = [
        "-f",
        "lavfi",
        "-i",
        TONE,
        "-f",
        "lavfi",
        "-i",
        OTHER,
        "-filter_complex",
        inverted,
    ];
    // NUT is read by ffmpeg.
    for (name, codec) in [("two.mkv", "flac"), ("two.nut", "pcm_s16le")] {
        let path = made(&folder, name, &[&inputs[..], &maps, &["-c:a", codec]].concat());
        let options = DecodeOptions {
            track: TrackChoice::All,
            ..DecodeOptions::default()
        };
        let (decoded, samples) = decode_with(&path, Slice::default(), &options).unwrap();
        assert_eq!(decoded.channels, 2);
        // Both tones have a peak of 1/8, and each counts half.
        assert!(
            (peak(&samples[8_000..40_000]) - 0.125).abs() < 0.01,
            "{name} {}",
            peak(&samples)
        );
        let sentences: Vec<_> = decoded.issues.iter().map(ToString::to_string).collect();
        let expected = "track 1: the channels cancel each other out, so channel 1 alone is used from 0.0 s to 3.0 s";
        assert_eq!(sentences, [expected], "{name}");

        let slice = Slice {
            start_ms: 1_000,
            end_ms: Some(2_000),
        };
        let (decoded, part) = decode_with(&path, slice, &options).unwrap();
        assert_eq!(part, samples[16_000..32_000]);
        assert_eq!(decoded.issues.len(), 1, "{name}: {:?}", decoded.issues);

        let levels = levels(&path, Slice::default(), (&options, decoded.decoder), &|| false).unwrap();
        assert!(
            levels.db[200] > -30.0 && levels.db[201] > -30.0,
            "{name}: each track is heard"
        );
    }
}
