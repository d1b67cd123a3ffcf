//! tsv and csv: one row a segment, empty ones included, in the document's order and with the document's times.
//!
//! A cell is the text as it is: a mark against formulas of spreadsheets (`'=…`) would be a letter that was not said to every other program.

use plugin_api::document::Document;

use crate::clock;
use crate::speakers::label;
use crate::text::one_line;

/// Whisper's table: `start`, `end` in ms, `text`; a tab or line break in the text becomes a space.
pub(crate) fn tsv(document: &Document) -> String {
    let mut text = "start\tend\ttext\n".to_owned();
    for segment in &document.segments {
        let line = one_line(&segment.text);
        text.push_str(&format!("{}\t{}\t{line}\n", segment.start.0, segment.end.0));
    }
    text
}

/// RFC 4180 with `\n` between rows: `start`, `end` in seconds with three decimals, `speaker` (empty when unknown), `text`.
pub(crate) fn csv(document: &Document) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut row = |cells: [&str; 4]| {
        writer
            .write_record(cells)
            .expect("writing to memory succeeds, and every row has four cells");
    };
    row(["start", "end", "speaker", "text"]);
    for segment in &document.segments {
        let (start, end) = (clock::seconds(segment.start.0), clock::seconds(segment.end.0));
        let text = segment.text.replace("\r\n", "\n").replace('\r', "\n");
        row([&start, &end, &label(segment).unwrap_or_default(), &text]);
    }
    let bytes = writer.into_inner().expect("flushing to memory succeeds");
    String::from_utf8(bytes).expect("only whole texts were written")
}
