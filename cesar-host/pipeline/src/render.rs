//! The format stage: a document to the bytes of a file. It needs no recording, so a stored document can be rendered at any time.

use std::collections::BTreeSet;

use cesar_base::Digest;
use cesar_runner::CancelToken;
use plugin_api::document::rendered_bytes;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::call::{call_json, check_unchanged, json, wrong};
use super::context::Context;
use super::error::PipelineError;
use super::events::{Observer, StageReport};
use super::planner::Planner;
use super::prepared::Prepared;
use super::request::FormatRequest;
use super::stage::Stage;
use super::tools::Tools;
use super::transcript::Rendering;

/// See [`Pipeline::render_document`].
pub(super) fn render_document(
    tools: &Tools,
    format: &FormatRequest,
    document: &[u8],
    label: &str,
    observer: &dyn Observer,
    cancel: &CancelToken,
) -> Result<Rendering, PipelineError> {
    let stage = Planner::of(tools).prepare_format(format, cancel)?;
    let context = Context {
        tools,
        refresh: &BTreeSet::new(),
        observer,
        cancel,
        label,
        bypass: false,
        warnings: None,
    };
    // It becomes a part of the request as it is.
    let checked = || match serde_json::from_slice::<IgnoredAny>(document) {
        Ok(_) => Ok(document.to_vec()),
        Err(error) => Err(wrong(&stage, error.to_string())),
    };
    let (bytes, _) = render(&context, &stage, Digest::of(document), checked)?;
    Ok(Rendering::new(&format.format, &stage, bytes))
}

/// The file of the document with this digest: stored, or rendered now. The document is JSON, and only the plugin parses it.
pub(super) fn render(
    context: &Context<'_>,
    stage: &Prepared,
    digest: Digest,
    document: impl FnOnce() -> Result<Vec<u8>, PipelineError>,
) -> Result<(Vec<u8>, StageReport), PipelineError> {
    let parts = stage.key_parts(vec![("document".into(), digest)]);
    let (computed, report) = context.get_or_compute(&parts, None, |_| {
        let document = String::from_utf8(document()?).map_err(|error| wrong(stage, error.to_string()))?;
        let request = with_document(stage.request.clone(), &document);
        context.keeping_warnings(None, |context| {
            let output = call_json(Stage::Format, context, stage, &request, None, None)?;
            check_unchanged(context, stage)?;
            let bytes = rendered_bytes(&output).map_err(|detail| wrong(stage, detail))?;
            Ok(bytes.into())
        })
    })?;
    Ok((computed.bytes, report))
}

/// A request of these options with this document, which is JSON.
fn with_document(mut options: Map<String, Value>, document: &str) -> String {
    options.remove("document");
    let options = json(&options);
    let separator = if options == "{}" { "" } else { "," };
    format!("{{\"document\":{document}{separator}{}", &options[1..])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_part_of_the_request_byte_for_byte() {
        let document = "{ \"start\": 0.10, \"text\": \"\\u00e9\" }";
        for (options, expected) in [
            (json!({}), json!({})),
            (json!({ "format": "srt", "document": 1 }), json!({ "format": "srt" })),
        ] {
            let Value::Object(options) = options else {
                unreachable!("it is an object")
            };
            let request = with_document(options, document);
            assert!(request.contains(document), "{request}");
            let mut parsed: Map<String, Value> = serde_json::from_str(&request).expect("it is JSON");
            assert_eq!(
                parsed.remove("document"),
                serde_json::from_str(document).expect("it is JSON")
            );
            assert_eq!(Value::Object(parsed), expected);
        }
    }
}
