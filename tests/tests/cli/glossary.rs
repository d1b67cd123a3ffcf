//! `--glossary` and `cesar glossary`: corrected text, and which stages run for another glossary.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::server::{wave, with_echo};
use cesar_tests::{Output, Sandbox};
use serde_json::json;

/// Transcribes two seconds with the engine whose text is `second 0 peaks at …`.
fn transcribe(sandbox: &Sandbox, options: &[&str]) -> Output {
    let recording = sandbox.write("talk.wav", wave(2, 1));
    let mut arguments = vec![
        "transcribe",
        recording.to_str().unwrap(),
        "--asr-plugin",
        "echo",
        "--no-diarize",
    ];
    arguments.extend(["--progress", "json"]);
    arguments.extend(options);
    sandbox.run(arguments)
}

/// The stages with their outcomes, and the requests that plugins ran.
fn work(output: &Output) -> (Vec<String>, u64) {
    let events = output.events().into_iter().filter(|event| event["type"] == "stage");
    let stages = events.map(|event| {
        format!(
            "{} {}",
            event["stage"].as_str().unwrap(),
            event["outcome"].as_str().unwrap()
        )
    });
    (stages.collect(), output.done()["stage_runs"].as_u64().unwrap())
}

#[test]
fn another_glossary_corrects_the_text_without_the_engine() {
    let sandbox = with_echo();
    let plain = transcribe(&sandbox, &[]).exits(0);
    assert!(plain.stdout.starts_with("second 0 peaks at "), "{}", plain.stdout);

    let file = sandbox.write("terms.txt", "# Words\nsecond 0 => Zeroth second\npeaks => mountains\n");
    let with_file = ["--glossary", file.to_str().unwrap()];
    let corrected = transcribe(&sandbox, &with_file).exits(0);
    assert!(
        corrected.stdout.starts_with("Zeroth second mountains at ")
            && corrected.stdout.contains("second 1 mountains at "),
        "{}",
        corrected.stdout
    );
    let stages = |glossary: &str, format: &str| {
        ["decode hit", "asr hit", "merge hit", glossary, format]
            .map(str::to_owned)
            .to_vec()
    };
    assert_eq!(
        work(&corrected),
        (stages("glossary miss", "format miss"), 1),
        "the format plugin alone"
    );
    assert_eq!(
        work(&transcribe(&sandbox, &with_file)),
        (stages("glossary hit", "format hit"), 0)
    );
    sandbox.write(
        "terms.txt",
        "second 0 => Zeroth second\n\n# Comment\npeaks => mountains\n",
    );
    assert_eq!(
        work(&transcribe(&sandbox, &with_file)),
        (stages("glossary hit", "format hit"), 0),
        "the same rules"
    );

    sandbox.write("terms.txt", "peaks => summits\n");
    let document = transcribe(&sandbox, &[&with_file[..], &["-f", "json"]].concat()).exits(0);
    assert_eq!(work(&document), (stages("glossary miss", "format miss"), 1));
    let document: serde_json::Value = serde_json::from_str(&document.stdout).unwrap();
    let provenance = &document["provenance"]["glossary"];
    assert_eq!(
        (&provenance["name"], &provenance["replacements"]),
        (
            &json!("terms.txt"),
            &json!([{ "rule": 1, "from": "peaks", "to": "summits", "count": 2 }])
        )
    );
    let again = transcribe(&sandbox, &[]).exits(0);
    assert_eq!((again.stdout.as_str(), work(&again).1), (plain.stdout.as_str(), 0));
}

#[test]
fn glossaries_have_names_and_defects_have_lines() {
    let sandbox = with_echo();
    let refused = |output: Output| output.exits(2).stderr;
    let unknown = refused(transcribe(&sandbox, &["--glossary", "law"]));
    assert!(
        unknown.contains("there is no glossary `law`; there are none"),
        "{unknown}"
    );

    let folder = sandbox.data_home().join("cesar/glossaries");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("law.txt"), "peaks => summits\n").unwrap();
    std::fs::write(folder.join("broken.txt"), "iPhone\npeaks =>\n").unwrap();
    let corrected = transcribe(&sandbox, &["--glossary", "law"]).exits(0);
    assert!(
        corrected.stdout.starts_with("second 0 summits at "),
        "{}",
        corrected.stdout
    );
    let message = "line 2 of the glossary `broken` has nothing after `=>`; a rule cannot remove words";
    let broken = refused(transcribe(&sandbox, &["--glossary", "broken"]));
    assert!(broken.contains(message), "{broken}");

    let listed = sandbox.run(["glossary", "list", "--json"]).exits(0).json();
    assert_eq!(
        listed["glossaries"],
        json!([{ "name": "broken", "rules": null, "error": message }, { "name": "law", "rules": 1, "error": null }])
    );
    let checked = sandbox.run(["glossary", "check", "law"]).exits(0);
    assert_eq!(
        checked.stdout,
        "1 rule, 1 of 1 term shown to the engine with --glossary-prompt\n"
    );
    let broken = refused(sandbox.run(["glossary", "check", "broken"]));
    assert!(broken.contains(message), "{broken}");
}

#[test]
fn an_engine_without_a_prompt_is_reported() {
    let sandbox = with_echo();
    let file = sandbox.write("terms.txt", "peaks => summits\n");
    sandbox.write("talk.wav", wave(2, 1));
    let glossary = ["--glossary", file.to_str().unwrap(), "--glossary-prompt"];
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo", "--no-diarize"];
    let output = sandbox.run(words.iter().chain(&glossary)).exits(0);
    assert!(output.stdout.starts_with("second 0 summits at "), "{}", output.stdout);
    assert!(
        output.stderr.contains("the engine takes no terms of a glossary"),
        "{}",
        output.stderr
    );
}
