//! html: one page without anything from elsewhere: the transcript with the time of each word, and a player for the recording.
//!
//! The player takes the recording of the option `media` (an address, or a path from the page), or a file that the reader picks, which stays
//! on the reader's machine. A click on a word or a time plays from there, and the current word is lit. Without scripts the page is read and
//! printed as it is. The page is well-formed XML, too.
//!
//! All text is escaped. The policy in the page's head allows the one script and the one style sheet that are below, by their digests, and
//! nothing else but the recording: no text can run, or load, anything.

use plugin_api::document::{Document, Seconds, Segment};

use crate::clock;
use crate::facts::{facts, language};
use crate::markup::escaped;
use crate::speakers::{self, Names};
use crate::words::{self, Piece};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// SHA-256 of the style sheet and of the script, between the marks that the elements hold them in.
const STYLE_DIGEST: &str = "XUCiW8XnyqswNqOoSGRqaOF7kXNsOtnkylCBige3UJM=";
const SCRIPT_DIGEST: &str = "SmnvhERB7tn7sUWRKKNu3drbxfGrK+TBwyeRCNH311U=";

/// Number of colours of speakers in the style sheet.
const COLOURS: usize = 8;

/// The whole page.
pub(crate) fn render(
    document: &Document,
    length: Seconds,
    wanted: bool,
    uncertain: Option<f64>,
    media: Option<&str>,
) -> String {
    let mut text = head(document);
    text.push_str("<header>\n<h1>Transcript</h1>\n<dl>\n");
    for (name, value) in facts(document, length, wanted) {
        text.push_str(&format!("<div><dt>{name}:</dt><dd>{}</dd></div>\n", escaped(&value)));
    }
    text.push_str("</dl>\n</header>\n");
    text.push_str(&player(media));
    text.push_str("<main>\n");
    let (labels, mut names) = (speakers::labels(document), Names::new(document, wanted));
    for segment in &document.segments {
        let line = words::line(segment);
        if line.is_empty() {
            continue;
        }
        if let Some(name) = names.before(segment).heading {
            text.push_str(&heading(&name, &labels));
        }
        text.push_str(&paragraph(segment, &line, uncertain));
    }
    text.push_str(&format!("</main>\n<script>{}</script>\n</body>\n</html>\n", script()));
    text
}

fn head(document: &Document) -> String {
    let language = escaped(language(document).unwrap_or_default());
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\" />\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-{SCRIPT_DIGEST}'; style-src 'sha256-{STYLE_DIGEST}'; media-src * blob: data: file:; base-uri 'none'; form-action 'none'\" />\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n<title>Transcript</title>\n<style>{}</style>\n</head>\n<body>\n",
        style()
    )
}

fn style() -> String {
    format!("\n{STYLE}")
}

/// The marks keep `<` and `&` from a reader of XML.
fn script() -> String {
    format!("//<![CDATA[\n{SCRIPT}//]]>")
}

/// The player, which the script shows when it has a recording; so it does with the choice of a file.
fn player(media: Option<&str>) -> String {
    let source = match media {
        Some(media) => format!(" src=\"{}\"", escaped(media)),
        None => " hidden=\"\"".to_owned(),
    };
    format!(
        "<div class=\"player\"><div>\n<audio controls=\"\" preload=\"metadata\"{source}></audio>\n<label hidden=\"\">Recording <input type=\"file\" accept=\"audio/*,video/*\" /></label>\n</div></div>\n"
    )
}

fn heading(name: &str, labels: &[String]) -> String {
    let colour = labels.iter().position(|label| label == name);
    let class = colour
        .map(|number| format!(" class=\"v{}\"", number % COLOURS))
        .unwrap_or_default();
    format!("<h2{class} dir=\"auto\">{}</h2>\n", escaped(name))
}

fn paragraph(segment: &Segment, line: &str, uncertain: Option<f64>) -> String {
    let start = clock::seconds(segment.start.0);
    let mut text = format!(
        "<p><a href=\"#t={start}\">{}</a><span dir=\"auto\">",
        clock::stamp(segment.start.0)
    );
    for piece in words::pieces(line, segment) {
        if piece.text.trim().is_empty() {
            text.push_str(&escaped(piece.text));
        } else {
            text.push_str(&span(&piece, segment, uncertain));
        }
    }
    text.push_str("</span></p>\n");
    text
}

/// A word with its time, or a whole segment without word times.
fn span(piece: &Piece<'_>, segment: &Segment, uncertain: Option<f64>) -> String {
    let (start, end) = piece
        .word
        .map_or((segment.start, segment.end), |word| (word.start, word.end));
    let (start, end) = (clock::seconds(start.0), clock::seconds(end.0));
    let probability = piece.word.and_then(|word| word.probability);
    let unsure = probability.filter(|_| piece.is_uncertain(uncertain));
    let unsure = unsure
        .map(|probability| format!(" class=\"unsure\" title=\"probability {probability:.2}\""))
        .unwrap_or_default();
    format!(
        "<span data-s=\"{start}\" data-e=\"{end}\"{unsure}>{}</span>",
        escaped(piece.text)
    )
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_policy_has_the_digests_of_script_and_style() {
        let digest = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
        assert_eq!(STYLE_DIGEST, digest(&style()));
        assert_eq!(SCRIPT_DIGEST, digest(&script()));
    }

    #[test]
    fn script_and_style_end_where_their_elements_end() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("]]>") && text.is_ascii());
        }
        assert!(!STYLE.contains(['<', '&']));
    }
}
