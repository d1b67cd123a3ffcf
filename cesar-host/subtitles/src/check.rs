//! The checker: every violation of the rules in a list of cues.
//!
//! A time may differ from its limit by 1 ms, because files round their times.

use serde::Serialize;

use crate::{Cue, Rules, columns};

/// Rules of cues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A line is longer than `max_chars_per_line`, in characters.
    MaxCharsPerLine,
    /// More lines than `max_lines`.
    MaxLines,
    /// More characters a second than `max_cps`.
    MaxCps,
    /// Less time for each word than `min_word_duration`, in s.
    MinWordDuration,
    /// A shorter cue than `min_duration`, in s.
    MinDuration,
    /// A longer cue than `max_duration`, in s.
    MaxDuration,
    /// The cue begins sooner after the one before than `min_gap`, in s; below 0 it overlaps.
    MinGap,
    /// The pause before the cue is one that the rules close, in s: not shorter than `chain_gap`, and not closed.
    ChainGap,
    /// The cue ends where it begins, or before, in s: players do not show it.
    Times,
}

impl Rule {
    /// The name in options and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxCharsPerLine => "max_chars_per_line",
            Self::MaxLines => "max_lines",
            Self::MaxCps => "max_cps",
            Self::MinWordDuration => "min_word_duration",
            Self::MinDuration => "min_duration",
            Self::MaxDuration => "max_duration",
            Self::MinGap => "min_gap",
            Self::ChainGap => "chain_gap",
            Self::Times => "times",
        }
    }
}

/// One limit that a cue breaks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Violation {
    /// The number of the cue.
    pub cue: u64,
    /// Start of the cue, in ms.
    pub start: u64,
    /// The broken limit.
    pub rule: Rule,
    /// The value: characters, lines, characters a second, or s.
    pub measured: f64,
    /// The limit, in the same unit.
    pub allowed: f64,
}

/// Every violation, in the order of the cues. They are compared in the order of the file.
#[must_use]
pub fn check(cues: &[Cue], rules: &Rules) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, cue) in cues.iter().enumerate() {
        let mut report = |rule, measured, allowed| {
            found.push(Violation {
                cue: cue.number,
                start: cue.start,
                rule,
                measured,
                allowed,
            });
        };
        check_text(cue, rules, &mut report);
        check_duration(cue, rules, &mut report);
        if let Some(before) = index.checked_sub(1).map(|before| &cues[before]) {
            check_gap(before, cue, rules, &mut report);
        }
    }
    found
}

fn check_text(cue: &Cue, rules: &Rules, report: &mut impl FnMut(Rule, f64, f64)) {
    for length in cue.lines.iter().map(|line| columns(line)) {
        if length > rules.max_chars_per_line {
            report(Rule::MaxCharsPerLine, length as f64, rules.max_chars_per_line as f64);
        }
    }
    if cue.lines.len() > rules.max_lines {
        report(Rule::MaxLines, cue.lines.len() as f64, rules.max_lines as f64);
    }
}

fn check_duration(cue: &Cue, rules: &Rules, report: &mut impl FnMut(Rule, f64, f64)) {
    if cue.end <= cue.start {
        report(Rule::Times, 0.0 - seconds(cue.start - cue.end), seconds(1));
        return;
    }
    let duration = cue.duration();
    let roundest = duration.saturating_add(1);
    let without_limit = Rules {
        min_word_duration: 0,
        min_duration: 0,
        ..*rules
    };
    let columns = cue.columns();
    if let Some(limit) = rules.max_cps.filter(|_| without_limit.needed(columns, 0) > roundest) {
        report(Rule::MaxCps, columns as f64 / seconds(duration.max(1)), limit);
    }
    let words = cue.words() as u64;
    if words.saturating_mul(rules.min_word_duration) > roundest {
        report(
            Rule::MinWordDuration,
            seconds(duration) / words as f64,
            seconds(rules.min_word_duration),
        );
    }
    if rules.min_duration > roundest {
        report(Rule::MinDuration, seconds(duration), seconds(rules.min_duration));
    }
    if let Some(limit) = rules.max_duration.filter(|limit| duration > limit.saturating_add(1)) {
        report(Rule::MaxDuration, seconds(duration), seconds(limit));
    }
}

fn check_gap(before: &Cue, cue: &Cue, rules: &Rules, report: &mut impl FnMut(Rule, f64, f64)) {
    let end = before.end.max(before.start);
    let Some(gap) = cue.start.checked_sub(end) else {
        report(Rule::MinGap, -seconds(end - cue.start), seconds(rules.min_gap));
        return;
    };
    if gap.saturating_add(1) < rules.min_gap {
        report(Rule::MinGap, seconds(gap), seconds(rules.min_gap));
    } else if rules.is_jerky(gap) {
        report(Rule::ChainGap, seconds(gap), seconds(rules.chain_gap));
    }
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preset;

    fn cue(number: u64, start: u64, end: u64, text: &str) -> Cue {
        Cue {
            number,
            start,
            end,
            lines: text.split('\n').map(str::to_owned).collect(),
        }
    }

    fn broken(preset: Preset, cues: &[Cue]) -> Vec<(u64, &'static str)> {
        let found = check(cues, &preset.rules(Some("en")));
        found
            .iter()
            .map(|violation| (violation.cue, violation.rule.name()))
            .collect()
    }

    #[test]
    fn text_that_keeps_the_rules_has_no_violation() {
        let cues = [
            cue(1, 0, 1000, "Good morning."),
            cue(2, 1083, 3000, "Shall we begin\nwith the list?"),
            cue(3, 4000, 4833, "Yes."),
        ];
        assert_eq!(broken(Preset::Netflix, &cues), []);
    }

    #[test]
    fn each_rule_is_found() {
        let long = "This line holds more than forty-two characters.";
        assert_eq!(
            broken(Preset::Netflix, &[cue(4, 0, 5000, long)]),
            [(4, "max_chars_per_line")]
        );
        assert_eq!(
            broken(Preset::Netflix, &[cue(1, 0, 5000, "a\nb\nc")]),
            [(1, "max_lines")]
        );
        assert_eq!(
            broken(Preset::Netflix, &[cue(1, 0, 900, "Twenty characters ok")]),
            [(1, "max_cps")]
        );
        assert_eq!(broken(Preset::Netflix, &[cue(1, 0, 800, "No.")]), [(1, "min_duration")]);
        assert_eq!(
            broken(Preset::Netflix, &[cue(1, 0, 7100, "No.")]),
            [(1, "max_duration")]
        );
        assert_eq!(
            broken(Preset::Bbc, &[cue(1, 0, 800, "One two three")]),
            [(1, "min_word_duration")]
        );
        for end in [0, 900] {
            assert_eq!(broken(Preset::Plain, &[cue(1, 900, end, "No.")]), [(1, "times")]);
        }
        let near = |gap: u64| [cue(1, 0, 1000, "No."), cue(2, 1000 + gap, 2500, "No.")];
        assert_eq!(broken(Preset::Netflix, &near(50)), [(2, "min_gap")]);
        assert_eq!(broken(Preset::Netflix, &near(82)), []);
        assert_eq!(broken(Preset::Netflix, &near(300)), [(2, "chain_gap")]);
        assert_eq!(broken(Preset::Netflix, &near(500)), []);
        assert_eq!(
            broken(Preset::Plain, &[cue(1, 0, 1500, "No."), cue(2, 1400, 2500, "No.")]),
            [(2, "min_gap")]
        );
    }

    #[test]
    fn a_violation_says_what_was_measured_and_what_is_allowed() {
        let found = check(
            &[cue(1, 500, 1500, "Twenty-five characters ok")],
            &Preset::Netflix.rules(None),
        );
        let wanted = Violation {
            cue: 1,
            start: 500,
            rule: Rule::MaxCps,
            measured: 25.0,
            allowed: 20.0,
        };
        assert_eq!(found, [wanted]);
    }
}
