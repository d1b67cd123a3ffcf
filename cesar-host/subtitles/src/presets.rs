//! Published sets of limits.
//!
//! | preset | source |
//! |---|---|
//! | netflix | Netflix, *Timed Text Style Guide: General Requirements* and *Subtitle Timing Guidelines*, and the guides per language; figures for adult programmes and for subtitles in the spoken language (SDH), as of 2024. 24 frames a second |
//! | bbc | BBC, *Subtitle Guidelines* 1.2.3 (June 2024): §3.1 line length (37 characters in teletext), §3.3 lines, §4.1 minimum timing, §4.5 gaps, §5.2 pace |
//! | youtube | YouTube publishes no limits. These are the figures of TED's guide for translators, whose talks are published there: 42 characters, 2 lines, 21 characters a second, 1 to 7 s |
//! | plain | no guide: 2 lines of 42 characters, 1 to 7 s where there is room |

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Rules;

/// A published set of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Netflix's style guides.
    Netflix,
    /// The BBC's guidelines.
    Bbc,
    /// For translators of talks on YouTube.
    Youtube,
    /// Readable lines, without a limit of reading speed.
    Plain,
}

/// The name of no preset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no preset is named `{0}`; the presets are `netflix`, `bbc`, `youtube` and `plain`")]
pub struct UnknownPreset(pub String);

/// Base of the presets.
const PLAIN: Rules = Rules {
    max_chars_per_line: 42,
    max_lines: 2,
    max_cps: None,
    min_word_duration: 0,
    min_duration: 1000,
    max_duration: Some(7000),
    min_gap: 0,
    chain_gap: 0,
    lead_in: 0,
    lead_out: 0,
};

impl Preset {
    /// All, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Netflix, Self::Bbc, Self::Youtube, Self::Plain];

    /// The name in options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Netflix => "netflix",
            Self::Bbc => "bbc",
            Self::Youtube => "youtube",
            Self::Plain => "plain",
        }
    }

    /// The limits for a language (ISO 639-1, case and region ignored).
    #[must_use]
    pub fn rules(self, language: Option<&str>) -> Rules {
        let code = language.unwrap_or_default().to_lowercase();
        let code = code.split(['-', '_']).next().unwrap_or_default();
        match self {
            Self::Netflix => netflix(code),
            Self::Bbc => bbc(code),
            Self::Youtube => Rules {
                max_chars_per_line: wide_or(code, 32, 42),
                max_cps: Some(wide_or(code, 24, 21) as f64),
                ..PLAIN
            },
            Self::Plain => Rules {
                max_chars_per_line: wide_or(code, 32, 42),
                ..PLAIN
            },
        }
    }
}

/// Full-width characters count two: Japanese 16 and 7 a second, Korean 16 and 14, Chinese 16 and 11.
fn netflix(code: &str) -> Rules {
    let (chars, cps) = match code {
        "ja" => (32, 14.0),
        "ko" => (32, 28.0),
        "zh" | "yue" => (32, 22.0),
        "th" => (35, 20.0),
        "ru" => (39, 20.0),
        "ar" => (42, 23.0),
        "hi" => (42, 25.0),
        _ => (42, 20.0),
    };
    Rules {
        max_chars_per_line: chars,
        max_cps: Some(cps),
        // 20 frames, and 2 frames.
        min_duration: 833,
        min_gap: 83,
        // 12 frames.
        chain_gap: 500,
        ..PLAIN
    }
}

fn bbc(code: &str) -> Rules {
    // 15 characters a second are 180 words a minute in English: a measure for scripts that separate no words.
    let wordless = matches!(code, "ja" | "zh" | "yue" | "th" | "lo" | "km" | "my");
    Rules {
        max_chars_per_line: wide_or(code, 32, 37),
        max_cps: wordless.then_some(15.0),
        min_word_duration: if wordless { 0 } else { 300 },
        min_duration: 0,
        max_duration: None,
        chain_gap: 1000,
        ..PLAIN
    }
}

fn wide_or(code: &str, wide: usize, other: usize) -> usize {
    if matches!(code, "ja" | "ko" | "zh" | "yue") {
        wide
    } else {
        other
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        let known = Self::ALL.into_iter().find(|preset| preset.name() == name);
        known.ok_or_else(|| UnknownPreset(name.to_owned()))
    }
}

/// The language of a text, as far as its script tells it: `ja`, `ko`, `zh`, `th`, `ar`, `hi`, or none.
#[must_use]
pub fn guess_language(text: &str) -> Option<&'static str> {
    let mut counts = [("ja", 0_usize), ("ko", 0), ("zh", 0), ("th", 0), ("ar", 0), ("hi", 0)];
    let mut letters = 0_usize;
    for character in text.chars().filter(|character| character.is_alphabetic()) {
        letters += 1;
        let script = match character {
            '\u{3041}'..='\u{30ff}' => 0,
            '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7a3}' => 1,
            '\u{3400}'..='\u{9fff}' => 2,
            '\u{0e00}'..='\u{0e7f}' => 3,
            '\u{0600}'..='\u{06ff}' => 4,
            '\u{0900}'..='\u{097f}' => 5,
            _ => continue,
        };
        counts[script].1 += 1;
    }
    // Japanese is written with Chinese characters too.
    if counts[0].1 * 10 > letters {
        return Some("ja");
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (most.1 * 2 > letters).then_some(most.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
        }
        let error = "nettflix".parse::<Preset>().unwrap_err().to_string();
        assert!(
            Preset::ALL.iter().all(|preset| error.contains(preset.name())),
            "{error}"
        );
    }

    #[test]
    fn netflix_has_figures_per_language() {
        let figures = |language| {
            let rules = Preset::Netflix.rules(Some(language));
            (rules.max_chars_per_line, rules.max_cps)
        };
        assert_eq!(figures("en-GB"), (42, Some(20.0)));
        assert_eq!(figures("ja"), (32, Some(14.0)));
        assert_eq!(figures("KO"), (32, Some(28.0)));
        assert_eq!(figures("zh_TW"), (32, Some(22.0)));
        assert_eq!(figures("th"), (35, Some(20.0)));
        assert_eq!(figures("ru"), (39, Some(20.0)));
    }

    #[test]
    fn the_script_tells_some_languages() {
        assert_eq!(guess_language("今日はいい天気ですね"), Some("ja"));
        assert_eq!(guess_language("今天天气很好"), Some("zh"));
        assert_eq!(guess_language("안녕하세요"), Some("ko"));
        assert_eq!(guess_language("مرحبا بالعالم"), Some("ar"));
        assert_eq!(guess_language("Grüß Gott"), None);
        assert_eq!(guess_language(""), None);
    }
}
