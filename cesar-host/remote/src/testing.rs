//! Keys and results for the tests of this crate.

use std::collections::BTreeMap;

use cesar_base::Digest;
use cesar_cache::{KeyParts, OptionValue, SharedResult};

/// The parts of the key of a number.
pub(crate) fn parts(number: i64) -> KeyParts {
    KeyParts {
        stage: "asr".to_owned(),
        plugin: "echo".to_owned(),
        plugin_version: "1.0.0".to_owned(),
        plugin_digest: Digest::of(b"plugin"),
        abi: 1,
        models: vec![("model".to_owned(), Digest::of(b"model"))],
        options: BTreeMap::from([("number".to_owned(), OptionValue::Integer(number))]),
        inputs: vec![("pcm".to_owned(), Digest::of(b"pcm"))],
    }
}

/// A result of this length.
pub(crate) fn result(seed: u8, length: usize) -> SharedResult {
    let byte = |index: usize| (index.wrapping_mul(31) >> 3) as u8 ^ seed;
    SharedResult {
        bytes: (0..length).map(byte).collect(),
        cost_ms: 1_234,
        created_ms: 1_767_225_600_000,
        details: Some(r#"{"models":{}}"#.to_owned()),
    }
}
