use super::*;

fn spans(chunks: &[Chunk<'_>]) -> Vec<(f64, usize)> {
    chunks.iter().map(|chunk| (chunk.offset, chunk.track.len())).collect()
}

#[test]
fn parts_are_gathered_up_to_the_longest_chunk() {
    let samples = vec![0.0; 160_000];
    let track = Track::whole(&samples);
    let of = |lengths: &[usize], longest: usize| spans(&gather(&track, lengths.iter().copied(), longest));
    assert!(of(&[], 32_000).is_empty());
    assert_eq!(of(&[16_000, 16_000, 8000], 32_000), [(0.0, 32_000), (2.0, 8000)]);
    assert_eq!(
        of(&[16_000, 32_000, 8000], 32_000),
        [(0.0, 16_000), (1.0, 32_000), (3.0, 8000)]
    );
    assert_eq!(of(&[40_000], 32_000), [(0.0, 40_000)]);
}

#[test]
fn clips_are_chunks() {
    let samples = vec![0.0; 160_000];
    let track = Track::whole(&samples);
    let of = |seconds: &[f64]| spans(&clips(&track, seconds).unwrap());
    assert_eq!(of(&[1.0, 2.0, 3.0]), [(1.0, 16_000), (3.0, 112_000)]);
    assert_eq!(of(&[1.0, 1.0, 9.5, 20.0]), [(9.5, 8000)]);
    assert!(clips(&track, &[2.0, 1.0]).is_err());
}

#[test]
fn chunks_are_asked_for_their_language_as_one() {
    let samples: Vec<f32> = (0..48_000_u16).map(|index| (f32::from(index) * 0.05).sin()).collect();
    let track = Track::whole(&samples);
    let chunks = gather(&track, [16_000, 32_000].into_iter(), 32_000);
    let out = joined(&chunks, 0..301, 80, 1);
    let second = LogMel::new(track.part(16_000..48_000), 80, HOP, 1).window(0, 200, 200);
    for (row, values) in out.chunks_exact(WINDOW_FRAMES).enumerate() {
        assert_eq!(values[100..300], second[row * 200..(row + 1) * 200]);
        assert_eq!((values[300], values[301]), (SILENT_FRAME, 0.0));
    }
}

#[test]
fn audio_of_more_than_a_chunk_needs_parts() {
    assert!(single(10, 20).is_ok());
    let error = single(20, 20).unwrap_err();
    assert!(error.message.contains("set `vad_filter`"), "{}", error.message);
}
