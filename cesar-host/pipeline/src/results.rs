//! The results of one input, asked for from the end: what the cache has under a key makes everything before it unnecessary but for its
//! digest.
//!
//! Recognition and diarization need nothing of each other: where neither is known and there is a second core, they run in parallel.

use std::collections::BTreeSet;
use std::thread::{self, ScopedJoinHandle};

use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_cache::{KeyGuard, KeyParts};
use cesar_corrections::{Corrected, correct};
use plugin_api::asr::Transcription;
use plugin_api::document::{AlignProvenance, Document, Partial};

use super::apart::Apart;
use super::context::Context;
use super::decode::Sound;
use super::error::PipelineError;
use super::events::StageReport;
use super::keyed::Keyed;
use super::merge::{self, Facts, Speakers};
use super::plan::Plan;
use super::prepared::Prepared;
use super::recognise::{Hearing, checked, recognise};
use super::rewrite::Rewrite;
use super::sink::FinishedDocument;
use super::speakers::{SpeakersPlan, Turns};
use super::stage::Stage;
use super::transcript::{Artifact, CorrectionsReport, Keep, Rendering};
use super::word_options::{self, WordOption};
use super::{align, remarks, render};

/// The known results of one input.
pub(super) struct Results<'a> {
    context: Context<'a>,
    plan: &'a Plan,
    sound: &'a Sound<'a>,
    pub(super) stages: Vec<StageReport>,
    asr: Keyed,
    /// The channels, if they are recognised apart.
    apart: Option<Apart>,
    /// `None` when the request does not ask for speakers.
    turns: Option<Turns<'a>>,
    merged: Option<Keyed>,
    /// `None` without a glossary or a given text, and until the merged document is known.
    rewritten: Option<Keyed>,
    /// The document with the users' corrections, once it was asked for; `None` in it for a recording without.
    overlaid: Option<Option<Corrected>>,
    /// The command with which the user retries.
    retry: Option<&'a str>,
}

impl<'a> Results<'a> {
    /// Nothing is known but the sound; `before` reports how it was made.
    pub(super) fn new(
        context: Context<'a>,
        plan: &'a Plan,
        sound: &'a Sound<'a>,
        before: Vec<StageReport>,
        retry: Option<&'a str>,
    ) -> Self {
        let asr_parts = plan.asr.key_parts(vec![("pcm".into(), sound.audio.pcm)]);
        let left_out = plan.speakers.as_ref().and_then(SpeakersPlan::left_out);
        left_out
            .iter()
            .for_each(|reason| context.warn(&reason.note(context.label)));
        let speakers = plan.speakers.as_ref().filter(|_| left_out.is_none());
        Self {
            context,
            plan,
            sound,
            stages: before,
            asr: Keyed::new(asr_parts, plan.asr.details()),
            apart: None,
            turns: speakers.map(|speakers| Turns::new(&context, speakers, sound)),
            merged: None,
            rewritten: None,
            overlaid: None,
            retry,
        }
    }

    /// Every format of the plan.
    pub(super) fn render_all(&mut self) -> Result<Vec<Rendering>, PipelineError> {
        let plan = self.plan;
        let render = |(format, stage): &(String, Prepared)| Ok(Rendering::new(format, stage, self.render(stage)?));
        plan.formats.iter().map(render).collect()
    }

    fn render(&mut self, stage: &Prepared) -> Result<Vec<u8>, PipelineError> {
        let context = self.context;
        if let Some(corrected) = self.overlaid()? {
            let json = &corrected.json;
            let (bytes, report) = render::render(&context, stage, Digest::of(json), || Ok(json.clone()))?;
            self.stages.push(report);
            return Ok(bytes);
        }
        let document = self.document_digest()?;
        let (bytes, report) = render::render(&context, stage, document, || Ok(self.document_bytes()?.to_vec()))?;
        self.stages.push(report);
        Ok(bytes)
    }

    /// The document with the users' corrections, where the recording has any in effect.
    fn overlaid(&mut self) -> Result<Option<&Corrected>, PipelineError> {
        if self.overlaid.is_none() {
            let history = match &self.plan.corrections {
                Some(corrections) => corrections.history(&self.sound.media.digest)?,
                None => Default::default(),
            };
            let corrected = match history.is_empty() {
                true => None,
                false => Some(correct(self.document_bytes()?.to_vec(), &history)?),
            };
            self.overlaid = Some(corrected);
        }
        Ok(self.overlaid.as_ref().and_then(Option::as_ref))
    }

    /// The effect of the corrections; known once something was rendered.
    pub(super) fn corrections_report(&self) -> Option<CorrectionsReport> {
        let corrected = self.overlaid.as_ref()?.as_ref()?;
        Some(CorrectionsReport {
            revision: corrected.revision,
            applied: corrected.applied,
            conflicts: corrected.conflicts.clone(),
        })
    }

    /// Warns of options of formats that have no effect on this document, because it lacks what they need of words.
    pub(super) fn warn_about_words(&mut self) -> Result<(), PipelineError> {
        let plan = self.plan;
        let given = plan
            .formats
            .iter()
            .flat_map(|(format, stage)| word_options::given(stage.manifest().formats.get(format), &stage.request));
        let given: BTreeSet<WordOption> = given.collect();
        if given.is_empty() {
            return Ok(());
        }
        let document = self.document()?;
        let lacking = given.into_iter().filter(|option| !option.has_effect(&document));
        for option in lacking.collect::<Vec<_>>() {
            self.context.warn(&option.warning(self.context.label));
        }
        Ok(())
    }

    /// Warns of a document without text, or in a doubtful language. A stored document is not read for that: its renderings tell whether it
    /// has text.
    pub(super) fn warn_about_content(&mut self, renderings: &[Rendering]) -> Result<(), PipelineError> {
        let is_at_hand = self.merged.as_ref().is_some_and(|merged| merged.computed().is_some());
        let is_blank = |rendering: &Rendering| rendering.bytes.iter().all(u8::is_ascii_whitespace);
        let remark = match is_at_hand {
            true => remarks::remark(&self.document()?, self.context.label),
            false => renderings
                .iter()
                .any(is_blank)
                .then(|| remarks::no_speech(self.context.label)),
        };
        remark.iter().for_each(|remark| self.context.warn(remark));
        Ok(())
    }

    fn document(&mut self) -> Result<Document, PipelineError> {
        Ok(serde_json::from_slice(self.document_bytes()?)
            .expect("this run has made the document, or checked it when it was read"))
    }

    /// The number of replacements by the glossary; none without one.
    pub(super) fn replacements(&mut self) -> Result<Option<u64>, PipelineError> {
        if self.plan.glossary.is_none() {
            return Ok(None);
        }
        Ok(self.document()?.provenance.glossary.map(|glossary| {
            let listed: u64 = glossary.replacements.iter().map(|replacement| replacement.count).sum();
            listed + glossary.omitted
        }))
    }

    /// The fit of the given text, if there is one.
    pub(super) fn align_report(&mut self) -> Result<Option<AlignProvenance>, PipelineError> {
        match &self.plan.script {
            Some(_) => Ok(align::report(self.document_bytes()?)),
            None => Ok(None),
        }
    }

    /// The part that the document lacks because a stage failed.
    pub(super) fn partial(&self) -> Option<Partial> {
        let reason = self.turns.as_ref().and_then(|turns| turns.lacking());
        reason.map(|reason| reason.partial(self.retry))
    }

    /// Parts missing because a stage failed, or absent from the recording.
    pub(super) fn incomplete(&self) -> Option<Partial> {
        let (stage, sound) = (self.partial(), self.sound.audio.partial(self.sound.part.slice));
        if let (Some(_), Some(sound)) = (&stage, &sound) {
            // One reason is reported, and that of the stage has a retry.
            let label = self.context.label;
            self.context
                .warn(&format!("{label}: the transcript is incomplete: {}", sound.message));
        }
        stage.or(sound)
    }

    /// Counts the results of which only the digest was needed; reading counts by itself.
    pub(super) fn count_hits(&self) {
        let Some(cache) = self.context.cache() else { return };
        let turns = self.turns.as_ref().and_then(Turns::keyed);
        [Some(&self.asr), turns, self.merged.as_ref(), self.rewritten.as_ref()]
            .into_iter()
            .flatten()
            .for_each(|known| known.count_hit(cache));
        if self.plan.script.is_some() {
            return;
        }
        // Corrections are for the transcript that was shown last, not for a text that was given.
        let documents = [self.merged.as_ref(), self.rewritten.as_ref()];
        let shown = documents.into_iter().flatten().next_back();
        shown
            .into_iter()
            .for_each(|document| cache.record_shown(document.key()));
    }

    /// Hands the document to the pipeline's sink, unless the cache does not hold it.
    pub(super) fn notify_sink(&self) {
        // A text that was given is not what was said.
        let rewritten = self.rewritten.as_ref().filter(|_| self.plan.script.is_none());
        let document = rewritten.or(self.merged.as_ref());
        let (Some(sink), Some(document)) = (&self.context.tools.sink, document) else {
            return;
        };
        let (Some(_), Some(digest)) = (self.merge_context().cache(), document.digest()) else {
            return;
        };
        sink.finished(&FinishedDocument {
            key: document.key(),
            digest,
            bytes: document.computed().map(|computed| computed.bytes.as_slice()),
            label: self.context.label,
        });
    }

    /// Gives everything to `keep`.
    pub(super) fn hand_out(&mut self, keep: &mut Keep<'_>) -> Result<(), PipelineError> {
        keep(Artifact::Audio(&*self.sound.samples(&self.context)?));
        self.read_transcription()?;
        self.read_turns()?;
        keep(Artifact::Transcription(bytes(Some(&self.asr))));
        if let Some(turns) = self.turns.as_ref().and_then(Turns::keyed) {
            keep(Artifact::Turns(bytes(Some(turns))));
        }
        keep(Artifact::Document(self.document_bytes()?));
        Ok(())
    }

    /// The digest of the document that is rendered, found or computed.
    pub(super) fn document_digest(&mut self) -> Result<Digest, PipelineError> {
        match Rewrite::of(self.plan) {
            None => self.merged_digest(),
            Some(rewrite) => self.rewritten_digest(rewrite),
        }
    }

    /// That document as JSON, read or computed.
    pub(super) fn document_bytes(&mut self) -> Result<&[u8], PipelineError> {
        let Some(rewrite) = Rewrite::of(self.plan) else {
            return self.merged_bytes();
        };
        self.rewritten_digest(rewrite)?;
        self.compute_rewritten(rewrite)?;
        Ok(bytes(self.rewritten.as_ref()))
    }

    fn rewritten_digest(&mut self, rewrite: Rewrite<'_>) -> Result<Digest, PipelineError> {
        if self.rewritten.is_none() {
            let merged = self.merged_digest()?;
            self.rewritten = Some(Keyed::new(rewrite.key_parts(merged), None));
        }
        let context = self.merge_context();
        let stages = &mut self.stages;
        let known = self.rewritten.as_mut();
        if !known.is_some_and(|rewritten| rewritten.find(&context, stages)) {
            self.compute_rewritten(rewrite)?;
        }
        let digest = self.rewritten.as_ref().and_then(Keyed::digest);
        Ok(digest.expect("it was found, or `compute_rewritten` has just put it there"))
    }

    fn compute_rewritten(&mut self, rewrite: Rewrite<'_>) -> Result<(), PipelineError> {
        let (context, plan, sound) = (self.merge_context(), self.plan, self.sound);
        let Some(mut rewritten) = self.rewritten.take() else {
            return Ok(());
        };
        let mut is_stored = rewritten.computed().is_none();
        let result = rewritten.compute(&context, |_: Option<&KeyGuard>| {
            is_stored = false;
            let merged = self.merged_bytes()?;
            context.keeping_warnings(None, |context| {
                Ok(rewrite.apply(merged, context, &plan.asr, sound)?.into())
            })
        });
        self.rewritten = Some(rewritten);
        self.stages.extend(result?);
        check_stored(self.rewritten.as_ref().filter(|_| is_stored), rewrite.stage())
    }

    /// The merged document's digest, found or computed.
    fn merged_digest(&mut self) -> Result<Digest, PipelineError> {
        if self.merged.is_none() {
            self.settle()?;
            self.merged = Some(Keyed::new(self.merge_parts(), None));
        }
        let context = self.merge_context();
        let stages = &mut self.stages;
        let known = self.merged.as_mut();
        if !known.is_some_and(|merged| merged.find(&context, stages)) {
            self.compute_merged()?;
        }
        let digest = self.merged.as_ref().and_then(Keyed::digest);
        Ok(digest.expect("it was found, or `compute_merged` has just put it there"))
    }

    /// The merged document as JSON, read or computed.
    fn merged_bytes(&mut self) -> Result<&[u8], PipelineError> {
        self.merged_digest()?;
        self.compute_merged()?;
        Ok(bytes(self.merged.as_ref()))
    }

    fn compute_merged(&mut self) -> Result<(), PipelineError> {
        let context = self.merge_context();
        let Some(mut merged) = self.merged.take() else {
            return Ok(());
        };
        let mut is_stored = merged.computed().is_none();
        let result = merged.compute(&context, |_: Option<&KeyGuard>| {
            is_stored = false;
            let document = self.merge()?;
            let bytes = serde_json::to_vec(&document).expect("strings and finite numbers always serialise");
            Ok(bytes.into())
        });
        self.merged = Some(merged);
        self.stages.extend(result?);
        check_stored(self.merged.as_ref().filter(|_| is_stored), Stage::Merge)
    }

    /// A document that lacks what a stage failed of is nothing to keep.
    fn merge_context(&self) -> Context<'a> {
        let is_partial = self.turns.as_ref().is_some_and(|turns| turns.lacking().is_some());
        Context {
            bypass: self.context.bypass || is_partial,
            ..self.context
        }
    }

    fn merge_parts(&self) -> KeyParts {
        let made = |keyed: &Keyed| Some((keyed.key(), keyed.digest()?));
        let asr = made(&self.asr).expect("`settle` comes first");
        let turns = self.turns.as_ref();
        let turns = turns.and_then(|turns| Some((made(turns.keyed()?)?, turns.key_options())));
        merge::key_parts(&self.plan.asr, self.sound, asr, turns)
    }

    fn merge(&mut self) -> Result<Document, PipelineError> {
        let transcription = self.read_transcription()?;
        let created_ms = self.asr.computed().and_then(|computed| computed.created_ms);
        let known = self.merge_parts();
        self.read_turns()?;
        if known != self.merge_parts() {
            // The turns were damaged and cannot be computed again: the key promises them.
            return Err(PipelineError::Replaced);
        }
        let (transcription, channels) = match &self.apart {
            Some(apart) => {
                let (transcription, channels) = apart.placed(transcription);
                (transcription, Some(channels))
            }
            None => (transcription, None),
        };
        let facts = Facts {
            channels,
            sound: self.sound,
            asr: &self.plan.asr,
            created_ms: created_ms.unwrap_or_else(|| SystemClock.now_ms()),
            speakers: self.speakers()?,
        };
        Ok(merge::document(transcription, facts))
    }

    fn speakers(&self) -> Result<Speakers, PipelineError> {
        let Some(turns) = &self.turns else {
            return Ok(Speakers::Unasked);
        };
        Ok(match (turns.spoken()?, self.partial()) {
            (Some(spoken), _) => Speakers::Identified {
                spoken,
                names: turns.names(),
                by: turns.provenance(),
            },
            (None, Some(partial)) => Speakers::Missing(partial),
            (None, None) => Speakers::Unasked,
        })
    }

    fn read_transcription(&mut self) -> Result<Transcription, PipelineError> {
        let (context, plan) = (self.context, self.plan);
        let hearing = Hearing {
            sound: self.sound,
            apart: self.apart.as_ref(),
        };
        let report = self
            .asr
            .compute(&context, |guard| recognise(&context, &plan.asr, hearing, guard))?;
        self.stages.extend(report);
        // What the engine has just returned was checked. A writer of a cache that machines share can store anything.
        checked(&plan.asr, bytes(Some(&self.asr)), hearing).map_err(|_| PipelineError::Unparsed { stage: Stage::Asr })
    }

    fn read_turns(&mut self) -> Result<(), PipelineError> {
        let (context, sound) = (self.context, self.sound);
        if let Some(turns) = &mut self.turns {
            self.stages.extend(turns.compute(&context, sound)?);
        }
        Ok(())
    }

    /// Makes sure that transcription and turns are known, at least by their digests; what is not is computed.
    fn settle(&mut self) -> Result<(), PipelineError> {
        let context = self.context;
        self.separate()?;
        let has_text = self.asr.find(&context, &mut self.stages);
        let turns = self.turns.as_mut();
        let has_turns = turns.is_none_or(|turns| turns.find(&context, &mut self.stages));
        match (has_text, has_turns) {
            (true, true) => Ok(()),
            (false, false) if there_are_cores() => self.in_parallel(),
            _ => {
                if !has_text {
                    self.read_transcription()?;
                }
                if !has_turns {
                    self.read_turns()?;
                }
                Ok(())
            }
        }
    }

    /// Where the channels are the speakers, their turns come first, and recognition hears one channel after the other.
    fn separate(&mut self) -> Result<(), PipelineError> {
        let plan = self.plan;
        if !plan.speakers.as_ref().is_some_and(SpeakersPlan::is_by_channel) {
            return Ok(());
        }
        self.read_turns()?;
        let Some(turns) = &self.turns else { return Ok(()) };
        let (Some(spoken), Some(digest)) = (turns.spoken()?, turns.keyed().and_then(Keyed::digest)) else {
            return Ok(());
        };
        self.apart = Apart::new(&self.context, self.sound, (&spoken, digest))?;
        if let Some(apart) = &self.apart {
            let parts = plan.asr.key_parts(vec![("pcm".into(), apart.digest())]);
            self.asr = Keyed::new(parts, plan.asr.details());
        }
        Ok(())
    }

    fn in_parallel(&mut self) -> Result<(), PipelineError> {
        let (plan, sound) = (self.plan, self.sound);
        let both = self.context.cancel.part();
        let context = Context {
            cancel: &both,
            ..self.context
        };
        // The stage that fails ends the other, too.
        let ending = |result: Result<_, PipelineError>| result.inspect_err(|_| both.cancel());
        let hearing = Hearing { sound, apart: None };
        let (asr, turns) = (&mut self.asr, self.turns.as_mut());
        let (text, turns) = thread::scope(|scope| {
            let other = turns.map(|turns| scope.spawn(|| ending(turns.compute(&context, sound))));
            let text = ending(asr.compute(&context, |guard| recognise(&context, &plan.asr, hearing, guard)));
            (text, other.map_or(Ok(None), join))
        });
        let (text, turns) = match (text, turns) {
            (Ok(text), Ok(turns)) => (text, turns),
            // Of two, one was only stopped because of the other.
            (Err(PipelineError::Interrupted), Err(error)) | (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
        };
        self.stages.extend(text);
        self.stages.extend(turns);
        Ok(())
    }
}

/// Refuses a stored document that is none. A writer of a cache that machines share can store anything.
fn check_stored(document: Option<&Keyed>, stage: Stage) -> Result<(), PipelineError> {
    match document.map(|document| serde_json::from_slice::<Document>(bytes(Some(document)))) {
        Some(Err(_)) => Err(PipelineError::Unparsed { stage }),
        _ => Ok(()),
    }
}

fn bytes(known: Option<&Keyed>) -> &[u8] {
    let computed = known.and_then(Keyed::computed);
    &computed.expect("the caller has just computed it").bytes
}

/// The result of a thread; its panic continues in this thread.
pub(super) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Whether a second stage has a core to run on.
fn there_are_cores() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() > 1)
}
