//! Meanings of yt-dlp's errors: its messages are for users, and of many sites, so they are recognised by words.
//!
//! The order counts: a message about age also says "sign in". A message without a match is passed on unchanged.

use plugin_api::download::Reason;

use crate::refusal::{Refused, because};

/// Lower-case words, one of which is in the message, and their meaning.
const MEANINGS: &[(Reason, &[&str])] = &[
    (Reason::AddressRefused, &["not a public address"]),
    (
        Reason::AgeRestricted,
        &[
            "confirm your age",
            "age-restricted",
            "age restricted",
            "inappropriate for some users",
            "age verification",
        ],
    ),
    (
        Reason::RateLimited,
        &[
            "http error 429",
            "too many requests",
            "rate-limit",
            "rate limit",
            "not a bot",
            "try again later",
        ],
    ),
    (
        Reason::GeoBlocked,
        &[
            "geo restrict",
            "geo-restrict",
            "geo_restrict",
            "in your country",
            "in your region",
            "from your location",
            "in your location",
            "http error 451",
        ],
    ),
    (
        Reason::LiveStream,
        &[
            "live event will begin",
            "premieres in",
            "this live event",
            "is offline",
            "not currently live",
            "livestream",
        ],
    ),
    (
        Reason::Private,
        &[
            "private video",
            "is private",
            "members-only",
            "members only",
            "join this channel",
            "login required",
            "log in",
            "logged-in",
            "sign in",
            "requires authentication",
            "password",
            "subscri",
            "premium",
            "purchase",
            "http error 401",
            "http error 403",
            "drm",
        ],
    ),
    (
        Reason::Removed,
        &[
            "has been removed",
            "been deleted",
            "no longer available",
            "account associated with this video has been terminated",
            "does not exist",
            "not found",
            "http error 404",
            "http error 410",
            "video unavailable",
            "this video is unavailable",
            "this video is not available",
        ],
    ),
    (
        Reason::NetworkDown,
        &[
            "name or service not known",
            "temporary failure in name resolution",
            "failed to resolve",
            "nodename nor servname",
            "network is unreachable",
            "no route to host",
            "connection refused",
            "connection reset",
            "connection aborted",
            "remote end closed",
            "incompleteread",
            "bytes read",
        ],
    ),
    (Reason::TooSlow, &["timed out", "timeout"]),
    (
        Reason::ServerError,
        &[
            "http error 500",
            "http error 502",
            "http error 503",
            "http error 504",
            "internal server error",
        ],
    ),
    (
        Reason::Unsupported,
        &[
            "unsupported url",
            "no video formats found",
            "requested format is not available",
            "no suitable extractor",
            "is not a valid url",
        ],
    ),
];

/// The refusal for its standard error.
#[must_use]
pub fn meaning(url: &str, version: &str, stderr: &str) -> Refused {
    let said = said(stderr);
    let lower = said.to_lowercase();
    let found = MEANINGS
        .iter()
        .find(|(_, words)| words.iter().any(|word| lower.contains(word)));
    let reason = found.map_or(Reason::Other, |(reason, _)| *reason);
    let message = match reason {
        Reason::AddressRefused => format!(
            "`{url}` leads to an address that is not public; the operator can allow such addresses with `server.allow_private_addresses`"
        ),
        Reason::AgeRestricted => {
            format!("`{url}` is only for grown-ups who are logged in; give a file with your cookies with --cookies")
        }
        Reason::RateLimited => format!(
            "the site was asked too often for `{url}`; try again later, or give a file with your cookies with --cookies"
        ),
        Reason::GeoBlocked => format!("`{url}` is not given out in this country; get the recording another way"),
        Reason::LiveStream => {
            format!("`{url}` is a live stream that has not begun or has no end yet; transcribe it when it is over")
        }
        Reason::Private => format!(
            "`{url}` is only for those who are logged in or have paid; if you may see it, give a file with your cookies with --cookies"
        ),
        Reason::Removed => format!("`{url}` is not there, or not any more; check the address"),
        Reason::NetworkDown => {
            format!("`{url}` cannot be reached; check the address, and whether this machine is online")
        }
        Reason::TooSlow => format!("the site of `{url}` did not answer in time; try again later"),
        Reason::ServerError => format!("the site of `{url}` reports a server error; try again later"),
        Reason::Unsupported => format!(
            "yt-dlp {version} finds no recording behind `{url}`; name the page of one, or bring yt-dlp up to date"
        ),
        _ => format!("yt-dlp {version} cannot fetch `{url}`; bring it up to date, or check the address"),
    };
    because(reason, format!("{message} (yt-dlp: {said})"))
}

/// Its last error, without its name.
fn said(stderr: &str) -> String {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines()
        .rfind(|line| line.starts_with("ERROR:"))
        .or_else(|| lines().next_back());
    let error = error.unwrap_or("nothing").trim_start_matches("ERROR:").trim();
    let end = ["; please report this issue", ". See  https", " (caused by"]
        .iter()
        .filter_map(|mark| error.find(mark))
        .min()
        .unwrap_or(error.len());
    error[..end].chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of sites and yt-dlp.
    const SAID: &[(&str, Reason)] = &[
        (
            "ERROR: [youtube] a: Private video. Sign in if you've been granted access to this video",
            Reason::Private,
        ),
        (
            "ERROR: [youtube] a: Sign in to confirm your age. This video may be inappropriate for some users.",
            Reason::AgeRestricted,
        ),
        (
            "ERROR: [youtube] a: Sign in to confirm you’re not a bot. Use --cookies-from-browser",
            Reason::RateLimited,
        ),
        (
            "ERROR: [youtube] a: Join this channel to get access to members-only content",
            Reason::Private,
        ),
        (
            "ERROR: [youtube] a: Video unavailable. The uploader has not made this video available in your country",
            Reason::GeoBlocked,
        ),
        (
            "ERROR: [youtube] a: Video unavailable. This video has been removed by the uploader",
            Reason::Removed,
        ),
        (
            "ERROR: [youtube] a: This live event will begin in 3 hours.",
            Reason::LiveStream,
        ),
        ("ERROR: [youtube] a: Premieres in 20 minutes", Reason::LiveStream),
        (
            "ERROR: [vimeo] 1: This video is protected by a password, use the --video-password option",
            Reason::Private,
        ),
        (
            "ERROR: [twitch:stream] x: The channel is not currently live",
            Reason::LiveStream,
        ),
        (
            "ERROR: [generic] Unable to download webpage: HTTP Error 404: Not Found (caused by <HTTPError 404>)",
            Reason::Removed,
        ),
        (
            "ERROR: [generic] Unable to download webpage: HTTP Error 429: Too Many Requests",
            Reason::RateLimited,
        ),
        (
            "ERROR: [generic] Unable to download webpage: HTTP Error 503: Service Unavailable",
            Reason::ServerError,
        ),
        (
            "ERROR: [generic] Unable to download webpage: [Errno -2] Name or service not known (caused by TransportError)",
            Reason::NetworkDown,
        ),
        (
            "ERROR: Unable to download video: The read operation timed out",
            Reason::TooSlow,
        ),
        (
            "WARNING: x\nERROR: Unsupported URL: http://127.0.0.1:1/page",
            Reason::Unsupported,
        ),
        (
            "ERROR: [BBC] x: This video is not available from your location due to geo restriction",
            Reason::GeoBlocked,
        ),
        ("Traceback (most recent call last):\n  ValueError: odd", Reason::Other),
        ("", Reason::Other),
    ];

    #[test]
    fn messages_have_meanings() {
        let mut table = String::new();
        for (stderr, expected) in SAID {
            let Refused::Because(refusal) = meaning("https://e.org/a", "2026.01.01", stderr) else {
                panic!("{stderr}")
            };
            assert_eq!(refusal.reason, *expected, "{stderr}");
            table.push_str(&format!("{}: {}\n", refusal.reason.code(), refusal.message));
        }
        insta::assert_snapshot!(table);
    }
}
