//! `--glossary` and `cesar glossary`: corrected text, and which stages run for another glossary.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use cesar_tests::server::{wave, with_echo, with_echo_and};
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

/// The engine repeats what it was shown, so this is what reached it.
#[test]
fn terms_reach_the_engine_on_request_and_run_it_again() {
    let text = |name: &str| format!("\"{name}\": {{ \"type\": \"string\", \"default\": null, \"doc\": \"Text.\" }}");
    let carried = "\"carry_initial_prompt\": { \"type\": \"boolean\", \"default\": false, \"doc\": \"Repeat it.\" }";
    let hotwords = text("hotwords");
    let prompt = format!("{}, {carried}", text("initial_prompt"));
    for (options, shown, own, joined) in [
        (
            &hotwords,
            "hotwords [summits, iPhone]",
            "hotwords",
            "hotwords [Cesar, summits, iPhone]",
        ),
        (
            &prompt,
            "prompt [summits, iPhone] carried",
            "initial_prompt",
            "prompt [summits, iPhone. Cesar] carried",
        ),
    ] {
        let sandbox = with_echo_and(options);
        let file = sandbox.write("terms.txt", "peaks => summits\n/at/ => near\niPhone\n");
        let glossary = ["--glossary", file.to_str().unwrap()];
        let prompted = [&glossary[..], &["--glossary-prompt"]].concat();
        let plain = transcribe(&sandbox, &glossary).exits(0);
        assert!(plain.stdout.starts_with("second 0 summits near "), "{}", plain.stdout);
        let output = transcribe(&sandbox, &prompted).exits(0);
        assert!(
            output.stdout.starts_with(&format!("{shown} second 0 summits near ")),
            "{}",
            output.stdout
        );
        let asr = |output: &Output| work(output).0.swap_remove(1);
        assert_eq!(asr(&output), "asr miss");
        assert_eq!(asr(&transcribe(&sandbox, &prompted)), "asr hit");
        assert_eq!(
            asr(&transcribe(&sandbox, &glossary)),
            "asr hit",
            "the terms are no part of its key"
        );
        sandbox.write("terms.txt", "peaks => summits\n/at/ => by\niPhone\n");
        let changed = transcribe(&sandbox, &prompted).exits(0);
        assert_eq!(asr(&changed), "asr hit", "the same terms");
        assert!(changed.stdout.contains("summits by "), "{}", changed.stdout);
        let given = format!("{own}=Cesar");
        let given = [&prompted[..], &["--asr-option", &given]].concat();
        let output = transcribe(&sandbox, &given).exits(0);
        assert!(output.stdout.starts_with(joined), "{}", output.stdout);
    }
}
