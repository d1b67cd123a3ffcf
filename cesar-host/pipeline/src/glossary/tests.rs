use std::path::Path;

use super::*;

/// The table of a plugin in this workspace.
fn manifest(folder: &str) -> Manifest {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let text = std::fs::read_to_string(path.join(folder).join("src/cesar-plugin.json")).unwrap();
    Manifest::parse(&text).unwrap()
}

fn glossary(rules: &str) -> NamedGlossary {
    NamedGlossary::of_request(rules).unwrap()
}

fn asked(options: &[(&str, &str)]) -> StageRequest {
    let given = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), GivenValue::Text((*value).to_owned())));
    StageRequest {
        plugin: None,
        options: given.collect(),
    }
}

#[test]
fn terms_become_hotwords_else_the_initial_prompt() {
    let glossary = glossary("kube => Kubernetes\niPhone\n/a+/ => b");
    let option = |folder: &str, options: &[(&str, &str)], name: &str| {
        let prompted = prompted(&manifest(folder), &asked(options), &glossary);
        assert_eq!((prompted.terms, prompted.all), (2, 2));
        prompted.asr.options.get(name).map(GivenValue::to_json)
    };
    assert_eq!(option("ct2", &[], "hotwords"), Some("Kubernetes, iPhone".into()));
    assert_eq!(
        option("ct2", &[("initial_prompt", "Hello.")], "initial_prompt"),
        Some("Hello.".into())
    );
    assert_eq!(
        option("ct2", &[("hotwords", "Cesar")], "hotwords"),
        Some("Cesar, Kubernetes, iPhone".into())
    );
    let whisper = "whisper-cpp";
    assert_eq!(
        option(whisper, &[], "initial_prompt"),
        Some("Kubernetes, iPhone".into())
    );
    assert_eq!(
        option(whisper, &[("initial_prompt", "Hello.")], "initial_prompt"),
        Some("Kubernetes, iPhone. Hello.".into())
    );
    assert_eq!(option(whisper, &[], "carry_initial_prompt"), Some(true.into()));
    let off = [("carry_initial_prompt", "false")];
    assert_eq!(option(whisper, &off, "carry_initial_prompt"), Some("false".into()));
}

#[test]
fn prompts_hold_the_first_terms_that_fit() {
    let rules: String = (0..200).map(|number| format!("Term{number}\n")).collect();
    let prompted = prompted(&manifest("ct2"), &asked(&[]), &glossary(&rules));
    let prompt = prompted.asr.options["hotwords"].as_text().unwrap();
    assert!((380..=400).contains(&prompt.len()), "{}", prompt.len());
    assert_eq!((prompt.matches("Term").count(), prompted.all), (prompted.terms, 200));
}

/// A limit of bytes would show the engine fewer names in Cyrillic than in Latin script.
#[test]
fn prompts_hold_as_many_tokens_in_every_script() {
    let terms = |name: &str| {
        let rules: String = (10..99).map(|number| format!("{name}{number}\n")).collect();
        prompted(&manifest("ct2"), &asked(&[]), &glossary(&rules)).terms
    };
    assert_eq!(
        (terms("Yekaterin"), terms("Екатерин"), terms("エカテリン")),
        (30, 27, 21)
    );
}

#[test]
fn engines_without_a_prompt_keep_their_request() {
    let mut engine = manifest("ct2");
    engine
        .options
        .retain(|name, _| name != "hotwords" && name != "initial_prompt");
    let prompted = prompted(&engine, &asked(&[("beam_size", "2")]), &glossary("iPhone"));
    assert_eq!((prompted.option, prompted.asr.options.len()), (None, 1));
}

#[test]
fn keys_depend_on_rules_and_names_but_not_on_comments() {
    let document = Digest::of(b"document");
    let key = |glossary: &NamedGlossary| glossary.key_parts(document).key();
    let plain = glossary("iPhone\nkube => Kubernetes\n");
    assert_eq!(key(&plain), key(&glossary("# Names\n\niPhone\n  kube  =>  Kubernetes")));
    assert_ne!(key(&plain), key(&glossary("kube => Kubernetes\niPhone\n")));
    let named = NamedGlossary {
        name: Some("law".to_owned()),
        ..plain.clone()
    };
    assert_ne!(key(&plain), key(&named));
}

#[test]
fn rules_of_requests_are_bounded() {
    let error = NamedGlossary::of_request(&"# comment\n".repeat(REQUEST_BYTES / 10 + 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`glossary_rules` has more than 65536 bytes; split it or remove rules"
    );
}

#[test]
fn users_name_files_and_clients_only_names() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("terms.txt");
    std::fs::write(&file, "iPhone").unwrap();
    std::fs::create_dir(data.path().join("glossaries")).unwrap();
    std::fs::write(data.path().join("glossaries/law.txt"), "iPhone").unwrap();
    let glossaries = Glossaries::new(Some(data.path()), Some("law".to_owned()), false);
    let name = |glossary: Option<NamedGlossary>| glossary.unwrap().name().map(str::to_owned);
    assert_eq!(name(glossaries.of_settings().unwrap()).as_deref(), Some("law"));
    let path = file.to_str().unwrap();
    assert_eq!(name(glossaries.open(path).unwrap()).as_deref(), Some("terms.txt"));
    assert!(glossaries.open("none").unwrap().is_none());
    assert!(glossaries.named("none").unwrap().is_none());
    assert!(matches!(glossaries.named(path), Err(GlossaryError::Unknown { .. })));
}
