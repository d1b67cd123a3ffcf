//! docx: a document for Word and LibreOffice, by the crate docx-rs: head, a heading for each turn of a speaker, and a paragraph for each
//! segment, with its time at the left.
//!
//! With `mark_uncertain`, words of low probability are highlighted. Styles are named, so that a reader can change all times, headings or
//! paragraphs at once. The bytes depend on the document alone: its own date, numbered paragraphs, an archive without dates. Text holds U+FFFD
//! for characters that XML forbids.

use std::io::Cursor;

use docx_rs::{BreakType, Docx, LineSpacing, Paragraph, Run, RunFonts, SpecialIndentType, Style, StyleType};
use plugin_api::document::{Document, Seconds, Segment};

use crate::facts::{created, facts, language};
use crate::markup::xml_characters;
use crate::speakers::Names;
use crate::{clock, words};

/// The column of the times, in twentieths of a point.
const TIME_WIDTH: i32 = 1200;

/// Languages that are written from right to left.
const RIGHT_TO_LEFT: [&str; 8] = ["ar", "fa", "he", "ps", "sd", "ug", "ur", "yi"];

/// The whole file.
pub(crate) fn render(document: &Document, length: Seconds, wanted: bool, uncertain: Option<f64>) -> Vec<u8> {
    let mut names = Names::new(document, wanted);
    let mut page = Page::new(document);
    page.add(Paragraph::new().style("Title").add_run(run("Transcript")));
    page.add(head(document, length, wanted));
    for segment in &document.segments {
        let line = words::line(segment);
        if line.is_empty() {
            continue;
        }
        if let Some(name) = names.before(segment).heading {
            page.add(Paragraph::new().style("Heading1").keep_next(true).add_run(run(&name)));
        }
        page.add(spoken(segment, &line, uncertain));
    }
    page.bytes()
}

fn head(document: &Document, length: Seconds, wanted: bool) -> Paragraph {
    let mut paragraph = Paragraph::new().style("Facts");
    for (index, (name, value)) in facts(document, length, wanted).into_iter().enumerate() {
        if index > 0 {
            paragraph = paragraph.add_run(Run::new().add_break(BreakType::TextWrapping));
        }
        paragraph = paragraph.add_run(run(&format!("{name}: ")).bold()).add_run(run(&value));
    }
    paragraph
}

fn spoken(segment: &Segment, line: &str, uncertain: Option<f64>) -> Paragraph {
    let time = run(&clock::stamp(segment.start.0)).style("Time");
    let mut paragraph = Paragraph::new().style("Segment").add_run(time.add_tab());
    let mut certain = String::new();
    for piece in words::pieces(line, segment) {
        if piece.is_uncertain(uncertain) {
            if !certain.is_empty() {
                paragraph = paragraph.add_run(run(&std::mem::take(&mut certain)));
            }
            paragraph = paragraph.add_run(run(piece.text).highlight("yellow"));
        } else {
            certain.push_str(piece.text);
        }
    }
    if !certain.is_empty() {
        paragraph = paragraph.add_run(run(&certain));
    }
    paragraph
}

fn run(text: &str) -> Run {
    Run::new().add_text(xml_characters(text))
}

/// The file, as far as it is written.
struct Page {
    docx: Docx,
    is_right_to_left: bool,
    paragraphs: u32,
}

impl Page {
    fn new(document: &Document) -> Self {
        let language = language(document).unwrap_or_default();
        let created = created(document);
        let mut docx = Docx::new()
            .default_fonts(RunFonts::new().ascii("Calibri").hi_ansi("Calibri"))
            .default_size(22)
            .created_at(created)
            .updated_at(created);
        for style in styles() {
            docx = docx.add_style(style);
        }
        Self {
            docx,
            is_right_to_left: RIGHT_TO_LEFT.contains(&language),
            paragraphs: 0,
        }
    }

    fn add(&mut self, mut paragraph: Paragraph) {
        // The crate would count over all documents of the process.
        self.paragraphs += 1;
        paragraph = paragraph.id(format!("{:08x}", self.paragraphs));
        if self.is_right_to_left {
            paragraph.property = paragraph.property.bidi(true);
        }
        self.docx = std::mem::take(&mut self.docx).add_paragraph(paragraph);
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        self.docx
            .build()
            .pack(&mut bytes)
            .expect("an archive in memory takes what the crate writes");
        bytes.into_inner()
    }
}

fn styles() -> [Style; 5] {
    let paragraph = |id: &str, name: &str| {
        Style::new(id, StyleType::Paragraph)
            .name(name)
            .based_on("Normal")
            .q_format(true)
    };
    let spacing = |before, after| LineSpacing::new().before(before).after(after);
    [
        paragraph("Title", "Title")
            .size(44)
            .bold()
            .line_spacing(spacing(0, 120)),
        paragraph("Heading1", "heading 1")
            .size(26)
            .bold()
            .color("1F4E79")
            .outline_lvl(0)
            .line_spacing(spacing(280, 80)),
        paragraph("Facts", "Facts")
            .size(20)
            .color("595959")
            .line_spacing(spacing(0, 240)),
        paragraph("Segment", "Segment")
            .indent(
                Some(TIME_WIDTH),
                Some(SpecialIndentType::Hanging(TIME_WIDTH)),
                None,
                None,
            )
            .line_spacing(spacing(0, 100)),
        Style::new("Time", StyleType::Character)
            .name("Time")
            .size(17)
            .color("767676"),
    ]
}
