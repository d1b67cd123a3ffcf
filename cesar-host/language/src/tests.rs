//! Spellings of languages, and their meanings for an engine.

use std::collections::BTreeSet;

use plugin_api::manifest::Manifest;
use proptest::prelude::*;

use super::*;

/// The codes of an engine in this workspace.
fn codes_of(manifest: &str) -> Vec<String> {
    Manifest::parse(manifest).unwrap().options["language"].choices.clone()
}

fn whisper_codes() -> Vec<String> {
    codes_of(include_str!("../../../plugins/ct2/src/cesar-plugin.json"))
}

fn code(text: &str) -> Option<String> {
    code_for(text, &whisper_codes()).unwrap_or_else(|refused| panic!("`{text}`: {refused:?}"))
}

#[test]
fn both_engines_take_whispers_codes() {
    let table: BTreeSet<_> = tables::WHISPER.iter().map(|(code, _)| (*code).to_owned()).collect();
    let names: BTreeSet<_> = tables::WHISPER.iter().map(|(_, name)| *name).collect();
    assert_eq!((table.len(), names.len()), (100, 100));
    for manifest in [
        include_str!("../../../plugins/ct2/src/cesar-plugin.json"),
        include_str!("../../../plugins/whisper-cpp/src/cesar-plugin.json"),
    ] {
        assert_eq!(codes_of(manifest).into_iter().collect::<BTreeSet<_>>(), table);
    }
    assert_eq!((whisper_name("yue"), whisper_name("xx")), ("cantonese", "xx"));
}

#[test]
fn languages_are_read_in_common_spellings() {
    let cases: &[(&str, &[&str])] = &[
        (
            "en",
            &[
                "en",
                "EN",
                " En ",
                "eng",
                "ENG",
                "English",
                "ENGLISH",
                "en-US",
                "en_GB",
                "en_US.UTF-8",
                "English (US)",
            ],
        ),
        ("de", &["de", "ger", "deu", "German", "Deutsch", "de-AT", "de_DE@euro"]),
        (
            "es",
            &[
                "es-419",
                "spa",
                "Español",
                "espanol",
                "Castilian",
                "castellano",
                "SPANISH",
            ],
        ),
        ("fr", &["fre", "fra", "français", "Francais", "fr-CA"]),
        (
            "zh",
            &[
                "zh-CN",
                "zh_TW",
                "zh-Hans",
                "zh-Hant-HK",
                "cmn",
                "cmn-Hans-CN",
                "chi",
                "zho",
                "Mandarin",
                "中文",
                "Chinese (Simplified)",
                "Simplified Chinese",
            ],
        ),
        ("yue", &["yue", "zh-yue", "Cantonese", "粵語", "粤语", "yue-Hant-HK"]),
        (
            "no",
            &[
                "no",
                "nb",
                "nn",
                "nob",
                "nno",
                "nb-NO",
                "Norwegian",
                "norsk",
                "Bokmål",
                "bokmal",
                "Nynorsk",
            ],
        ),
        ("he", &["he", "iw", "iw-IL", "heb", "Hebrew", "עברית"]),
        ("id", &["id", "in", "ind", "Indonesian", "Bahasa Indonesia"]),
        ("jw", &["jw", "jv", "jav", "Javanese", "Basa Jawa"]),
        ("yi", &["yi", "ji"]),
        ("ro", &["ro", "mo", "rum", "ron", "Moldovan", "română"]),
        ("tl", &["tl", "fil", "Filipino", "Tagalog", "fil-PH"]),
        (
            "pt",
            &["pt-BR", "Brazilian Portuguese", "Português", "portugues", "por"],
        ),
        ("ja", &["ja", "jpn", "日本語", "Japanese"]),
        ("el", &["el", "gre", "ell", "Greek", "Modern Greek", "Ελληνικά"]),
        ("fa", &["fa", "per", "pes", "prs", "Farsi", "فارسی"]),
        ("ar", &["ar", "arb", "arz", "ar-EG", "العربية"]),
        ("ru", &["ru", "RUS", "Русский", "РУССКИЙ"]),
        ("tr", &["Türkçe", "turkce", "tur"]),
        ("ht", &["ht", "hat", "Haitian Creole", "haitian"]),
        ("my", &["my", "bur", "Burmese", "Myanmar"]),
        ("cy", &["cy", "wel", "Cymraeg"]),
        ("haw", &["haw", "Hawaiian", "ʻŌlelo Hawaiʻi"]),
        ("uz", &["uz", "o'zbek", "oʻzbek"]),
        ("cs", &["cs", "cze", "ces", "čeština", "Cestina"]),
    ];
    for (wanted, texts) in cases {
        for text in *texts {
            assert_eq!(code(text).as_deref(), Some(*wanted), "`{text}`");
        }
    }
    for text in ["", " ", "auto", "AUTO", "None", "null", "undefined", "und", "detect"] {
        assert_eq!(code(text), None, "`{text}`");
    }
}

#[test]
fn every_language_is_known_by_its_codes_and_names() {
    for (whisper, name) in tables::WHISPER {
        let wanted = if *whisper == "nn" { "no" } else { whisper };
        let language = iso(whisper).and_then(|code| Language::from_639_1(code).or_else(|| Language::from_639_3(code)));
        let language = language.unwrap_or_else(|| panic!("`{whisper}` is no language of ISO's"));
        let native = language
            .to_autonym()
            .into_iter()
            .flat_map(|names| names.split(','))
            .map(str::to_owned);
        let texts = [
            (*whisper).to_owned(),
            (*name).to_owned(),
            name.to_uppercase(),
            language.to_639_3().to_owned(),
        ];
        for text in texts.into_iter().chain(native) {
            assert_eq!(code(&text).as_deref(), Some(wanted), "`{text}`");
        }
    }
}

#[test]
fn engine_spellings_are_kept() {
    let spelled =
        |text: &str, known: &[&str]| code_for(text, &known.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>());
    assert_eq!(spelled("pt-br", &["pt", "pt-BR"]), Ok(Some("pt-BR".into())));
    assert_eq!(spelled("Portuguese", &["pt", "pt-BR"]), Ok(Some("pt".into())));
    assert_eq!(spelled("jav", &["jw"]), Ok(Some("jw".into())));
    assert_eq!(spelled("jw", &["jv"]), Ok(Some("jv".into())));
    assert_eq!(spelled("nn", &["nb", "nn"]), Ok(Some("nn".into())));
    assert_eq!(spelled("Klingonish", &["klingonish"]), Ok(Some("klingonish".into())));
    assert_eq!(spelled("auto", &["auto", "en"]), Ok(Some("auto".into())));
    assert_eq!(
        spelled("Javanese", &[]),
        Ok(Some("jv".into())),
        "ISO's code, where the engine names none"
    );
    assert_eq!(spelled("Irish", &["en"]), Err(Refused::NotThisEngine { name: "Irish" }));
}

#[test]
fn unknown_languages_get_a_suggestion() {
    let near = |text: &str| match code_for(text, &whisper_codes()) {
        Err(Refused::Unknown { suggestion }) => suggestion.unwrap_or_else(|| "nothing".into()),
        other => format!("{other:?}"),
    };
    let texts = [
        "Englsh",
        "Germn",
        "Españo",
        "jp",
        "gr",
        "cn",
        "us",
        "klingon",
        "xx",
        "q",
        "12",
        "en us!",
        "🦀",
        "Portugese",
        "zz-ZZ",
    ];
    let answers: Vec<_> = texts.iter().map(|text| format!("{text}: {}", near(text))).collect();
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn a_limited_model_fits_its_languages_and_detection() {
    let english = ["eng".to_owned()];
    for text in ["en", "English", "EN-us", "auto", ""] {
        assert!(may_be_one_of(text, &english), "`{text}`");
    }
    assert!(!may_be_one_of("de", &english) && !may_be_one_of("gibberish", &english));
    assert!(may_be_one_of("", &[]) && !may_be_one_of("en", &[]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// An accepted code is accepted again unchanged, and is one of the engine's.
    #[test]
    fn accepted_codes_are_stable(text in "\\PC{0,12}|[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,4})?") {
        let known = whisper_codes();
        if let Ok(Some(code)) = code_for(&text, &known) {
            prop_assert!(known.contains(&code));
            prop_assert_eq!(code_for(&code, &known), Ok(Some(code.clone())));
            prop_assert_eq!(code_for(&code.to_uppercase(), &known), Ok(Some(code)));
        }
        if let Ok(Some(code)) = code_for(&text, &[]) {
            prop_assert_eq!(code_for(&code, &[]), Ok(Some(code.clone())));
        }
    }
}
