use super::*;

#[test]
fn the_end_of_the_audio_is_a_window_with_cleared_end() {
    let samples: Vec<f32> = (1..=1000_u16).map(f32::from).collect();
    let rows = group(&samples, 0, 2);
    let rows = rows.as_slice::<f32>().expect("it holds f32");
    let width = CONTEXT + WINDOW;
    assert!(rows[..CONTEXT].iter().all(|value| *value == 0.0));
    assert_eq!((rows[CONTEXT], rows[width - 1]), (1.0, 512.0));
    // The second window repeats the last 64 samples, holds 448, and 40 of its last 64 would have been audio.
    assert_eq!((rows[width], rows[width + CONTEXT]), (449.0, 513.0));
    assert_eq!((rows[width + WINDOW - 1], rows[width + WINDOW]), (960.0, 0.0));
    assert!(rows[2 * width..].iter().all(|value| *value == 0.0));
}

#[test]
fn a_file_that_is_no_model_is_refused() {
    let folder = std::env::temp_dir();
    let error = Detector::open(&folder).err().expect("refused");
    assert_eq!(error.kind, ErrorKind::ModelMissing);
    assert!(
        error.message.contains("download `silero_vad_v6.onnx` again"),
        "{}",
        error.message
    );
}
