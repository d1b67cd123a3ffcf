use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// A whole file of one encoder and one decoder layer; `tensors` of the 50 it should have.
fn file(tensors: usize) -> Vec<u8> {
    let mut bytes = b"lmgg".to_vec();
    let mut put = |numbers: &[i32]| bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    put(&[51_864, 1500, 32, 2, 1, 448, 32, 2, 1, 80, 1]);
    put(&[80, 201]);
    put(&vec![0; 80 * 201]);
    put(&[3]);
    for word in ["a", "", " the"] {
        bytes.extend(u32::try_from(word.len()).unwrap().to_le_bytes());
        bytes.extend(word.as_bytes());
    }
    for index in 0..tensors {
        let name = format!("tensor.{index:02}");
        let (format, weights) = [(0, 4 * 64), (1, 2 * 64), (8, 2 * 34)][index % 3];
        for number in [2, i32::try_from(name.len()).unwrap(), format, 32, 2] {
            bytes.extend(i32::to_le_bytes(number));
        }
        bytes.extend(name.as_bytes());
        bytes.extend(vec![7; weights]);
    }
    bytes
}

fn inspect_bytes(bytes: &[u8]) -> Result<Header, Defect> {
    inspect(BufReader::new(Cursor::new(bytes)), bytes.len() as u64)
}

fn defect(bytes: &[u8]) -> String {
    inspect_bytes(bytes).unwrap_err().to_string()
}

/// Byte offset of hyperparameter `index`.
fn hyperparameter(index: usize) -> usize {
    4 + 4 * index
}

fn with_number(mut bytes: Vec<u8>, offset: usize, number: i32) -> Vec<u8> {
    bytes[offset..offset + 4].copy_from_slice(&number.to_le_bytes());
    bytes
}

#[test]
fn a_whole_file_is_accepted() {
    inspect_bytes(&file(50)).unwrap();
}

#[test]
fn other_files_are_refused_by_kind() {
    assert!(defect(b"version https://git-lfs.github.com/spec/v1\n").contains("Git LFS pointer"));
    assert!(defect(b"GGUF....").contains("not a ggml file"));
    assert!(defect(b"").contains("not a ggml file"));
    assert!(defect(b"lm").contains("not a ggml file"));
}

#[test]
fn other_models_in_ggml_files_are_recognised() {
    let other = with_number(file(50), hyperparameter(0), 32_000);
    assert_eq!(
        defect(&other),
        "is a ggml file, but not of Whisper (its vocabulary size is 32000); name one such as `ggml-base.bin`"
    );
    assert!(defect(&with_number(file(50), hyperparameter(6), 64)).contains("text width is 64"));
    assert!(defect(&with_number(file(50), hyperparameter(3), 3)).contains("no multiple"));
    assert!(defect(&with_number(file(50), hyperparameter(9), 128)).contains("80 × 201"));
}

#[test]
fn missing_weights_are_counted() {
    assert!(defect(&file(0)).contains("header without weights"));
    assert_eq!(defect(&file(49)), "has 49 of its 50 tensors; fetch it again");
    assert!(defect(&file(51)).contains("has 51 of its 50"));
}

#[test]
fn the_truncated_part_is_named() {
    let whole = file(50);
    let filters = hyperparameter(11);
    let vocabulary = filters + 8 + 4 * 80 * 201;
    let tensors = vocabulary + 4 + 3 * 4 + 5;
    let parts = [
        (filters - 1, "hyperparameters"),
        (vocabulary - 1, "filter bank"),
        (tensors - 1, "vocabulary"),
        (whole.len() - 1, "tensors"),
    ];
    for (length, part) in parts {
        let expected = format!("is cut short: it ends within its {part}; fetch it again");
        assert_eq!(defect(&whole[..length]), expected);
    }
}

#[test]
fn sizes_beyond_the_file_are_refused() {
    let tensor = hyperparameter(11) + 8 + 4 * 80 * 201 + 4 + 3 * 4 + 5;
    for (field, number) in [(3, i32::MAX), (3, -1), (3, 31), (1, -5), (1, i32::MAX), (2, 99), (0, 9)] {
        let damaged = with_number(file(50), tensor + 4 * field, number);
        assert!(inspect_bytes(&damaged).is_err(), "field {field} = {number}");
    }
}

#[test]
fn paths_are_named_in_one_sentence() {
    let missing = StageError::from(check(Path::new("/no/such/ggml-base.bin")).unwrap_err());
    assert_eq!(missing.kind, ErrorKind::ModelMissing);
    assert_eq!(
        missing.message,
        "the model `/no/such/ggml-base.bin` does not exist; fetch it, or name another one"
    );
    assert!(check(Path::new("/")).unwrap_err().to_string().contains("is a folder"));
}

#[test]
fn missing_memory_is_reported() {
    assert!(matches!(reserve(u64::MAX), Err(Defect::OutOfMemory { .. })));
    reserve(1000).unwrap();
}

proptest! {
    /// No truncated file is accepted, wherever it ends.
    #[test]
    fn no_truncation_is_accepted(cut in 0.0..1.0_f64) {
        let whole = file(50);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a position in the file")]
        let length = (whole.len() as f64 * cut) as usize;
        prop_assert!(inspect_bytes(&whole[..length]).is_err());
    }

    /// Damage is detected or is within weights, names and words; it never panics or reads beyond the end.
    #[test]
    fn damage_never_panics(position in 0..66_000_usize, byte: u8) {
        let mut damaged = file(50);
        let position = position % damaged.len();
        damaged[position] = byte;
        let _ = inspect_bytes(&damaged);
    }

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut file = b"lmgg".to_vec();
        file.extend(&bytes);
        prop_assert!(inspect_bytes(&file).is_err() && inspect_bytes(&bytes).is_err());
    }
}
