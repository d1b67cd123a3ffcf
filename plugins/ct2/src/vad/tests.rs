use super::*;

#[test]
fn a_file_that_is_no_model_is_refused() {
    let folder = std::env::temp_dir();
    let error = open(&folder).err().expect("refused");
    assert_eq!(error.kind, ErrorKind::ModelMissing);
    assert!(
        error.message.contains("download `silero_vad_v6.onnx` again"),
        "{}",
        error.message
    );
}
