//! The limits.

use serde::Deserialize;

/// Limits of a subtitle. Times are in ms; a character is a column ([`crate::columns`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Characters of a line.
    pub max_chars_per_line: usize,
    /// Lines of a cue.
    pub max_lines: usize,
    /// Characters a second.
    pub max_cps: Option<f64>,
    /// Time on screen for each word.
    pub min_word_duration: u64,
    /// Shortest cue.
    pub min_duration: u64,
    /// Longest cue.
    pub max_duration: Option<u64>,
    /// Shortest time between two cues.
    pub min_gap: u64,
    /// A shorter pause than this is closed up to `min_gap`; 0 leaves every pause.
    pub chain_gap: u64,
    /// Time that a cue begins before its speech, where there is room. Not checked: a file does not say when speech begins.
    pub lead_in: u64,
    /// Time that a cue stays after its speech, where there is room. Not checked.
    pub lead_out: u64,
}

/// Time beyond `min_gap` that still counts as closed: one frame at 24 frames a second, as frame rates differ.
pub(crate) const FRAME: u64 = 42;

impl Rules {
    /// The shortest time on screen, in ms, for this much text.
    #[must_use]
    pub fn needed(&self, columns: usize, words: usize) -> u64 {
        let reading = match self.max_cps {
            Some(cps) if cps > 0.0 => milliseconds(columns as f64 / cps),
            _ => 0,
        };
        let spelling = self.min_word_duration.saturating_mul(words as u64);
        self.min_duration.max(reading).max(spelling)
    }

    /// Whether a gap in ms is one that the rules close.
    #[must_use]
    pub fn is_jerky(&self, gap: u64) -> bool {
        gap > self.min_gap.saturating_add(FRAME) && gap < self.chain_gap
    }
}

/// Seconds, rounded up.
fn milliseconds(seconds: f64) -> u64 {
    let rounded = (seconds * 1000.0).ceil().clamp(0.0, 1e15);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 1e15"
    )]
    let rounded = rounded as u64;
    rounded
}

/// Limits that replace those of a preset; times in seconds, as users write them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Overrides {
    /// See [`Rules::max_chars_per_line`].
    pub max_chars_per_line: Option<usize>,
    /// See [`Rules::max_lines`].
    pub max_lines: Option<usize>,
    /// See [`Rules::max_cps`]; 0 removes the limit.
    pub max_cps: Option<f64>,
    /// See [`Rules::min_word_duration`].
    pub min_word_duration: Option<f64>,
    /// See [`Rules::min_duration`].
    pub min_duration: Option<f64>,
    /// See [`Rules::max_duration`]; 0 removes the limit.
    pub max_duration: Option<f64>,
    /// See [`Rules::min_gap`].
    pub min_gap: Option<f64>,
    /// See [`Rules::chain_gap`].
    pub chain_gap: Option<f64>,
    /// See [`Rules::lead_in`].
    pub lead_in: Option<f64>,
    /// See [`Rules::lead_out`].
    pub lead_out: Option<f64>,
}

impl Overrides {
    /// Whether any limit is given.
    #[must_use]
    pub fn any(&self) -> bool {
        *self != Self::default()
    }

    /// The rules with these limits in place of their own.
    #[must_use]
    pub fn apply(&self, rules: Rules) -> Rules {
        let time = |given: Option<f64>, own: u64| given.map_or(own, rounded);
        Rules {
            max_chars_per_line: self.max_chars_per_line.unwrap_or(rules.max_chars_per_line).max(1),
            max_lines: self.max_lines.unwrap_or(rules.max_lines).max(1),
            max_cps: match self.max_cps {
                Some(cps) => Some(cps).filter(|cps| *cps > 0.0),
                None => rules.max_cps,
            },
            min_word_duration: time(self.min_word_duration, rules.min_word_duration),
            min_duration: time(self.min_duration, rules.min_duration),
            max_duration: match self.max_duration {
                Some(seconds) => Some(rounded(seconds)).filter(|limit| *limit > 0),
                None => rules.max_duration,
            },
            min_gap: time(self.min_gap, rules.min_gap),
            chain_gap: time(self.chain_gap, rules.chain_gap),
            lead_in: time(self.lead_in, rules.lead_in),
            lead_out: time(self.lead_out, rules.lead_out),
        }
    }
}

/// Seconds as the nearest ms; what is no time is 0.
fn rounded(seconds: f64) -> u64 {
    let rounded = (seconds * 1000.0).round().clamp(0.0, 1e12);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 to 1e12; NaN becomes 0"
    )]
    let rounded = rounded as u64;
    rounded
}

#[cfg(test)]
mod tests {
    use crate::Preset;

    use super::*;

    #[test]
    fn the_longest_need_decides() {
        let rules = Preset::Netflix.rules(Some("en"));
        assert_eq!(rules.needed(5, 1), 833);
        assert_eq!(rules.needed(41, 8), 2050);
        assert_eq!(Preset::Bbc.rules(None).needed(41, 8), 2400);
    }

    #[test]
    fn given_limits_replace_those_of_the_preset() {
        let given = Overrides {
            max_chars_per_line: Some(30),
            max_cps: Some(0.0),
            min_gap: Some(0.0667),
            ..Overrides::default()
        };
        let rules = given.apply(Preset::Netflix.rules(None));
        assert_eq!((rules.max_chars_per_line, rules.max_cps, rules.min_gap), (30, None, 67));
        assert_eq!(rules.max_lines, 2);
        assert!(given.any() && !Overrides::default().any());
    }
}
