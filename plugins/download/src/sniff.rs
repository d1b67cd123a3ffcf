//! Recognition of recordings: by the first bytes that a server sends, else by its content type.
//!
//! Servers often report wrong types (`text/plain` for everything, `application/octet-stream`), so known bytes take precedence.
//! Unidentified content is accepted: ffmpeg may read it, and the decoder knows more than a guess.

/// Number of bytes examined.
pub const LENGTH: usize = 512;

/// The kind of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A recording, or possibly one.
    Media,
    /// A web page or a list of other URLs, which yt-dlp handles.
    Page,
    /// Another kind, with its name.
    Other(String),
}

/// Beginnings of containers and streams.
const MEDIA: &[(usize, &[u8])] = &[
    (0, b"fLaC"),
    (0, b"OggS"),
    (0, b"ID3"),
    (0, b"\x1a\x45\xdf\xa3"), // Matroska, WebM
    (0, b"caff"),
    (0, b"FLV\x01"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), // ASF
    (0, b"#!AMR"),
    (0, b".snd"),
    (0, b"\x00\x00\x01\xba"), // MPEG programme stream
    (0, b"\x00\x00\x01\xb3"),
    (0, b"wvpk"),
    (0, b"MAC "),
    (0, b"TTA1"),
    (0, b".RMF"),
    (0, b"DSD "),
    (4, b"ftyp"),
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
    (8, b"WAVE"),
    (8, b"AVI "),
    (8, b"AIFF"),
    (8, b"AIFC"),
];

/// Beginnings of files that users name by mistake.
const OTHER: &[(&[u8], &str)] = &[
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
];

/// The kind of content that begins with `start` and has the declared type `content_type`.
#[must_use]
pub fn kind(start: &[u8], content_type: Option<&str>) -> Kind {
    if is_media(start) {
        return Kind::Media;
    }
    if let Some((_, what)) = OTHER.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Kind::Other((*what).to_owned());
    }
    if is_page(start) {
        return Kind::Page;
    }
    let essence = essence(content_type.unwrap_or_default());
    match essence.as_str() {
        "text/html"
        | "application/xhtml+xml"
        | "application/rss+xml"
        | "application/atom+xml"
        | "application/dash+xml"
        | "application/vnd.apple.mpegurl"
        | "application/x-mpegurl"
        | "audio/mpegurl"
        | "audio/x-mpegurl" => Kind::Page,
        other if other.starts_with("text/") || other.starts_with("image/") || other.starts_with("font/") => {
            Kind::Other(format!("`{other}`"))
        }
        other @ ("application/json" | "application/xml" | "application/pdf" | "application/zip") => {
            Kind::Other(format!("`{other}`"))
        }
        _ => Kind::Media,
    }
}

/// `audio/mpeg` of `Audio/MPEG; rate=1`.
fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_media(start: &[u8]) -> bool {
    let has = |(at, magic): &(usize, &[u8])| start.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    MEDIA.iter().any(has) || is_mpeg_audio(start) || is_transport_stream(start)
}

/// The sync word of MPEG audio or ADTS, with a valid layer, bit rate and sample rate.
fn is_mpeg_audio(start: &[u8]) -> bool {
    let [0xff, second, third, ..] = start else { return false };
    let is_adts = second & 0xf6 == 0xf0;
    let is_mpeg = second & 0xe0 == 0xe0 && second & 0x18 != 0x08 && second & 0x06 != 0;
    is_adts || (is_mpeg && third & 0xf0 != 0xf0 && third & 0x0c != 0x0c)
}

/// Consecutive packets of 188 bytes.
fn is_transport_stream(start: &[u8]) -> bool {
    start.first() == Some(&0x47) && start.get(188) == Some(&0x47)
}

fn is_page(start: &[u8]) -> bool {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let begins = |word: &str| {
        let head = text.get(..word.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
    };
    [
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<rss",
        "<feed",
        "<mpd",
        "#extm3u",
    ]
    .iter()
    .any(|word| begins(word))
        || (begins("<?xml") && contains_any(text, &["<rss", "<feed", "<html", "<MPD"]))
        || (begins("<!--") && contains_any(text, &["<html", "<!doctype html", "<!DOCTYPE html"]))
}

fn contains_any(text: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| text.windows(word.len()).any(|window| window == word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_win_over_types() {
        assert_eq!(kind(b"RIFF\x24\x08\x00\x00WAVEfmt ", Some("text/html")), Kind::Media);
        assert_eq!(kind(b"\xff\xfb\x90\x64", Some("text/plain")), Kind::Media);
        assert_eq!(kind(b"<!DOCTYPE HTML>\n<title>", Some("audio/mpeg")), Kind::Page);
        assert_eq!(kind(b"\xef\xbb\xbf  <html lang=en>", None), Kind::Page);
        assert_eq!(kind(b"#EXTM3U\n#EXT-X", Some("application/octet-stream")), Kind::Page);
        assert_eq!(kind(b"%PDF-1.7", Some("audio/mpeg")), Kind::Other("a PDF".into()));
    }

    #[test]
    fn types_decide_where_bytes_say_nothing() {
        assert_eq!(kind(b"something", Some("Text/HTML; charset=utf-8")), Kind::Page);
        assert_eq!(
            kind(b"{\"a\":1}", Some("application/json")),
            Kind::Other("`application/json`".into())
        );
        assert_eq!(kind(b"hello", Some("text/plain")), Kind::Other("`text/plain`".into()));
        for unknown in [
            None,
            Some("application/octet-stream"),
            Some("audio/x-odd"),
            Some("video/mp4"),
        ] {
            assert_eq!(kind(b"\x01\x02odd", unknown), Kind::Media, "{unknown:?}");
        }
    }

    #[test]
    fn pictures_are_not_mpeg_audio() {
        assert_eq!(
            kind(b"\xff\xd8\xff\xe0\x00\x10JFIF", None),
            Kind::Other("a picture".into())
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(start: Vec<u8>, content_type in proptest::option::of("\\PC{0,30}")) {
            let _ = kind(&start, content_type.as_deref());
        }
    }
}
