//! Laws of [`decode`] as a whole.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// A recording, and all of it decoded.
static RECORDINGS: LazyLock<Vec<(PathBuf, Vec<f32>)>> = LazyLock::new(|| {
    let names = ["short.wav", "welcome.ogg", "spanish.opus"];
    names
        .map(fixture)
        .map(|path| (path.clone(), decode_native(&path).unwrap().1))
        .to_vec()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_slice_is_that_range_of_everything(which in 0_usize..3, start_ms in 0_u64..2_000, length_ms in 1_u64..20_000) {
        let (path, all) = &RECORDINGS[which];
        let end_ms = start_ms + length_ms;
        let slice = Slice { start_ms, end_ms: Some(end_ms) };
        let (_, samples) = decode_with(path, slice, &NATIVE).unwrap();
        let end = usize::try_from(end_ms * 16).unwrap().min(all.len());
        prop_assert_eq!(&samples, &all[usize::try_from(start_ms * 16).unwrap()..end]);
    }
}

#[test]
fn a_slice_without_end_goes_to_the_end() {
    let (path, all) = &RECORDINGS[0];
    let (decoded, samples) = decode_with(
        path,
        Slice {
            start_ms: 100,
            end_ms: None,
        },
        &NATIVE,
    )
    .unwrap();
    assert_eq!(samples, all[1_600..]);
    assert_eq!(decoded.source_duration_ms, Some(all.len() as u64 / 16));
}

#[test]
fn a_start_behind_the_end_is_an_error() {
    let folder = folder();
    let path = WavFile::pcm16(16_000, 1, &[0; 16_000]).write(&folder);
    let error = decode_with(
        &path,
        Slice {
            start_ms: 1_000,
            end_ms: None,
        },
        &NATIVE,
    )
    .unwrap_err();
    assert!(matches!(
        error,
        AudioError::StartPastEnd {
            start_ms: 1_000,
            duration_ms: 1_000,
            ..
        }
    ));
    assert!(
        error
            .to_string()
            .ends_with("is 1.0 s long, so nothing begins at 1.0 s: choose an earlier start")
    );
    assert_eq!(
        decode_with(
            &path,
            Slice {
                start_ms: 999,
                end_ms: None
            },
            &NATIVE
        )
        .unwrap()
        .0
        .samples,
        16
    );
}

#[test]
fn an_end_before_the_start_is_an_error() {
    let slice = Slice {
        start_ms: 5,
        end_ms: Some(5),
    };
    let error = decode_with(Path::new("any.wav"), slice, &NATIVE).unwrap_err();
    assert!(matches!(
        error,
        AudioError::EmptySlice {
            start_ms: 5,
            end_ms: 5,
            ..
        }
    ));
}

#[test]
fn the_sink_can_cancel_at_any_time() {
    let folder = folder();
    let path = WavFile::pcm16(44_100, 2, &[0; 400_000]).write(&folder);
    for slice in [
        Slice::default(),
        Slice {
            start_ms: 4_000,
            end_ms: None,
        },
    ] {
        let mut calls = 0;
        let result = decode(
            &path,
            slice,
            &NATIVE,
            &mut Asked(|| {
                calls += 1;
                if calls == 2 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }),
        );
        assert!(matches!(result, Err(AudioError::Cancelled { .. })));
        assert_eq!(calls, 2);
    }
}

#[test]
fn the_key_says_whether_ffmpeg_may_be_used() {
    assert_eq!(NATIVE.cache_identity(), DECODER_VERSION);
    let with = DecodeOptions {
        ffmpeg: Some(PathBuf::from("ffmpeg")),
        ..NATIVE
    };
    assert_ne!(with.cache_identity(), NATIVE.cache_identity());
    let track = DecodeOptions {
        track: TrackChoice::Number(2),
        ..NATIVE
    };
    assert_eq!(track.cache_identity(), format!("{DECODER_VERSION}+track=2"));
    assert_eq!(STRICT.cache_identity(), NATIVE.cache_identity());
}
