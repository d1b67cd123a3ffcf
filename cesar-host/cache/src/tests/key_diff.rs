//! The part of a key that has changed.

use proptest::prelude::*;

use super::*;

fn told(before: &KeyParts, after: &KeyParts) -> Vec<String> {
    changes(before, after).iter().map(ToString::to_string).collect()
}

/// `parts(1)`, changed.
fn changed(change: impl FnOnce(&mut KeyParts)) -> KeyParts {
    let mut changed = parts(1);
    change(&mut changed);
    changed
}

fn set(parts: &mut KeyParts, option: &str, value: OptionValue) {
    parts.options.insert(option.to_owned(), value);
}

#[test]
fn every_key_change_has_a_description() {
    let cases: [(KeyParts, &str); 14] = [
        (
            changed(|parts| set(parts, "beam_size", OptionValue::Integer(1))),
            "`beam_size` 5 → 1",
        ),
        (
            changed(|parts| set(parts, "beam_size", OptionValue::Null)),
            "`beam_size` 5 → unset",
        ),
        (
            changed(|parts| set(parts, "language", OptionValue::Text("es".into()))),
            "`language` unset → \"es\"",
        ),
        (
            changed(|parts| {
                let temperatures = [0.0, 0.2].map(|value| OptionValue::number(value).unwrap());
                set(parts, "temperature", OptionValue::List(temperatures.into()));
            }),
            "`temperature` unset → [0, 0.2]",
        ),
        (
            changed(|parts| set(parts, "vad_filter", OptionValue::Bool(true))),
            "`vad_filter` unset → true",
        ),
        (
            changed(|parts| parts.plugin_version = "1.0.1".into()),
            "plugin ct2 1.0.0 → 1.0.1",
        ),
        (
            changed(|parts| parts.plugin_digest = Digest::of(b"rebuilt")),
            "plugin ct2 rebuilt or replaced",
        ),
        (
            changed(|parts| parts.plugin = "whisper-cpp".into()),
            "plugin ct2 1.0.0 → whisper-cpp 1.0.0",
        ),
        (changed(|parts| parts.abi = 2), "plugin ABI 1 → 2"),
        (
            changed(|parts| parts.models[0].1 = Digest::of(b"other")),
            "model file replaced",
        ),
        (
            changed(|parts| parts.models.push(("vad_model".into(), Digest::of(b"vad")))),
            "`vad_model` unset → set",
        ),
        (changed(|parts| parts.models.clear()), "`model` set → unset"),
        (parts(2), "decoded audio changed"),
        (
            changed(|parts| parts.inputs = vec![("media".into(), Digest::of(b"x"))]),
            "recording changed",
        ),
    ];
    for (after, text) in cases {
        assert_eq!(told(&parts(1), &after)[0], text);
    }
    assert_eq!(told(&parts(1), &parts(1)), [""; 0]);
    let second_model = |bytes| changed(|parts| parts.models.push(("vad_model".into(), Digest::of(bytes))));
    let replaced = told(&second_model(b"one"), &second_model(b"two"));
    assert_eq!(replaced, ["model file of `vad_model` replaced"]);
}

#[test]
fn options_of_other_plugins_are_not_compared() {
    let other = changed(|parts| {
        parts.plugin = "whisper-cpp".into();
        parts.options.clear();
        parts.models.clear();
    });
    assert_eq!(told(&parts(1), &other).len(), 1);
}

/// A result that differs in one option is nearer than a newer one that differs in two, and any is nearer than another plugin's.
#[test]
fn the_nearest_result_has_the_fewest_changes() {
    let fixture = Fixture::new();
    let asked = parts(1);
    assert_eq!(fixture.cache.nearest(&asked, None).unwrap(), None);
    let put = |parts: &KeyParts| {
        fixture.clock.advance_ms(1000);
        fixture.put(parts, b"x");
    };
    let nearest = || {
        let nearest = fixture.cache.nearest(&asked, Some("talk.mp3")).unwrap().unwrap();
        nearest.changes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    put(&changed(|parts| parts.plugin = "whisper-cpp".into()));
    assert_eq!(nearest(), ["plugin whisper-cpp 1.0.0 → ct2 1.0.0"]);
    put(&changed(|parts| {
        set(parts, "beam_size", OptionValue::Integer(1));
        set(parts, "best_of", OptionValue::Integer(1));
    }));
    assert_eq!(nearest(), ["`beam_size` 1 → 5", "`best_of` 1 → unset"]);
    put(&changed(|parts| set(parts, "beam_size", OptionValue::Integer(2))));
    put(&changed(|parts| set(parts, "beam_size", OptionValue::Integer(3))));
    assert_eq!(nearest(), ["`beam_size` 3 → 5"], "the newer of two");
    put(&changed(|parts| {
        set(parts, "beam_size", OptionValue::Integer(4));
        parts.abi = 2;
    }));
    assert_eq!(nearest(), ["`beam_size` 3 → 5"]);
    // The result itself is not its own explanation.
    put(&asked);
    assert_eq!(nearest(), ["`beam_size` 3 → 5"]);
}

/// An input with the same label is taken for an earlier version of the recording.
#[test]
fn changed_recordings_are_matched_by_label() {
    let fixture = Fixture::new();
    let guard = fixture.cache.lock(&parts(1).key(), &mut never_wait).unwrap();
    let new = NewEntry {
        label: Some("talk.mp3".into()),
        ..NewEntry::default()
    };
    fixture.cache.put(&guard, &parts(1), new, b"x").unwrap();
    assert_eq!(fixture.cache.nearest(&parts(2), Some("other.mp3")).unwrap(), None);
    let nearest = fixture.cache.nearest(&parts(2), Some("talk.mp3")).unwrap().unwrap();
    assert_eq!((nearest.key, nearest.changes.len()), (parts(1).key(), 1));
}

/// Inspection is not a use.
#[test]
fn peek_does_not_count_a_hit() {
    let fixture = Fixture::new();
    fixture.put(&parts(1), b"x");
    let peeked = fixture.cache.peek(&parts(1).key()).unwrap().unwrap();
    assert_eq!(peeked.bytes, b"x");
    assert_eq!(fixture.cache.peek(&parts(2).key()).unwrap(), None);
    assert_eq!(fixture.cache.stats().unwrap(), Statistics::default());
}

fn any_value() -> impl Strategy<Value = OptionValue> {
    prop_oneof![
        Just(OptionValue::Null),
        any::<bool>().prop_map(OptionValue::Bool),
        (0..3_i64).prop_map(OptionValue::Integer),
        "[ab]".prop_map(OptionValue::Text),
    ]
}

fn any_parts() -> impl Strategy<Value = KeyParts> {
    let digest = || (0..2_u8).prop_map(|byte| Digest::of(&[byte]));
    let options = prop::collection::btree_map("[xyz]", any_value(), 0..3);
    let models = prop::collection::btree_map("[mn]", digest(), 0..2);
    ("[pq]", "[12]", digest(), 1..3_u32, options, models, digest()).prop_map(
        |(plugin, plugin_version, plugin_digest, abi, options, models, input)| KeyParts {
            stage: "asr".into(),
            plugin,
            plugin_version,
            plugin_digest,
            abi,
            models: models.into_iter().collect(),
            options,
            inputs: vec![("pcm".into(), input)],
        },
    )
}

proptest! {
    /// A change is reported exactly for keys that differ.
    #[test]
    fn changes_are_reported_exactly_when_keys_differ(before in any_parts(), after in any_parts()) {
        prop_assert_eq!(changes(&before, &after).is_empty(), before.key() == after.key());
    }
}
