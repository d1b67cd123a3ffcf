//! eaf: ELAN's annotation format 3.0: a tier for each speaker, an annotation for each segment with text.
//!
//! Annotations of a tier must not overlap: one that does begins where the earlier one ends, and lasts at least 1 ms. Times end at
//! 2^32 - 1 ms, the most that the schema takes. Segments without a speaker are on a tier of their own. The recording is the one of the
//! option `media`; without it, ELAN asks for the file when the transcript is opened.

use plugin_api::document::{Document, Segment};

use crate::markup::{escaped, xml_characters};
use crate::{facts, speakers, words};

/// The tier of segments in a document without speakers.
const TIER: &str = "Transcript";

/// The tier's type.
const TYPE: &str = "utterance";

struct Annotation {
    start: u64,
    end: u64,
    text: String,
}

struct Tier {
    name: String,
    annotations: Vec<Annotation>,
}

/// The whole file; a tier without annotations for a transcript without text.
pub(crate) fn render(document: &Document, wanted: bool, media: Option<&str>) -> String {
    let tiers = tiers(document, wanted);
    let (slots, placed) = slots(&tiers);
    let mut text = head(document, media);
    text.push_str("    <TIME_ORDER>\n");
    for (number, time) in slots.iter().enumerate() {
        text.push_str(&format!(
            "        <TIME_SLOT TIME_SLOT_ID=\"ts{}\" TIME_VALUE=\"{time}\"/>\n",
            number + 1
        ));
    }
    text.push_str("    </TIME_ORDER>\n");
    let mut placed = placed.into_iter();
    let mut number = 0;
    for tier in &tiers {
        let name = escaped(&tier.name);
        text.push_str(&format!(
            "    <TIER LINGUISTIC_TYPE_REF=\"{TYPE}\" PARTICIPANT=\"{name}\" TIER_ID=\"{name}\">\n"
        ));
        for (annotation, (start, end)) in tier.annotations.iter().zip(placed.by_ref()) {
            number += 1;
            let value = escaped(&annotation.text);
            text.push_str(&format!(
                "        <ANNOTATION>\n            <ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a{number}\" TIME_SLOT_REF1=\"ts{start}\" TIME_SLOT_REF2=\"ts{end}\">\n                <ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>\n            </ALIGNABLE_ANNOTATION>\n        </ANNOTATION>\n"
            ));
        }
        text.push_str("    </TIER>\n");
    }
    text.push_str(&format!(
        "    <LINGUISTIC_TYPE GRAPHIC_REFERENCES=\"false\" LINGUISTIC_TYPE_ID=\"{TYPE}\" TIME_ALIGNABLE=\"true\"/>\n</ANNOTATION_DOCUMENT>\n"
    ));
    text
}

fn head(document: &Document, media: Option<&str>) -> String {
    let created = facts::created(document);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ANNOTATION_DOCUMENT AUTHOR=\"\" DATE=\"{created}\" FORMAT=\"3.0\" VERSION=\"3.0\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:noNamespaceSchemaLocation=\"http://www.mpi.nl/tools/elan/EAFv3.0.xsd\">\n"
    );
    match media {
        None => text.push_str("    <HEADER MEDIA_FILE=\"\" TIME_UNITS=\"milliseconds\"/>\n"),
        Some(media) => {
            let (url, kind) = (escaped(media), media_type(media));
            text.push_str(&format!(
                "    <HEADER MEDIA_FILE=\"\" TIME_UNITS=\"milliseconds\">\n        <MEDIA_DESCRIPTOR MEDIA_URL=\"{url}\" MIME_TYPE=\"{kind}\"/>\n    </HEADER>\n"
            ));
        }
    }
    text
}

/// As ELAN writes it.
fn media_type(media: &str) -> &'static str {
    let extension = media.rsplit('.').next().unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "wav" => "audio/x-wav",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        _ => "unknown",
    }
}

/// Of each speaker in order of appearance, then of unknown ones.
fn tiers(document: &Document, wanted: bool) -> Vec<Tier> {
    let unknown = match speakers::are_named(document, wanted) && speakers::are_identified(document) {
        true => speakers::UNKNOWN,
        false => TIER,
    };
    let mut segments: Vec<_> = document.segments.iter().collect();
    segments.sort_by_key(|segment| segment.start);
    let mut tiers: Vec<Tier> = Vec::new();
    for segment in segments {
        let text = words::line(segment);
        if text.is_empty() {
            continue;
        }
        let name = speakers::label(segment).filter(|_| wanted);
        // Names are unique as they are written.
        let name = xml_characters(&name.unwrap_or_else(|| unknown.to_owned()));
        let tier = match tiers.iter().position(|tier| tier.name == name) {
            Some(found) => &mut tiers[found],
            None => {
                tiers.push(Tier {
                    name,
                    annotations: Vec::new(),
                });
                let last = tiers.len() - 1;
                &mut tiers[last]
            }
        };
        let after = tier.annotations.last().map_or(0, |last| last.end);
        let (start, end) = span(segment, after);
        tier.annotations.push(Annotation { start, end, text });
    }
    if tiers.is_empty() {
        tiers.push(Tier {
            name: TIER.to_owned(),
            annotations: Vec::new(),
        });
    }
    tiers
}

/// Start and end, not before `after`.
fn span(segment: &Segment, after: u64) -> (u64, u64) {
    let most = u64::from(u32::MAX);
    let start = segment.start.0.max(after).min(most - 1);
    (start, segment.end.0.clamp(start + 1, most))
}

/// The times in order; and of each annotation the numbers of its start and end among them, from 1 on.
fn slots(tiers: &[Tier]) -> (Vec<u64>, Vec<(usize, usize)>) {
    let annotations = || tiers.iter().flat_map(|tier| &tier.annotations);
    let mut ends: Vec<(u64, usize, bool)> = Vec::new();
    for (index, annotation) in annotations().enumerate() {
        ends.push((annotation.start, index, false));
        ends.push((annotation.end, index, true));
    }
    ends.sort_unstable();
    let mut placed = vec![(0, 0); annotations().count()];
    for (number, (_, index, is_end)) in (1..).zip(&ends) {
        if *is_end {
            placed[*index].1 = number;
        } else {
            placed[*index].0 = number;
        }
    }
    (ends.into_iter().map(|(time, ..)| time).collect(), placed)
}
