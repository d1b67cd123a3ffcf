//! Documents to render.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use cesar_plugin_format::{File, Format, Guide, MANIFEST, Request, Times};
use plugin_api::document::{
    AudioIssue, AudioProvenance, AudioReport, Document, Partial, Provenance, SCHEMA, Seconds, Segment, StageProvenance,
    Turn, Word, rendered_bytes,
};
use plugin_api::manifest::Manifest;
use serde_json::{Value, json};

/// The formats of transcripts, tables and plain subtitles, in the manifest's order.
pub(crate) const BASIC: [Format; 8] = [
    Format::Txt,
    Format::Md,
    Format::Srt,
    Format::Vtt,
    Format::Json,
    Format::Tsv,
    Format::Csv,
    Format::Rttm,
];

/// The formats for other programs, which follow in the manifest.
pub(crate) const EXPORTS: [Format; 11] = [
    Format::Ass,
    Format::Lrc,
    Format::Html,
    Format::Docx,
    Format::Audacity,
    Format::Otr,
    Format::Eaf,
    Format::Markers,
    Format::Edl,
    Format::Ttml,
    Format::Imsc,
];

/// The text of a format that is text.
pub(crate) fn render(request: &Request) -> String {
    match cesar_plugin_format::render(request) {
        File::Text(rendering) => rendering.text,
        File::Binary(_) => panic!("{:?} is not text", request.format),
    }
}

/// The bytes of the file.
pub(crate) fn bytes(request: &Request) -> Vec<u8> {
    let output = serde_json::to_string(&cesar_plugin_format::render(request)).expect("a file is JSON");
    rendered_bytes(&output).expect("a host reads it")
}

/// The options as the manifest's defaults have them.
pub(crate) fn request(format: Format, document: Document) -> Request {
    Request {
        format,
        speakers: true,
        max_line_width: None,
        max_line_count: None,
        highlight_words: false,
        guide: Guide::default(),
        times: Times::Recording,
        mark_uncertain: None,
        media: None,
        frame_rate: 25.0,
        document,
    }
}

/// A request as the host makes it of these options.
pub(crate) fn asked(options: &[(&str, Value)], document: Document) -> Request {
    let manifest = Manifest::parse(MANIFEST).expect("the manifest is valid");
    let given: BTreeMap<String, Value> = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let mut body: serde_json::Map<String, Value> = manifest
        .effective(&given)
        .expect("the options are in the table")
        .into_iter()
        .collect();
    body.insert(
        "document".into(),
        serde_json::to_value(document).expect("a document is JSON"),
    );
    serde_json::from_value(Value::Object(body)).expect("a request with these options is accepted")
}

/// With both limits.
pub(crate) fn wrapped(format: Format, document: Document, width: usize, count: usize) -> Request {
    Request {
        max_line_width: NonZeroUsize::new(width),
        max_line_count: NonZeroUsize::new(count),
        ..request(format, document)
    }
}

/// A segment with nothing but text and times in ms.
pub(crate) fn segment(start: u64, end: u64, text: &str) -> Segment {
    Segment {
        id: 0,
        start: Seconds(start),
        end: Seconds(end),
        text: text.to_owned(),
        speaker: None,
        overlap: None,
        words: None,
        avg_logprob: None,
        compression_ratio: None,
        no_speech_prob: None,
        temperature: None,
        tokens: None,
        seek: None,
        speaker_turn_next: None,
        quality: None,
    }
}

/// A word with times in ms.
pub(crate) fn word(start: u64, end: u64, text: &str) -> Word {
    Word {
        start: Seconds(start),
        end: Seconds(end),
        word: text.to_owned(),
        probability: Some(0.75),
        speaker: None,
        timing: None,
    }
}

/// A document of `duration` ms with numbered segments.
pub(crate) fn document(duration: u64, segments: Vec<Segment>) -> Document {
    let numbered = (0..).zip(segments).map(|(id, segment)| Segment { id, ..segment });
    Document {
        schema: SCHEMA,
        language: Some("en".into()),
        language_probability: Some(0.98),
        task: "transcribe".into(),
        duration: Seconds(duration),
        created: "2026-01-02T03:04:05Z".into(),
        segments: numbered.collect(),
        speakers: None,
        turns: None,
        truncated: Vec::new(),
        times: None,
        partial: None,
        audio: AudioReport::default(),
        provenance: Provenance {
            cesar: "1.0.0".into(),
            audio: AudioProvenance {
                media_sha256: "a".repeat(64),
                pcm_sha256: "b".repeat(64),
                codec: "flac".into(),
                offset: Seconds(0),
            },
            asr: stage("ct2", "tiny.en", ("beam_size", json!(5))),
            diarize: None,
            glossary: None,
            align: None,
            sampled: false,
            corrections: None,
        },
    }
}

fn stage(plugin: &str, model: &str, option: (&str, Value)) -> StageProvenance {
    let options = [("model", json!(model)), option];
    StageProvenance {
        plugin: plugin.into(),
        version: "1.0.0".into(),
        plugin_sha256: "c".repeat(64),
        model: Some(model.into()),
        model_sha256: Some("d".repeat(64)),
        more_models: Vec::new(),
        options: options
            .map(|(key, value)| (key.to_owned(), value))
            .into_iter()
            .collect(),
    }
}

/// Two sentences of English.
pub(crate) fn plain() -> Document {
    let first = segment(0, 2500, "The quick brown fox jumps over the lazy dog.");
    let second = segment(
        2500,
        5120,
        "It was a bright cold day in April, and the clocks were striking thirteen.",
    );
    document(6000, vec![first, second])
}

/// A dialogue with an unknown speaker.
pub(crate) fn dialogue() -> Document {
    let said = |start, end, speaker: Option<&str>, text| Segment {
        speaker: speaker.map(str::to_owned),
        overlap: Some(false),
        ..segment(start, end, text)
    };
    let segments = vec![
        said(0, 1200, Some("Speaker 1"), "Good morning."),
        said(1200, 3000, Some("Speaker 1"), "Shall we begin?"),
        said(3000, 4400, Some("Ann & Bo"), "Yes, please."),
        said(4400, 5000, None, "Mm-hm."),
        said(5000, 6200, Some("Speaker 1"), "Then let us begin with the numbers."),
    ];
    let turn = |start, end, speaker: &str| Turn {
        start: Seconds(start),
        end: Seconds(end),
        speaker: speaker.into(),
    };
    let mut document = document(6500, segments);
    document.speakers = Some(vec!["Speaker 1".into(), "Ann & Bo".into()]);
    document.turns = Some(vec![
        turn(0, 3000, "Speaker 1"),
        turn(3000, 4400, "Ann & Bo"),
        turn(5000, 6200, "Speaker 1"),
    ]);
    document.provenance.diarize = Some(stage("pyannote", "segmentation-3.0", ("threshold", json!(0.7))));
    document
}

/// The same without identified speakers.
pub(crate) fn partial() -> Document {
    Document {
        partial: Some(Partial {
            stage: "diarize".into(),
            reason: "model_not_found".into(),
            message: "there is no model `segmentation-3.0` for `pyannote`; run `cesar models`".into(),
            retry: Some("cesar transcribe talk.mp3 -f md".into()),
        }),
        ..plain()
    }
}

/// The part of a recording that begins at 16 s.
pub(crate) fn part() -> Document {
    let mut document = dialogue();
    document.provenance.audio.offset = Seconds(16_000);
    document
}

/// A recording whose end is missing.
pub(crate) fn incomplete() -> Document {
    Document {
        partial: Some(Partial {
            stage: "decode".into(),
            reason: "audio_incomplete".into(),
            message: "9.7 s of sound are missing: the end of the file is missing from 14.4 s to 24.1 s".into(),
            retry: None,
        }),
        audio: AudioReport {
            issues: vec![AudioIssue {
                kind: "missing_end".into(),
                start: Seconds(14_400),
                end: Seconds(24_100),
                message: "the end of the file is missing".into(),
            }],
        },
        ..plain()
    }
}

/// Two people at once, in the middle of a sentence.
pub(crate) fn overlapping() -> Document {
    let mut document = dialogue();
    let turns = document.turns.iter_mut().flatten();
    turns.for_each(|turn| turn.end.0 += 500);
    document.segments[1].overlap = Some(true);
    document.segments[2].overlap = Some(true);
    for segment in &mut document.segments {
        let mut spoken = word(segment.start.0, segment.end.0, &format!(" {}", segment.text));
        spoken.speaker.clone_from(&segment.speaker);
        segment.words = Some(vec![spoken]);
    }
    document
}

/// Two segments with word times and a long pause between them.
pub(crate) fn words() -> Document {
    let mut first = segment(0, 2000, "Never ask a fool, twice.");
    first.words = Some(vec![
        word(0, 300, " Never"),
        word(300, 600, " ask"),
        word(700, 750, " a"),
        word(750, 1200, " fool,"),
        word(1400, 2000, " twice."),
    ]);
    let mut second = segment(7000, 8500, "Or at all.");
    second.words = Some(vec![
        word(7000, 7200, " Or"),
        word(7200, 7200, " at"),
        word(7500, 8500, " all."),
    ]);
    document(9000, vec![first, second])
}

/// Around the first hour and past the hundredth.
pub(crate) fn long() -> Document {
    let segments = vec![
        segment(59_950, 61_000, "One minute."),
        segment(3_599_960, 3_661_001, "One hour."),
        segment(360_000_000, 360_001_500, "A hundred hours."),
    ];
    document(360_002_000, segments)
}

/// Times that break the schema's promises.
pub(crate) fn odd() -> Document {
    let segments = vec![
        segment(4000, 5000, "Out of order."),
        segment(0, 3000, "Overlaps the next."),
        segment(1000, 1000, "No length."),
        segment(1000, 2000, "Same start."),
        segment(6000, 5500, "Backwards."),
        segment(9000, 9900, "Past the end."),
        segment(2000, 2500, " \n "),
    ];
    document(8000, segments)
}

/// Scripts, emoji, markup, tabs, quotes and line breaks.
pub(crate) fn unicode() -> Document {
    let segments = vec![
        segment(0, 3000, "今日は、いい天気ですね。散歩に行きましょう。"),
        segment(3000, 4000, "Family 👨‍👩‍👧 and flag 🇪🇺!"),
        segment(4000, 6000, "שלום עולם، مرحبا بالعالم"),
        segment(6000, 7000, "if a --> b && b ---> c then <b>bold</b> &amp; done"),
        segment(7000, 8000, "tab\there, \"quoted\", line\n\n\r\nbreak"),
        segment(8000, 9000, "# not a heading; 1, 2"),
    ];
    document(9000, segments)
}
