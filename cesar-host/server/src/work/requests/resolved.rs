//! The stored settings of a job, as the process that runs it uses them.

use cesar_jobs::ResolvedRequest;
use cesar_pipeline::{SpeakersRequest, StageRequest};
use cesar_runner::discovery::Plugin;

use crate::state::Shared;

/// Options about the machine, as in the settings `asr.threads` and `asr.device`. A job has those of the process that runs it.
const OF_THE_MACHINE: [&str; 3] = ["threads", "device", "device_index"];

/// The engine and its options.
pub(super) fn asr(shared: &Shared, resolved: &ResolvedRequest) -> StageRequest {
    let kept = &resolved.asr;
    let mut request = StageRequest {
        plugin: kept.plugin.clone(),
        options: kept.options.clone(),
    };
    let plugin = shared.pipeline.engine(&request).ok();
    add_own(&mut request, plugin.as_deref(), &shared.defaults.asr);
    request
}

/// The speakers.
pub(super) fn speakers(shared: &Shared, resolved: &ResolvedRequest) -> SpeakersRequest {
    let kept = &resolved.speakers;
    let mut request = SpeakersRequest {
        wanted: resolved.diarize,
        stage: StageRequest {
            plugin: kept.plugin.clone(),
            options: kept.options.clone(),
        },
        names: resolved.speaker_names.clone(),
        channels: resolved.channels_as_speakers,
    };
    // The one that will be chosen, where none is named.
    let plugin = shared.pipeline.diarizer(&request);
    add_own(&mut request.stage, plugin.as_deref(), &shared.defaults.speakers.stage);
    request
}

/// Adds this process's own options about its machine, as far as the plugin has them.
fn add_own(request: &mut StageRequest, plugin: Option<&Plugin>, own: &StageRequest) {
    let has = |name: &str| plugin.is_some_and(|plugin| plugin.manifest.options.contains_key(name));
    for (name, value) in &own.options {
        if is_of_the_machine(name) && has(name) {
            request.options.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

/// Whether an option is about the machine.
pub(super) fn is_of_the_machine(option: &str) -> bool {
    OF_THE_MACHINE.contains(&option)
}

/// A label in the words of a job's needs, in which no engine begins with `#`.
pub(crate) fn needed_label(label: &str) -> String {
    format!("#{label}")
}
