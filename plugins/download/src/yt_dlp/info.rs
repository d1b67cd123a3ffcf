//! yt-dlp's JSON description of a URL.
//!
//! A page with one recording is described as a playlist with one entry by some extractors, and as the recording by others; both are
//! one recording here. Only a few fields are read; each may be absent or of another kind.

use plugin_api::download::Entry;
use serde_json::{Value, json};

/// The description.
#[derive(Debug, Clone)]
pub struct Found {
    info: Value,
}

/// Fields that change with the recording.
const TIMES: [&str; 4] = ["timestamp", "modified_timestamp", "release_timestamp", "upload_date"];

impl Found {
    /// Reads the output of `-J`.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        let info: Value = serde_json::from_slice(json).ok()?;
        info.is_object().then_some(Self { info })
    }

    /// For `--load-info-json`.
    #[must_use]
    pub fn json(&self) -> String {
        self.info.to_string()
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_playlist(&self) -> bool {
        self.info["_type"] == "playlist" || self.info["_type"] == "multi_video"
    }

    fn members(&self) -> impl Iterator<Item = &Value> {
        let entries = self.info["entries"].as_array().into_iter().flatten();
        entries.filter(|entry| entry.is_object())
    }

    /// Number of recordings.
    #[must_use]
    pub fn count(&self) -> usize {
        if !self.is_playlist() {
            return 1;
        }
        let said = self.info["playlist_count"].as_u64();
        let said = said.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        said.max(self.members().count())
    }

    /// The single recording, if there is one.
    fn single(&self) -> &Value {
        match self.is_playlist() {
            true => self.members().next().unwrap_or(&Value::Null),
            false => &self.info,
        }
    }

    /// Its title on the page.
    #[must_use]
    pub fn title(&self) -> Option<String> {
        let title = self.single()["title"].as_str().or(self.info["title"].as_str())?;
        Some(title.to_owned()).filter(|title| !title.is_empty())
    }

    /// Whether it has not ended yet.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let info = self.single();
        let status = info["live_status"].as_str().unwrap_or_default();
        info["is_live"] == true || ["is_live", "is_upcoming"].contains(&status)
    }

    /// The size of the download in bytes, if known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        let info = self.single();
        let chosen = &info["requested_downloads"][0];
        chosen["filesize"].as_u64().or(info["filesize"].as_u64())
    }

    /// The version of the recording; `None` if the site reports neither a time nor a size, because another recording could
    /// have the same name.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        let info = self.single();
        let has_time = TIMES.iter().any(|name| !info[*name].is_null());
        let id = info["id"].as_str()?;
        if !has_time && self.size().is_none() {
            return None;
        }
        let mut identity = json!({
            "extractor": info["extractor_key"], "id": id, "duration": info["duration"], "filesize": self.size(),
            "format_id": info["format_id"],
        });
        for name in TIMES {
            identity[name] = info[name].clone();
        }
        Some(identity.to_string())
    }

    /// The recordings of a list that have a URL.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let own = self.info["webpage_url"].as_str();
        let entry = |info: &Value| {
            let page = info["webpage_url"].as_str().filter(|page| Some(*page) != own);
            let format = info["formats"]
                .as_array()
                .and_then(|formats| formats.last()?["url"].as_str());
            let url = info["url"].as_str().or(page).or(format)?;
            is_address(url).then(|| Entry {
                url: url.to_owned(),
                title: info["title"].as_str().map(str::to_owned),
            })
        };
        self.members().filter_map(entry).collect()
    }
}

fn is_address(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(info: Value) -> Found {
        Found::parse(info.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn one_entry_is_one_recording() {
        let page = found(json!({ "_type": "playlist", "title": "page", "entries": [
            { "id": "a", "title": "talk", "timestamp": 5, "is_live": true } ] }));
        assert_eq!(
            (page.count(), page.title().as_deref(), page.is_live()),
            (1, Some("talk"), true)
        );
        assert!(page.identity().unwrap().contains("\"timestamp\":5"));
    }

    #[test]
    fn without_time_and_size_a_recording_has_no_version() {
        let of = |info| found(info).identity();
        assert_eq!(of(json!({ "id": "a", "duration": 7 })), None);
        let before = of(json!({ "id": "a", "duration": 7, "filesize": 100 }));
        assert!(before.is_some());
        assert_ne!(before, of(json!({ "id": "a", "duration": 7, "filesize": 101 })));
        assert_ne!(
            of(json!({ "id": "a", "upload_date": "20260101", "duration": 7 })),
            of(json!({ "id": "a", "upload_date": "20260101", "duration": 8 }))
        );
    }

    #[test]
    fn entries_have_addresses() {
        let list = found(
            json!({ "_type": "playlist", "webpage_url": "https://e.org/list", "playlist_count": 9, "entries": [
            { "url": "https://e.org/1", "title": "one" },
            { "webpage_url": "https://e.org/2" },
            { "webpage_url": "https://e.org/list", "formats": [{ "url": "https://cdn.e.org/low" }, { "url": "https://cdn.e.org/3" }] },
            { "url": "abc" }, null ] }),
        );
        let urls: Vec<_> = list.entries().into_iter().map(|entry| entry.url).collect();
        assert_eq!(urls, ["https://e.org/1", "https://e.org/2", "https://cdn.e.org/3"]);
        assert_eq!(list.count(), 9);
    }
}
