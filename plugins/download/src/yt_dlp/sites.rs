//! Sites whose URLs are certainly pages, so that a request for a file would be wasted. Other pages are recognised by their
//! beginning.

const SITES: &[&str] = &[
    "bilibili.com",
    "dailymotion.com",
    "facebook.com",
    "instagram.com",
    "rumble.com",
    "soundcloud.com",
    "tiktok.com",
    "twitch.tv",
    "twitter.com",
    "vimeo.com",
    "x.com",
    "youtu.be",
    "youtube-nocookie.com",
    "youtube.com",
];

/// Whether the URL is of one of them, or of a subdomain.
#[must_use]
pub fn knows(url: &str) -> bool {
    let host = crate::direct::host(url).to_ascii_lowercase();
    let host = host.split(':').next().unwrap_or_default();
    SITES.iter().any(|site| {
        host.strip_suffix(site)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_and_their_parts() {
        assert!(
            knows("https://www.YouTube.com/watch?v=1") && knows("https://youtu.be/1") && knows("http://x.com:80/a")
        );
        assert!(!knows("https://notyoutube.com/") && !knows("https://example.org/youtube.com"));
    }
}
