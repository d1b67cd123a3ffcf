//! Speaker turns: the keyed stage `diarize`.

use cesar_cache::{Computation, KeyParts, OptionValue};
use plugin_api::diarize::Diarization;
use plugin_api::document::StageProvenance;

use super::super::call::{self, call, check_unchanged, wrong};
use super::super::context::Context;
use super::super::decode::Sound;
use super::super::keyed::Keyed;
use super::super::outputs::check_diarization;
use super::super::prepared::Prepared;
use super::super::{Event, PipelineError, StageReport};
use super::{Diarizer, Reason, STAGE, SpeakersPlan, Spoken, channels};
use crate::stage::Stage;

/// The known turns of one recording.
pub(crate) struct Turns<'a> {
    plan: &'a SpeakersPlan,
    state: State,
    /// The titles of tracks that are the speakers.
    titles: &'a [Option<String>],
}

#[expect(clippy::large_enum_variant, reason = "there is one in a run")]
enum State {
    Keyed(Keyed),
    Missing(Reason),
}

/// The key of the turns; `None` if no plugin can identify speakers.
fn key_parts(context: &Context<'_>, by: &Diarizer, sound: &Sound<'_>) -> Option<KeyParts> {
    match by {
        Diarizer::Plugin(stage) => Some(stage.key_parts(vec![("pcm".into(), sound.audio.pcm)])),
        Diarizer::Channels => Some(channels::key_parts(context, sound)),
        Diarizer::Missing(_) => None,
    }
}

/// Gets a plugin ready while the recording is decoded, and lets it check its options.
///
/// # Errors
/// Mistakes in the request. Other errors are reported when the stage runs.
pub(crate) fn prepare(context: &Context<'_>, plan: &SpeakersPlan) -> Result<(), PipelineError> {
    let Diarizer::Plugin(stage) = &plan.by else {
        return Ok(());
    };
    match call::prepare(context, stage) {
        Err(error) if error.is_usage() => Err(error),
        _ => Ok(()),
    }
}

impl<'a> Turns<'a> {
    pub(crate) fn new(context: &Context<'_>, plan: &'a SpeakersPlan, sound: &'a Sound<'a>) -> Self {
        let state = match (&plan.by, key_parts(context, &plan.by, sound)) {
            (Diarizer::Missing(reason), _) => State::Missing(reason.clone()),
            (Diarizer::Plugin(stage), Some(parts)) => State::Keyed(Keyed::new(parts, stage.details())),
            (_, Some(parts)) => State::Keyed(Keyed::new(parts, None)),
            (_, None) => unreachable!("only what is missing has no key"),
        };
        Self {
            plan,
            state,
            titles: &sound.audio.track_titles,
        }
    }

    /// Whether there is nothing left to do: the turns are known, at least by their digest, or will never be.
    pub(crate) fn find(&mut self, context: &Context<'_>, stages: &mut Vec<StageReport>) -> bool {
        match &mut self.state {
            State::Keyed(keyed) => keyed.find(context, stages),
            State::Missing(_) => true,
        }
    }

    /// Runs the stage, or reads its stored result. A failure is kept as the [`Reason`].
    ///
    /// # Errors
    /// Errors that end the whole run: an interruption, a mistake in the request, and [`PipelineError::Replaced`].
    pub(crate) fn compute(
        &mut self,
        context: &Context<'_>,
        sound: &Sound<'_>,
    ) -> Result<Option<StageReport>, PipelineError> {
        let State::Keyed(keyed) = &mut self.state else {
            return Ok(None);
        };
        let work = |_: Option<&_>| match &self.plan.by {
            Diarizer::Plugin(stage) => diarize(context, stage, sound),
            _ => channels::diarize(context, sound),
        };
        match keyed.compute(context, work) {
            Ok(report) => Ok(report),
            Err(error) if ends_the_run(&error) || context.cancel.is_cancelled() => Err(error),
            Err(error) => {
                context.observer.event(&Event::Failed { stage: STAGE });
                let reason = Reason::from_error(&error);
                if !self.plan.asked {
                    context.warn(&reason.note(context.label));
                }
                self.state = State::Missing(reason);
                Ok(None)
            }
        }
    }

    /// The reason why there are none.
    pub(crate) fn missing(&self) -> Option<&Reason> {
        match &self.state {
            State::Keyed(_) => None,
            State::Missing(reason) => Some(reason),
        }
    }

    /// Reason for a partial document: no speakers, but they were required.
    pub(crate) fn lacking(&self) -> Option<&Reason> {
        self.missing().filter(|_| self.plan.asked)
    }

    /// The key and digest of the turns, once they are found or computed.
    pub(crate) fn keyed(&self) -> Option<&Keyed> {
        match &self.state {
            State::Keyed(keyed) => Some(keyed),
            State::Missing(_) => None,
        }
    }

    /// The given names; for tracks without given names, their titles.
    pub(crate) fn names(&self) -> Vec<String> {
        let titles = self.titles.iter().zip(1..);
        let of_titles = titles.map(|(title, number)| title.clone().unwrap_or_else(|| format!("Speaker {number}")));
        match self.plan.names.is_empty() {
            true => of_titles.collect(),
            false => self.plan.names.clone(),
        }
    }

    /// The plugin that found them.
    pub(crate) fn provenance(&self) -> Option<StageProvenance> {
        match &self.plan.by {
            Diarizer::Plugin(stage) => Some(stage.provenance()),
            Diarizer::Channels => Some(channels::provenance()),
            Diarizer::Missing(_) => None,
        }
    }

    /// All data about names that the document depends on, for its key.
    pub(crate) fn key_options(&self) -> Vec<(String, OptionValue)> {
        let list = |texts: Vec<&String>| {
            let texts = texts.into_iter().cloned().map(OptionValue::Text);
            OptionValue::List(texts.collect())
        };
        let names = list(self.names().iter().collect());
        let models = match &self.plan.by {
            Diarizer::Plugin(stage) => list(stage.models.values().map(|used| &used.model.name).collect()),
            _ => list(Vec::new()),
        };
        vec![("speaker_names".into(), names), ("speaker_models".into(), models)]
    }
}

fn ends_the_run(error: &PipelineError) -> bool {
    error.is_usage() || matches!(error, PipelineError::Interrupted | PipelineError::Replaced)
}

fn diarize(context: &Context<'_>, stage: &Prepared, sound: &Sound<'_>) -> Result<Computation, PipelineError> {
    let pcm = sound.samples(context)?;
    context.keeping_warnings(stage.details().as_deref(), |context| {
        let output = call(context, stage, &stage.request, Some(&pcm), None)?;
        let parsed = serde_json::from_str(&output).map_err(|error| wrong(stage, error.to_string()))?;
        check_diarization(&parsed, sound.audio.duration_ms()).map_err(|detail| wrong(stage, detail))?;
        check_unchanged(context, stage)?;
        Ok(output.into_bytes().into())
    })
}

/// The turns as stored, with speakers numbered like their names: by channel, else by first turn, whatever the plugin's order.
fn spoken(bytes: &[u8], by_channel: bool) -> Result<Vec<Spoken>, PipelineError> {
    // A writer of a cache that machines share can store anything.
    let unparsed = |_| PipelineError::Unparsed { stage: Stage::Diarize };
    let diarization: Diarization = serde_json::from_slice(bytes).map_err(unparsed)?;
    let mut turns = diarization.turns;
    turns.sort_by_key(|turn| (turn.start_ms, turn.speaker));
    let mut numbers = Vec::new();
    let mut number = |speaker: usize| {
        if by_channel {
            return speaker;
        }
        numbers.iter().position(|known| *known == speaker).unwrap_or_else(|| {
            numbers.push(speaker);
            numbers.len() - 1
        })
    };
    let spoken = turns.into_iter().map(|turn| Spoken {
        start_ms: turn.start_ms,
        end_ms: turn.end_ms,
        speaker: number(turn.speaker),
    });
    Ok(spoken.collect())
}

/// Stored turns whose speakers are channels.
///
/// # Errors
/// [`PipelineError::Unparsed`].
pub(crate) fn spoken_by_channel(bytes: &[u8]) -> Result<Vec<Spoken>, PipelineError> {
    spoken(bytes, true)
}

impl Turns<'_> {
    /// The turns, once they are computed.
    pub(crate) fn spoken(&self) -> Result<Option<Vec<Spoken>>, PipelineError> {
        let computed = self.keyed().and_then(Keyed::computed);
        let by_channel = matches!(self.plan.by, Diarizer::Channels);
        computed.map(|computed| spoken(&computed.bytes, by_channel)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::diarize::{Speaker, Turn};

    fn diarization(turns: &[(u64, u64, usize)], speakers: usize) -> Diarization {
        let turn = |&(start_ms, end_ms, speaker): &(u64, u64, usize)| Turn {
            start_ms,
            end_ms,
            speaker,
        };
        Diarization {
            turns: turns.iter().map(turn).collect(),
            speakers: vec![Speaker::default(); speakers],
        }
    }

    #[test]
    fn speakers_are_numbered_by_first_turn_or_by_channel() {
        let bytes = serde_json::to_vec(&diarization(&[(50, 60, 0), (0, 10, 2), (20, 30, 1)], 3)).unwrap();
        let numbers = |by_channel| {
            let spoken = spoken(&bytes, by_channel).unwrap();
            spoken.iter().map(|turn| turn.speaker).collect::<Vec<_>>()
        };
        assert_eq!(numbers(false), [0, 1, 2]);
        assert_eq!(numbers(true), [2, 1, 0]);
        let planted = spoken(b"\xffrubbish", false);
        assert!(matches!(
            planted,
            Err(PipelineError::Unparsed { stage: Stage::Diarize })
        ));
    }
}
