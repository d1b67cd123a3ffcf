//! Rules from text, one a line.

use std::collections::HashMap;

use cesar_base::names::is_blank;
use regex::{Regex, RegexBuilder};

use super::Glossary;
use super::classes::count_large;
use super::error::{GlossaryError, LineProblem, Origin};
use super::phrase::Phrase;
use super::rule::{Rule, Side};

/// Maximum bytes of a glossary.
pub const MAX_BYTES: usize = 1 << 20;
/// Maximum number of rules.
pub const MAX_RULES: usize = 10_000;
/// Maximum number of rules with a regular expression.
pub const MAX_PATTERNS: usize = 64;
/// Maximum number of large classes of characters in all regular expressions, of up to 10 ms each.
pub const MAX_CLASSES: usize = 64;
/// Maximum depth of groups and classes of a regular expression.
const MAX_DEPTH: u32 = 50;
/// Maximum bytes of a line.
const MAX_LINE: usize = 1_000;
/// Maximum bytes of a compiled regular expression, and of its cache while it searches.
const MAX_PATTERN_BYTES: usize = 128 * 1024;

impl Glossary {
    /// The rules of a text.
    ///
    /// # Errors
    /// The first line that is no rule, or a limit that is exceeded.
    pub fn parse(text: &[u8], origin: &Origin) -> Result<Self, GlossaryError> {
        let too_large = |most: String| GlossaryError::TooLarge {
            origin: origin.to_string(),
            most,
        };
        if text.len() > MAX_BYTES {
            return Err(too_large(format!("{MAX_BYTES} bytes")));
        }
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let mut rules = Vec::new();
        let mut known = HashMap::new();
        let (mut patterns, mut classes) = (0, 0);
        for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
            let at_line = |problem| GlossaryError::Line {
                origin: origin.to_string(),
                line: number,
                problem,
            };
            let Some(rule) = read_line(line, &mut classes).map_err(at_line)? else {
                continue;
            };
            if let Side::Pattern(_) = rule.left {
                patterns += 1;
            }
            let key = rule.left.key();
            match known.get(&key) {
                None => {}
                Some((_, right)) if *right == rule.right => continue,
                Some((before, _)) => return Err(at_line(LineProblem::Twice(*before))),
            }
            known.insert(key, (number, rule.right.clone()));
            rules.push(rule);
            if rules.len() > MAX_RULES {
                return Err(too_large(format!("{MAX_RULES} rules")));
            }
            if patterns > MAX_PATTERNS {
                return Err(too_large(format!("{MAX_PATTERNS} regular expressions")));
            }
        }
        Ok(Self::new(rules))
    }
}

/// The rule of a line; none of a blank line or a comment. `classes` counts the large classes of all lines.
fn read_line(line: &[u8], classes: &mut usize) -> Result<Option<Rule>, LineProblem> {
    let line = std::str::from_utf8(line).map_err(|_| LineProblem::NotText)?.trim();
    // No database stores it, not even in a comment.
    if line.contains('\0') {
        return Err(LineProblem::Control);
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    if line.len() > MAX_LINE {
        return Err(LineProblem::TooLong(MAX_LINE));
    }
    if line.chars().any(|letter| letter.is_control() && letter != '\t') {
        return Err(LineProblem::Control);
    }
    match line.strip_prefix('/') {
        Some(rest) => pattern_rule(rest, classes).map(Some),
        None => word_rule(line).map(Some),
    }
}

/// Signs that people write for `=>`. A term has none of them.
const OTHER_ARROWS: [&str; 5] = ["->", "→", "⇒", " = ", " : "];

/// `wrong => right`, or `right`.
fn word_rule(line: &str) -> Result<Rule, LineProblem> {
    let mut sides = line.split("=>").map(spaced);
    let (left, right, more) = (sides.next().unwrap_or_default(), sides.next(), sides.next());
    if more.is_some() {
        return Err(LineProblem::TwoArrows);
    }
    if let (None, Some(arrow)) = (&right, OTHER_ARROWS.into_iter().find(|arrow| line.contains(arrow))) {
        return Err(LineProblem::OtherArrow(arrow.trim()));
    }
    if left.is_empty() {
        return Err(LineProblem::NoLeft);
    }
    let right = right.unwrap_or_else(|| left.clone());
    if is_blank(&right) {
        return Err(LineProblem::NoRight);
    }
    let phrase = Phrase::new(&left).ok_or(LineProblem::NoWord)?;
    Ok(Rule {
        left: Side::Words(phrase),
        shown: left,
        right,
    })
}

/// A text with single spaces.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `pattern/ => replacement`.
fn pattern_rule(rest: &str, classes: &mut usize) -> Result<Rule, LineProblem> {
    let end = pattern_end(rest).ok_or(LineProblem::NoPattern)?;
    let after = rest[end + 1..].trim_start();
    let right = after.strip_prefix("=>").ok_or(LineProblem::NoPattern)?;
    let right = spaced(right);
    if is_blank(&right) {
        return Err(LineProblem::NoRight);
    }
    let source = &rest[..end];
    if source.is_empty() {
        return Err(LineProblem::NoLeft);
    }
    *classes += count_large(source, MAX_DEPTH).unwrap_or_default();
    if *classes > MAX_CLASSES {
        return Err(LineProblem::Classes(MAX_CLASSES));
    }
    let pattern = RegexBuilder::new(source)
        .case_insensitive(true)
        .size_limit(MAX_PATTERN_BYTES)
        .dfa_size_limit(MAX_PATTERN_BYTES)
        .nest_limit(MAX_DEPTH)
        .build()
        .map_err(|error| LineProblem::Pattern(one_line(&error)))?;
    if regex_syntax::parse(source).is_ok_and(|parsed| parsed.properties().maximum_len() == Some(0)) {
        return Err(LineProblem::NoText);
    }
    if let Some(group) = unknown_group(&right, &pattern) {
        return Err(LineProblem::Group(group));
    }
    Ok(Rule {
        left: Side::Pattern(pattern),
        shown: format!("/{source}/"),
        right,
    })
}

/// Index of the first `/` that no `\` precedes.
fn pattern_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(place, letter)| {
        let is_end = letter == '/' && !escaped;
        escaped = letter == '\\' && !escaped;
        is_end.then_some(place)
    })
}

/// The reason in the last line; those before show the pattern.
fn one_line(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("it is larger than {limit} bytes"),
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    }
}

/// A reference in a replacement to a group that the pattern lacks, which would be replaced by nothing.
fn unknown_group(right: &str, pattern: &Regex) -> Option<String> {
    let mut rest = right;
    while let Some(place) = rest.find('$') {
        rest = &rest[place + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = match rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}').map(|(name, _)| name),
            None => {
                let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
                Some(&rest[..end])
            }
        };
        let is_known = |name: &str| {
            let number = name.parse::<usize>();
            number.is_ok_and(|number| number < pattern.captures_len())
                || pattern.capture_names().flatten().any(|known| known == name)
        };
        // A dollar sign that begins no reference is written as it is.
        if let Some(name) = name.filter(|name| !name.is_empty() && !is_known(name)) {
            return Some(format!("${name}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Glossary, String> {
        Glossary::parse(text.as_bytes(), &Origin::Request).map_err(|error| error.to_string())
    }

    fn problem(text: &str) -> String {
        let message = parse(text).unwrap_err();
        let rest = message.strip_prefix("line 1 of `glossary_rules` ");
        rest.map_or_else(|| message.clone(), str::to_owned)
    }

    #[test]
    fn rules_are_lines_without_comments() {
        let text = "\u{feff}# Names\r\n\r\n  cuber   netties =>  Kubernetes\r\niPhone\n/(\\d+) per ?cent/=>$1 %\nC#";
        let glossary = parse(text).unwrap();
        assert_eq!(
            glossary.canonical(),
            "cuber netties => Kubernetes\niPhone => iPhone\n/(\\d+) per ?cent/ => $1 %\nC# => C#\n"
        );
        assert_eq!(glossary.len(), 4);
        assert_eq!(glossary.terms(), ["Kubernetes", "iPhone", "C#"]);
        assert_eq!(parse(&glossary.canonical()).unwrap().canonical(), glossary.canonical());
        assert!(parse("# nothing\n\n").unwrap().is_empty());
    }

    #[test]
    fn defects_are_named_with_their_line() {
        assert_eq!(
            parse("iPhone\n\n => x").unwrap_err(),
            "line 3 of `glossary_rules` has nothing before `=>`"
        );
        assert_eq!(problem("a =>"), "has nothing after `=>`; a rule cannot remove words");
        assert_eq!(problem("a => b => c"), "has more than one `=>`");
        assert_eq!(
            problem("door -> window"),
            "has `->`, which is no arrow of a glossary; write `=>` between wrong and right"
        );
        assert!(problem("door = window").starts_with("has `=`"));
        assert_eq!(problem("… => x"), "has no letter or digit to find");
        assert_eq!(problem("a\u{7} => b"), "contains a control character");
        assert_eq!(problem(&"a".repeat(1_001)), "is longer than 1000 bytes");
        let no_pattern = "begins with `/` but is no `/pattern/ => replacement`";
        assert_eq!(problem("/a => b"), no_pattern);
        assert_eq!(problem("/a/ b"), no_pattern);
        assert_eq!(problem("/a\\/ => b"), no_pattern);
        assert_eq!(problem("// => b"), "has nothing before `=>`");
        assert_eq!(problem("/a/ => "), "has nothing after `=>`; a rule cannot remove words");
        let message = parse_bytes(b"ok\n\xff");
        assert_eq!(
            message,
            "line 2 of `glossary_rules` is not UTF-8; save the glossary as UTF-8"
        );
    }

    fn parse_bytes(text: &[u8]) -> String {
        Glossary::parse(text, &Origin::Request).unwrap_err().to_string()
    }

    #[test]
    fn patterns_are_checked_and_bounded() {
        assert_eq!(
            problem("/(a/ => b"),
            "has a regular expression that cannot be used (unclosed group)"
        );
        assert_eq!(
            problem("/\\w{1000}/ => b"),
            "has a regular expression that cannot be used (it is larger than 131072 bytes)"
        );
        for place in ["$", "^", "\\b", "(^|$)"] {
            let line = format!("/{place}/ => x");
            assert!(problem(&line).contains("matches no text"), "{line}");
        }
        assert!(parse("/a?b*/ => x").is_ok());
        // Without a bound, 64 lines of such classes take a minute.
        let folded: String = (0..64)
            .map(|line| format!("/a{line}{}/ => b\n", "\\W{0}".repeat(9)))
            .collect();
        assert_eq!(
            parse(&folded).unwrap_err(),
            "line 8 of `glossary_rules` exceeds the 64 large classes of characters (such as `[^a]`, `\\W`, `\\p{L}`) that all \
             regular expressions of a glossary may have"
        );
        assert!(problem("/(a)/ => $1st").starts_with("refers to `$1st`, a group that the expression does not have"));
        assert!(problem("/(a)/ => ${2}").starts_with("refers to `$2`"));
        for good in ["${1}st", "$$5", "$name", "$ 5", "$"] {
            assert!(parse(&format!("/(?<name>a)/ => {good}")).is_ok(), "{good}");
        }
        assert_eq!(parse("/a\\/b/ => c").unwrap().canonical(), "/a\\/b/ => c\n");
        let many: String = (0..=MAX_PATTERNS).map(|number| format!("/a{number}/ => b\n")).collect();
        assert_eq!(
            parse(&many).unwrap_err(),
            "`glossary_rules` has more than 64 regular expressions; split it or remove rules"
        );
        let many: String = (0..=MAX_RULES).map(|number| format!("a{number}\n")).collect();
        assert_eq!(
            parse(&many).unwrap_err(),
            "`glossary_rules` has more than 10000 rules; split it or remove rules"
        );
    }

    #[test]
    fn the_same_left_side_with_another_right_side_is_refused() {
        assert_eq!(parse("iPhone\niphone => iPhone").unwrap().len(), 1);
        assert_eq!(
            parse("wi fi => Wi-Fi\n\nWi-Fi => WLAN").unwrap_err(),
            "line 3 of `glossary_rules` replaces the same words as line 1, by others; remove one of the two"
        );
    }
}
