//! The word error rate equals that of `tools/score.py`, the source of other programs' published figures here.

use cesar_tests::{recordings::bundled, wer, workspace};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Stdio},
};

const SCORE: &str = "
import json, sys
import score
def count(reference, hypothesis):
    found = score.wer(reference, hypothesis)
    rate = found.pop('wer')
    return {**found, 'errors': round(rate * max(1, found['words']))}
print(json.dumps([count(*pair) for pair in json.load(sys.stdin)]))
";

#[test]
fn error_counts_equal_those_of_score_py() {
    let pairs = pairs();
    for ((reference, hypothesis), expected) in pairs.iter().zip(score_py(&pairs)) {
        let found = wer(reference, hypothesis);
        let counts = json!({
            "errors": found.total(),
            "words": found.reference,
            "substitutions": found.substitutions,
            "deletions": found.deletions,
            "insertions": found.insertions,
        });
        assert_eq!(counts, expected, "{reference:?} against {hypothesis:?}");
    }
}

/// Real texts against real texts, and generated ones of few words, with many possible alignments.
fn pairs() -> Vec<(String, String)> {
    let texts: Vec<_> = bundled().into_iter().map(|recording| recording.text).collect();
    let mut pairs: Vec<_> = texts
        .iter()
        .flat_map(|a| texts.iter().map(|b| (a.clone(), b.clone())))
        .collect();
    let mut random = Random(1);
    pairs.extend((0..2000).map(|_| (made_up(&mut random), made_up(&mut random))));
    pairs
}

fn made_up(random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        "a",
        "b",
        "It's",
        "d’eau",
        "_x_",
        "ÉTÉ",
        "ﬁn",
        "ＡＢ",
        "ΟΔΟΣ",
        "ß",
        "3½",
        "²",
        "一つ",
        "ㄱ",
        "हिन्दी",
        "नमस्ते",
        "…",
        "-",
        "\n",
        "\u{a0}",
        "İ",
        "e\u{301}",
        "10:30",
        "¿qué?",
        "'",
        "Ⅷ",
        "ー",
        "ー-",
        "한글",
    ];
    (0..random.below(9))
        .map(|_| PIECES[random.below(PIECES.len())])
        .collect::<Vec<_>>()
        .join([" ", ""][random.below(2)])
}

/// The linear congruential generator of Knuth's MMIX: the same texts on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

fn score_py(pairs: &[(String, String)]) -> Vec<Value> {
    let mut python = Command::new("python3")
        .args(["-X", "utf8", "-c", SCORE])
        .env("PYTHONPATH", workspace().join("tests/tools"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed: run `cargo xtask setup`");
    let input = serde_json::to_vec(pairs).expect("pairs of strings are JSON");
    python
        .stdin
        .take()
        .expect("piped")
        .write_all(&input)
        .expect("python3 reads its input");
    let output = python.wait_with_output().expect("python3 ends");
    assert!(output.status.success(), "score.py failed");
    serde_json::from_slice(&output.stdout).expect("score.py prints JSON")
}
