//! One input through the stages.
//!
//! Results are asked for from the end: what the cache has under a key makes everything before it unnecessary but for its digest.
//! A stage whose digest was found in the index but whose bytes turn out to be damaged is computed again; should it then give other
//! bytes than before, the run starts over with the new ones, so that no later result is stored under a key it does not belong to.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use plugin_api::asr::Transcription;
use plugin_api::document::Document;
use plugin_api::manifest::{Scope, StageKind};
use plugin_api::resume;
use serde_json::{Map, Value};

use crate::audio::Slice;
use crate::cache::{Cache, Clock as _, Computation, Digest, Entry, KeyGuard, KeyParts, SystemClock};
use crate::runner::{CancelToken, Pcm, StageCall, StageEvents};

use super::decode::{self, DecodeResult, Media};
use super::merge::{self, Facts};
use super::plan::{Plan, Prepared};
use super::render;
use super::resume::Checkpoints;
use super::stage::{Computed, Context};
use super::{Event, Observer, Pipeline, PipelineError, StageReport};

/// One recording.
#[derive(Debug, Clone)]
pub struct Input {
    /// The file.
    pub path: PathBuf,
    /// What people call it.
    pub label: String,
    /// The part to transcribe.
    pub slice: Slice,
}

/// The text of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// `txt`, `srt`, …
    pub format: String,
    /// The file's bytes.
    pub text: String,
}

/// A finished input.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// One for each format of the plan, in its order.
    pub renderings: Vec<Rendering>,
    /// Each stage, in order.
    pub stages: Vec<StageReport>,
}

/// What a stage gave.
#[derive(Debug)]
pub enum Artifact<'a> {
    /// The samples, of `decode`.
    Audio(&'a Pcm),
    /// JSON of a [`Transcription`], of `asr`.
    Transcription(&'a [u8]),
    /// JSON of a [`Document`], of `merge`.
    Document(&'a [u8]),
}

/// Takes what the stages gave.
pub type Keep<'a> = dyn FnMut(Artifact<'_>) + 'a;

/// A finished input as the document that every format is made from.
#[derive(Debug, Clone)]
pub struct Documented {
    /// The [`Document`], as JSON.
    pub document: Vec<u8>,
    /// Each stage, in order.
    pub stages: Vec<StageReport>,
}

impl Pipeline {
    /// Does one input.
    ///
    /// # Errors
    /// [`PipelineError`]; nothing half-done is stored or returned.
    pub fn run(
        &self,
        plan: &Plan,
        input: &Input,
        observer: &dyn Observer,
        cancel: &CancelToken,
    ) -> Result<Transcript, PipelineError> {
        let (renderings, stages) = self.run_to(plan, input, observer, cancel, &|run: &mut Run<'_>| run.render_all())?;
        Ok(Transcript { renderings, stages })
    }

    /// Does one input, and hands what each stage gave to `keep`, whether it was computed or found.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_keeping(
        &self,
        plan: &Plan,
        input: &Input,
        keep: &mut Keep<'_>,
        observer: &dyn Observer,
        cancel: &CancelToken,
    ) -> Result<Transcript, PipelineError> {
        let keep = RefCell::new(keep);
        let goal = |run: &mut Run<'_>| {
            let renderings = run.render_all()?;
            run.hand_out(*keep.borrow_mut())?;
            Ok(renderings)
        };
        let (renderings, stages) = self.run_to(plan, input, observer, cancel, &goal)?;
        Ok(Transcript { renderings, stages })
    }

    /// Does one input up to its document; the plan's formats are left out.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_to_document(
        &self,
        plan: &Plan,
        input: &Input,
        observer: &dyn Observer,
        cancel: &CancelToken,
    ) -> Result<Documented, PipelineError> {
        let (document, stages) = self.run_to(plan, input, observer, cancel, &|run: &mut Run<'_>| {
            run.document_digest()?;
            run.document_bytes().map(<[u8]>::to_vec)
        })?;
        Ok(Documented { document, stages })
    }

    fn run_to<T>(
        &self,
        plan: &Plan,
        input: &Input,
        observer: &dyn Observer,
        cancel: &CancelToken,
        goal: &dyn Fn(&mut Run<'_>) -> Result<T, PipelineError>,
    ) -> Result<(T, Vec<StageReport>), PipelineError> {
        let mut context = Context {
            pipeline: self,
            refresh: &plan.refresh,
            observer,
            cancel,
            label: &input.label,
            bypass: plan.bypass,
        };
        let result = run_once(&context, plan, input, goal).or_else(|error| match error {
            PipelineError::Replaced => run_once(&context, plan, input, goal),
            error => Err(error),
        });
        let result = result.or_else(|error| match error {
            // The cache cannot be healed; the transcript does not need it.
            PipelineError::Replaced => {
                context.bypass = true;
                run_once(&context, plan, input, goal)
            }
            error => Err(error),
        });
        for notice in self.cache.as_ref().map(Cache::take_notices).unwrap_or_default() {
            context.warn(&notice);
        }
        // What was asked to stop may have broken in many ways; none of them is the user's concern.
        result.map_err(|error| {
            if cancel.is_cancelled() {
                PipelineError::Interrupted
            } else {
                error
            }
        })
    }
}

fn run_once<T>(
    context: &Context<'_>,
    plan: &Plan,
    input: &Input,
    goal: &dyn Fn(&mut Run<'_>) -> Result<T, PipelineError>,
) -> Result<(T, Vec<StageReport>), PipelineError> {
    let media = Media::open(context, &input.path)?;
    let decoded = decode::decode(context, &media, input.slice, || prepare(context, &plan.asr))?;
    let stages = vec![decoded.report.clone()];
    let mut run = Run {
        context: *context,
        plan,
        input,
        media: &media,
        decoded,
        stages,
        asr: None,
        document: None,
    };
    let reached = goal(&mut run)?;
    run.count_hits();
    Ok((reached, run.stages))
}

/// A result of which perhaps only the digest is known.
struct Known {
    digest: Digest,
    /// Its entry, while only that was looked at.
    entry: Option<Entry>,
    computed: Option<Computed>,
}

impl Known {
    fn found(entry: Entry) -> Self {
        Self {
            digest: entry.digest,
            entry: Some(entry),
            computed: None,
        }
    }

    /// The result with its bytes, unless it is another one than was known.
    fn computed(computed: Computed, known: Option<Digest>) -> Result<Self, PipelineError> {
        match known {
            Some(known) if known != computed.digest => Err(PipelineError::Replaced),
            _ => Ok(Self {
                digest: computed.digest,
                entry: None,
                computed: Some(computed),
            }),
        }
    }
}

struct Run<'a> {
    context: Context<'a>,
    plan: &'a Plan,
    input: &'a Input,
    media: &'a Media<'a>,
    decoded: DecodeResult,
    stages: Vec<StageReport>,
    asr: Option<Known>,
    document: Option<Known>,
}

impl Run<'_> {
    fn render_all(&mut self) -> Result<Vec<Rendering>, PipelineError> {
        let plan = self.plan;
        plan.formats
            .iter()
            .map(|(format, stage)| {
                Ok(Rendering {
                    format: format.clone(),
                    text: self.render(stage)?,
                })
            })
            .collect()
    }

    /// Counts the results of which only the digest was needed; reading counts by itself.
    fn count_hits(&self) {
        let Some(cache) = self.context.cache() else { return };
        [&self.asr, &self.document]
            .into_iter()
            .flatten()
            .filter_map(|known| known.entry.as_ref())
            .for_each(|entry| {
                cache.record_hit(entry);
            });
    }

    fn render(&mut self, stage: &Prepared) -> Result<String, PipelineError> {
        let document = self.document_digest()?;
        let context = self.context;
        let (text, report) = render::render(&context, stage, document, || {
            Ok(serde_json::from_slice(self.document_bytes()?)
                .expect("the document was written by this pipeline, or verified by its digest"))
        })?;
        self.stages.push(report);
        Ok(text)
    }

    fn document_digest(&mut self) -> Result<Digest, PipelineError> {
        if let Some(known) = &self.document {
            return Ok(known.digest);
        }
        let parts = self.merge_parts()?;
        if let Some((entry, report)) = self.context.find(&parts) {
            self.stages.push(report);
            let digest = entry.digest;
            self.document = Some(Known::found(entry));
            return Ok(digest);
        }
        self.compute_document(&parts)?;
        self.document_digest()
    }

    fn document_bytes(&mut self) -> Result<&[u8], PipelineError> {
        if self.document.as_ref().is_none_or(|known| known.computed.is_none()) {
            let parts = self.merge_parts()?;
            self.compute_document(&parts)?;
        }
        let computed = self.document.as_ref().and_then(|known| known.computed.as_ref());
        Ok(&computed.expect("`compute_document` has just put it there").bytes)
    }

    fn compute_document(&mut self, parts: &KeyParts) -> Result<(), PipelineError> {
        let context = self.context;
        let known = self.document.as_ref().map(|known| known.digest);
        let compute = |_: Option<&KeyGuard>| {
            let document = self.merge()?;
            let bytes = serde_json::to_vec(&document).expect("strings and finite numbers always serialise");
            Ok(bytes.into())
        };
        let computed = match known {
            Some(_) => context.fetch(parts, None, compute)?,
            None => {
                let (computed, report) = context.get_or_compute(parts, None, compute)?;
                self.stages.push(report);
                computed
            }
        };
        self.document = Some(Known::computed(computed, known)?);
        Ok(())
    }

    fn merge_parts(&mut self) -> Result<KeyParts, PipelineError> {
        let asr = self.asr_digest()?;
        let (media, decoded, asr_key) = (self.media.digest, self.decoded.digest, self.asr_parts().key());
        Ok(merge::key_parts(
            &self.plan.asr,
            self.input.slice,
            media,
            decoded,
            (asr_key, asr),
        ))
    }

    fn merge(&mut self) -> Result<Document, PipelineError> {
        let plan = self.plan;
        let (bytes, created_ms) = {
            let computed = self.transcription()?;
            (computed.bytes.clone(), computed.created_ms)
        };
        let transcription = self.checked(&plan.asr, &bytes)?;
        let facts = Facts {
            media: self.media.digest,
            audio: &self.decoded.audio,
            slice: self.input.slice,
            asr: &plan.asr,
            created_ms: created_ms.unwrap_or_else(|| SystemClock.now_ms()),
        };
        Ok(merge::document(transcription, &facts))
    }

    fn asr_parts(&self) -> KeyParts {
        self.plan.asr.key_parts(vec![("pcm".into(), self.decoded.audio.pcm)])
    }

    fn asr_digest(&mut self) -> Result<Digest, PipelineError> {
        if let Some(known) = &self.asr {
            return Ok(known.digest);
        }
        if let Some((entry, report)) = self.context.find(&self.asr_parts()) {
            self.stages.push(report);
            let digest = entry.digest;
            self.asr = Some(Known::found(entry));
            return Ok(digest);
        }
        Ok(self.transcription()?.digest)
    }

    fn transcription(&mut self) -> Result<&Computed, PipelineError> {
        if self.asr.as_ref().is_none_or(|known| known.computed.is_none()) {
            self.compute_transcription()?;
        }
        let computed = self.asr.as_ref().and_then(|known| known.computed.as_ref());
        Ok(computed.expect("`compute_transcription` has just put it there"))
    }

    fn compute_transcription(&mut self) -> Result<(), PipelineError> {
        let (context, parts, details) = (self.context, self.asr_parts(), self.plan.asr.details());
        let known = self.asr.as_ref().map(|known| known.digest);
        let computed = match known {
            Some(_) => context.fetch(&parts, details, |guard| self.recognise(guard))?,
            None => {
                let (computed, report) = context.get_or_compute(&parts, details, |guard| self.recognise(guard))?;
                self.stages.push(report);
                computed
            }
        };
        self.asr = Some(Known::computed(computed, known)?);
        Ok(())
    }

    /// Runs the engine, from where an earlier run stopped if there was one.
    fn recognise(&mut self, guard: Option<&KeyGuard>) -> Result<Computation, PipelineError> {
        let stage = &self.plan.asr;
        let pcm = self.samples()?;
        let context = self.context;
        // Also asked when the work was interrupted, to keep what is finished.
        let patience = CancelToken::default();
        let patient = Context {
            cancel: &patience,
            ..context
        };
        let unchanged = || check_unchanged(&patient, stage).is_ok();
        let checkpoints = Checkpoints::of(&context, stage, guard, &unchanged);
        let attempt = |request: &Map<String, Value>| {
            let output = call(&context, stage, request, Some(&pcm), checkpoints.as_ref())?;
            self.checked(stage, output.as_bytes())?;
            check_unchanged(&context, stage)?;
            Ok(output)
        };
        match &checkpoints {
            Some(checkpoints) => checkpoints.run(&stage.request, &attempt),
            None => attempt(&stage.request).map(|output| output.into_bytes().into()),
        }
    }

    /// The samples that this run decoded, or decoded again.
    fn samples(&mut self) -> Result<Arc<Pcm>, PipelineError> {
        if let Some(pcm) = &self.decoded.pcm {
            return Ok(Arc::clone(pcm));
        }
        let pcm = decode::samples(&self.context, self.media, self.input.slice, &self.decoded.audio)?;
        Ok(Arc::clone(self.decoded.pcm.insert(Arc::new(pcm))))
    }

    fn hand_out(&mut self, keep: &mut Keep<'_>) -> Result<(), PipelineError> {
        keep(Artifact::Audio(&*self.samples()?));
        keep(Artifact::Transcription(&self.transcription()?.bytes));
        keep(Artifact::Document(self.document_bytes()?));
        Ok(())
    }

    fn checked(&self, stage: &Prepared, bytes: &[u8]) -> Result<Transcription, PipelineError> {
        let transcription: Transcription =
            serde_json::from_slice(bytes).map_err(|error| wrong(stage, error.to_string()))?;
        merge::check(&transcription, self.decoded.audio.duration_ms()).map_err(|detail| wrong(stage, detail))?;
        Ok(transcription)
    }
}

/// Runs one request of a stage, in a warm runner where there is one.
pub(super) fn call(
    context: &Context<'_>,
    stage: &Prepared,
    request: &Map<String, Value>,
    audio: Option<&Pcm>,
    checkpoints: Option<&Checkpoints<'_>>,
) -> Result<String, PipelineError> {
    let call = stage_call(stage, request, audio);
    let events = Events {
        observer: context.observer,
        stage: stage.manifest().stage,
        checkpoints,
    };
    Ok(context.pipeline.runners.run(&call, &events, context.cancel)?)
}

/// A plugin or a model that was replaced while it was in use would give its result the wrong key.
pub(super) fn check_unchanged(context: &Context<'_>, stage: &Prepared) -> Result<(), PipelineError> {
    let (pipeline, cancel) = (context.pipeline, context.cancel);
    let changed = |path: &Path| PipelineError::Changed { path: path.to_owned() };
    if pipeline.file_digest(&stage.plugin.path, cancel)? != stage.digest {
        return Err(changed(&stage.plugin.path));
    }
    for used in stage.models.values() {
        if pipeline.model_digest(&used.model, cancel)? != used.digest {
            return Err(changed(&used.model.path));
        }
    }
    Ok(())
}

/// Loads the model and lets the stage look at its options.
fn prepare(context: &Context<'_>, stage: &Prepared) -> Result<(), PipelineError> {
    let call = stage_call(stage, &stage.request, None);
    let events = Events {
        observer: context.observer,
        stage: stage.manifest().stage,
        checkpoints: None,
    };
    Ok(context.pipeline.runners.prepare(&call, &events, context.cancel)?)
}

fn stage_call<'a>(stage: &'a Prepared, request: &'a Map<String, Value>, audio: Option<&'a Pcm>) -> StageCall<'a> {
    StageCall {
        plugin: &stage.manifest().id,
        path: &stage.plugin.path,
        plugin_digest: *stage.digest.as_bytes(),
        model_digests: (stage.models.values())
            .filter(|used| used.scope == Scope::Open)
            .map(|used| *used.digest.as_bytes())
            .collect(),
        open: &stage.open,
        request,
        audio,
    }
}

pub(super) fn wrong(stage: &Prepared, detail: String) -> PipelineError {
    let manifest = stage.manifest();
    PipelineError::Output {
        stage: manifest.stage,
        plugin: manifest.id.clone(),
        detail,
    }
}

/// Names the stage in what its plugin says, and keeps its checkpoints.
struct Events<'a, 'c> {
    observer: &'a dyn Observer,
    stage: StageKind,
    checkpoints: Option<&'a Checkpoints<'c>>,
}

impl<'c> Events<'_, 'c> {
    /// The checkpoints, once what came before the run is shown.
    fn going_on(&self) -> Option<&Checkpoints<'c>> {
        let checkpoints = self.checkpoints?;
        checkpoints.replay(self.observer);
        Some(checkpoints)
    }
}

impl StageEvents for Events<'_, '_> {
    fn progress(&self, done: u64, total: u64) {
        if let Some(checkpoints) = self.going_on() {
            checkpoints.progress(done, total);
        }
        self.observer.event(&Event::Progress {
            stage: self.stage.name(),
            done,
            total,
        });
    }
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str) {
        self.going_on();
        self.observer.event(&Event::Segment { start_ms, end_ms, text });
    }
    fn emit(&self, kind: &str, json: &str) {
        match self.going_on() {
            Some(checkpoints) if kind == resume::KIND => checkpoints.checkpoint(json),
            _ => tracing::debug!(kind, "{json}"),
        }
    }
    fn log(&self, level: u8, target: &str, message: &str) {
        self.observer.event(&Event::Log { level, target, message });
    }
}
