//! Divisions of a text, rated by punctuation, capitals and short lists of words for each language.
//!
//! A division is best after a sentence, then after a clause, then before a conjunction or preposition. It is bad after a word that
//! belongs to the next one (article, preposition, auxiliary, adjective behind an article), worse between a number and what it counts, and
//! worst inside a name.

use crate::formats::subtitles::passages::Unit;
use crate::formats::subtitles::pieces::is_southeast_asian;

mod lists;

use lists::Lists;

/// Between two sentences.
pub(super) const SENTENCE: u32 = 0;
/// Inside a name.
const NAME: u32 = 1000;
/// Between the name of a speaker and what is said.
pub(super) const LABEL: u32 = 100_000;
const CLAUSE: u32 = 3;
const BEFORE_PHRASE: u32 = 8;
const WORDS: u32 = 14;
/// Between an adjective behind an article and the word that follows, which may be a verb behind a noun that looks like an adjective.
const ADJECTIVE: u32 = 60;
const NUMBER: u32 = 150;
/// Between an article, preposition or auxiliary and the next word.
pub(super) const GLUED: u32 = 200;
/// In front of a small word inside a name (`Rio | de Janeiro`).
const PARTICLE: u32 = 170;
/// Between words of scripts whose spaces divide phrases.
const UNSPACED_WORDS: u32 = 20;
/// Between characters of one word in scripts without spaces.
const WORD: u32 = 45;

/// Small words inside names, in any language, and most of them that follow each other.
const PARTICLES: &str = "of de del da di do dos das du van von der den ter ten la las los le el al bin ibn";
const MOST_PARTICLES: usize = 2;

/// The rating for one language.
pub(super) struct Phrases {
    lists: Lists,
}

impl Phrases {
    pub(super) fn of(language: Option<&str>) -> Self {
        let code = language.unwrap_or_default();
        Self { lists: Lists::of(code) }
    }

    /// The cost of a division between two units, where `previous` is the one before them; `begins` says whether `left` begins a sentence.
    pub(super) fn cost(&self, previous: Option<&Unit<'_>>, left: &Unit<'_>, right: &Unit<'_>, begins: bool) -> u32 {
        if !right.spaced {
            return unspaced(left, right);
        }
        let (before, after) = (left.text.as_ref(), right.text.as_ref());
        let word = bare(before);
        if self.lists.is_title(before) && (!matches!(before, "No." | "Nr.") || is_number(&bare(after))) {
            return NAME;
        }
        match ending(before) {
            Ending::Sentence if !is_initial(before) => return SENTENCE,
            Ending::Sentence => return NAME,
            Ending::Clause => return CLAUSE,
            Ending::None => {}
        }
        let next = bare(after);
        let lower = word.to_lowercase();
        let listed = self.lists.glues(&lower) || self.lists.opens(&lower);
        let is_part_of_name = |word: &str| starts_upper(word);
        if is_part_of_name(&word) && !(begins && listed) && (is_part_of_name(&next) || is_number(&next)) {
            return NAME;
        }
        if self.lists.glues(&lower) {
            return GLUED;
        }
        if is_number(&word) || is_number(&next) && !self.lists.opens(&lower) {
            return NUMBER;
        }
        if !self.lists.opens(&next.to_lowercase()) && self.is_described(previous, &word, &next) {
            return ADJECTIVE;
        }
        if after.starts_with(['-', '–', '—', '(', '[', '«', '“', '„', '¿', '¡']) {
            return CLAUSE;
        }
        if self.lists.opens(&next.to_lowercase()) {
            return BEFORE_PHRASE;
        }
        WORDS
    }

    /// The costs of the divisions in a name with small words (`Rio de Janeiro`, `Ursula von der Leyen`) that the texts begin with; empty if they
    /// do not.
    pub(super) fn in_name<'a>(&self, texts: impl IntoIterator<Item = &'a str>, begins: bool) -> Vec<u32> {
        let mut texts = texts.into_iter();
        let Some(first) = texts.next().filter(|text| matches!(ending(text), Ending::None)) else {
            return Vec::new();
        };
        let lower = bare(first).to_lowercase();
        if !starts_upper(&bare(first)) || (begins && (self.lists.glues(&lower) || self.lists.opens(&lower))) {
            return Vec::new();
        }
        let mut particles = 0;
        for text in texts.take(MOST_PARTICLES + 1) {
            // Where all nouns have capitals, its own small words are mostly between two of them.
            let is_ordinary = self.lists.has_capital_nouns() && self.lists.glues(text);
            if lists::holds(PARTICLES, text) && !is_ordinary {
                particles += 1;
                continue;
            }
            let is_name = particles > 0 && starts_upper(&bare(text));
            return match is_name {
                true => [&[PARTICLE][..], &vec![NAME; particles]].concat(),
                false => Vec::new(),
            };
        }
        Vec::new()
    }

    /// Whether a word describes the noun that follows: an adjective behind an article, also one that is joined to it (`l'autre`).
    fn is_described(&self, previous: Option<&Unit<'_>>, word: &str, next: &str) -> bool {
        if let Some((article, adjective)) = word.split_once('\'')
            && self.lists.is_article(&article.to_lowercase())
        {
            return self.lists.describes(adjective, next);
        }
        self.lists.describes(word, next)
            && previous.is_some_and(|word| self.lists.is_article(&word.text.to_lowercase()))
    }
}

enum Ending {
    Sentence,
    Clause,
    None,
}

/// Kind of the last mark, behind which quotes and brackets may stand.
fn ending(text: &str) -> Ending {
    let text = text.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']', '」', '』', '）', '〉', '》']);
    match text.chars().next_back() {
        Some('.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '۔' | '।' | '։') => Ending::Sentence,
        Some(',' | ';' | ':' | '–' | '—' | '、' | '，' | '；' | '：' | '،' | '؛' | '-') => Ending::Clause,
        _ => Ending::None,
    }
}

/// `J.` of `J. Smith`, and `e.g.`.
fn is_initial(text: &str) -> bool {
    let parts = || text.trim_start_matches(['(', '"', '“', '„', '«']).split_terminator('.');
    text.ends_with('.') && parts().all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic))
}

/// The word without the marks around it.
fn bare(text: &str) -> String {
    text.trim_matches(|character: char| !character.is_alphanumeric())
        .replace('’', "'")
}

fn starts_upper(word: &str) -> bool {
    // `I` is no name.
    word.chars().next().is_some_and(char::is_uppercase) && word != "I" && !word.starts_with("I'")
}

fn is_number(word: &str) -> bool {
    word.chars().next().is_some_and(|first| first.is_ascii_digit())
}

/// Between characters that no space divides.
fn unspaced(left: &Unit<'_>, right: &Unit<'_>) -> u32 {
    match ending(&left.text) {
        Ending::Sentence => return SENTENCE,
        Ending::Clause => return CLAUSE,
        Ending::None => {}
    }
    let (Some(before), Some(after)) = (left.text.chars().next_back(), right.text.chars().next()) else {
        return WORDS;
    };
    let cost = by_script(before, after);
    match (left.word, right.word) {
        // The end of a word is better than any place inside one.
        (Some(one), Some(other)) if one == other => cost.max(WORD) + 1,
        (Some(_), Some(_)) if is_southeast_asian(&left.text) && is_southeast_asian(&right.text) => UNSPACED_WORDS,
        _ => cost,
    }
}

fn by_script(before: char, after: char) -> u32 {
    match (script(before), script(after)) {
        (Script::SoutheastAsian, Script::SoutheastAsian) => WORD,
        // A name in Katakana, Latin letters or digits.
        (Script::Katakana, Script::Katakana) | (Script::Other, Script::Other) => NAME,
        // An ending, or a particle, of the word before.
        (Script::Ideograph | Script::Katakana | Script::Other, Script::Hiragana) => WORD,
        (Script::Hiragana, Script::Hiragana) => WORD / 2,
        (Script::Hiragana, _) => CLAUSE + 2,
        _ if "的了吗吧呢们着过".contains(after) => WORD,
        _ => WORDS,
    }
}

#[derive(PartialEq, Eq)]
enum Script {
    Hiragana,
    Katakana,
    Ideograph,
    SoutheastAsian,
    Other,
}

fn script(character: char) -> Script {
    match character {
        '\u{3041}'..='\u{309f}' => Script::Hiragana,
        '\u{30a0}'..='\u{30ff}' => Script::Katakana,
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Script::Ideograph,
        _ if is_southeast_asian(character.encode_utf8(&mut [0; 4])) => Script::SoutheastAsian,
        _ => Script::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(language: &str, left: &str, right: &str, begins: bool) -> u32 {
        cost_after(language, None, left, right, begins)
    }

    fn cost_after(language: &str, previous: Option<&str>, left: &str, right: &str, begins: bool) -> u32 {
        let unit = |text: &'static str| Unit {
            text: text.into(),
            columns: 1,
            spaced: true,
            breaks: false,
            start: 0,
            end: 0,
            word: None,
        };
        let leaked = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        let previous = previous.map(|word| unit(leaked(word)));
        Phrases::of(Some(language)).cost(previous.as_ref(), &unit(leaked(left)), &unit(leaked(right)), begins)
    }

    #[test]
    fn sentences_and_clauses_are_the_best_places() {
        assert_eq!(cost("en", "home.", "Then", false), SENTENCE);
        assert_eq!(cost("en", "home.”", "Then", false), SENTENCE);
        assert_eq!(cost("en", "home,", "then", false), CLAUSE);
        assert_eq!(cost("en", "home", "because", false), BEFORE_PHRASE);
        assert_eq!(cost("en", "green", "ferry", false), WORDS);
    }

    #[test]
    fn names_stay_together() {
        assert_eq!(cost("en", "Mr.", "Smith", false), NAME);
        assert_eq!(cost("en", "Anna", "Lindqvist", false), NAME);
        assert_eq!(cost("en", "J.", "Smith", false), NAME);
        assert_eq!(cost("en", "Apollo", "11", false), NAME);
        assert_eq!(cost("de", "Dr.", "Weber", false), NAME);
        assert_eq!(cost("en", "No.", "10", false), NAME);
        assert_eq!(cost("en", "No.", "Never", true), SENTENCE);
        // The first word of a sentence has a capital of its own.
        assert_eq!(cost("en", "The", "Germans", true), GLUED);
        assert_eq!(cost("en", "And", "Peter", true), GLUED);
    }

    #[test]
    fn small_words_inside_a_name_stay_in_it() {
        let costs = |language: &str, text: &str, begins| Phrases::of(Some(language)).in_name(text.split(' '), begins);
        assert_eq!(costs("en", "Rio de Janeiro and then", false), [PARTICLE, NAME]);
        assert_eq!(costs("en", "Vincent van Gogh, who", false), [PARTICLE, NAME]);
        assert_eq!(costs("en", "Ursula von der Leyen spoke", true), [PARTICLE, NAME, NAME]);
        assert_eq!(costs("de", "Rio de Janeiro", false), [PARTICLE, NAME]);
        assert_eq!(costs("de", "Mitarbeiter der Firma", false), [0; 0]);
        for text in [
            "Rio de janeiro",
            "Rio, de Janeiro",
            "rio de Janeiro",
            "Rio",
            "Rio de",
            "Rio and Janeiro",
            "A de la del B",
        ] {
            assert_eq!(costs("es", text, false), [0; 0], "{text}");
        }
        // The first word of a sentence has a capital of its own.
        assert_eq!(costs("es", "El de Madrid", true), [0; 0]);
    }

    #[test]
    fn words_stay_with_the_noun_that_they_belong_to() {
        for (language, word) in [
            ("en", "the"),
            ("de", "einem"),
            ("fr", "des"),
            ("es", "para"),
            ("it", "della"),
            ("pt", "uma"),
            ("nl", "het"),
            ("en", "of"),
        ] {
            assert_eq!(cost(language, word, "x", false), GLUED, "{language} {word}");
        }
        assert_eq!(cost("en", "twenty", "5", false), NUMBER);
    }

    #[test]
    fn an_adjective_behind_an_article_stays_with_its_noun() {
        for (language, article, adjective, noun) in [
            ("en", "a", "polite", "way"),
            ("en", "The", "beautiful", "harbour"),
            ("en", "their", "own", "boats"),
            ("de", "eine", "höfliche", "Bitte"),
            ("de", "Der", "alte", "Hafen"),
            ("fr", "la", "petite", "gare"),
            ("fr", "les", "derniers", "bateaux"),
            ("es", "una", "nueva", "ruta"),
            ("es", "Los", "mismos", "barcos"),
            ("it", "della", "vecchia", "città"),
            ("it", "un", "buon", "porto"),
            ("pt", "a", "primeira", "viagem"),
            ("pt", "nos", "outros", "portos"),
            ("nl", "de", "oude", "haven"),
            ("nl", "een", "belangrijke", "vraag"),
        ] {
            assert_eq!(
                cost_after(language, Some(article), adjective, noun, false),
                ADJECTIVE,
                "{article} {adjective}"
            );
        }
        // No article before, a noun, a phrase that begins.
        assert_eq!(cost_after("en", Some("very"), "polite", "way", false), WORDS);
        assert_eq!(cost_after("en", Some("the"), "ferry", "left", false), WORDS);
        assert_eq!(cost_after("en", Some("the"), "hospital", "in", false), BEFORE_PHRASE);
        assert_eq!(cost_after("de", Some("der"), "Hafen", "schloss", false), WORDS);
        assert_eq!(cost_after("fr", Some("la"), "gare", "fermée", false), WORDS);
        assert_eq!(cost_after("es", Some("el"), "puerto", "viejo", false), WORDS);
        assert_eq!(cost_after("nl", Some("de"), "eerste", "van", false), BEFORE_PHRASE);
        assert_eq!(cost_after("fi", Some("the"), "old", "harbour", false), WORDS);
    }

    #[test]
    fn an_article_may_be_joined_to_its_adjective() {
        for (language, joined, noun) in [
            ("fr", "l’autre", "rive"),
            ("fr", "d'anciennes", "cartes"),
            ("it", "un'altra", "volta"),
            ("it", "dell'ultima", "nave"),
        ] {
            assert_eq!(cost(language, joined, noun, false), ADJECTIVE, "{joined}");
        }
        assert_eq!(cost("fr", "l'homme", "parle", false), WORDS);
        assert_eq!(cost("en", "that's", "good", false), WORDS);
    }

    #[test]
    fn a_language_without_lists_has_punctuation_alone() {
        assert_eq!(cost("fi", "koti", "the", false), WORDS);
        assert_eq!(cost("fi", "koti.", "Se", false), SENTENCE);
    }
}
