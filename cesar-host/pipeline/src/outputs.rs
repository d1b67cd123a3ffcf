//! Validation of a plugin's output for any stage: the same checks that a run makes before it stores a result.

use plugin_api::asr::Transcription;
use plugin_api::diarize::Diarization;
use plugin_api::document::rendered_bytes;
use plugin_api::manifest::StageKind;

use super::{merge, speakers};

/// Checks an output's JSON for audio of `duration_ms`.
///
/// # Errors
/// The defect.
pub fn check_output(stage: StageKind, output: &str, duration_ms: u64) -> Result<(), String> {
    let no_json = |error: serde_json::Error| error.to_string();
    match stage {
        StageKind::Asr => {
            let transcription: Transcription = serde_json::from_str(output).map_err(no_json)?;
            merge::check(&transcription, duration_ms)
        }
        StageKind::Diarize => {
            let diarization: Diarization = serde_json::from_str(output).map_err(no_json)?;
            speakers::check(&diarization, duration_ms)
        }
        StageKind::Format => rendered_bytes(output).map(drop),
        StageKind::Download => serde_json::from_str::<serde_json::Value>(output)
            .map(drop)
            .map_err(no_json),
    }
}
