//! The options of a request.

use serde::Deserialize;

/// The method of fetching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Via {
    /// As a file, unless it is a page.
    #[serde(rename = "auto")]
    Auto,
    /// As a file.
    #[serde(rename = "direct")]
    Direct,
    /// By yt-dlp.
    #[serde(rename = "yt-dlp")]
    YtDlp,
}

/// The options of scope `request`.
#[derive(Debug, Clone, Deserialize)]
pub struct Options {
    /// The method of fetching.
    pub via: Via,
    /// The yt-dlp program, by name or path.
    pub yt_dlp: Option<String>,
    /// Its additional arguments.
    pub yt_dlp_args: Vec<String>,
    /// Whether it reads its own configuration.
    pub yt_dlp_config: bool,
    /// A file with its cookies.
    pub cookies: Option<String>,
}
