//! Precedence, for every setting and every combination of layers that set it; every way to set a setting works.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{
    Group, Kind, Layer, SETTINGS, Setting, Source, augment, config_file_flag, find, reference_markdown,
};
use super::Home;

/// A value as each layer writes it, and its meaning.
struct Sample {
    toml: String,
    variable: String,
    flags: Vec<String>,
    means: Value,
}

/// A value of this setting, a different one for each layer as far as the kind has enough values.
fn sample(setting: &Setting, layer: Layer) -> Sample {
    let number = layer as usize;
    let text = match setting.kind {
        Kind::Boolean => {
            let sets = setting.flag.and_then(|flag| flag.switch).map(|(sets, _)| sets);
            let value = if layer == Layer::Flags {
                sets.unwrap_or_default()
            } else {
                number.is_multiple_of(2)
            };
            let flag = setting.flag.map(|flag| format!("--{}", flag.long));
            return Sample {
                toml: value.to_string(),
                variable: value.to_string(),
                flags: flag.into_iter().collect(),
                means: json!(value),
            };
        }
        Kind::Choice(choices) => choices[number % choices.len()].to_owned(),
        Kind::Integer { .. } => (number + 1).to_string(),
        Kind::Path | Kind::Paths => format!("/layer/{number}"),
        Kind::Text | Kind::Secret | Kind::NameOrPath | Kind::Texts => format!("layer{number}"),
        Kind::Options => format!("option=layer{number}"),
        Kind::Size => format!("{} GB", number + 1),
        Kind::Duration => format!("{} d", number + 1),
        Kind::Durations => format!("option={} d", number + 1),
    };
    let flag = setting.flag.map(|flag| format!("--{}", flag.long));
    Sample {
        toml: match setting.kind {
            Kind::Integer { .. } => text.clone(),
            Kind::Options => format!("{{ option = \"layer{number}\" }}"),
            Kind::Durations => format!("{{ option = \"{} d\" }}", number + 1),
            Kind::Paths | Kind::Texts => format!("[\"{text}\"]"),
            _ => format!("\"{text}\""),
        },
        variable: text.clone(),
        flags: flag.into_iter().chain([text.clone()]).collect(),
        means: match setting.kind {
            Kind::Integer { .. } => json!(number + 1),
            Kind::Options => json!(format!("layer{number}")),
            Kind::Durations => json!(format!("{} d", number + 1)),
            Kind::Paths | Kind::Texts => json!([text]),
            _ => json!(text),
        },
    }
}

/// Sets `setting` in `layers` and returns its value and source.
fn outcome(setting: &Setting, layers: &BTreeSet<Layer>) -> (Value, Source) {
    let mut home = Home::new();
    let mut flags = Vec::new();
    for layer in layers {
        let sample = sample(setting, *layer);
        match layer {
            Layer::Default => {}
            Layer::File => home = home.with_file(&format!("{} = {}", setting.key, sample.toml)),
            Layer::Environment => home = home.with(&setting.variable(), &sample.variable),
            Layer::Flags => flags = sample.flags,
        }
    }
    let resolved = home
        .resolve(&flags.iter().map(String::as_str).collect::<Vec<_>>())
        .unwrap();
    assert_eq!(resolved.warnings(), [""; 0]);
    if setting.kind.is_table() {
        let option = resolved.table(setting.key).get("option");
        return option.map_or((Value::Null, Source::Default), |given| {
            (given.value.to_json(), given.source.clone())
        });
    }
    let given = resolved.get(setting.key);
    (given.value.clone(), given.source.clone())
}

fn layers_of(setting: &Setting) -> Vec<Layer> {
    let mut layers = vec![Layer::File, Layer::Environment];
    layers.extend(setting.flag.map(|_| Layer::Flags));
    layers
}

#[test]
fn every_setting_can_be_set_in_each_layer() {
    for setting in SETTINGS {
        for layer in layers_of(setting) {
            let (value, source) = outcome(setting, &BTreeSet::from([layer]));
            assert_eq!(value, sample(setting, layer).means, "{} by {layer:?}", setting.key);
            assert_eq!(source.layer(), layer, "{}", setting.key);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_highest_layer_wins(index in 0..SETTINGS.len(), chosen in prop::collection::btree_set(0..3_usize, 0..=3)) {
        let setting = &SETTINGS[index];
        let ways = layers_of(setting);
        let layers: BTreeSet<Layer> = chosen.iter().filter_map(|way| ways.get(*way).copied()).collect();
        let (value, source) = outcome(setting, &layers);
        let highest = layers.last().copied().unwrap_or(Layer::Default);
        prop_assert_eq!(source.layer(), highest);
        if highest != Layer::Default {
            prop_assert_eq!(value, sample(setting, highest).means);
        }
    }
}

#[test]
fn the_settings_table_is_consistent() {
    let mut names = BTreeSet::new();
    for setting in SETTINGS {
        assert!(names.insert(setting.key.to_owned()), "{} twice", setting.key);
        assert!(names.insert(setting.variable()), "{} twice", setting.variable());
        assert!(setting.doc.ends_with('.'), "the doc of {} is a sentence", setting.key);
        assert_eq!(setting.key.split('.').count(), 2, "{}", setting.key);
        assert_eq!(find(setting.key).map(Setting::variable), Some(setting.variable()));
        if let Some(flag) = setting.flag {
            assert!(names.insert(format!("--{}", flag.long)), "--{} twice", flag.long);
            assert_eq!(flag.switch.is_some(), setting.kind == Kind::Boolean, "{}", setting.key);
        }
        if let Some(table) = setting.option_of {
            assert_eq!(
                find(table).map(|table| table.kind),
                Some(Kind::Options),
                "{}",
                setting.key
            );
        }
        assert!(
            reference_markdown().contains(&format!("| `{}` |", setting.key)),
            "{}",
            setting.key
        );
    }
    assert_eq!(reference_markdown().lines().count(), SETTINGS.len() + 2);
}

#[test]
fn variable_names_derive_from_keys() {
    let own: Vec<_> = SETTINGS.iter().filter_map(|setting| setting.own_variable).collect();
    assert_eq!(own, ["CESAR_OFFLINE", "CESAR_PLUGIN_PATH", "CESAR_PROGRESS"]);
    assert_eq!(find("asr.beam_size").unwrap().variable(), "CESAR_ASR_BEAM_SIZE");
}

#[test]
fn commands_have_their_flags_and_the_global_ones() {
    let program = || {
        augment(clap::Command::new("cesar").arg(config_file_flag()), Group::Global)
            .subcommand(augment(clap::Command::new("transcribe"), Group::Transcribe))
            .subcommand(augment(clap::Command::new("cache"), Group::Cache))
    };
    program().debug_assert();
    let matches = program()
        .try_get_matches_from(["cesar", "cache", "--cache-dir", "/c", "--progress", "none"])
        .unwrap();
    let (_, cache) = matches.subcommand().unwrap();
    let home = Home::new();
    let resolved = super::Layers::load(None, home.variables)
        .unwrap()
        .with_flags(cache)
        .resolve()
        .unwrap();
    assert_eq!(resolved.get("cache.dir").value, "/c");
    assert_eq!(resolved.get("log.progress").source, Source::Flag("progress"));
    assert!(
        program()
            .try_get_matches_from(["cesar", "cache", "--model", "base"])
            .is_err()
    );
    assert!(
        program()
            .try_get_matches_from(["cesar", "transcribe", "--model", "base", "-l", "en"])
            .is_ok()
    );
}

#[test]
fn long_help_names_key_and_variable() {
    let help = augment(clap::Command::new("transcribe"), Group::Transcribe)
        .render_long_help()
        .to_string();
    assert!(help.contains("--beam-size <N>"), "{help}");
    assert!(
        help.contains("Also: `asr.beam_size` in the configuration file, the variable `CESAR_ASR_BEAM_SIZE`."),
        "{help}"
    );
    assert!(help.contains("[possible values: transcribe, translate]"), "{help}");
}

#[test]
fn help_groups_flags_by_heading() {
    let help = augment(clap::Command::new("transcribe"), Group::Transcribe)
        .render_help()
        .to_string();
    let (_, recordings) = help.split_once("Recordings:\n").unwrap();
    let (recordings, _) = recordings.split_once("\n\n").unwrap_or((recordings, ""));
    assert!(recordings.contains("--audio-track <N|LANGUAGE|TITLE|all>"), "{help}");
    assert!(recordings.contains("--strict"), "{help}");
}

#[test]
fn lists_are_parsed_in_every_layer() {
    let home = Home::new()
        .with("CESAR_PLUGIN_PATH", "/a::/b")
        .with("CESAR_OUTPUT_FORMATS", "srt, vtt");
    let settings = home
        .resolve(&["--plugin-dir", "/x:y", "--plugin-dir", "/z"])
        .unwrap()
        .settings();
    assert_eq!(settings.plugins.path, ["/a", "/b"].map(std::path::PathBuf::from));
    assert_eq!(settings.plugins.dirs, ["/x:y", "/z"].map(std::path::PathBuf::from));
    assert_eq!(settings.output.formats, ["srt", "vtt"]);
    let settings = home.resolve(&["-f", "txt,md", "-f", "json"]).unwrap().settings();
    assert_eq!(settings.output.formats, ["txt", "md", "json"]);
    let settings = Home::new()
        .with_file("output.formats = \"srt\"")
        .resolve(&[])
        .unwrap()
        .settings();
    assert_eq!(settings.output.formats, ["srt"]);
}
