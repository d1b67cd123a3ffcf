//! Sentences that Whisper writes over silence: the credits and farewells of the films that it learned from.
//!
//! People say some of them, so a segment is never dropped for its text alone: the engine has to regard its window as silent, and the network
//! must find no speech in it.

use std::ops::Range;

use crate::activity::Activity;

/// In lower case, without punctuation.
const KNOWN: &[&str] = &[
    "amara org",
    "bye",
    "bye bye",
    "ill see you in the next video",
    "ill see you next time",
    "like and subscribe",
    "please like and subscribe",
    "please subscribe",
    "please subscribe to my channel",
    "see you in the next video",
    "see you next time",
    "see you next week",
    "sous titrage société radio canada",
    "sous titres réalisés par la communauté damara org",
    "sous titres réalisés para la communauté damara org",
    "subtitles by the amara org community",
    "subtítulos realizados por la comunidad de amara org",
    "sottotitoli creati dalla comunità amara org",
    "subscribe",
    "thank you",
    "thank you bye",
    "thank you for watching",
    "thank you for watching bye",
    "thank you so much",
    "thank you so much for watching",
    "thank you very much",
    "thank you very much for watching",
    "thanks",
    "thanks for listening",
    "thanks for watching",
    "thanks for watching bye",
    "untertitel der amara org community",
    "untertitel im auftrag des zdf für funk 2017",
    "untertitelung des zdf 2020",
    "you",
    "you you",
    "ご視聴ありがとうございました",
    "字幕由amara org社区提供",
    "시청해주셔서 감사합니다",
    "продолжение следует",
    "субтитры создавал dimatorzok",
];

/// Whether the segment in `span_ms` is a sentence that Whisper invents over silence, and both the engine (its no-speech
/// probability is above the threshold) and the voice activity detection agree that there is no speech.
#[must_use]
pub fn is_invented(text: &str, no_speech: (f64, f64), activity: &Activity, span_ms: Range<u64>) -> bool {
    let (probability, threshold) = no_speech;
    is_known(text) && probability > threshold && activity.is_silent(span_ms)
}

/// Whether a text is one of the known sentences, whatever its case and punctuation.
#[must_use]
pub fn is_known(text: &str) -> bool {
    let spoken = |c: char| match c {
        c if c.is_alphanumeric() => Some(c),
        '\'' | '’' => None,
        _ => Some(' '),
    };
    let text: String = text.chars().filter_map(spoken).flat_map(char::to_lowercase).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    KNOWN.contains(&words.join(" ").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_punctuation_do_not_count() {
        assert!(is_known(" Thank you for watching!"));
        assert!(is_known("Sous-titres réalisés par la communauté d'Amara.org"));
        assert!(is_known(" I'll see you in the next video. Bye.") || is_known(" I'll see you in the next video."));
        assert!(!is_known(" Thank you for watching the door."));
        assert!(!is_known(""));
        assert!(KNOWN.iter().all(|phrase| is_known(phrase)));
    }

    #[test]
    fn a_phrase_is_dropped_only_where_engine_and_detection_agree() {
        let mut probabilities = vec![0.0; 100];
        probabilities[50..].fill(0.9);
        let activity = Activity::new(probabilities);
        let dropped = |text, probability, span| is_invented(text, (probability, 0.6), &activity, span);
        assert!(dropped(" Thank you.", 0.7, 0..1000));
        assert!(!dropped(" Thank you.", 0.5, 0..1000), "the engine finds speech");
        assert!(!dropped(" Thank you.", 0.7, 1000..2000), "the detection finds speech");
        assert!(!dropped(" The door.", 0.7, 0..1000), "not a known phrase");
    }
}
