//! Refusals: a reason for programs, and a sentence for users with the remedy.

use std::io;

use plugin_api::download::{Reason, Refusal};

/// The reason why there is no answer.
#[derive(Debug)]
pub enum Refused {
    /// The outside world refused.
    Because(Refusal),
    /// The host cancelled.
    Cancelled,
    /// The disk refused.
    Disk(io::Error),
}

/// A refusal.
pub fn because(reason: Reason, message: impl Into<String>) -> Refused {
    Refused::Because(Refusal {
        reason,
        message: message.into(),
    })
}

/// The time limit was exceeded.
pub(crate) fn late() -> Refused {
    because(
        Reason::TooSlow,
        "the download took longer than allowed; allow more with `download.max_time`, or fetch the file another way",
    )
}

/// The server was silent for too long.
pub(crate) fn silent(host: &str, silence_ms: u64) -> Refused {
    #[expect(clippy::cast_precision_loss, reason = "seconds for a person")]
    let seconds = silence_ms as f64 / 1000.0;
    because(
        Reason::TooSlow,
        format!("`{host}` sent nothing for {seconds} s; try again later, or wait longer with `download.silence`"),
    )
}

/// More bytes than allowed.
pub(crate) fn too_large(url: &str, limit: u64) -> Refused {
    because(
        Reason::TooLarge,
        format!("`{url}` is larger than the {limit} bytes allowed; allow more with `download.max_size`"),
    )
}

/// A page instead of a file.
pub(crate) fn page(url: &str) -> Refused {
    because(
        Reason::NotMedia,
        format!("`{url}` is a page and no recording; name the recording itself, or leave `via` at `auto`"),
    )
}

/// An HTTP status without content.
pub(crate) fn status(url: &str, status: u16, retry_after: Option<&str>) -> Refused {
    let again = match retry_after {
        Some(text) if text.parse::<u64>().is_ok() => format!("try again after {text} s"),
        Some(text) if !text.is_empty() && text.is_ascii() => format!("try again after {text}"),
        _ => "try again later".to_owned(),
    };
    let (reason, message) = match status {
        401 | 402 | 403 | 407 => (
            Reason::Private,
            format!(
                "the server does not give `{url}` to everybody ({status}); download it with a login, and transcribe the file"
            ),
        ),
        404 | 410 => (
            Reason::Removed,
            format!("`{url}` is not there ({status}); check the address"),
        ),
        429 => (
            Reason::RateLimited,
            format!("the server was asked too often for `{url}` ({status}); {again}"),
        ),
        451 => (
            Reason::GeoBlocked,
            format!("`{url}` is not given out here, for legal reasons ({status}); get the recording another way"),
        ),
        500..=599 => (
            Reason::ServerError,
            format!("the server of `{url}` reports an error ({status}); {again}"),
        ),
        _ => (
            Reason::Other,
            format!("the server answered {status} for `{url}`; check the address"),
        ),
    };
    because(reason, message)
}
