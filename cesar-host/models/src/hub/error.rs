//! Errors of the hub; each message is one sentence.

use std::io;
use std::path::PathBuf;

/// The reason why the hub returned nothing.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Network access is forbidden.
    #[error(
        "`{what}` must be downloaded from the hub, but {why} forbids it; remove that, or import a file with `cesar models import`"
    )]
    Offline {
        /// The repository.
        what: String,
        /// The flag, setting or variable.
        why: &'static str,
    },
    /// There is no folder for the files.
    #[error("cannot determine the Hugging Face cache folder; set `HF_HOME` or `HOME`")]
    NoFolder,
    /// No answer, or no meaningful one.
    #[error(
        "the hub at `{endpoint}` does not answer ({reason}); check `HF_ENDPOINT`, and whether this machine is online"
    )]
    Unreachable {
        /// The URL of the hub.
        endpoint: String,
        /// The reason.
        reason: String,
    },
    /// Its certificate is not trusted.
    #[error(
        "the hub at `{endpoint}` has no trusted certificate ({reason}); check `HF_ENDPOINT`, or name a file of trusted certificates in `SSL_CERT_FILE`"
    )]
    Untrusted {
        /// The URL of the hub.
        endpoint: String,
        /// The defect of its certificate.
        reason: String,
    },
    /// No trusted certificates.
    #[error(transparent)]
    TlsRoots(#[from] cesar_base::tls_roots::TlsRootsError),
    /// 401 or 403.
    #[error("the hub denies access to `{what}`; accept its conditions on its page, and set `HF_TOKEN` to your token")]
    Forbidden {
        /// The repository.
        what: String,
    },
    /// 404.
    #[error("the hub has no `{what}`; see `cesar models list --remote`, or give a repository as `owner/name`")]
    NotFound {
        /// The repository or file.
        what: String,
    },
    /// 429.
    #[error("the hub's rate limit is reached; wait some minutes, or set `HF_TOKEN`")]
    RateLimited,
    /// The answer lacks the data for verification.
    #[error(
        "the hub's response for `{what}` has no {lacks}, so it cannot be verified; ask the operator of `HF_ENDPOINT`"
    )]
    Unchecked {
        /// The file.
        what: String,
        /// The missing property.
        lacks: &'static str,
    },
    /// Other bytes than announced.
    #[error("`{what}` arrived with the digest {found} instead of {wanted} and was discarded; pull again")]
    Damaged {
        /// The file.
        what: String,
        /// The announced digest.
        wanted: String,
        /// The received digest.
        found: String,
    },
    /// Other bytes than in Cesar's table.
    #[error(
        "the hub has `{what}` with the digest {found}, but this version of Cesar expects {wanted}; use a later version, or pull `{repository}` by that name"
    )]
    Other {
        /// The file.
        what: String,
        /// The repository.
        repository: String,
        /// The digest in the table.
        wanted: String,
        /// The hub's digest.
        found: String,
    },
    /// The connection broke repeatedly.
    #[error("the download of `{what}` stopped after {done} of {size} bytes ({reason}); pull again to resume")]
    Broken {
        /// The file.
        what: String,
        /// Bytes received.
        done: u64,
        /// Total bytes.
        size: u64,
        /// The last error of the connection.
        reason: String,
    },
    /// The caller stopped it.
    #[error("the download was cancelled; pull again to resume")]
    Stopped,
    /// The repository is of an unknown kind.
    #[error("`{repository}` is not a Whisper model for CTranslate2: it has no `{lacks}`; name another repository")]
    NotAModel {
        /// The repository.
        repository: String,
        /// The missing part.
        lacks: String,
    },
    /// A file cannot be written.
    #[error("`{}` cannot be written ({error}); free space or fix its permissions, then pull again to resume", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl HubError {
    /// Whether the hub could not be reached at all, so that another source may help.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Untrusted { .. } | Self::TlsRoots(_)
        )
    }
}
