//! Recordings that only ffmpeg reads, made by it.

use std::process::Command;

use super::*;

const SOUND: &[&str] = &["-f", "lavfi", "-i", "sine=frequency=500:sample_rate=48000:duration=12"];

fn ffmpeg() -> DecodeOptions {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    DecodeOptions {
        ffmpeg: Some(program),
        ..NATIVE
    }
}

/// The result of ffmpeg for these arguments, in the format of the name's extension.
fn made(folder: &TempDir, name: &str, arguments: &[&[&str]]) -> PathBuf {
    let path = folder.path().join(name);
    let mut command = Command::new(ffmpeg().ffmpeg.unwrap());
    command.args(["-nostdin", "-y", "-v", "error"]).args(arguments.concat());
    assert!(command.arg(&path).status().unwrap().success(), "{name}");
    path
}

/// Overwrites the middle of a file with zeros, or removes it.
fn damage(path: &Path, is_removed: bool) {
    let mut bytes = fs::read(path).unwrap();
    let unit = 188;
    let (start, end) = (bytes.len() * 2 / 5 / unit * unit, bytes.len() * 3 / 4 / unit * unit);
    match is_removed {
        true => drop(bytes.drain(start..end)),
        false => bytes[start..end].fill(0),
    }
    fs::write(path, bytes).unwrap();
}

fn kinds(decoded: &Decoded) -> Vec<IssueKind> {
    decoded.issues.iter().map(|issue| issue.kind).collect()
}

#[test]
fn sound_that_was_destroyed_is_no_pause() {
    let folder = folder();
    for (name, codec) in [
        ("a.ts", "mp2"),
        ("b.ts", "aac"),
        ("a.vob", "mp2"),
        ("a.flv", "aac"),
        ("a.wma", "wmav2"),
    ] {
        for is_removed in [false, true] {
            let path = made(&folder, name, &[SOUND, &["-c:a", codec]]);
            damage(&path, is_removed);
            let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
            // ASF has packets of one size, so those behind the removed part are lost too.
            assert!(
                (3_500..=6_500).contains(&decoded.missing_ms) && !kinds(&decoded).contains(&IssueKind::Gap),
                "{name} {is_removed}: {decoded:?}"
            );
            assert!(decoded.is_incomplete());
        }
    }
}

/// ffmpeg counts the frames of these, so what is behind the hole would be early.
#[test]
fn sound_behind_lost_frames_stays_at_its_time() {
    let folder = folder();
    for (name, arguments) in [
        ("a.ac3", &["-c:a", "ac3"][..]),
        ("a.eac3", &["-c:a", "eac3"]),
        ("a.dts", &["-c:a", "dca", "-strict", "-2"]),
        ("a.mp2", &["-c:a", "mp2"]),
        ("a.avi", &["-c:a", "mp3"]),
        ("b.avi", &["-c:a", "ac3"]),
        ("c.avi", &["-c:a", "pcm_s16le"]),
        ("a.m4a", &["-c:a", "alac"]),
        ("a.caf", &["-c:a", "alac"]),
        ("a.mp4", &["-c:a", "libopus", "-frame_duration", "10"]),
    ] {
        let path = made(&folder, name, &[SOUND, arguments]);
        damage(&path, false);
        let (decoded, samples) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
        assert!(
            (3_900..=4_900).contains(&decoded.missing_ms) && !kinds(&decoded).contains(&IssueKind::Gap),
            "{name}: {decoded:?}"
        );
        let first = &decoded.issues[0];
        assert!((4_600..5_300).contains(&first.start_ms), "{name}: {first}");
        assert!(
            decoded.is_incomplete() && decoded.samples.abs_diff(12 * 16_000) < 2_000,
            "{name}"
        );
        let is_loud = |second: usize| peak(&samples[second * 16_000..(second + 1) * 16_000]) > 0.01;
        let loud: Vec<_> = [3, 6, 7, 10].map(is_loud).into();
        assert_eq!(loud, [true, false, false, true], "{name}");
    }
}

/// It ends without a word about the rest.
#[test]
fn what_is_behind_the_place_where_ffmpeg_gives_up_is_missing() {
    let folder = folder();
    let path = made(&folder, "a.gxf", &[SOUND, &["-c:a", "pcm_s16le", "-ac", "1"]]);
    damage(&path, false);
    let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
    assert!((6_000..8_000).contains(&decoded.missing_ms), "{decoded:?}");
    assert!(decoded.is_incomplete());
}

/// The second recording is missing once, although ffmpeg reports damage and does not read it.
#[test]
fn a_recording_behind_a_damaged_one_is_missing_once() {
    let folder = folder();
    let second = fs::read(made(&folder, "b.wma", &[SOUND, &["-c:a", "wmav2"]])).unwrap();
    let path = made(&folder, "a.wma", &[SOUND, &["-c:a", "wmav2"]]);
    damage(&path, false);
    let joined = [fs::read(&path).unwrap(), second].concat();
    fs::write(&path, joined).unwrap();
    let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
    assert!((11_000..=18_500).contains(&decoded.missing_ms), "{decoded:?}");
}

/// Some demuxers report the end of the file as an error.
#[test]
fn the_end_of_a_whole_file_is_no_damage() {
    let folder = folder();
    for (name, codec) in [("a.gxf", "pcm_s16le"), ("a.aud", "adpcm_ima_ws"), ("a.wtv", "mp2")] {
        let path = made(&folder, name, &[SOUND, &["-c:a", codec, "-ac", "1"]]);
        let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
        assert_eq!(kinds(&decoded), [], "{name}");
    }
}

#[test]
fn integers_of_64_bits_in_matroska_are_left_to_ffmpeg() {
    let folder = folder();
    let path = made(&folder, "a.mkv", &[SOUND, &["-c:a", "pcm_s64le"]]);
    let (decoded, samples) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
    assert_eq!((decoded.decoder, samples.len()), (Decoder::Ffmpeg, 12 * 16_000));
    assert!(peak(&samples) < 0.2);
}

/// One frame, then the hole.
#[test]
fn frames_behind_the_first_may_be_lost() {
    let folder = folder();
    let path = made(&folder, "a.mp2", &[SOUND, &["-c:a", "mp2", "-b:a", "192k"]]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[700..96_700].fill(0);
    fs::write(&path, bytes).unwrap();
    let (decoded, samples) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
    assert!((3_900..=4_100).contains(&decoded.missing_ms), "{decoded:?}");
    assert!(samples.len().abs_diff(12 * 16_000) < 2_000);
}

#[test]
fn damaged_frames_with_checksums_are_told() {
    let folder = folder();
    for (name, codec) in [("a.tta", "tta"), ("a.wv", "wavpack")] {
        for at in [2, 10] {
            let path = made(&folder, name, &[SOUND, &["-c:a", codec]]);
            let (whole, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
            assert_eq!(kinds(&whole), [], "{name}");
            let mut bytes = fs::read(&path).unwrap();
            let place = bytes.len() * at / 24;
            bytes[place] ^= 0x10;
            fs::write(&path, bytes).unwrap();
            let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
            let [issue] = &decoded.issues[..] else {
                panic!("{name} {at}: {decoded:?}")
            };
            assert_eq!(issue.kind, IssueKind::Damaged, "{name} {at}");
            let place = at as u64 * 500;
            assert!(
                issue.start_ms <= place + 100 && place <= issue.end_ms + 100,
                "{name} {at}: {issue}"
            );
            assert!(decoded.missing_ms < 2_200 && decoded.samples.abs_diff(whole.samples) < 100);
        }
    }
}

#[test]
fn a_recording_of_damaged_frames_alone_is_damaged() {
    let folder = folder();
    let path = made(&folder, "a.tta", &[SOUND, &["-c:a", "tta"]]);
    let mut bytes = fs::read(&path).unwrap();
    bytes[200..].fill(0x55);
    fs::write(&path, bytes).unwrap();
    let error = decode_with(&path, Slice::default(), &ffmpeg()).unwrap_err();
    assert!(matches!(error, AudioError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("CRC error"), "{error}");
}

#[test]
fn streams_that_end_inside_a_packet_lack_their_end() {
    let folder = folder();
    for name in ["a.ts", "a.vob", "a.mpg"] {
        let path = made(&folder, name, &[SOUND, &["-c:a", "mp2"]]);
        let (whole, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
        assert_eq!(kinds(&whole), [], "{name}");
        let bytes = fs::read(&path).unwrap();
        let cut = bytes.len() * 6 / 10 / 2048 * 2048 + 1_000;
        fs::write(&path, &bytes[..cut]).unwrap();
        let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
        assert!(kinds(&decoded).contains(&IssueKind::MissingEnd), "{name}: {decoded:?}");
    }
}

#[test]
fn blocks_behind_a_damaged_one_are_told() {
    let folder = folder();
    let path = made(&folder, "a.voc", &[SOUND, &["-c:a", "pcm_s16le"]]);
    damage(&path, false);
    let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
    assert!((6_500..=7_500).contains(&decoded.missing_ms), "{decoded:?}");
}

#[test]
fn damage_counts_in_a_slice_that_ends_before_the_recording() {
    let folder = folder();
    let path = made(&folder, "a.ts", &[SOUND, &["-c:a", "mp2"]]);
    damage(&path, false);
    let slice = Slice {
        start_ms: 0,
        end_ms: Some(10_000),
    };
    let (decoded, _) = decode_with(&path, slice, &ffmpeg()).unwrap();
    assert_eq!(kinds(&decoded), [IssueKind::Damaged], "{decoded:?}");
    assert!((3_500..=5_500).contains(&decoded.missing_ms), "{decoded:?}");
}

#[test]
fn a_pause_of_the_recording_is_no_damage() {
    let folder = folder();
    for (name, codec) in [("a.ts", "mp2"), ("a.flv", "aac"), ("a.wma", "wmav2")] {
        let whole = made(&folder, name, &[SOUND, &["-c:a", codec]]);
        let (whole, name) = (whole.to_str().unwrap(), format!("pause.{name}"));
        let pause: &[&str] = &["-c", "copy", "-bsf:a", "noise=drop=between(pts*tb\\,4.5\\,8.5)"];
        let path = made(&folder, &name, &[&["-i", whole], pause]);
        let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
        assert_eq!(
            (kinds(&decoded), decoded.missing_ms),
            (vec![IssueKind::Gap], 0),
            "{name}: {decoded:?}"
        );
    }
}

#[test]
fn sound_that_ends_before_the_pictures_is_whole() {
    let folder = folder();
    let pictures: &[&str] = &["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=18"];
    for (name, codecs) in [
        ("a.wmv", ["-c:v", "wmv2", "-c:a", "wmav2"]),
        ("a.avi", ["-c:v", "mpeg4", "-c:a", "mp3"]),
        ("a.flv", ["-c:v", "flv1", "-c:a", "aac"]),
        ("a.ts", ["-c:v", "mpeg4", "-c:a", "mp2"]),
        ("a.mpg", ["-c:v", "mpeg1video", "-r", "25"]),
        ("a.rm", ["-c:v", "rv20", "-c:a", "ac3"]),
        ("a.nut", ["-c:v", "mpeg4", "-c:a", "mp3"]),
    ] {
        // AVI has no time stamps: a delay becomes empty chunks, which ffmpeg skips.
        let delays = if name == "a.avi" { &["0"][..] } else { &["0", "4"] };
        for delay in delays {
            let sound = [&["-itsoffset", delay], SOUND].concat();
            let path = made(&folder, name, &[&sound, pictures, &codecs]);
            let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
            assert!(!decoded.is_incomplete(), "{name} {delay}: {decoded:?}");
        }
    }
}

#[test]
fn sound_that_begins_long_after_the_pictures_is_found() {
    let folder = folder();
    let pictures: &[&str] = &["-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:duration=40"];
    for (name, codecs) in [
        ("a.vob", ["-c:v", "mpeg2video", "-c:a", "ac3"]),
        ("a.ts", ["-c:v", "mpeg4", "-c:a", "aac"]),
        ("a.mpg", ["-c:v", "mpeg1video", "-c:a", "mp2"]),
    ] {
        let sound = [&["-itsoffset", "28"], SOUND].concat();
        let path = made(&folder, name, &[&sound, pictures, &codecs]);
        let (decoded, samples) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
        let begin = samples.iter().position(|sample| sample.abs() > 0.01).unwrap() / 160;
        assert!((2_780..2_820).contains(&begin), "{name}: {begin} {decoded:?}");
        assert!(
            (39_500..40_500).contains(&(decoded.samples / 16)),
            "{name}: {decoded:?}"
        );
    }
}

/// Sets the start of the stream of this kind in the header of an AVI file, in seconds.
fn start_stream(path: &Path, kind: &[u8; 4], seconds: u32) {
    let mut bytes = fs::read(path).unwrap();
    let header = [&b"strh\x38\0\0\0"[..], kind].concat();
    let body = 8 + bytes.windows(12).position(|window| window == header).unwrap();
    let field = |bytes: &[u8], at: usize| u32::from_le_bytes(*bytes[body + at..].first_chunk().unwrap());
    let (scale, rate) = (field(&bytes, 20), field(&bytes, 24));
    bytes[body + 28..body + 32].copy_from_slice(&(seconds * rate / scale).to_le_bytes());
    fs::write(path, bytes).unwrap();
}

/// The time of the first packet of sound, by ffprobe.
fn first_packet(path: &Path) -> f64 {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "a", "-read_intervals", "%+#1"])
        .args(["-show_entries", "packet=pts_time", "-of", "csv=p=0"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().trim_end_matches(',').parse().unwrap()
}

#[test]
fn sound_of_avi_begins_where_its_header_says() {
    let folder = folder();
    let pictures: &[&str] = &["-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=18"];
    for codec in ["mp3", "pcm_s16le"] {
        let path = made(&folder, "a.avi", &[SOUND, pictures, &["-c:v", "mpeg4", "-c:a", codec]]);
        for (kind, seconds) in [(b"vids", 2), (b"auds", 3)] {
            start_stream(&path, kind, seconds);
            // ffmpeg ignores the start of pictures.
            let expected = if kind == b"auds" { 3.0 } else { 0.0 };
            assert!((first_packet(&path) - expected).abs() < 0.001, "{codec}");
            let (decoded, samples) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
            let begin = samples.iter().position(|sample| sample.abs() > 0.01).unwrap() as f64 / 16_000.0;
            assert!((begin - expected).abs() < 0.06, "{codec}: {begin}");
            let end = decoded.samples as f64 / 16_000.0;
            assert!(
                (end - expected - 12.0).abs() < 0.1 && !decoded.is_incomplete(),
                "{codec}: {decoded:?}"
            );
        }
    }
    // What is missing is missing from the end of the recording.
    let path = made(&folder, "a.avi", &[SOUND, &["-c:a", "mp3"]]);
    start_stream(&path, b"auds", 3);
    let mut bytes = fs::read(&path).unwrap();
    let index = bytes.windows(4).position(|window| window == b"idx1").unwrap();
    let from = index / 2;
    bytes[from..index].fill(0);
    let path = write(&folder, "damaged.avi", &bytes);
    let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
    let ends = decoded.issues.iter().map(|issue| issue.end_ms);
    assert!(ends.max().unwrap().abs_diff(15_000) < 200, "{decoded:?}");
}

/// AVI has no time stamps. ffmpeg passes over zeros in packets, and counts their time.
#[test]
fn zeros_in_packets_of_avi_are_lost_sound() {
    let folder = folder();
    let path = made(&folder, "a.avi", &[SOUND, &["-c:a", "mp3"]]);
    let mut bytes = fs::read(&path).unwrap();
    let chunks = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, name)| name == b"01wb" || name == b"00wb");
    let index = bytes.windows(4).position(|window| window == b"idx1").unwrap();
    let chunks: Vec<_> = chunks.map(|(at, _)| at).filter(|at| *at < index).collect();
    for at in &chunks[chunks.len() / 3..chunks.len() / 2] {
        let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        bytes[at + 8..at + 8 + size].fill(0);
    }
    let path = write(&folder, "zeros.avi", &bytes);
    let (decoded, _) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
    assert_eq!(kinds(&decoded), [IssueKind::Damaged], "{decoded:?}");
    assert!((1_500..2_500).contains(&decoded.missing_ms), "{decoded:?}");
}

#[test]
fn compressed_sound_stored_as_samples_is_not_played_as_noise() {
    let folder = folder();
    let ac3 = made(&folder, "a.spdif", &[SOUND, &["-c:a", "ac3"]]);
    let dts = made(
        &folder,
        "a.dts",
        &[SOUND, &["-c:a", "dca", "-strict", "-2", "-ac", "2"]],
    );
    for (path, codec) in [(ac3, "ac3"), (dts, "dts")] {
        let data = fs::read(path).unwrap();
        // ffmpeg does not read the short chunk that `WavFile` puts in front.
        let header = b"\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0";
        let body = [
            &b"WAVE"[..],
            &chunk(b"fmt ", None, header),
            &chunk(b"data", None, &data),
        ]
        .concat();
        let wave = chunk(b"RIFF", None, &body);
        let path = write(&folder, "recording.wav", &wave);
        let (decoded, samples) = decode_with(&path, Slice::default(), &ffmpeg()).unwrap();
        assert_eq!((decoded.codec.as_str(), decoded.decoder), (codec, Decoder::Ffmpeg));
        assert!((11_900..12_200).contains(&(decoded.samples / 16)), "{decoded:?}");
        // The tone of ffmpeg has an amplitude of 1/8; noise would have more.
        assert!(samples.iter().all(|sample| sample.abs() < 0.3), "{codec}");
        let error = decode_native(&path).unwrap_err().to_string();
        assert!(error.contains(codec) && error.contains("install `ffmpeg`"), "{error}");
    }
}

#[test]
fn an_unreadable_recording_names_the_readers_tried() {
    let folder = folder();
    let whole = made(&folder, "a.m4a", &[SOUND, &["-c:a", "aac"]]);
    let bytes = fs::read(whole).unwrap();
    // The index is at the end.
    let cut = write(&folder, "cut.m4a", &bytes[..bytes.len() / 2]);
    let text = write(&folder, "t.xyz", b"no sound at all, only words");
    let foreign = write(&folder, "t.avi", b"RIFF\0\0\0\0AVI and nothing else");
    for path in [cut, text, foreign] {
        let with = decode_with(&path, Slice::default(), &ffmpeg()).unwrap_err().to_string();
        assert!(
            with.contains("(built-in reader: ") && with.contains("; ffmpeg: "),
            "{with}"
        );
        assert!(!with.contains("0x") && !with.contains("/proc/"), "{with}");
        let without = decode_native(&path).unwrap_err().to_string();
        let said = "; ffmpeg is not installed or is switched off): ";
        assert!(
            without.contains("(built-in reader: ") && without.contains(said),
            "{without}"
        );
    }
}
