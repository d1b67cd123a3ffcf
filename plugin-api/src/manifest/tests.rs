use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn manifest() -> Value {
    serde_json::from_str(include_str!("../../examples/cesar-plugin.json")).unwrap()
}

fn option(row: Value) -> OptionSpec {
    let mut row = row;
    row["doc"] = json!("…");
    serde_json::from_value(row).unwrap()
}

#[test]
fn reads_the_example() {
    let manifest = Manifest::parse(&manifest().to_string()).unwrap();
    assert_eq!((manifest.id.as_str(), manifest.stage), ("loudness", StageKind::Asr));
    assert_eq!(manifest.options["window_ms"].scope, Scope::Open);
    assert_eq!(manifest.options["language"].scope, Scope::Request);
    assert!(manifest.options["language"].cache);
}

#[test]
fn a_model_that_is_not_needed_is_null() {
    let mut value = manifest();
    value["options"] = json!({
        "vad_filter": { "type": "boolean", "default": false, "doc": "" },
        "vad_model": {
            "type": "model", "default": "silero", "doc": "", "scope": "request", "needed_when": "vad_filter",
            "model": { "patterns": ["{name}.onnx"] }
        }
    });
    let manifest = Manifest::parse(&value.to_string()).unwrap();
    let vad_model = |filter: bool| {
        let given = BTreeMap::from([("vad_filter".to_owned(), json!(filter))]);
        manifest.effective(&given).unwrap()["vad_model"].clone()
    };
    assert_eq!((vad_model(false), vad_model(true)), (Value::Null, json!("silero")));

    value["options"]["vad_model"]["needed_when"] = json!("vad_model");
    assert_eq!(
        Manifest::parse(&value.to_string()).unwrap_err().to_string(),
        "has the option `vad_model`, whose `needed_when` names no boolean option"
    );
}

#[test]
fn names_what_is_wrong() {
    let broken = |field: &str, value: Value| {
        let mut manifest = manifest();
        manifest[field] = value;
        Manifest::parse(&manifest.to_string()).unwrap_err().to_string()
    };
    assert_eq!(broken("abi", json!(2)), "asks for plugin ABI 2, this Cesar speaks 1");
    assert_eq!(
        broken("abi", Value::Null),
        "asks for plugin ABI an unknown, this Cesar speaks 1"
    );
    assert_eq!(
        broken("version", json!("1.0")),
        "has the version `1.0`, which is not a semantic version"
    );
    assert_eq!(
        broken("id", json!("My Plugin")),
        "has the id `My Plugin`; use lower-case letters, digits and hyphens"
    );
    assert_eq!(broken("cesar_plugin", json!(7)), "has format 7, this Cesar reads 1");
    let text = broken(
        "options",
        json!({ "n": { "type": "integer", "default": "x", "doc": "" } }),
    );
    assert_eq!(
        text,
        "has the option `n`, which has a bad default: `default` must be a whole number, not `x`"
    );
    assert!(
        Manifest::parse("{")
            .unwrap_err()
            .to_string()
            .starts_with("is not JSON: ")
    );
}

#[test]
fn ignores_fields_of_later_versions() {
    let mut manifest = manifest();
    manifest["homepage"] = json!("later");
    manifest["options"]["window_ms"]["unit"] = json!("ms");
    assert!(Manifest::parse(&manifest.to_string()).is_ok());
}

fn format_manifest(formats: Value) -> Value {
    let mut value = manifest();
    value["stage"] = json!("format");
    value["options"] = json!({ "format": { "type": "string", "default": "txt", "enum": ["txt", "docx"], "doc": "" } });
    value["formats"] = formats;
    value
}

#[test]
fn optional_fields_have_defaults_and_are_read() {
    let old = Manifest::parse(&manifest().to_string()).unwrap();
    assert_eq!((old.priority, old.formats.len()), (0, 0));
    let text = serde_json::to_string(&old).unwrap();
    assert!(!text.contains("priority") && !text.contains("formats"), "{text}");

    let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let mut value = format_manifest(
        json!({ "docx": { "media_type": docx, "extension": "word.docx", "default_with_speakers": true,
            "several": "zipped", "needs": { "karaoke": "word_times", "later": "word_colours" } } }),
    );
    value["priority"] = json!(-3);
    let new = Manifest::parse(&value.to_string()).unwrap();
    assert_eq!(new.priority, -3);
    assert_eq!(new.formats["docx"].media_type.as_deref(), Some(docx));
    assert_eq!(new.formats["docx"].extension.as_deref(), Some("word.docx"));
    assert!(new.formats["docx"].default_with_speakers);
    assert_eq!(new.formats["docx"].needs["karaoke"], WordField::WordTimes);
    assert_eq!(new.formats["docx"].needs["later"], WordField::Other);
    assert_eq!(new.formats["docx"].several, Some(Several::Other));
}

#[test]
fn options_of_formats_that_do_not_exist_are_refused() {
    let mut value = format_manifest(json!({}));
    value["options"]["width"] = json!({ "type": "integer", "default": 1, "doc": "Width.", "formats": ["docx"] });
    let read = Manifest::parse(&value.to_string()).unwrap();
    assert_eq!(read.options["width"].formats, ["docx"]);
    value["options"]["width"]["formats"] = json!(["docy"]);
    let error = Manifest::parse(&value.to_string()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has the option `width` of the format `docy`"),
        "{error}"
    );
}

#[test]
fn formats_with_invalid_properties_are_refused() {
    let refusal = |formats: Value| {
        Manifest::parse(&format_manifest(formats).to_string())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refusal(json!({ "odt": {} })),
        "describes the format `odt`, which is no choice of its option `format`"
    );
    for bad in ["text", "text/", "/plain", "text/plain\r\nx: y", "text/plä", ""] {
        assert_eq!(
            refusal(json!({ "txt": { "media_type": bad } })),
            format!("has the format `txt`, whose media type `{bad}` is not `type/subtype`")
        );
    }
    for bad in ["", ".txt", "a..b", "a/b", "TXT", "a b", "seventeen.letters"] {
        assert_eq!(
            refusal(json!({ "txt": { "extension": bad } })),
            format!(
                "has the format `txt`, whose extension `{bad}` is not one of at most 16 lower-case letters, digits and single dots"
            )
        );
    }
}

#[test]
fn models_are_limited_to_languages_by_their_names() {
    let files = |json: Value| serde_json::from_value::<ModelFiles>(json).unwrap();
    let limit = |files: &ModelFiles, name: &str| files.languages_of(name).map(<[String]>::to_vec);
    let english = Some(vec!["en".to_owned()]);
    let convention = files(json!({}));
    for name in ["tiny.en", "tiny.en-q5_1", ".en"] {
        assert_eq!(limit(&convention, name), english, "{name}");
    }
    for name in ["tiny", "tiny.enq", "en", "tiny.en_q5"] {
        assert_eq!(limit(&convention, name), None, "{name}");
    }
    let unlimited = files(json!({ "languages": {} }));
    assert_eq!(limit(&unlimited, "tiny.en"), None);
    let vosk = files(json!({ "languages": { "vosk-*-de-*": ["de"], "gujarati": ["gu"] } }));
    assert_eq!(limit(&vosk, "vosk-small-de-0.15"), Some(vec!["de".to_owned()]));
    assert_eq!(limit(&vosk, "gujarati"), Some(vec!["gu".to_owned()]));
    assert_eq!((limit(&vosk, "gujarati2"), limit(&vosk, "vosk-de")), (None, None));
}

#[test]
fn fills_in_defaults_and_refuses_by_name() {
    let manifest = Manifest::parse(&manifest().to_string()).unwrap();
    let given = |pairs: &[(&str, Value)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    };
    let effective = manifest.effective(&given(&[("window_ms", json!(20.0))])).unwrap();
    assert_eq!(
        serde_json::to_string(&effective).unwrap(),
        r#"{"language":null,"window_ms":20}"#
    );
    let unknown = manifest.effective(&given(&[("windw", json!(1))])).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "`loudness` has no option `windw`; see `cesar plugins show loudness`"
    );
    let low = manifest.effective(&given(&[("window_ms", json!(0))])).unwrap_err();
    assert_eq!(
        low.to_string(),
        "`window_ms` must be a whole number of at least 1, not `0`"
    );
}

#[test]
fn reads_values_from_the_command_line() {
    let numbers = option(json!({ "type": "numbers", "default": [0.0], "minimum": 0.0, "maximum": 1.0 }));
    assert_eq!(numbers.parse("t", "0, 0.2").unwrap(), json!([0.0, 0.2]));
    assert_eq!(numbers.parse("t", "1").unwrap(), json!([1.0]));
    assert_eq!(
        numbers.parse("t", "0,2").unwrap_err().to_string(),
        "`t` must be a list of numbers, each from 0 to 1, not `[0,2]`"
    );
    let choice = option(json!({ "type": "string", "default": "a", "enum": ["a", "b"] }));
    assert_eq!(
        choice.parse("c", "x").unwrap_err().to_string(),
        "`c` must be one of `a`, `b`, not `x`"
    );
    let flag = option(json!({ "type": "boolean", "default": false }));
    assert_eq!(flag.parse("f", "true").unwrap(), json!(true));
    assert_eq!(
        flag.parse("f", "yes").unwrap_err().to_string(),
        "`f` must be `true` or `false`, not `yes`"
    );
    let unset = option(json!({ "type": "string", "default": null }));
    assert_eq!(unset.parse("p", "").unwrap(), Value::Null);
    assert_eq!(unset.parse("p", "a,b").unwrap(), json!("a,b"));
    let whole = option(json!({ "type": "integer", "default": 5 }));
    assert!(whole.parse("n", "1.5").is_err() && whole.parse("n", "1e300").is_err() && whole.parse("n", "NaN").is_err());
}

#[test]
fn versions_are_compared_while_compiling() {
    const { assert_version("{ \"version\" :\n \"1.2.3\" }", "1.2.3") };
    let differs = std::panic::catch_unwind(|| assert_version("{\"version\":\"1.2.30\"}", "1.2.3"));
    assert!(differs.is_err());
}

proptest! {
    /// Checking is idempotent: the normal form of a normal form is itself, so keys cannot drift.
    #[test]
    fn normal_forms_are_stable(number in proptest::num::f64::ANY, text in ".*", flag: bool) {
        for kind in ["string", "integer", "number", "boolean", "numbers", "integers", "strings"] {
            let spec = option(json!({ "type": kind, "default": null }));
            for value in [json!(number), json!(text), json!(flag), json!([number]), json!([text]), Value::Null] {
                if let Ok(once) = spec.validate("o", &value) {
                    prop_assert_eq!(spec.validate("o", &once).unwrap(), once);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_a_manifest_or_a_sentence(text in ".{0,200}") {
        if let Err(error) = Manifest::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
