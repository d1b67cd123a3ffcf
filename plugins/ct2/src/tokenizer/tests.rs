use super::*;
use crate::testing::model;
use proptest::prelude::*;
use std::sync::LazyLock;

fn tokenizer(name: &str) -> Tokenizer {
    Tokenizer::open(&model(name)).expect("the tokenizer opens")
}

/// Number, sum and ends of faster-whisper 1.2.1's default suppression list.
fn assert_suppressed(name: &str, count: usize, sum: i32, first: [i32; 5], last: i32) {
    let ids = tokenizer(name).suppressed(&[-1]).unwrap();
    assert_eq!(
        (ids.len(), ids.iter().sum::<i32>(), ids.last()),
        (count, sum, Some(&last))
    );
    assert_eq!(ids[..5], first);
}

#[test]
fn the_tokens_that_are_not_spoken_are_those_of_faster_whisper() {
    assert_suppressed("tiny.en", 90, 1_052_272, [1, 2, 7, 8, 9], 50_361);
    assert_suppressed("base", 88, 1_128_152, [1, 2, 7, 8, 9], 50_362);
}

#[test]
fn requested_tokens_and_non_text_tokens_are_suppressed() {
    let tokenizer = tokenizer("base");
    assert!(tokenizer.suppressed(&[]).unwrap().is_empty());
    let ids = tokenizer.suppressed(&[5, 5]).unwrap();
    assert_eq!(ids, [5, 50_258, 50_358, 50_359, 50_360, 50_361, 50_362]);
    let error = tokenizer.suppressed(&[60_000]).unwrap_err();
    assert_eq!(
        error.message,
        "`suppress_tokens` names the token 60000, but the model has 51865: give ids below that, or -1"
    );
}

#[test]
fn text_becomes_tokens_and_text_again() {
    let english = tokenizer("tiny.en");
    assert_eq!(
        english.encode(" Grüße, 東京!").unwrap(),
        [1902, 9116, 39683, 68, 11, 10545, 251, 109, 12859, 105, 0]
    );
    let multilingual = tokenizer("base");
    let tokens = multilingual.encode(" Grüße, 東京!").unwrap();
    assert_eq!(tokens, [38908, 11451, 11, 220, 18413, 31375, 0]);
    let begin = multilingual.timestamp_begin();
    let timed: Vec<u32> = [&[begin], &tokens[..], &[begin + 50]].concat();
    assert_eq!(multilingual.decode(&timed), " Grüße, 東京!");
}

#[test]
fn prompts_are_named_as_ctranslate2_knows_them() {
    let english = tokenizer("tiny.en");
    assert_eq!(english.start_sequence(None, Task::Transcribe), [50_257]);
    // The tokenizer file of this model has no timestamps, its vocabulary does.
    let begin = english.timestamp_begin();
    assert_eq!(
        english.names(&[50_257, begin, begin + 1500]),
        ["<|startoftranscript|>", "<|0.00|>", "<|30.00|>"]
    );

    let multilingual = tokenizer("base");
    let start = multilingual.start_sequence(multilingual.language("es"), Task::Translate);
    assert_eq!(
        multilingual.names(&start),
        ["<|startoftranscript|>", "<|es|>", "<|translate|>"]
    );
    assert_eq!(multilingual.language("yue"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_tokens_are_joined_as_the_tokenizer_joins_them(tokens in prop::collection::vec(0_u32..50_257, 0..60)) {
        static ALL: LazyLock<[(Tokenizer, tokenizers::Tokenizer); 2]> = LazyLock::new(|| ["tiny.en", "base"].map(|name| {
            let tokenizer = tokenizer(name);
            let whole = read(&tokenizer.path).unwrap();
            (tokenizer, whole)
        }));
        for (tokenizer, whole) in &*ALL {
            prop_assert_eq!(tokenizer.decode(&tokens), whole.decode(&tokens, true).unwrap());
        }
    }
}
