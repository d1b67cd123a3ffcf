//! The format stage: a document to the bytes of a file. It needs no recording, so a stored document can be rendered at any time.

use std::collections::BTreeSet;

use cesar_base::Digest;
use cesar_runner::CancelToken;
use plugin_api::document::rendered_bytes;
use serde_json::Value;

use super::call::{call, check_unchanged, wrong};
use super::context::Context;
use super::error::PipelineError;
use super::events::{Observer, StageReport};
use super::planner::Planner;
use super::prepared::Prepared;
use super::request::FormatRequest;
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
    };
    let parsed = || serde_json::from_slice(document).map_err(|error| wrong(&stage, error.to_string()));
    let (bytes, _) = render(&context, &stage, Digest::of(document), parsed)?;
    Ok(Rendering::new(&format.format, &stage, bytes))
}

/// The file of the document with this digest: stored, or rendered now.
pub(super) fn render(
    context: &Context<'_>,
    stage: &Prepared,
    digest: Digest,
    document: impl FnOnce() -> Result<Value, PipelineError>,
) -> Result<(Vec<u8>, StageReport), PipelineError> {
    let parts = stage.key_parts(vec![("document".into(), digest)]);
    let (computed, report) = context.get_or_compute(&parts, None, |_| {
        let mut request = stage.request.clone();
        request.insert("document".into(), document()?);
        let output = call(context, stage, &request, None, None)?;
        check_unchanged(context, stage)?;
        let bytes = rendered_bytes(&output).map_err(|detail| wrong(stage, detail))?;
        Ok(bytes.into())
    })?;
    Ok((computed.bytes, report))
}
