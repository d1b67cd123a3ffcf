//! Files of other kinds and truncated files are refused. Whole models are converted by the tests of the program
//! (`tests/tests/network/models_index.rs`), which compare digests.

use super::ct2::Weights;
use super::{ConvertError, is_whisper};

/// A variable of CTranslate2: name, dimensions, type code, content.
fn variable(name: &str, shape: &[u32], kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.push(u8::try_from(shape.len()).unwrap());
    bytes.extend(shape.iter().flat_map(|size| size.to_le_bytes()));
    bytes.push(kind);
    bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
    bytes.extend(content);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len() + 1).unwrap();
    [&length.to_le_bytes()[..], text.as_bytes(), &[0]].concat()
}

fn model() -> Vec<u8> {
    let mut bytes = [
        &6_u32.to_le_bytes()[..],
        &text("WhisperSpec"),
        &3_u32.to_le_bytes(),
        &3_u32.to_le_bytes(),
    ]
    .concat();
    bytes.extend(variable("encoder/num_heads", &[], 2, &[8, 0]));
    bytes.extend(variable(
        "encoder/layer_1/ffn/linear_0/bias",
        &[2],
        4,
        &[0, 0x3c, 0, 0xc0],
    ));
    bytes.extend(variable("quantised", &[1], 1, &[5]));
    bytes
}

#[test]
fn ct2_weights_are_parsed() {
    let content = model();
    assert!(is_whisper(&content));
    let weights = Weights::read("model.bin", &content).unwrap();
    assert_eq!(weights.number("encoder/num_heads").unwrap(), 8);
    assert_eq!(weights.depth("encoder"), 2);
    let tensor = weights.tensor("encoder/layer_1/ffn/linear_0/bias").unwrap();
    assert_eq!((tensor.shape, tensor.values), (vec![2], vec![1.0, -2.0]));
    let refused = weights.tensor("quantised").unwrap_err().to_string();
    assert!(refused.contains("only float16 and float32 are converted"), "{refused}");
}

#[test]
fn a_truncated_model_is_reported() {
    let content = model();
    for length in 0..content.len() {
        let error = Weights::read("model.bin", &content[..length]).unwrap_err();
        assert!(matches!(error, ConvertError::Malformed { .. }), "{length}: {error}");
    }
}
