use plugin_api::ErrorKind;
use plugin_api::manifest::Scope;
use serde_json::{Map, Value, json};

use super::*;
use crate::testing::{manifest, options};

/// The names of the options of `scope` in the table.
fn table(scope: Scope) -> Vec<String> {
    let options = manifest().options.into_iter();
    options
        .filter(|(_, option)| option.scope == scope)
        .map(|(name, _)| name)
        .collect()
}

/// The names of the fields of a type.
fn fields(options: &impl serde::Serialize) -> Vec<String> {
    let object: Map<String, Value> =
        serde_json::from_value(serde_json::to_value(options).unwrap()).expect("options are an object");
    let mut names: Vec<String> = object.keys().cloned().collect();
    names.sort();
    names
}

#[test]
fn the_table_and_the_types_have_the_same_options() {
    assert_eq!(fields(&options::<Options>(Scope::Open, &json!({}))), table(Scope::Open));
    assert_eq!(
        fields(&options::<Request>(Scope::Request, &json!({}))),
        table(Scope::Request)
    );
}

#[test]
fn every_choice_of_the_table_is_one_of_the_type() {
    for (name, option) in manifest().options {
        for choice in &option.choices {
            match option.scope {
                Scope::Open => drop(options::<Options>(Scope::Open, &json!({ &name: choice }))),
                Scope::Request => drop(options::<Request>(Scope::Request, &json!({ &name: choice }))),
            }
        }
    }
}

#[test]
fn unknown_options_are_refused_by_name() {
    let error = manifest()
        .effective(&[("beams".to_owned(), json!(3))].into())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`ct2` has no option `beams`; see `cesar plugins show ct2`"
    );
    let open = json!({ "model": null, "device": "cpu", "compute_type": "int8", "threads": 1, "speed": 2 });
    assert!(serde_json::from_value::<Options>(open).is_err());
}

#[test]
fn defaults_are_those_of_faster_whisper() {
    let request: Request = options(Scope::Request, &json!({}));
    assert_eq!(
        (request.beam_size, request.best_of, request.no_repeat_ngram_size),
        (5, 5, 0)
    );
    assert_eq!(request.temperature, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    assert_eq!(request.suppress_tokens, [-1]);
    let thresholds = [
        request.compression_ratio_threshold,
        request.log_prob_threshold,
        request.no_speech_threshold,
    ];
    assert_eq!(thresholds, [2.4, -1.0, 0.6]);
}

fn refusal(given: &Value, multilingual: bool) -> Option<String> {
    let error = options::<Request>(Scope::Request, given).check(multilingual).err()?;
    assert_eq!(error.kind, ErrorKind::InvalidOptions);
    Some(error.message)
}

#[test]
fn english_only_models_refuse_other_languages_and_translation() {
    assert_eq!(refusal(&json!({ "language": "en" }), false), None);
    assert_eq!(
        refusal(&json!({ "language": "de" }), false).unwrap(),
        "the model knows only English, not `de`: choose a model without `.en`"
    );
    assert_eq!(
        refusal(&json!({ "task": "translate" }), false).unwrap(),
        "the model knows only English and cannot translate: choose a model without `.en`"
    );
}

#[test]
fn an_empty_list_of_temperatures_is_refused() {
    let message = refusal(&json!({ "temperature": [] }), true).unwrap();
    assert_eq!(
        message,
        "`temperature` is empty: give at least one temperature, for example `0`"
    );
}

#[test]
fn cuda_is_refused_where_there_is_none() {
    let options: Options = options(Scope::Open, &json!({ "device": "cuda" }));
    if sys::get_device_count(sys::Device::CUDA) == 0 {
        assert!(matches!(options.device(), Err(ModelError::NoCuda)));
    }
}
