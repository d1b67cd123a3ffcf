//! What is not a sound recording, each with its own sentence.

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
fn what_is_not_a_file_with_something_in_it() {
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
    let error = error_of(&file.write(&folder));
    assert!(
        matches!(
            error,
            AudioError::Truncated {
                end_ms: 1_000,
                declared_ms: Some(2_000),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("is damaged: it ends after 1.0 s of 2.0 s"),
        "{error}"
    );
    // The part that is there can be had.
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
    for (data_size, declared) in [(3_000_000_000, 93_750_000), (0x8000_0000, 67_108_864)] {
        let file = WavFile {
            data_size: Some(data_size),
            ..WavFile::pcm16(16_000, 1, &[0; 16_000])
        };
        let error = error_of(&file.write(&folder));
        let AudioError::Truncated {
            end_ms, declared_ms, ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!((end_ms, declared_ms), (1_000, Some(declared)));
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
    // A-law in one channel of 8 bits, which is left to the other reader.
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
fn a_wav_header_that_counts_itself_is_only_a_warning() {
    let folder = folder();
    let file = WavFile {
        data_size: Some(32_044),
        ..WavFile::pcm16(16_000, 1, &[0; 16_000])
    };
    let (decoded, _) = decode_native(&file.write(&folder)).unwrap();
    assert_eq!(decoded.warnings, ["the header counts 44 bytes more than the file has"]);
}

#[test]
fn compressed_recordings_cut_in_the_middle() {
    let folder = folder();
    for name in [
        "harbour.mp3",
        "interview.m4a",
        "meeting.flac",
        "welcome.ogg",
        "spanish.opus",
    ] {
        let path = beginning_of(&folder, name, |length| length * 6 / 10 + 1);
        let error = error_of(&path);
        let is_damage = matches!(error, AudioError::Truncated { .. } | AudioError::Damaged { .. });
        assert!(is_damage, "{name}: {error:?}");
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
}

#[test]
fn the_cut_is_where_it_is_said_to_be() {
    let folder = folder();
    for (name, all_ms) in [("harbour.mp3", 24_151), ("meeting.flac", 36_904)] {
        let error = error_of(&beginning_of(&folder, name, |length| length / 2));
        let AudioError::Truncated {
            end_ms, declared_ms, ..
        } = error
        else {
            panic!("{name}: {error:?}")
        };
        assert_eq!(declared_ms, Some(all_ms), "{name}");
        assert!((all_ms / 3..all_ms * 2 / 3).contains(&end_ms), "{name}: {end_ms}");
    }
}

#[test]
fn an_ogg_without_its_last_page_is_only_a_warning() {
    let folder = folder();
    let bytes = fs::read(fixture("welcome.ogg")).unwrap();
    let pages: Vec<usize> = (0..bytes.len() - 4)
        .filter(|&at| &bytes[at..at + 4] == b"OggS")
        .collect();
    let path = write(&folder, "a.ogg", &bytes[..pages[pages.len() - 1]]);
    let (decoded, _) = decode_native(&path).unwrap();
    assert_eq!(decoded.warnings, ["it has no last page, so its end may be missing"]);
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
fn containers_that_claim_more_than_the_file_has() {
    let folder = folder();
    // The samples' atom comes last and is cut.
    let mp4 = [
        atom(b"ftyp", 8, b"M4A \0\0\0\0"),
        atom(b"moov", 0, b""),
        atom(b"mdat", 5_000, &[0; 100]),
    ]
    .concat();
    // An empty EBML header, and a segment of 1000 bytes of which there are none.
    let matroska = [0x1A, 0x45, 0xDF, 0xA3, 0x80, 0x18, 0x53, 0x80, 0x67, 0x43, 0xE8];
    for (name, bytes, missing) in [("a.mp4", mp4.as_slice(), 4_900), ("a.webm", &matroska, 1_000)] {
        let error = error_of(&write(&folder, name, bytes));
        let reason = format!("its last {missing} bytes are missing");
        assert!(
            matches!(&error, AudioError::Damaged { reason: said, .. } if *said == reason),
            "{error:?}"
        );
    }
}

fn atom(name: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
    [&(size + 8).to_be_bytes(), name.as_slice(), body].concat()
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
            // Only that it returns matters: no panic, no endless loop.
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
