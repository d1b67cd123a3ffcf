//! Requests to a `download` stage, and its answers.
//!
//! The host decides whether anything is fetched: it keeps downloads, and the server's answers about them ([`Known`]). The request
//! of a stage has its options and the field `order`. The stage writes only into the order's folder; the host hashes the file and
//! takes it from there.
//!
//! A refusal by the outside world is an [`Answer::Refused`] with a [`Reason`], not a failure of the stage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A file in [`Order::folder`] that marks the folder as resumable. When the stage is killed or cancelled, or refuses for a
/// transient reason, the next run of the same plugin with the same URL and options may find the folder unchanged.
pub const RESUME: &str = "resume.json";

/// An order: the field `order` of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The kind of answer.
    pub wanted: Wanted,
    /// The URL, as the user gave it.
    pub url: String,
    /// A folder for the file; all other files in it are discarded. On the cache's file system, so that nothing is copied. Empty,
    /// except for the files that an earlier run left with [`RESUME`].
    pub folder: PathBuf,
    /// An earlier answer about the file that the host still has: if it still holds, [`Answer::Unchanged`] suffices.
    #[serde(default)]
    pub known: Option<Known>,
    /// Whether connections are limited to addresses of the public Internet ([`is_public`](crate::network::is_public)), after each
    /// redirect.
    #[serde(default)]
    pub public_only: bool,
    /// Limits of size and time.
    pub limits: Limits,
}

/// The kind of answer requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// The recording: [`Answer::Media`] or [`Answer::Unchanged`].
    Media,
    /// The recordings of a playlist: [`Answer::Entries`]; for anything else, only the URL itself.
    Entries,
    /// The program that the stage would call, without any request: [`Answer::Program`].
    Program,
}

/// Limits of size and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Maximum size of a file, in bytes; `None`: unlimited.
    pub bytes: Option<u64>,
    /// Maximum duration, in ms; `None`: unlimited.
    pub total_ms: Option<u64>,
    /// Maximum time without data from a server, in ms.
    pub silence_ms: u64,
}

/// The state that a later request for the same URL compares with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The server's `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The server's `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The program that fetched it; `None` if the stage did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// That program's identity of the recording: id, time, length, size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// A program that a stage calls. Its version is part of the key of its downloads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its name, such as `yt-dlp`.
    pub name: String,
    /// The version that it reports.
    pub version: String,
    /// Its file, or its name on the search path: while the file is unchanged, the host need not request the version again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The answer of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The recording is in the folder.
    Media(Media),
    /// It is unchanged.
    Unchanged {
        /// Its current state.
        known: Known,
    },
    /// The entries of a playlist, in its order.
    Entries {
        /// Its recordings; never empty.
        entries: Vec<Entry>,
    },
    /// The program that the stage would call.
    Program {
        /// Absent when it is not installed.
        program: Option<Program>,
    },
    /// The recording is not available.
    Refused(Refusal),
}

/// A recording that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// The name of the file in the folder.
    pub file: String,
    /// Its state.
    pub known: Known,
}

/// A recording of a playlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its URL.
    pub url: String,
    /// Its title on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// The reason why there is no recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The reason, for programs.
    pub reason: Reason,
    /// One sentence for users, with the remedy.
    pub message: String,
}

/// Reasons for no recording, for programs. Unknown ones of newer plugins are read as [`Reason::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Only for users who are logged in, or have paid.
    Private,
    /// Only for adults who are logged in.
    AgeRestricted,
    /// Not available in this country.
    GeoBlocked,
    /// Too many requests.
    RateLimited,
    /// It does not exist, or no longer.
    Removed,
    /// It has not ended yet.
    LiveStream,
    /// A page or a format that no reader here supports.
    Unsupported,
    /// Several recordings.
    Playlist,
    /// It is not a recording.
    NotMedia,
    /// It is larger than allowed.
    TooLarge,
    /// It took longer than allowed, or the server was silent.
    TooSlow,
    /// The required program is not installed.
    ProgramMissing,
    /// The required program is too old.
    ProgramTooOld,
    /// The server cannot be reached, or disconnects.
    NetworkDown,
    /// The server reports an internal error.
    ServerError,
    /// The address is not on the public Internet.
    AddressRefused,
    /// It is not stored, and network access is forbidden.
    Offline,
    /// Anything else.
    #[serde(other)]
    Other,
}

impl Reason {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::TooSlow | Self::NetworkDown | Self::ServerError
        )
    }

    /// The name that programs see.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::AgeRestricted => "age_restricted",
            Self::GeoBlocked => "geo_blocked",
            Self::RateLimited => "rate_limited",
            Self::Removed => "removed",
            Self::LiveStream => "live_stream",
            Self::Unsupported => "unsupported",
            Self::Playlist => "playlist",
            Self::NotMedia => "not_media",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::ProgramMissing => "program_missing",
            Self::ProgramTooOld => "program_too_old",
            Self::NetworkDown => "network_down",
            Self::ServerError => "server_error",
            Self::AddressRefused => "address_refused",
            Self::Offline => "offline",
            Self::Other => "download_failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_have_settled_shapes() {
        let media = Answer::Media(Media {
            file: "media".into(),
            known: Known {
                etag: Some("\"1\"".into()),
                ..Known::default()
            },
        });
        let written = serde_json::to_value(&media).unwrap();
        assert_eq!(
            written,
            json!({ "answer": "media", "file": "media", "known": { "etag": "\"1\"" } })
        );
        assert_eq!(serde_json::from_value::<Answer>(written).unwrap(), media);
    }

    #[test]
    fn reasons_of_a_later_contract_are_other() {
        let refusal: Refusal =
            serde_json::from_value(json!({ "reason": "paywalled", "message": "pay first" })).unwrap();
        assert_eq!(
            (refusal.reason, refusal.reason.code()),
            (Reason::Other, "download_failed")
        );
    }

    #[test]
    fn a_code_is_the_name_in_json() {
        for reason in [
            Reason::Private,
            Reason::ProgramTooOld,
            Reason::Offline,
            Reason::NotMedia,
        ] {
            assert_eq!(json!(reason), json!(reason.code()));
        }
    }
}
