//! Markup that a viewer does not see.

/// The tags that players of SRT know.
const TAGS: [&str; 7] = ["b", "i", "u", "s", "font", "c", "v"];

/// A line of SRT without its tags (`<i>`, `<font …>`) and position marks (`{\an8}`). Other text in brackets stays.
pub(crate) fn plain_srt(line: &str) -> String {
    let untagged = without(line, '<', '>', |tag| {
        let name = tag.trim_start_matches('/').split([' ', '.', '\t']).next();
        name.is_some_and(|name| TAGS.contains(&name.to_ascii_lowercase().as_str()))
    });
    without(&untagged, '{', '}', |mark| mark.starts_with('\\'))
}

/// A line of WebVTT without tags, with its escapes resolved.
pub(crate) fn plain_vtt(line: &str) -> String {
    let mut text = without(line, '<', '>', |_| true);
    for (escape, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", "\u{a0}"),
        ("&lrm;", "\u{200e}"),
        ("&rlm;", "\u{200f}"),
        ("&amp;", "&"),
    ] {
        text = text.replace(escape, character);
    }
    text
}

/// The text without the parts between the brackets that `is_markup` accepts.
fn without(line: &str, open: char, close: char, is_markup: impl Fn(&str) -> bool) -> String {
    let (mut text, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(start) = rest.find(open) {
        let inner = &rest[start + open.len_utf8()..];
        match inner.find(close).filter(|end| is_markup(&inner[..*end])) {
            Some(end) => {
                text.push_str(&rest[..start]);
                rest = &inner[end + close.len_utf8()..];
            }
            None => {
                text.push_str(&rest[..start + open.len_utf8()]);
                rest = inner;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_marks_of_srt_disappear() {
        assert_eq!(plain_srt("{\\an8}<i>Hi</i> <FONT color=\"red\">you</font>"), "Hi you");
        assert_eq!(
            plain_srt("1 < 2 > 0, {sighs}, <laughs> <"),
            "1 < 2 > 0, {sighs}, <laughs> <"
        );
    }

    #[test]
    fn tags_and_escapes_of_vtt_disappear() {
        assert_eq!(
            plain_vtt("<v Ann &amp; Bo>Fish &amp;lt; <00:01.000><c.x>chips</c>"),
            "Fish &lt; chips"
        );
        assert_eq!(plain_vtt("a &lt; b"), "a < b");
    }
}
