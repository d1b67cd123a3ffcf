//! The key encoding: pinned, and injective.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn golden_parts() -> KeyParts {
    KeyParts {
        stage: "asr".to_owned(),
        plugin: "ct2".to_owned(),
        plugin_version: "1.0.0".to_owned(),
        plugin_digest: Digest::of(b"plugin file"),
        abi: 1,
        models: vec![
            ("vocabulary".to_owned(), Digest::of(b"vocabulary file")),
            ("model".to_owned(), Digest::of(b"model file")),
        ],
        options: BTreeMap::from([
            ("beam_size".to_owned(), OptionValue::Integer(5)),
            ("initial_prompt".to_owned(), OptionValue::Null),
            ("language".to_owned(), OptionValue::Text("de".to_owned())),
            (
                "temperatures".to_owned(),
                OptionValue::List(vec![number(0.0), number(0.2), OptionValue::Bool(true)]),
            ),
        ]),
        inputs: vec![
            ("pcm".to_owned(), Digest::of(b"samples")),
            ("turns".to_owned(), Digest::of(b"turns")),
        ],
    }
}

fn number(value: f64) -> OptionValue {
    OptionValue::number(value).unwrap()
}

/// The literals were computed by another program from the documentation of the encoding.
#[test]
fn golden_key() {
    assert_eq!(
        golden_parts().key().to_string(),
        "db9874eba078eea1c7b78c9bf450d18eed7c917016242721e0bf77b83d5c33b6"
    );
    assert_eq!(
        parts(1).key().to_string(),
        "00a00559d71eab7070ff2c14c5fa805157e29b5c943fb9ddb207d4f2e5267a04"
    );
    assert_eq!(
        golden_parts().inputs_digest().to_string(),
        "5b468310ee6a11c27297b74bc4d36413dc8a1cfb16d17c02559043067848998b"
    );
}

#[test]
fn golden_encoding_of_the_smallest_parts() {
    let parts = KeyParts {
        stage: "a".to_owned(),
        plugin: String::new(),
        plugin_version: String::new(),
        plugin_digest: Digest::from_bytes([0xEE; 32]),
        abi: 258,
        models: Vec::new(),
        options: BTreeMap::from([("n".to_owned(), OptionValue::Integer(-2))]),
        inputs: Vec::new(),
    };
    let mut expected = Vec::new();
    expected.extend(b"\x00\x0c\0\0\0\0\0\0\0cesar-key-v1");
    expected.extend(b"\x01\x01\0\0\0\0\0\0\0a");
    expected.extend(b"\x02\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0");
    expected.extend(b"\x04\x20\0\0\0\0\0\0\0");
    expected.extend([0xEE; 32]);
    expected.extend(b"\x05\x04\0\0\0\0\0\0\0\x02\x01\0\0");
    expected.extend(b"\x06\0\0\0\0\0\0\0\0");
    expected.extend(b"\x07\x24\0\0\0\0\0\0\0");
    expected.extend(b"\x01\x01\0\0\0\0\0\0\0n");
    expected.extend(b"\x02\x11\0\0\0\0\0\0\0");
    expected.extend(b"\x02\x08\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff");
    expected.extend(b"\x08\0\0\0\0\0\0\0\0");
    assert_eq!(parts.encode(), expected);
}

#[test]
fn golden_json() {
    let expected = json!({
        "stage": "asr",
        "plugin": "ct2",
        "plugin_version": "1.0.0",
        "plugin_digest": Digest::of(b"plugin file").to_string(),
        "abi": 1,
        "models": [
            ["vocabulary", Digest::of(b"vocabulary file").to_string()],
            ["model", Digest::of(b"model file").to_string()],
        ],
        "options": {"beam_size": 5, "initial_prompt": null, "language": "de", "temperatures": [0.0, 0.2, true]},
        "inputs": [["pcm", Digest::of(b"samples").to_string()], ["turns", Digest::of(b"turns").to_string()]],
    });
    assert_eq!(golden_parts().to_json(), expected);
    assert_eq!(serde_json::from_value::<KeyParts>(expected).unwrap(), golden_parts());
}

#[test]
fn values_of_different_types_are_different() {
    let text = |text: &str| OptionValue::Text(text.to_owned());
    let values = [
        OptionValue::Null,
        OptionValue::Bool(false),
        OptionValue::Bool(true),
        OptionValue::Integer(0),
        OptionValue::Integer(1),
        number(0.0),
        number(1.0),
        text(""),
        text("1"),
        text("null"),
        OptionValue::List(Vec::new()),
        OptionValue::List(vec![text("a"), text("b")]),
        OptionValue::List(vec![text("ab")]),
        OptionValue::List(vec![OptionValue::List(vec![text("a"), text("b")])]),
        OptionValue::List(vec![OptionValue::List(vec![text("a")]), text("b")]),
    ];
    let keys: std::collections::HashSet<_> = values
        .iter()
        .map(|value| {
            KeyParts {
                options: BTreeMap::from([("x".to_owned(), value.clone())]),
                ..parts(0)
            }
            .key()
        })
        .collect();
    assert_eq!(keys.len(), values.len());
}

#[test]
fn negative_zero_is_normalised_and_nan_refused() {
    assert_eq!(number(-0.0), number(0.0));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(OptionValue::number(value).is_err());
    }
}

#[test]
fn model_order_is_ignored_and_input_order_kept() {
    let golden = golden_parts();
    let mut models = golden.clone();
    models.models.reverse();
    assert_eq!(models.key(), golden.key());
    let mut inputs = golden.clone();
    inputs.inputs.reverse();
    assert_ne!(inputs.key(), golden.key());
}

#[test]
fn digests_round_trip_as_text() {
    let digest = Digest::of(b"abc");
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest.to_string(), text);
    assert_eq!(text.parse::<Digest>().unwrap(), digest);
    assert_eq!(text.to_uppercase().parse::<Digest>().unwrap(), digest);
    for wrong in [&text[1..], "", &format!("{text}0"), &text.replace('a', "g")] {
        assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
    }
}

fn any_digest() -> impl Strategy<Value = Digest> {
    // A small range, so that equal parts occur as well.
    prop_oneof![
        any::<[u8; 32]>().prop_map(Digest::from_bytes),
        (0..3u8).prop_map(|byte| Digest::from_bytes([byte; 32]))
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,3}", any::<String>()]
}

fn any_value() -> impl Strategy<Value = OptionValue> {
    let leaf = prop_oneof![
        Just(OptionValue::Null),
        any::<bool>().prop_map(OptionValue::Bool),
        prop_oneof![-2..3i64, any::<i64>()].prop_map(OptionValue::Integer),
        prop_oneof![-1.0..1.0f64, Just(0.0), Just(1.0)].prop_map(number),
        any_text().prop_map(OptionValue::Text),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(OptionValue::List)
    })
}

fn any_named() -> impl Strategy<Value = Vec<(String, Digest)>> {
    prop::collection::vec((any_text(), any_digest()), 0..3)
}

prop_compose! {
    fn any_parts()(
        texts in (any_text(), any_text(), any_text()),
        plugin_digest in any_digest(),
        abi in prop_oneof![0..3u32, any::<u32>()],
        mut models in any_named(),
        options in prop::collection::btree_map(any_text(), any_value(), 0..3),
        inputs in any_named(),
    ) -> KeyParts {
        models.sort();
        let (stage, plugin, plugin_version) = texts;
        KeyParts { stage, plugin, plugin_version, plugin_digest, abi, models, options, inputs }
    }
}

proptest! {
    /// Any two different parts have different encodings.
    #[test]
    fn the_encoding_is_injective(one in any_parts(), other in any_parts()) {
        prop_assert_eq!(one.encode() == other.encode(), one == other);
    }

    /// Changing any one part changes the key.
    #[test]
    fn every_part_changes_the_key(parts in any_parts(), other in any_parts(), text in any_text(), value in any_value()) {
        let key = parts.key();
        let mut changes: Vec<KeyParts> = Vec::new();
        let mut change = |edit: &dyn Fn(&mut KeyParts)| {
            let mut changed = parts.clone();
            edit(&mut changed);
            if changed != parts {
                changes.push(changed);
            }
        };
        change(&|parts| parts.stage.clone_from(&other.stage));
        change(&|parts| parts.plugin.clone_from(&other.plugin));
        change(&|parts| parts.plugin_version.clone_from(&other.plugin_version));
        change(&|parts| parts.plugin_digest = other.plugin_digest);
        change(&|parts| parts.abi = other.abi);
        change(&|parts| parts.models.clone_from(&other.models));
        change(&|parts| parts.options.clone_from(&other.options));
        change(&|parts| parts.inputs.clone_from(&other.inputs));
        change(&|parts| { parts.options.insert(text.clone(), value.clone()); });
        change(&|parts| { parts.options.pop_first(); });
        change(&|parts| { parts.inputs.push((text.clone(), Digest::of(b"more"))); });
        change(&|parts| { parts.inputs.pop(); });
        for changed in changes {
            prop_assert_ne!(changed.key(), key, "{:?}", changed);
        }
    }

    /// No byte can cross the boundary of two neighbours unnoticed.
    #[test]
    fn field_boundaries_change_the_key(text in "[a-z]{1,8}", one in 0..9usize, other in 0..9usize) {
        let split = |at: usize| {
            let (stage, plugin) = text.split_at(at.min(text.len()));
            KeyParts { stage: stage.to_owned(), plugin: plugin.to_owned(), ..parts(0) }
        };
        prop_assert_eq!(split(one).key() == split(other).key(), split(one) == split(other));
    }

    /// The JSON stored for `explain` is the unchanged parts.
    #[test]
    fn json_round_trips_to_the_same_key(parts in any_parts()) {
        let read: KeyParts = serde_json::from_str(&parts.to_json().to_string()).unwrap();
        prop_assert_eq!(read.key(), parts.key());
    }
}
