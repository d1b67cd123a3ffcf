//! Requests to a `download` stage, and its answers.
//!
//! The host decides whether anything is fetched at all: it keeps what was fetched, and what the server said of it ([`Known`]). The
//! request of a stage has its options and the field `order`. The stage writes into the folder that the order names, and nowhere else;
//! the host hashes the file and takes it from there.
//!
//! What the outside world refuses is an [`Answer::Refused`] with a [`Reason`], not a failure of the stage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A file in [`Order::folder`] by which a stage says that it can resume from what is there. When the stage is then killed or cancelled, or
/// refuses for a reason that passes, the next run of the same plugin with the same address and options may find the folder as it was.
pub const RESUME: &str = "resume.json";

/// What is wanted: the field `order` of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The kind of answer.
    pub wanted: Wanted,
    /// The address, as a person gave it.
    pub url: String,
    /// A folder for the file, of which nothing else is kept. On the cache's file system, so that nothing is copied. Empty, but for what
    /// an earlier run left beside a file [`RESUME`].
    pub folder: PathBuf,
    /// What an earlier answer said of the file that the host still has: if it is the same today, [`Answer::Unchanged`] will do.
    #[serde(default)]
    pub known: Option<Known>,
    /// Whether only addresses of the public Internet may be connected to ([`is_public`](crate::network::is_public)), after each redirect.
    #[serde(default)]
    pub public_only: bool,
    /// When to give up.
    pub limits: Limits,
}

/// The kind of answer that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// The recording: [`Answer::Media`] or [`Answer::Unchanged`].
    Media,
    /// The recordings of a playlist: [`Answer::Entries`]; of anything else, the address itself as the only one.
    Entries,
    /// The program that the stage would call, without any request: [`Answer::Program`].
    Program,
}

/// When to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The largest file, in bytes; none without.
    pub bytes: Option<u64>,
    /// How long all of it may take, in ms; no limit without.
    pub total_ms: Option<u64>,
    /// For how long a server may be silent, in ms.
    pub silence_ms: u64,
}

/// What a later request for the same address is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The server's `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The server's `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// The program that fetched it; none when the stage did so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// What that program said the recording is: id, time, length, size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// A program that a stage calls. Its version belongs to the key of what it fetches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Such as `yt-dlp`.
    pub name: String,
    /// As it says itself.
    pub version: String,
    /// Its file, or its name on the search path: while the file is unchanged, the host need not ask for the version again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The answer of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The recording is in the folder.
    Media(Media),
    /// It is what it was.
    Unchanged {
        /// Its current state.
        known: Known,
    },
    /// What a playlist holds, in its order.
    Entries {
        /// Its recordings; never empty.
        entries: Vec<Entry>,
    },
    /// What would be called.
    Program {
        /// Absent when it is not installed.
        program: Option<Program>,
    },
    /// There is nothing to be had.
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
    /// Where it is.
    pub url: String,
    /// What the page calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// Why there is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub reason: Reason,
    /// One sentence for a person, which says what to do.
    pub message: String,
}

/// Why there is nothing, for programs. Reasons that a newer plugin invents are read as [`Reason::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Only for those who are logged in, or have paid.
    Private,
    /// Only for grown-ups who are logged in.
    AgeRestricted,
    /// Not for this country.
    GeoBlocked,
    /// Too many requests.
    RateLimited,
    /// It is not there, or not any more.
    Removed,
    /// It has not ended yet.
    LiveStream,
    /// A page or a format that no reader here supports.
    Unsupported,
    /// Several recordings.
    Playlist,
    /// It is no recording.
    NotMedia,
    /// It is larger than allowed.
    TooLarge,
    /// It took longer than allowed, or the server was silent.
    TooSlow,
    /// The program that is needed is not installed.
    ProgramMissing,
    /// The program that is needed is too old.
    ProgramTooOld,
    /// The server cannot be reached, or breaks off.
    NetworkDown,
    /// The server has trouble of its own.
    ServerError,
    /// The address is none of the public Internet.
    AddressRefused,
    /// It is not stored, and no request may be sent.
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
