//! Why the hub gave nothing; each message is one sentence.

use std::io;
use std::path::PathBuf;

/// Why the hub gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Nothing may be asked of the network.
    #[error(
        "`{what}` must be downloaded from the hub, but {why} forbids it; remove that, or import a file with `cesar models import`"
    )]
    Offline {
        /// The repository.
        what: String,
        /// The flag, setting or variable.
        why: &'static str,
    },
    /// There is no folder to keep files in.
    #[error("cannot determine the Hugging Face cache folder; set `HF_HOME` or `HOME`")]
    NoFolder,
    /// No answer, or none that means anything.
    #[error(
        "the hub at `{endpoint}` does not answer ({reason}); check `HF_ENDPOINT`, and whether this machine is online"
    )]
    Unreachable {
        /// Where it was asked.
        endpoint: String,
        /// Why there was no answer.
        reason: String,
    },
    /// Its certificate is not trusted.
    #[error(
        "the hub at `{endpoint}` has no trusted certificate ({reason}); check `HF_ENDPOINT`, or name a file of trusted certificates in `SSL_CERT_FILE`"
    )]
    Untrusted {
        /// Where it was asked.
        endpoint: String,
        /// What is wrong with its certificate.
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
    /// The answer lacks what files are checked by.
    #[error(
        "the hub's response for `{what}` has no {lacks}, so it cannot be verified; ask the operator of `HF_ENDPOINT`"
    )]
    Unchecked {
        /// The file.
        what: String,
        /// What is missing.
        lacks: &'static str,
    },
    /// Other bytes than were announced.
    #[error("`{what}` arrived with the digest {found} instead of {wanted} and was discarded; pull again")]
    Damaged {
        /// The file.
        what: String,
        /// What was announced.
        wanted: String,
        /// What arrived.
        found: String,
    },
    /// Other bytes than Cesar's table knows.
    #[error(
        "the hub has `{what}` with the digest {found}, but this version of Cesar expects {wanted}; use a later version, or pull `{repository}` by that name"
    )]
    Other {
        /// The file.
        what: String,
        /// The repository.
        repository: String,
        /// What the table says.
        wanted: String,
        /// What the hub says.
        found: String,
    },
    /// The connection broke again and again.
    #[error("the download of `{what}` stopped after {done} of {size} bytes ({reason}); pull again to resume")]
    Broken {
        /// The file.
        what: String,
        /// How much of it is there.
        done: u64,
        /// How much there is.
        size: u64,
        /// How it broke the last time.
        reason: String,
    },
    /// The repository is not of the kind that Cesar knows.
    #[error("`{repository}` is not a Whisper model for CTranslate2: it has no `{lacks}`; name another repository")]
    NotAModel {
        /// The repository.
        repository: String,
        /// What it lacks.
        lacks: String,
    },
    /// A file cannot be written.
    #[error("`{}` cannot be written ({error}); free space or fix its permissions, then pull again to resume", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl HubError {
    /// Whether the hub could not be asked at all: another source may do.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Untrusted { .. } | Self::TlsRoots(_)
        )
    }
}
