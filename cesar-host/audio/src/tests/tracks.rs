//! Recordings of several audio tracks, written by ffmpeg.

use super::*;

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

        let levels = levels(&path, Slice::default(), &options, decoded.decoder).unwrap();
        assert!(
            levels.db[200] > -30.0 && levels.db[201] > -30.0,
            "{name}: each track is heard"
        );
    }
}

const SILENCE: &str = "anullsrc=r=16000:cl=mono:d=3";

/// A recording of tracks, with the one at `default` marked as such.
fn with_tracks(folder: &TempDir, name: &str, tracks: &[&str], default: usize) -> PathBuf {
    let mut arguments = Vec::new();
    tracks
        .iter()
        .for_each(|track| arguments.extend(["-f", "lavfi", "-i", track]));
    let numbers: Vec<_> = (0..tracks.len()).map(|index| index.to_string()).collect();
    numbers.iter().for_each(|number| arguments.extend(["-map", number]));
    let flag = format!("-disposition:a:{default}");
    arguments.extend(["-c:a", "pcm_s16le", "-disposition:a", "0", &flag, "default"]);
    made(folder, name, &arguments)
}

#[test]
fn another_track_is_read_where_the_first_is_silent_throughout() {
    let folder = folder();
    // Noise of one unit of 16 bits is silence, too; NUT is read by ffmpeg.
    for (name, silence) in [
        ("a.mov", SILENCE),
        ("a.mkv", "aevalsrc='(random(0)-0.5)/16384':s=16000:d=3"),
        ("a.nut", SILENCE),
    ] {
        let path = with_tracks(&folder, name, &[silence, SILENCE, TONE], 0);
        let (decoded, samples) = decode_with(&path, Slice::default(), &DecodeOptions::default()).unwrap();
        assert!(peak(&samples) > 0.1, "{name}");
        assert_eq!(decoded.track, Some(3));
        let sentences: Vec<_> = decoded
            .issues
            .iter()
            .map(|issue| (issue.kind.name(), &*issue.message))
            .collect();
        let expected = "audio track 3 of 3 is read (choose with --audio-track), because track 1 is silent";
        assert_eq!(sentences, [("silent_track", expected)], "{name}");
        assert_eq!(decoded.warnings, [""; 0]);

        let options = DecodeOptions {
            track: TrackChoice::Number(1),
            ..DecodeOptions::default()
        };
        let (decoded, samples) = decode_with(&path, Slice::default(), &options).unwrap();
        assert!(peak(&samples) < 0.001, "{name}: what was asked for is read");
        assert_eq!((decoded.track, decoded.issues.len()), (None, 0));
    }
}

#[test]
fn a_default_track_with_any_sound_is_read() {
    let folder = folder();
    let late = "aevalsrc='if(gt(t,2),0.01*sin(3000*t),0)':s=16000:d=3";
    let path = with_tracks(&folder, "late.mkv", &[TONE, late], 1);
    let beginning = Slice {
        start_ms: 0,
        end_ms: Some(1_000),
    };
    for slice in [Slice::default(), beginning] {
        let (decoded, samples) = decode_with(&path, slice, &NATIVE).unwrap();
        assert!(peak(&samples) < 0.02);
        assert_eq!((decoded.track, decoded.issues.len()), (None, 0));
    }

    let path = with_tracks(&folder, "silent.mkv", &[SILENCE, SILENCE], 0);
    let (decoded, samples) = decode_with(&path, Slice::default(), &NATIVE).unwrap();
    assert_eq!((decoded.track, samples.len(), decoded.issues.len()), (None, 48_000, 0));

    let path = with_tracks(&folder, "sound.mkv", &[TONE, SILENCE], 1);
    let (decoded, samples) = decode_with(&path, beginning, &NATIVE).unwrap();
    assert_eq!(
        (decoded.track, samples.len()),
        (Some(1), 16_000),
        "the whole track is silent"
    );
    assert!(peak(&samples) > 0.1);
}

/// The other track ends before the slice begins, which is no reason to refuse the readable part.
#[test]
fn a_silent_track_stays_where_the_other_cannot_be_read() {
    let folder = folder();
    let short = "sine=frequency=500:sample_rate=16000:duration=1";
    let path = with_tracks(&folder, "short.mkv", &[SILENCE, short], 0);
    let slice = Slice {
        start_ms: 2_000,
        end_ms: None,
    };
    let (decoded, samples) = decode_with(&path, slice, &NATIVE).unwrap();
    assert_eq!((decoded.track, samples.len()), (None, 16_000));
}

/// Two tones, the first Spanish and titled "Desk", the second French and titled "Room", in a container by its extension.
fn titled(folder: &TempDir, (extension, codec): (&str, &str)) -> PathBuf {
    let mut arguments = vec![
        "-f", "lavfi", "-i", TONE, "-f", "lavfi", "-i", OTHER, "-map", "0", "-map", "1",
    ];
    arguments.extend(["-metadata:s:a:0", "language=spa", "-metadata:s:a:0", "title=Desk"]);
    arguments.extend(["-metadata:s:a:1", "language=fra", "-metadata:s:a:1", "title=Room"]);
    arguments.extend(["-strict", "-2", "-ar", "48000", "-c:a", codec]);
    made(folder, &format!("titled.{extension}"), &arguments)
}

/// Every container of several tracks that is read here, and some that ffmpeg reads.
#[test]
fn a_warning_names_the_other_tracks_in_every_container() {
    let folder = folder();
    let titles = r#"1 (spa, "Desk"), 2 (fra, "Room")"#;
    for (container, reader, tracks) in [
        (("mp4", "aac"), Decoder::Native, titles),
        (("mov", "pcm_s16le"), Decoder::Native, titles),
        (("mkv", "flac"), Decoder::Native, titles),
        (("webm", "libopus"), Decoder::Native, titles),
        (("ogg", "flac"), Decoder::Native, titles),
        (("nut", "pcm_s16le"), Decoder::Ffmpeg, titles),
        (("avi", "pcm_s16le"), Decoder::Ffmpeg, r#"1 ("Desk"), 2 ("Room")"#),
        (("ts", "mp2"), Decoder::Ffmpeg, "1 (spa), 2 (fra)"),
    ] {
        let path = titled(&folder, container);
        let (decoded, samples) = decode_with(&path, Slice::default(), &DecodeOptions::default()).unwrap();
        assert_eq!(decoded.decoder, reader, "{container:?}");
        let warning = format!("it has 2 audio tracks: {tracks}; track 1 is read (change with --audio-track)");
        assert_eq!(decoded.warnings, [warning], "{container:?}");
        assert!(peak(&samples) > 0.1, "{container:?}");

        let options = DecodeOptions {
            track: TrackChoice::All,
            ..DecodeOptions::default()
        };
        let (decoded, _) = decode_with(&path, Slice::default(), &options).unwrap();
        assert_eq!((decoded.channels, decoded.decoder), (2, reader), "{container:?}");
        assert_eq!(decoded.warnings, [""; 0], "{container:?}: none is left out");
        let named = tracks.contains("Desk");
        let expected = ["Desk", "Room"].map(|title| named.then(|| title.to_owned()));
        assert_eq!(decoded.track_titles, expected, "{container:?}");
    }
}
