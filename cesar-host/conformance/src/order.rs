//! An order to a download stage, and the file of its answer.

use std::path::Path;

use plugin_api::download::{Answer as Answered, Limits, Order, Wanted};

use super::site::Site;

/// Silence of a server after which the stage times out; longer than a cancel may take.
const SILENCE_MS: u64 = 20_000;

/// An order for the recording at a URL, with room for ten times its size.
pub(super) fn order(site: &Site, url: String, folder: &Path) -> Order {
    Order {
        wanted: Wanted::Media,
        url,
        folder: folder.to_owned(),
        known: None,
        public_only: false,
        limits: Limits {
            bytes: Some(10 * site.recording().len() as u64),
            total_ms: None,
            silence_ms: SILENCE_MS,
        },
    }
}

/// The file that an answer names, which must be in the folder; `None` where there is no recording.
pub(super) fn file_of(output: &str, folder: &Path) -> Result<Option<Vec<u8>>, String> {
    let answer = serde_json::from_str(output).map_err(|error| format!("its answer is none: {error}"))?;
    let Answered::Media(media) = answer else {
        return Ok(None);
    };
    let is_name = Path::new(&media.file)
        .file_name()
        .is_some_and(|name| name == media.file.as_str());
    let path = folder.join(&media.file);
    if !is_name || !std::fs::symlink_metadata(&path).is_ok_and(|status| status.is_file()) {
        return Err(format!(
            "it names the file `{}`, which is not in the folder of the order",
            media.file
        ));
    }
    std::fs::read(&path).map(Some).map_err(|error| error.to_string())
}
