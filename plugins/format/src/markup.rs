//! Text inside XML and HTML.

/// Stands for a character that XML forbids.
const REPLACEMENT: char = '\u{fffd}';

/// Text for an element or for an attribute in double quotes. Control characters and noncharacters that XML 1.0 forbids, even as references,
/// become U+FFFD.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // A reader of XML would turn it into a line feed.
            '\r' => escaped.push_str("&#13;"),
            other => escaped.push(allowed(other)),
        }
    }
    escaped
}

/// Text with U+FFFD for what XML forbids, for a writer that escapes by itself.
pub(crate) fn xml_characters(text: &str) -> String {
    text.chars().map(allowed).collect()
}

/// The production `Char` of XML 1.0.
fn allowed(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => character,
        _ => REPLACEMENT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_forbidden_characters_are_replaced() {
        assert_eq!(escaped("a<b>&\"c\"\r"), "a&lt;b&gt;&amp;&quot;c&quot;&#13;");
        assert_eq!(
            escaped("\0a\u{b}\u{1f}\u{7f}\u{ffff}\u{1f600}"),
            "\u{fffd}a\u{fffd}\u{fffd}\u{7f}\u{fffd}\u{1f600}"
        );
        assert_eq!(xml_characters("<\u{8}>"), "<\u{fffd}>");
    }
}
