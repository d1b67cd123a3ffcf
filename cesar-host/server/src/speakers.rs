//! What a job's request says about speakers: over the server's settings, and checked before the job is queued.

use cesar_audio::TrackChoice;
use cesar_base::GivenValue;
use cesar_jobs::JobRequest;
use cesar_pipeline::{PipelineError, SpeakersRequest};
use plugin_api::manifest::StageKind;
use serde_json::Value;

use super::Shared;
use super::refusal::Refusal;
use super::work::{self, check_options, installed};

/// The options that say how many there are.
const COUNTS: [&str; 3] = ["num_speakers", "min_speakers", "max_speakers"];

/// Whatever can be refused.
pub(super) fn check(shared: &Shared, request: &JobRequest) -> Result<(), Refusal> {
    if let (Some(least), Some(most)) = (request.min_speakers, request.max_speakers)
        && least > most
    {
        return Err(Refusal::value(
            "min_speakers",
            "at most `max_speakers`",
            &least.to_string(),
        ));
    }
    let speakers = speakers_request(shared, request)?;
    if speakers.wanted == Some(true) && !speakers.channels {
        installed(&shared.pipeline, StageKind::Diarize).map_err(|refusal| refusal.param("diarize"))?;
    }
    if !request.diarize_options.is_empty()
        && let Some(diarizer) = shared.pipeline.diarizer(&speakers)
    {
        check_options(&diarizer.manifest, &request.diarize_options, "diarize_options")?;
    }
    Ok(())
}

/// Whether each channel, or each track, is a speaker.
fn channels_are_speakers(shared: &Shared, request: &JobRequest) -> bool {
    request.channels_as_speakers || work::part(shared, request).track == TrackChoice::All
}

/// The diarization plugin and its options: the request's, over the settings'. Whoever says something about speakers wants them.
pub(super) fn speakers_request(shared: &Shared, request: &JobRequest) -> Result<SpeakersRequest, PipelineError> {
    let mut speakers = shared.speakers.clone();
    let counts = [request.num_speakers, request.min_speakers, request.max_speakers];
    let says_something = counts.iter().any(Option::is_some)
        || request.diarize_plugin.is_some()
        || channels_are_speakers(shared, request)
        || !request.diarize_options.is_empty()
        || !request.speaker_names.is_empty();
    let implied = says_something.then_some(true);
    speakers.wanted = request.diarize.or(implied).or(speakers.wanted);
    let stage = &mut speakers.stage;
    let named = request
        .diarize_plugin
        .as_ref()
        .filter(|plugin| Some(*plugin) != stage.plugin.as_ref());
    if let Some(plugin) = named {
        // Settings were made for another plugin.
        shared.pipeline.registry().find(StageKind::Diarize, plugin)?;
        stage.options.clear();
        stage.plugin = Some(plugin.clone());
    }
    if counts.iter().any(Option::is_some) {
        COUNTS.iter().for_each(|name| drop(stage.options.remove(*name)));
    }
    let given = COUNTS
        .iter()
        .zip(counts)
        .filter_map(|(name, count)| Some(((*name).to_owned(), Value::from(count?))));
    let options = request.diarize_options.clone().into_iter().chain(given);
    stage
        .options
        .extend(options.map(|(name, value)| (name, GivenValue::Typed(value))));
    speakers.channels =
        channels_are_speakers(shared, request) || (speakers.channels && request.diarize_plugin.is_none());
    if !request.speaker_names.is_empty() {
        speakers.names.clone_from(&request.speaker_names);
    }
    Ok(speakers)
}
