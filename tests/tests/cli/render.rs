//! `cesar render`: a document in another format, without recording and engine.

use cesar_tests::Sandbox;
use cesar_tests::server::{wave, with_echo};

fn with_document() -> Sandbox {
    let sandbox = with_echo();
    sandbox.write("talk.wav", wave(3, 1));
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo", "-o", "talk.json"];
    sandbox.run(words).exits(0);
    sandbox
}

#[test]
fn a_document_is_rendered_as_its_recording_was() {
    let sandbox = with_document();
    let transcribed = sandbox.run(["transcribe", "talk.wav", "--asr-plugin", "echo", "-f", "srt"]);
    std::fs::remove_file(sandbox.work().join("talk.wav")).unwrap();
    let rendered = sandbox.run(["render", "talk.json", "-f", "srt"]).exits(0);
    assert_eq!(rendered.stdout, transcribed.stdout);
    sandbox.run(["render", "talk.json", "-o", "talk.docx"]).exits(0);
    let docx = std::fs::read(sandbox.work().join("talk.docx")).unwrap();
    assert!(docx.starts_with(b"PK"), "a docx is a zip file");
}

#[test]
fn corrections_that_a_document_lacks_are_named() {
    let sandbox = with_document();
    let edits = r#"{"operations": [{"op": "replace_words", "segment": 0, "word": 0, "text": "Harbour"}]}"#;
    sandbox.write("edits.json", edits);
    sandbox.run(["edit", "talk.wav", "--apply", "edits.json"]).exits(0);
    let render = |document: &str| sandbox.run(["render", document, "-f", "txt"]).exits(0);
    let old = render("talk.json");
    assert!(
        old.stderr.contains("talk.json: lacks corrections up to revision 1"),
        "{}",
        old.stderr
    );
    let words = ["transcribe", "talk.wav", "--asr-plugin", "echo", "-o", "new.json"];
    sandbox.run(words).exits(0);
    let new = render("new.json");
    assert!(
        new.stdout.contains("Harbour") && !new.stderr.contains("lacks"),
        "{new:?}"
    );
}

#[test]
fn unknown_options_of_a_format_are_refused_with_the_nearest() {
    let sandbox = with_document();
    for command in [
        &["render", "talk.json", "-f", "srt"][..],
        &["transcribe", "talk.wav", "--asr-plugin", "echo", "-f", "srt"],
    ] {
        let words = [command, &["--format-option", "max_cp=17"]].concat();
        let refused = sandbox.run(words).exits(2);
        let message = "`format` has no option `max_cp`; see `cesar plugins show format`; did you mean `max_cps`?";
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
    }
}

/// Of a file that is right, and not what was asked for.
#[test]
fn options_without_effect_are_named() {
    let sandbox = with_document();
    let unread = "warning: `preset` has no effect on `txt`; it is for `srt`, `vtt`, ";
    let wordless =
        "warning: talk.json: `mark_uncertain` has no effect, because the transcript has no probabilities of words";
    let preset = ["-f", "txt", "--subtitle-preset", "bbc"];
    let transcribe = ["transcribe", "talk.wav", "--asr-plugin", "echo"];
    for (command, options, warning) in [
        (&["render", "talk.json"][..], &preset[..], unread),
        (&transcribe[..], &preset[..], unread),
        (
            &["render", "talk.json"][..],
            &["-f", "md", "--format-option", "mark_uncertain=0.5"][..],
            wordless,
        ),
    ] {
        let words = [command, options].concat();
        let output = sandbox.run(&words).exits(0);
        assert!(output.stderr.contains(warning), "{words:?}: {}", output.stderr);
    }
    // One of the formats reads it, or it is for all commands.
    let both = [&transcribe[..], &["-f", "srt", "--output-dir", "out"], &preset[..]].concat();
    let output = sandbox.run(both).exits(0);
    assert!(!output.stderr.contains("has no effect"), "{}", output.stderr);
    let settings = sandbox.config_home().join("cesar/config.toml");
    std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
    std::fs::write(settings, "[format]\npreset = \"bbc\"\n").unwrap();
    let output = sandbox.run(["render", "talk.json", "-f", "txt"]).exits(0);
    assert!(!output.stderr.contains("has no effect"), "{}", output.stderr);
}

#[test]
fn presets_have_the_names_of_the_manifest() {
    let sandbox = with_document();
    for preset in ["netflix", "bbc", "youtube", "plain"] {
        sandbox
            .run(["render", "talk.json", "-f", "srt", "--subtitle-preset", preset])
            .exits(0);
    }
    let unknown = sandbox.run(["render", "talk.json", "-f", "srt", "--subtitle-preset", "nettflix"]);
    assert_ne!(unknown.code, 0);
    for preset in ["netflix", "bbc", "youtube", "plain"] {
        assert!(unknown.stderr.contains(preset), "{}", unknown.stderr);
    }
}

#[test]
fn invalid_render_requests_are_refused_in_a_sentence() {
    let sandbox = with_document();
    sandbox.write("empty.json", "{}");
    let lines = [
        (1, vec!["render", "nothing.json", "-f", "srt"]),
        (1, vec!["render", "empty.json", "-f", "srt"]),
        (1, vec!["render", "talk.wav", "-f", "srt"]),
        (2, vec!["render", "talk.json", "-f", "srt,vtt"]),
        (2, vec!["render", "talk.json", "-o", "talk.json"]),
        (2, vec!["render", "talk.json", "-o", "talk.unknown"]),
    ];
    let answers = lines.map(|(exit, words)| {
        let output = sandbox.run(&words).exits(exit);
        format!("$ cesar {}\n{}", words.join(" "), output.stderr)
    });
    insta::assert_snapshot!(answers.concat());
}
