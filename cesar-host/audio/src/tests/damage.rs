//! Files that are no intact recordings, each with its own message.

use super::*;

fn error_of(path: &Path) -> AudioError {
    decode_native(path)
        .err()
        .unwrap_or_else(|| panic!("`{}` must not decode", path.display()))
}

/// A fixture with only its first bytes.
fn beginning_of(folder: &TempDir, name: &str, keep: impl Fn(usize) -> usize) -> PathBuf {
    let bytes = fs::read(fixture(name)).unwrap();
    write(folder, name, &bytes[..keep(bytes.len())])
}

#[test]
fn empty_files_and_folders_are_refused() {
    let folder = folder();
    assert!(matches!(
        error_of(&folder.path().join("no.wav")),
        AudioError::Missing { .. }
    ));
    assert!(matches!(
        error_of(folder.path()),
        AudioError::NotAFile { kind: "a folder", .. }
    ));
    assert!(matches!(
        error_of(&write(&folder, "a.mp3", b"")),
        AudioError::EmptyFile { .. }
    ));
}

#[test]
fn text_is_not_audio_whatever_its_name() {
    let folder = folder();
    let text = "Four score and seven years ago our fathers brought forth.\n".repeat(2_000);
    for name in ["a.wav", "a.mp3", "a.m4a", "a.flac", "a.ogg", "a.webm", "a"] {
        for text in [text.as_str(), "short"] {
            let error = error_of(&write(&folder, name, text.as_bytes()));
            assert!(matches!(error, AudioError::Unsupported { .. }), "{name}: {error:?}");
            assert!(error.to_string().contains("install `ffmpeg`"), "{error}");
        }
    }
}

#[test]
fn a_recording_without_samples() {
    let folder = folder();
    let error = error_of(&WavFile::pcm16(44_100, 2, &[]).write(&folder));
    assert!(matches!(error, AudioError::NoSamples { .. }), "{error:?}");
}

#[test]
fn a_wav_that_is_shorter_than_its_header_says() {
    let folder = folder();
    let file = WavFile {
        data_size: Some(64_000),
        ..WavFile::pcm16(16_000, 1, &[0; 16_000])
    };
    let path = file.write(&folder);
    let (decoded, _) = decode_native(&path).unwrap();
    assert_eq!((decoded.samples, decoded.missing_ms), (16_000, 1_000));
    assert!(decoded.is_incomplete());
    let issues: Vec<_> = decoded.issues.iter().map(ToString::to_string).collect();
    assert_eq!(issues, ["the end of the file is missing from 1.0 s to 2.0 s"]);
    let error = decode_with(&path, Slice::default(), &STRICT).unwrap_err().to_string();
    assert!(
        error.contains("is damaged (the end of the file is missing from 1.0 s to 2.0 s)"),
        "{error}"
    );
    let late = Slice {
        start_ms: 400,
        end_ms: None,
    };
    assert_eq!(decode_with(&path, late, &NATIVE).unwrap().0.issues[0].start_ms, 600);
    assert_eq!(
        decode_with(&path, late, &STRICT).unwrap_err().to_string(),
        error,
        "the refusal has the times of the recording"
    );
    // The part present is readable.
    let slice = Slice {
        start_ms: 0,
        end_ms: Some(500),
    };
    assert_eq!(
        decode_with(&file.write(&folder), slice, &NATIVE).unwrap().0.samples,
        8_000
    );
}

#[test]
fn a_cut_wav_of_more_than_2_gb_is_no_stream() {
    let folder = folder();
    for (data_size, declared) in [(3_000_000_000, 93_750_000), (0x8100_0000, 67_633_152)] {
        let file = WavFile {
            data_size: Some(data_size),
            ..WavFile::pcm16(16_000, 1, &[0; 16_000])
        };
        let (decoded, _) = decode_native(&file.write(&folder)).unwrap();
        assert_eq!((decoded.samples, decoded.missing_ms), (16_000, declared - 1_000));
    }
}

/// Refused as damaged, with a reason that contains `words`, before anything is decoded.
fn assert_refused(path: &Path, words: &str) {
    for error in [error_of(path), probe(path, &NATIVE).unwrap_err()] {
        assert!(
            matches!(&error, AudioError::Damaged { reason, .. } if reason.contains(words)),
            "{error:?}"
        );
    }
}

#[test]
fn a_header_with_an_absurd_sample_rate() {
    let folder = folder();
    for rate in [1, 999, 768_001, 4_294_967_291, u32::MAX] {
        let path = WavFile::pcm16(rate, 1, &[0; 100]).write(&folder);
        assert_refused(&path, &format!("{rate} samples per second"));
    }
    for rate in [1_000, 767_999, 768_000] {
        let path = WavFile::pcm16(rate, 1, &[0; 100]).write(&folder);
        assert_eq!(decode_native(&path).unwrap().0.source_rate, rate);
    }
    // A-law in one channel of 8 bits, which the other reader reads.
    let rate = u32::MAX.to_le_bytes();
    let format = [&[6, 0, 1, 0], rate.as_slice(), rate.as_slice(), &[1, 0, 8, 0, 0, 0]].concat();
    let chunks = [chunk(b"fmt ", None, &format), chunk(b"data", None, &[0; 100])].concat();
    let file = chunk(b"RIFF", None, &[b"WAVE", chunks.as_slice()].concat());
    assert_refused(&write(&folder, "a.wav", &file), "4294967295 samples per second");
}

#[test]
fn a_header_with_an_absurd_number_of_channels() {
    let folder = folder();
    for channels in [256, 4_000] {
        let path = WavFile::pcm16(16_000, channels, &[0; 8_000]).write(&folder);
        assert_refused(&path, &format!("{channels} channels"));
    }
    let path = WavFile::pcm16(16_000, 255, &[0; 255]).write(&folder);
    assert_eq!(decode_native(&path).unwrap().0.samples, 1);
}

#[test]
fn a_wav_header_that_counts_itself_is_no_damage() {
    let folder = folder();
    let file = WavFile {
        data_size: Some(32_044),
        ..WavFile::pcm16(16_000, 1, &[0; 16_000])
    };
    let (decoded, _) = decode_native(&file.write(&folder)).unwrap();
    assert_eq!((decoded.samples, decoded.issues), (16_000, Vec::new()));
}

#[test]
fn compressed_recordings_cut_in_the_middle() {
    let folder = folder();
    for name in ["harbour.mp3", "meeting.flac", "welcome.ogg", "spanish.opus"] {
        let path = beginning_of(&folder, name, |length| length * 6 / 10 + 1);
        let (whole, _) = decode_native(&fixture(name)).unwrap();
        let (decoded, _) = decode_native(&path).unwrap();
        let share = decoded.samples as f64 / whole.samples as f64;
        assert!((0.5..0.7).contains(&share), "{name}: {share}");
        let last = decoded.issues.last().unwrap();
        assert_eq!(last.kind, IssueKind::MissingEnd, "{name}");
        // Ogg declares no length; its end within a page is known.
        let is_open_ended = name.ends_with("ogg") || name.ends_with("opus");
        assert_eq!(decoded.is_incomplete(), !is_open_ended, "{name}: {decoded:?}");
        if !is_open_ended {
            let missing_ms = (whole.samples - decoded.samples) / 16;
            assert!(decoded.missing_ms.abs_diff(missing_ms) < 100, "{name}: {decoded:?}");
            let error = decode_with(&path, Slice::default(), &STRICT).unwrap_err();
            assert!(error.to_string().contains("is damaged"), "{error}");
        }
    }
}

#[test]
fn an_mp4_without_its_index() {
    let folder = folder();
    let mut bytes = fs::read(fixture("interview.m4a")).unwrap();
    let index = bytes.windows(4).position(|window| window == b"moov").unwrap();
    bytes[index..index + 4].copy_from_slice(b"free");
    let error = error_of(&write(&folder, "a.m4a", &bytes));
    assert!(
        matches!(&error, AudioError::Damaged { reason, .. } if reason.contains("index")),
        "{error:?}"
    );
}

#[test]
fn every_beginning_of_a_recording_ends_in_a_result() {
    let folder = folder();
    for name in [
        "harbour.mp3",
        "interview.m4a",
        "meeting.flac",
        "welcome.ogg",
        "spanish.opus",
        "short.wav",
    ] {
        for keep in [1, 3, 4, 7, 11, 30, 44, 63, 150, 600, 3_000, 20_000] {
            // It only has to return: no panic, no endless loop.
            let _ = decode_native(&beginning_of(&folder, name, |length| length.min(keep)));
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let folder = folder();
    for name in [
        "harbour.mp3",
        "interview.m4a",
        "meeting.flac",
        "welcome.ogg",
        "spanish.opus",
        "short.wav",
    ] {
        let original = fs::read(fixture(name)).unwrap();
        for round in 1..=6_usize {
            let mut bytes = original.clone();
            for index in 0..round * 40 {
                let at = (index + 1) * 7_919 * round * round % bytes.len();
                bytes[at] ^= 1 << (index % 8);
            }
            let _ = decode_native(&write(&folder, name, &bytes));
        }
    }
}
