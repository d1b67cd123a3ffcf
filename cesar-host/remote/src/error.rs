//! Errors of the shared cache. They are reported at the start; later ones are counted, and none fails a job.

use std::io;
use std::path::PathBuf;

/// An error of the shared cache.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The URL of the settings cannot be used. It is not shown as a whole, since it may contain a password.
    #[error(
        "the URL of the shared cache (`cache.remote`) {why}; give `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or `file:///FOLDER`"
    )]
    Url {
        /// The fault.
        why: String,
    },
    /// The address of the S3 service cannot be used. It is not shown, since it may contain a password.
    #[error("`{variable}` is no address of HTTP; write it as `https://HOST`, or leave it out for AWS")]
    Endpoint {
        /// The variable, or the entry of the profile.
        variable: String,
    },
    /// The folder of a `file:` URL does not exist, or is no folder.
    #[error("cannot open the shared cache `{}` ({source}); create the folder, or correct `cache.remote`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file with the key cannot be used.
    #[error("cannot use the key file `{}` of the shared cache ({why}); correct it, or `cache.remote_key_file`", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The fault.
        why: String,
    },
    /// A file with credentials cannot be used.
    #[error("cannot use the credentials of the shared cache in `{}` ({why}); correct the file, or set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// The fault.
        why: String,
    },
    /// The store does not let this program do what it needs.
    #[error(
        "cannot {action} the shared cache `{location}` ({detail}); check the credentials and the rights on the bucket"
    )]
    Denied {
        /// The action, as a verb.
        action: &'static str,
        /// The place.
        location: String,
        /// The answer of the store.
        detail: String,
    },
    /// There is no such bucket.
    #[error(
        "the bucket of the shared cache `{location}` does not exist ({detail}); create it, or correct `cache.remote`"
    )]
    NoBucket {
        /// The place.
        location: String,
        /// The answer of the store.
        detail: String,
    },
    /// The clock of this machine is so wrong that the store refuses signatures.
    #[error(
        "the shared cache `{location}` refuses requests because of the time ({detail}); set the clock of this machine"
    )]
    Clock {
        /// The place.
        location: String,
        /// The answer of the store.
        detail: String,
    },
    /// The place holds something else.
    #[error(
        "`{location}` is no shared cache of this Cesar ({why}); give a bucket or a prefix of its own in `cache.remote`"
    )]
    Foreign {
        /// The place.
        location: String,
        /// What it holds.
        why: String,
    },
    /// The store ignores conditions, on which the protocol depends.
    #[error(
        "the store of the shared cache `{location}` replaces objects although it was asked not to (`If-None-Match`); use a store with conditional writes, or `cache.remote_mode = \"read-only\"`"
    )]
    Unconditional {
        /// The place.
        location: String,
    },
    /// The store cannot be reached, or fails.
    #[error(
        "cannot {action} the shared cache `{location}` ({detail}); check the network and the endpoint (for S3 `AWS_ENDPOINT_URL`)"
    )]
    Unavailable {
        /// The action, as a verb.
        action: &'static str,
        /// The place.
        location: String,
        /// The error.
        detail: String,
    },
    /// The variables of a service make no client.
    #[error("the environment has no usable settings for the shared cache `{location}` ({detail}); set {variables}")]
    Environment {
        /// The shared cache.
        location: String,
        /// The error.
        detail: String,
        /// The variables.
        variables: &'static str,
    },
    /// A part of this program cannot be set up.
    #[error(
        "cannot start the client of the shared cache ({detail}); free memory or processes, or unset `cache.remote`"
    )]
    Client {
        /// The error.
        detail: String,
    },
}

/// A result of the shared cache.
pub type Result<T> = std::result::Result<T, RemoteError>;
