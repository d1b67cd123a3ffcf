//! Options that change a key: all that a plugin's table does not declare `"cache": false`, and no others.

use std::fs;
use std::path::Path;

use cesar_base::Digest;
use cesar_cache::KeyParts;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The tables of the plugins in this workspace, by id.
fn manifests() -> Vec<Manifest> {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let mut manifests: Vec<Manifest> = fs::read_dir(plugins)
        .unwrap()
        .filter_map(|folder| fs::read_to_string(folder.unwrap().path().join("src/cesar-plugin.json")).ok())
        .map(|text| Manifest::parse(&text).unwrap())
        .collect();
    manifests.sort_by(|one, other| one.id.cmp(&other.id));
    manifests
}

/// A value that the option accepts, different for most other seeds.
fn some_value(spec: &OptionSpec, seed: u64) -> Value {
    let within = |most: f64| {
        let (minimum, maximum) = (spec.minimum.unwrap_or(0.0), spec.maximum.unwrap_or(most));
        minimum + (maximum - minimum) * (seed % 1_000) as f64 / 999.0
    };
    let text = || match spec.choices.len() as u64 {
        0 => Value::from(format!("text {seed}")),
        count => Value::from(spec.choices[(seed % count) as usize].clone()),
    };
    match spec.kind {
        OptionKind::Boolean => Value::from(seed.is_multiple_of(2)),
        OptionKind::Integer => Value::from(within(5_000.0) as i64),
        OptionKind::Integers => Value::from(vec![within(5_000.0) as i64; (seed % 3) as usize]),
        OptionKind::Number => Value::from(within(1.0)),
        OptionKind::Numbers => Value::from(vec![within(1.0); (seed % 3) as usize]),
        OptionKind::String | OptionKind::Model => text(),
        OptionKind::Strings => Value::from(vec![text(); (seed % 3) as usize]),
    }
}

fn key(manifest: &Manifest, given: &BTreeMap<String, Value>) -> cesar_cache::Key {
    let parts = KeyParts {
        stage: manifest.stage.name().into(),
        plugin: manifest.id.clone(),
        plugin_version: manifest.version.clone(),
        plugin_digest: Digest::of(b"plugin"),
        abi: manifest.abi,
        models: Vec::new(),
        options: keyed(manifest, &manifest.effective(given).unwrap()),
        inputs: vec![("pcm".into(), Digest::of(b"pcm"))],
    };
    parts.key()
}

/// Only these options are declared to change no result; the engines' own tests show that.
#[test]
fn only_threads_are_left_out_of_keys() {
    let manifests = manifests();
    let unkeyed = manifests.iter().flat_map(|manifest| {
        let options = manifest.options.iter().filter(|(_, spec)| !spec.cache);
        options.map(|(name, _)| format!("{} {name}", manifest.id))
    });
    let unkeyed: Vec<String> = unkeyed.collect();
    assert!(unkeyed.iter().all(|option| option.ends_with(" threads")), "{unkeyed:?}");
    assert!(unkeyed.len() >= 2, "{unkeyed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// For every option of every plugin, with any other options, and any declaration in the table.
    #[test]
    fn exactly_the_options_that_may_change_a_result_change_the_key(
        seeds in prop::collection::vec(any::<u64>(), 64),
        others in any::<u64>(),
        declared in any::<u64>(),
    ) {
        for mut manifest in manifests() {
            let plain = |spec: &OptionSpec| spec.kind != OptionKind::Model;
            for (place, spec) in manifest.options.values_mut().filter(|spec| plain(spec)).enumerate() {
                spec.cache = declared >> (place % 64) & 1 == 1;
            }
            let options: Vec<_> = manifest.options.iter().filter(|(_, spec)| plain(spec)).collect();
            let given: BTreeMap<String, Value> = options
                .iter()
                .zip(&seeds)
                .enumerate()
                .filter(|(place, _)| others >> (place % 64) & 1 == 1)
                .map(|(_, ((name, spec), seed))| ((*name).clone(), some_value(spec, *seed)))
                .collect();
            let before = manifest.effective(&given).unwrap();
            for ((name, spec), seed) in options.iter().zip(seeds.iter().rev()) {
                let mut changed = given.clone();
                changed.insert((*name).clone(), some_value(spec, *seed));
                let is_another = manifest.effective(&changed).unwrap() != before;
                prop_assert_eq!(
                    key(&manifest, &changed) != key(&manifest, &given),
                    is_another && spec.cache,
                    "{} {}: {} → {}", manifest.id, name, before[*name], changed[*name]
                );
            }
        }
    }
}

#[test]
fn ct2_has_the_highest_priority_of_the_engines() {
    let mut engines = manifests();
    engines.retain(|manifest| manifest.stage == StageKind::Asr);
    engines.sort_by_key(|manifest| std::cmp::Reverse(manifest.priority));
    let ids: Vec<_> = engines.iter().map(|manifest| manifest.id.as_str()).collect();
    assert_eq!(ids[..2], ["ct2", "whisper-cpp"]);
    assert!(engines[0].priority > engines[1].priority && engines[1].priority > 0);
}

#[test]
fn every_format_declares_its_media_type() {
    let formats = manifests()
        .into_iter()
        .find(|manifest| manifest.id == "format")
        .unwrap();
    for choice in &formats.options["format"].choices {
        assert!(formats.formats[choice].media_type.is_some(), "{choice}");
    }
}

#[test]
fn english_models_are_no_default_for_other_languages_or_translation() {
    let asked = |name: &str, value: &str| StageRequest {
        plugin: None,
        options: [(name.to_owned(), GivenValue::Text(value.to_owned()))].into(),
    };
    let english = ["en".to_owned()];
    assert!(is_for(&english, &StageRequest::default()));
    assert!(is_for(&english, &asked("language", "English")) && is_for(&english, &asked("language", "auto")));
    assert!(!is_for(&english, &asked("language", "de")));
    assert!(!is_for(&english, &asked("task", "translate")));
}

/// All spellings of a language share their results.
#[test]
fn spellings_of_a_language_share_a_key() {
    let engines = manifests()
        .into_iter()
        .filter(|manifest| manifest.stage == StageKind::Asr);
    for engine in engines {
        let key_of = |given: GivenValue| {
            let asked = StageRequest {
                plugin: None,
                options: [("language".to_owned(), given)].into(),
            };
            key(&engine, &super::given(&engine, &asked).unwrap())
        };
        let text = |text: &str| key_of(GivenValue::Text(text.into()));
        let typed = |value: Value| key_of(GivenValue::Typed(value));
        let english = text("en");
        for spelling in ["EN", "English", "en-US", "eng"] {
            assert_eq!(
                (text(spelling), typed(spelling.into())),
                (english, english),
                "{spelling}"
            );
        }
        let detected = typed(Value::Null);
        assert_eq!(
            (text("auto"), text(""), typed("None".into())),
            (detected, detected, detected)
        );
        assert!(detected != english && text("de") != english);
    }
}

#[test]
fn unknown_languages_are_refused_with_a_suggestion() {
    let engine = manifests().into_iter().find(|manifest| manifest.id == "ct2").unwrap();
    let refusal = |value: Value| {
        let asked = StageRequest {
            plugin: None,
            options: [("language".to_owned(), GivenValue::Typed(value))].into(),
        };
        option_error(&engine, super::given(&engine, &asked).unwrap_err()).to_string()
    };
    let answers = [json!("Englsh"), json!("jp"), json!("zz"), json!("Irish"), json!(7)].map(refusal);
    insta::assert_snapshot!(answers.join("\n"), @"
    `language` must be a language such as `en`, `English` or `en-US`, not `Englsh`; did you mean `English` (`en`)?
    `language` must be a language such as `en`, `English` or `en-US`, not `jp`; did you mean `Japanese` (`ja`)?
    `language` must be a language such as `en`, `English` or `en-US`, not `zz`; did you mean `Chinese` (`zh`)?
    `language` must be a language that the engine knows, not `Irish`
    `language` must be a language such as `en`, `English` or `en-US`, not `7`
    ");
}
