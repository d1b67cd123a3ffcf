//! The format stage: a document to the bytes of a file. It needs no recording, so a stored document can be rendered at any time.

use std::borrow::Cow;
use std::collections::BTreeSet;

use cesar_base::Digest;
use cesar_cache::OptionValue;
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
    let stage = &*with_recording(stage, context.label);
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

/// The stage with the name of the recording in the option that its format has for it. The key has a digest of the name: caches that
/// machines share do not tell names.
pub(super) fn with_recording<'a>(stage: &'a Prepared, label: &str) -> Cow<'a, Prepared> {
    let format = stage.request.get("format").and_then(Value::as_str);
    let spec = format.and_then(|format| stage.manifest().formats.get(format));
    let Some(option) = spec.and_then(|spec| spec.recording_option.as_deref()) else {
        return Cow::Borrowed(stage);
    };
    if stage.request.get(option) != Some(&Value::Null) {
        return Cow::Borrowed(stage);
    }
    let name = recording_name(label);
    let mut stage = stage.clone();
    let digest = OptionValue::Text(Digest::of(name.as_bytes()).to_string());
    stage.keyed.insert(option.to_owned(), digest);
    stage.request.insert(option.to_owned(), name.into());
    Cow::Owned(stage)
}

/// The name of a recording without folders and extension.
fn recording_name(label: &str) -> String {
    let is_address = ["http://", "https://"].iter().any(|scheme| label.starts_with(scheme));
    // What is behind the path may be a secret.
    let label = match is_address {
        true => label.split(['?', '#']).next().unwrap_or_default(),
        false => label,
    };
    let last = label
        .rsplit(['/', '\\'])
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    match last.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => last.to_owned(),
    }
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
    fn a_recording_is_named_without_folders_and_extension() {
        for (label, name) in [
            ("talk.mp3", "talk"),
            ("a/b/talk.labels.wav", "talk.labels"),
            ("https://example.org/media/", "media"),
            ("https://example.org/talk.mp3?token=eyJ.x.y", "talk"),
            ("https://example.org/talk.mp3?sig=abc/def#t", "talk"),
            ("what? no.mp3", "what? no"),
            (".hidden", ".hidden"),
            ("", ""),
        ] {
            assert_eq!(recording_name(label), name, "{label}");
        }
    }

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
