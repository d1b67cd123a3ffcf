//! URLs of shared caches.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{RemoteError, Result};

/// The place of a shared cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A bucket (Azure: container), and a prefix without slashes at its ends, which may be empty.
    Bucket {
        service: Service,
        bucket: String,
        prefix: String,
    },
    /// A folder that the machines share.
    Folder(PathBuf),
}

/// A kind of object storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// S3 of AWS, or a service with its interface.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Blob storage of Azure.
    Azure,
}

impl Service {
    const ALL: [Self; 3] = [Self::S3, Self::Google, Self::Azure];

    fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }

    /// The variables for what a URL does not have.
    pub(crate) fn variables(self) -> &'static str {
        match self {
            Self::S3 => "`AWS_ACCESS_KEY_ID` and `AWS_ENDPOINT_URL`",
            Self::Google => "`GOOGLE_APPLICATION_CREDENTIALS`",
            Self::Azure => "`AZURE_STORAGE_ACCOUNT_NAME` and `AZURE_STORAGE_ACCOUNT_KEY`",
        }
    }
}

impl Location {
    /// Reads a URL.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let fault = |why: &str| RemoteError::Url { why: why.to_owned() };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| fault("has no scheme"))?;
        if rest.contains(['?', '#']) {
            return Err(fault("has a query or a fragment, which has no meaning here"));
        }
        let scheme = scheme.to_ascii_lowercase();
        if let Some(service) = Service::ALL.into_iter().find(|service| service.scheme() == scheme) {
            return Self::bucket(service, rest);
        }
        match scheme.as_str() {
            "file" => match Path::new(rest) {
                path if path.is_absolute() => Ok(Self::Folder(path.to_owned())),
                _ => Err(fault("names no absolute path after `file://`")),
            },
            other if other.chars().all(|char| char.is_ascii_alphanumeric()) && other.len() <= 10 => {
                Err(fault(&format!("has the scheme `{other}`, which is not supported")))
            }
            _ => Err(fault("has an unknown scheme")),
        }
    }

    fn bucket(service: Service, rest: &str) -> Result<Self> {
        let fault = |why: String| RemoteError::Url { why };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.contains(['@', ':']) {
            return Err(fault(format!(
                "has a user, a password or a port, which belong into the environment ({})",
                service.variables()
            )));
        }
        let is_of_name = |char: char| {
            char.is_ascii_lowercase()
                || char.is_ascii_digit()
                || matches!(char, '-' | '.')
                || (char == '_' && service == Service::Google)
        };
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(is_of_name) {
            return Err(fault(format!(
                "names the bucket `{}`, and names have 3 to 63 lower-case letters, digits, `-` and `.`",
                bucket.escape_debug()
            )));
        }
        let prefix = prefix.trim_matches('/');
        if prefix.split('/').any(|part| matches!(part, "." | "..")) || prefix.contains("//") {
            return Err(fault("has a prefix with an empty part, `.` or `..`".to_owned()));
        }
        if prefix.chars().any(char::is_control) {
            return Err(fault("has a prefix with a control character".to_owned()));
        }
        Ok(Self::Bucket {
            service,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }

    /// The prefix of all objects.
    pub(crate) fn prefix(&self) -> &str {
        match self {
            Self::Bucket { prefix, .. } => prefix,
            Self::Folder(_) => "",
        }
    }

    /// Whether requests leave this machine by the network stack of this program.
    pub(crate) fn is_network(&self) -> bool {
        matches!(self, Self::Bucket { .. })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket {
                service,
                bucket,
                prefix,
            } => {
                write!(formatter, "{}://{bucket}", service.scheme())?;
                match prefix.as_str() {
                    "" => Ok(()),
                    prefix => write!(formatter, "/{prefix}"),
                }
            }
            Self::Folder(path) => write!(formatter, "file://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_a_bucket_or_a_folder() {
        let text = |url: &str| Location::parse(url).map(|location| location.to_string());
        for (url, expected) in [
            ("s3://results", "s3://results"),
            ("S3://results/", "s3://results"),
            ("s3://results/a/b c/", "s3://results/a/b c"),
            ("gs://my_results/a", "gs://my_results/a"),
            ("az://results/a", "az://results/a"),
            ("file:///mnt/shared", "file:///mnt/shared"),
        ] {
            assert_eq!(text(url).unwrap(), expected);
        }
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for url in [
            "results",
            "s3:/results",
            "s3://",
            "s3://Results",
            "s3://user:hunter2@results/x",
            "http://user:hunter2@host/",
            "s3://results?token=hunter2",
            "s3://results/../other",
            "s3://results/a//b",
            "file://relative",
            "gs://user:hunter2@results/x",
            "az://my_results",
            "abfss://results",
        ] {
            let message = Location::parse(url).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
            assert!(message.contains("`cache.remote`"), "{message}");
        }
    }
}
