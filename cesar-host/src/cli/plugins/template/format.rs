//! {{name}}: writes each segment with its start. The same document must always give the same bytes.

use plugin_api::document::{Document, Rendering};
use plugin_api::{Audio, Ctx, Stage, StageError, cesar_plugin};

struct {{type}};

#[derive(serde::Deserialize)]
struct Options {}

/// The options, and the document to write.
#[derive(serde::Deserialize)]
struct Request {
    document: Document,
}

impl Stage for {{type}} {
    type Options = Options;
    type Request = Request;
    type Output = Rendering;

    fn open(_: Options) -> Result<Self, StageError> {
        Ok(Self)
    }

    fn run(&mut self, request: Request, _: Audio<'_>, _: &mut Ctx<'_>) -> Result<Rendering, StageError> {
        let line = |segment: &plugin_api::document::Segment| {
            let start = segment.start.milliseconds();
            format!("{}.{:03} {}\n", start / 1000, start % 1000, segment.text.trim())
        };
        Ok(Rendering { text: request.document.segments.iter().map(line).collect() })
    }
}

cesar_plugin!({{type}}, "cesar-plugin.json");

#[cfg(test)]
mod tests;
