//! ttml and imsc: timed text as XML.
//!
//! * `ttml`: TTML 2 without layout: captions with line breaks, the speakers as agents.
//! * `imsc`: the text profile of IMSC 1.1, as broadcasters and streaming services take it: a region at the foot of the picture, white text on
//!   black, and a colour for each further speaker.
//!
//! The captions, with their lines and times, are those of srt. In ttml with `highlight_words`, each word is underlined while it is spoken, where
//! word times are known; in imsc that would exceed the profile's rendering model, which limits changes of the picture. Text holds U+FFFD for characters that XML forbids.

use super::subtitles::{Caption, CaptionLine, with_voices};
use crate::facts::language_tag;
use crate::markup::escaped;
use crate::settings::Settings;
use crate::{clock, speakers};

const NAMESPACES: &str = "xmlns=\"http://www.w3.org/ns/ttml\" xmlns:ttm=\"http://www.w3.org/ns/ttml#metadata\" xmlns:ttp=\"http://www.w3.org/ns/ttml#parameter\" xmlns:tts=\"http://www.w3.org/ns/ttml#styling\"";

/// The height of text: 16 lines fill the picture.
const FONT: &str = "5rh";

/// Markup around the captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// None.
    Plain,
    /// IMSC 1.1, text.
    Imsc,
}

/// The whole file; a body without captions for a transcript without text.
pub(crate) fn render(settings: &Settings<'_>, profile: Profile) -> String {
    let document = settings.document;
    let voices = if settings.speakers {
        speakers::labels(document)
    } else {
        Vec::new()
    };
    let language = language_tag(document);
    let parameters = match profile {
        Profile::Plain => "ttp:version=\"2\" ttp:timeBase=\"media\"",
        Profile::Imsc => {
            "ttp:contentProfiles=\"http://www.w3.org/ns/ttml/profile/imsc1.1/text\" ttp:timeBase=\"media\""
        }
    };
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<tt {NAMESPACES} {parameters} xml:lang=\"{language}\">\n{}",
        head(&voices, profile)
    );
    text.push_str(match profile {
        Profile::Plain => "  <body>\n    <div>\n",
        Profile::Imsc => "  <body style=\"text\" region=\"foot\">\n    <div>\n",
    });
    let highlight = settings.highlight_words && profile == Profile::Plain;
    for caption in with_voices(settings) {
        text.push_str(&paragraph(&caption, &voices, highlight, profile));
    }
    text.push_str("    </div>\n  </body>\n</tt>\n");
    text
}

fn head(voices: &[String], profile: Profile) -> String {
    let mut text = "  <head>\n".to_owned();
    if !voices.is_empty() {
        text.push_str("    <metadata>\n");
        for (number, voice) in voices.iter().enumerate() {
            text.push_str(&format!(
                "      <ttm:agent xml:id=\"{}\" type=\"person\"><ttm:name type=\"full\">{}</ttm:name></ttm:agent>\n",
                agent(number),
                escaped(voice)
            ));
        }
        text.push_str("    </metadata>\n");
    }
    if profile == Profile::Imsc {
        text.push_str(&styling(voices.len()));
    }
    text.push_str("  </head>\n");
    text
}

fn styling(voices: usize) -> String {
    let mut text = format!(
        "    <styling>\n      <style xml:id=\"text\" tts:fontFamily=\"proportionalSansSerif\" tts:fontSize=\"{FONT}\" tts:lineHeight=\"125%\"/>\n"
    );
    let style = |id: &str, colour: &str| {
        format!("      <style xml:id=\"{id}\" tts:color=\"#{colour}\" tts:backgroundColor=\"#000000\"/>\n")
    };
    text.push_str(&style("line", speakers::colour(0)));
    for number in 0..voices {
        text.push_str(&style(&voice_style(number), speakers::colour(number)));
    }
    text.push_str("    </styling>\n    <layout>\n      <region xml:id=\"foot\" tts:origin=\"10% 10%\" tts:extent=\"80% 80%\" tts:displayAlign=\"after\" tts:textAlign=\"center\" tts:showBackground=\"whenActive\"/>\n    </layout>\n");
    text
}

fn agent(number: usize) -> String {
    format!("speaker{}", number + 1)
}

fn voice_style(number: usize) -> String {
    format!("line{}", number + 1)
}

fn paragraph(caption: &Caption, voices: &[String], highlight: bool, profile: Profile) -> String {
    let number = |line: &CaptionLine| {
        line.voice
            .as_ref()
            .and_then(|voice| voices.iter().position(|one| one == voice))
    };
    let (start, end) = (clock::subtitle(caption.start, '.'), clock::subtitle(caption.end, '.'));
    let speaker = caption.lines.first().and_then(number);
    let speaker = speaker
        .map(|number| format!(" ttm:agent=\"{}\"", agent(number)))
        .unwrap_or_default();
    let lines: Vec<_> = caption
        .lines
        .iter()
        .map(|line| {
            let text = if highlight {
                highlighted(line, caption.start)
            } else {
                escaped(&line.text())
            };
            match (profile, number(line)) {
                (Profile::Plain, _) => text,
                (Profile::Imsc, None) => format!("<span style=\"line\">{text}</span>"),
                (Profile::Imsc, Some(number)) => format!("<span style=\"{}\">{text}</span>", voice_style(number)),
            }
        })
        .collect();
    format!(
        "      <p begin=\"{start}\" end=\"{end}\"{speaker}>{}</p>\n",
        lines.join("<br/>")
    )
}

/// A line whose words are underlined from their start to their end, which count from the start of the caption.
fn highlighted(line: &CaptionLine, origin: u64) -> String {
    let mut text = String::new();
    for word in &line.words {
        if word.is_spaced {
            text.push(' ');
        }
        let spoken = escaped(&word.text);
        match word.time.filter(|(start, end)| start < end) {
            None => text.push_str(&spoken),
            Some((start, end)) => text.push_str(&format!(
                "<span><set begin=\"{}s\" end=\"{}s\" tts:textDecoration=\"underline\"/>{spoken}</span>",
                clock::seconds(start - origin),
                clock::seconds(end - origin)
            )),
        }
    }
    text
}
