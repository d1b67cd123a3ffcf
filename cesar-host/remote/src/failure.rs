//! Errors of the object store in a few words, and their meaning.

use object_store::Error;

use super::error::RemoteError;

/// The codes of S3 and Google, and of Azure, for a bucket that does not exist.
const NO_BUCKET: &str = "NoSuchBucket";
const NO_CONTAINER: &str = "ContainerNotFound";

/// The longest text of an error that is shown.
const LONGEST: usize = 200;

/// The error of a request at the start.
pub(crate) fn refusal(action: &'static str, location: &str, error: &Error) -> RemoteError {
    let (location, detail) = (location.to_owned(), detail(error));
    let code = code_of(&chain(error));
    match (error, code.as_deref()) {
        (_, Some("RequestTimeTooSkewed" | "RequestExpired")) => RemoteError::Clock { location, detail },
        (_, Some(NO_BUCKET | NO_CONTAINER)) => RemoteError::NoBucket { location, detail },
        (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, _)
        | (_, Some("AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch")) => RemoteError::Denied {
            action,
            location,
            detail,
        },
        _ => RemoteError::Unavailable {
            action,
            location,
            detail,
        },
    }
}

/// Whether the error says that there is no such bucket.
pub(crate) fn is_no_bucket(error: &Error) -> bool {
    matches!(code_of(&chain(error)).as_deref(), Some(NO_BUCKET | NO_CONTAINER))
}

/// The error in a few words: the code that the store has sent, or the innermost error.
pub(crate) fn detail(error: &Error) -> String {
    if let Some(code) = code_of(&chain(error)) {
        return code;
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().filter(|char| !char.is_control()).take(LONGEST).collect()
}

/// The texts of an error and its sources.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push('\n');
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The code in the XML of S3, Google and Azure.
fn code_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_code = code.len() <= 64 && code.chars().all(|char| char.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Error {
        Error::Generic {
            store: "S3",
            source: text.into(),
        }
    }

    #[test]
    fn errors_are_shown_by_their_code() {
        let denied = error("403: <Error><Code>AccessDenied</Code><AWSAccessKeyId>AKIASECRET</AWSAccessKeyId></Error>");
        let message = refusal("write to", "s3://results", &denied).to_string();
        assert!(message.contains("(AccessDenied)"), "{message}");
        assert!(!message.contains("AKIASECRET"), "{message}");
        let skewed = error("<Code>RequestTimeTooSkewed</Code>");
        assert!(matches!(refusal("read", "x", &skewed), RemoteError::Clock { .. }));
        let missing = error("<Code>NoSuchBucket</Code>");
        assert!(matches!(refusal("read", "x", &missing), RemoteError::NoBucket { .. }));
        let away = error("io: Connection refused\nmore");
        assert_eq!(detail(&away), "io: Connection refused");
    }
}
