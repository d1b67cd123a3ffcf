//! Speakers of a request, over the server's settings.

use cesar_audio::TrackChoice;
use cesar_base::GivenValue;
use cesar_jobs::JobRequest;
use cesar_pipeline::{PipelineError, SpeakersRequest};
use plugin_api::manifest::StageKind;
use serde_json::Value;

use crate::state::Shared;
use crate::work::requests::part::part;
use crate::work::requests::resolved;

/// The options that count speakers.
const COUNTS: [&str; 3] = ["num_speakers", "min_speakers", "max_speakers"];

/// The diarization plugin and its options: the request's, over the settings'. A request with a field about speakers asks for speakers.
pub(crate) fn speakers_request(shared: &Shared, request: &JobRequest) -> Result<SpeakersRequest, PipelineError> {
    if let Some(resolved) = &request.resolved {
        return Ok(resolved::speakers(shared, resolved));
    }
    let parameters = &request.parameters;
    let mut speakers = shared.defaults.speakers.clone();
    let channels = parameters.channels_as_speakers || part(shared, request).track == TrackChoice::All;
    let counts = [
        parameters.num_speakers,
        parameters.min_speakers,
        parameters.max_speakers,
    ];
    let implied = counts.iter().any(Option::is_some)
        || parameters.diarize_plugin.is_some()
        || channels
        || !parameters.diarize_options.is_empty()
        || !parameters.speaker_names.is_empty();
    speakers.wanted = parameters.diarize.or(implied.then_some(true)).or(speakers.wanted);
    let stage = &mut speakers.stage;
    let named = parameters
        .diarize_plugin
        .as_ref()
        .filter(|plugin| Some(*plugin) != stage.plugin.as_ref());
    if let Some(plugin) = named {
        // The settings are for another plugin.
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
    let options = parameters.diarize_options.clone().into_iter().chain(given);
    stage
        .options
        .extend(options.map(|(name, value)| (name, GivenValue::Typed(value))));
    speakers.channels = channels || (speakers.channels && parameters.diarize_plugin.is_none());
    if !parameters.speaker_names.is_empty() {
        speakers.names.clone_from(&parameters.speaker_names);
    }
    Ok(speakers)
}
