//! Rust's text as tokens, as far as its paths need it.

use std::collections::BTreeSet;

/// The tokens of Rust's text: words, `::`, and other signs; without comments, literals and lifetimes.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let length = match bytes[at] {
            b'/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => block_comment(rest),
            b'"' => 1 + quoted(&rest[1..], '"'),
            b'\'' => quote(rest),
            byte if byte == b'_' || byte.is_ascii_alphanumeric() => {
                let word = rest.find(|character: char| character != '_' && !character.is_alphanumeric());
                let word = word.unwrap_or(rest.len());
                raw_text(&rest[..word], &rest[word..]).map_or_else(
                    || {
                        tokens.push(&rest[..word]);
                        word
                    },
                    |literal| word + literal,
                )
            }
            b':' if rest.starts_with("::") => {
                tokens.push(&rest[..2]);
                2
            }
            byte if byte.is_ascii_whitespace() || !byte.is_ascii() => 1,
            _ => {
                tokens.push(&rest[..1]);
                1
            }
        };
        at += length;
        // Signs outside ASCII occur in literals only, which are skipped whole; this keeps the slices valid all the same.
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    tokens
}

/// Length of a comment that may have others in it.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else if rest.is_empty() {
            return at;
        } else {
            at += 1;
        }
    }
}

/// Length of a literal behind its first quote, up to and with the last.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.find(|character| {
        let ends = character == quote && !escaped;
        escaped = character == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

/// Length of a character's literal, or of a lifetime.
fn quote(text: &str) -> usize {
    let mut characters = text[1..].chars();
    match (characters.next(), characters.next()) {
        (Some('\\'), _) | (_, Some('\'')) => 1 + quoted(&text[1..], '\''),
        _ => {
            let name = text[1..].find(|character: char| character != '_' && !character.is_alphanumeric());
            name.map_or(text.len(), |name| name + 1)
        }
    }
}

/// Length of a raw text (`r#"…"#`) behind its prefix `word`; `None` if it is a word.
fn raw_text(word: &str, rest: &str) -> Option<usize> {
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let marks = rest.len() - rest.trim_start_matches('#').len();
    let text = rest[marks..].strip_prefix('"')?;
    let end = format!("\"{}", &rest[..marks]);
    Some(marks + 1 + text.find(&end)? + end.len())
}

/// The position behind the bracket that closes the one at `at`.
fn closed(tokens: &[&str], at: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    tokens.len()
}

/// The tokens without items for tests, and the names of the modules for tests that have files of their own. `None` for a file that is
/// for tests as a whole.
pub(super) fn without_tests<'a>(tokens: &[&'a str]) -> Option<(Vec<&'a str>, BTreeSet<String>)> {
    let (mut kept, mut names) = (Vec::new(), BTreeSet::new());
    let mut at = 0;
    while at < tokens.len() {
        let bracket = at + 1 + usize::from(tokens.get(at + 1) == Some(&"!"));
        if tokens[at] != "#" || tokens.get(bracket) != Some(&"[") {
            kept.push(tokens[at]);
            at += 1;
            continue;
        }
        let end = closed(tokens, bracket);
        let attribute = &tokens[bracket..end];
        at = end;
        let is_test = attribute.get(1) == Some(&"cfg") && attribute.contains(&"test") && !attribute.contains(&"not");
        if !is_test {
            continue;
        }
        if tokens[bracket - 1] == "!" {
            return None;
        }
        while at < tokens.len() && !matches!(tokens[at], ";" | "{") {
            if tokens[at] == "mod" && tokens.get(at + 2) == Some(&";") {
                names.insert(tokens[at + 1].to_owned());
            }
            at = if matches!(tokens[at], "(" | "[") {
                closed(tokens, at)
            } else {
                at + 1
            };
        }
        at = if tokens.get(at) == Some(&"{") {
            closed(tokens, at)
        } else {
            at + 1
        };
    }
    Some((kept, names))
}
