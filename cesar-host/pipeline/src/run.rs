//! One input: what is asked for and what is given back.
//!
//! A stage whose digest was found in the index but whose bytes turn out to be damaged is computed again; should it then give other
//! bytes than before, the run starts over with the new ones, so that no later result is stored under a key it does not belong to.

use std::cell::RefCell;

use cesar_base::Digest;
use cesar_cache::Cache;
use cesar_runner::CancelToken;
use plugin_api::document::{AlignProvenance, Partial};
use plugin_api::manifest::StageKind;

use super::acquire::Acquisition;
use super::context::Context;
use super::decode;
use super::error::PipelineError;
use super::events::{Event, Observer, StageReport};
use super::glossary::NamedGlossary;
use super::media::Media;
use super::plan::Plan;
use super::request::{Input, Source};
use super::results::{Results, join};
use super::rewrite::Rewrite;
use super::stage::Stage;
use super::tools::Tools;
use super::transcript::{CorrectionsReport, Documented, Keep, Rendering, Transcript};
use super::{call, speakers};

/// See [`Pipeline::run`]; also hands the results to `keep`.
pub(super) fn run(tools: &Tools, work: &Work<'_>, keep: Option<&mut Keep<'_>>) -> Result<Transcript, PipelineError> {
    let keep = RefCell::new(keep);
    let goal = |results: &mut Results<'_>| {
        let renderings = results.render_all()?;
        results.warn_about_words()?;
        results.warn_about_content(&renderings)?;
        if let Some(keep) = &mut *keep.borrow_mut() {
            results.hand_out(keep)?;
        }
        Ok(Rendered {
            renderings,
            corrections: results.corrections_report(),
            replacements: results.replacements()?,
            align: results.align_report()?,
        })
    };
    Ok(run_to(tools, work, &goal)?.into())
}

/// See [`Pipeline::run_to_document`].
pub(super) fn run_to_document(tools: &Tools, work: &Work<'_>) -> Result<Documented, PipelineError> {
    let reached = run_to(tools, work, &|results: &mut Results<'_>| {
        results.document_digest()?;
        results.document_bytes().map(<[u8]>::to_vec)
    })?;
    Ok(Documented {
        document: reached.goal,
        stages: reached.stages,
        partial: reached.partial,
    })
}

/// One run: what to do, to which input, who is notified, and who stops it.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    pub(super) input: &'a Input,
    pub(super) observer: &'a dyn Observer,
    pub(super) cancel: &'a CancelToken,
}

fn run_to<T>(
    tools: &Tools,
    work: &Work<'_>,
    goal: &dyn Fn(&mut Results<'_>) -> Result<T, PipelineError>,
) -> Result<Reached<T>, PipelineError> {
    let Work {
        plan,
        input,
        observer,
        cancel,
    } = *work;
    let spelling = match Rewrite::of(plan) {
        Some(Rewrite::Glossary(glossary)) => Some(Spelling { observer, glossary }),
        _ => None,
    };
    let mut context = Context {
        tools,
        refresh: &plan.refresh,
        observer: spelling.as_ref().map_or(observer, |spelling| spelling),
        cancel,
        label: &input.label,
        bypass: plan.bypass,
        warnings: None,
    };
    let mut result = run_once(&context, plan, input, goal);
    // Several stages may have a stored result that cannot be used, and each is computed again once.
    let mut refresh = plan.refresh.clone();
    let decoding = plan.refresh.iter().copied().chain([Stage::Decode]).collect();
    loop {
        let stage = match result {
            Err(PipelineError::Redecoded) => {
                context.refresh = &decoding;
                Stage::Decode
            }
            Err(PipelineError::Unparsed { stage }) => stage,
            _ => break,
        };
        if !refresh.insert(stage) {
            break;
        }
        let again = refresh.clone();
        result = run_once(
            &Context {
                refresh: &again,
                ..context
            },
            plan,
            input,
            goal,
        );
    }
    let result = result.or_else(|error| match error {
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
    for notice in tools.cache().map(Cache::take_notices).unwrap_or_default() {
        context.warn(&notice);
    }
    // Stopped work may fail in many ways; none of them concerns the user.
    result.map_err(|error| {
        if cancel.is_cancelled() {
            PipelineError::Interrupted
        } else {
            error
        }
    })
}

/// Spells the pieces of text that are shown before the document is finished as the document will.
struct Spelling<'a> {
    observer: &'a dyn Observer,
    glossary: &'a NamedGlossary,
}

impl Observer for Spelling<'_> {
    fn event(&self, event: &Event<'_>) {
        match *event {
            Event::Segment { start_ms, end_ms, text } => {
                let text = &self.glossary.rules().spelled(text);
                self.observer.event(&Event::Segment { start_ms, end_ms, text });
            }
            _ => self.observer.event(event),
        }
    }
}

/// The goal of a run, and its stages.
struct Reached<T> {
    media: Digest,
    goal: T,
    stages: Vec<StageReport>,
    partial: Option<Partial>,
}

/// The files of a run, and what changed their text.
struct Rendered {
    renderings: Vec<Rendering>,
    corrections: Option<CorrectionsReport>,
    replacements: Option<u64>,
    align: Option<AlignProvenance>,
}

impl From<Reached<Rendered>> for Transcript {
    fn from(reached: Reached<Rendered>) -> Self {
        let Rendered {
            renderings,
            corrections,
            replacements,
            align,
        } = reached.goal;
        Self {
            media: reached.media,
            renderings,
            stages: reached.stages,
            partial: reached.partial,
            corrections,
            replacements,
            align,
        }
    }
}

fn run_once<T>(
    context: &Context<'_>,
    plan: &Plan,
    input: &Input,
    goal: &dyn Fn(&mut Results<'_>) -> Result<T, PipelineError>,
) -> Result<Reached<T>, PipelineError> {
    let mut reports = Vec::new();
    let media = match (&input.source, &plan.download) {
        (Source::File(path), _) => Media::open(context, path)?,
        (Source::Address(address), Some(stage)) => {
            let (media, report) = Acquisition::new(*context, stage, address).run()?;
            reports.push(report);
            media
        }
        (Source::Address(_), None) => return Err(context.tools.registry.none(StageKind::Download).into()),
    };
    let (sound, report) = decode::decode(context, &media, &input.part, || prepare(context, plan))?;
    reports.push(report);
    let mut results = Results::new(*context, plan, &sound, reports, input.retry.as_deref());
    let goal = goal(&mut results)?;
    results.count_hits();
    results.notify_sink();
    Ok(Reached {
        media: media.digest,
        goal,
        partial: results.incomplete(),
        stages: results.stages,
    })
}

/// Loads the models while the recording is decoded, and refuses what the plugins refuse of their options.
fn prepare(context: &Context<'_>, plan: &Plan) -> Result<(), PipelineError> {
    let Some(speakers) = &plan.speakers else {
        return call::prepare(context, &plan.asr);
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| speakers::prepare(context, speakers));
        let engine = call::prepare(context, &plan.asr);
        engine.and(join(other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_text_is_spelled_by_the_glossary() {
        struct Seen(parking_lot::Mutex<Vec<String>>);
        impl Observer for Seen {
            fn event(&self, event: &Event<'_>) {
                self.0.lock().push(format!("{event:?}"));
            }
        }
        let seen = Seen(parking_lot::Mutex::default());
        let glossary = &NamedGlossary::of_request("cuber netties => Kubernetes").expect("rules");
        let spelling = Spelling {
            observer: &seen,
            glossary,
        };
        spelling.event(&Event::Segment {
            start_ms: 5,
            end_ms: 9,
            text: " Cuber netties, here.",
        });
        spelling.event(&Event::Warning("cuber netties"));
        let texts = seen.0.into_inner();
        assert_eq!(
            texts,
            [
                "Segment { start_ms: 5, end_ms: 9, text: \" Kubernetes, here.\" }",
                "Warning(\"cuber netties\")"
            ]
        );
    }
}
