//! A transcript as a response that a browser can show or save.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use cesar_pipeline::Rendering;

/// A page that a plugin wrote has no access to this server's origin.
const POLICY: &str = "sandbox allow-scripts";

/// The longest name of a file without its extension, in characters.
const LONGEST: usize = 100;

/// Texts are shown, other files are saved; both with a name after the recording, whose label is that of the job.
pub(crate) fn response(rendering: Rendering, label: &str) -> Response {
    let media_type = rendering.media_type.as_str();
    let is_shown = media_type.starts_with("text/") || media_type.starts_with("application/json");
    let kind = if is_shown { "inline" } else { "attachment" };
    let disposition = format!("{kind}; {}", parameters(&name(label, &rendering.extension)));
    let headers = [
        (CONTENT_TYPE, rendering.media_type),
        (CONTENT_DISPOSITION, disposition),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    (headers, rendering.bytes).into_response()
}

/// The header that shows or saves a recording under the name that it came with.
pub(crate) fn disposition(label: &str, download: bool) -> String {
    let kind = if download { "attachment" } else { "inline" };
    let file = label.rsplit(['/', '\\']).next().unwrap_or_default();
    let extension = file.rsplit_once('.').map(|(_, extension)| extension);
    let extension = extension.filter(|extension| extension.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    format!("{kind}; {}", parameters(&name(label, extension.unwrap_or("bin"))))
}

/// `talk.docx` for the label `talk.mp3`.
fn name(label: &str, extension: &str) -> String {
    let file = label.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = match file.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => file,
    };
    let is_safe = |character: &char| !character.is_control() && !"\"*:<>?|".contains(*character);
    let stem: String = stem.chars().filter(is_safe).take(LONGEST).collect();
    match stem.trim().trim_start_matches('.') {
        "" => format!("transcript.{extension}"),
        stem => format!("{stem}.{extension}"),
    }
}

/// The name for clients that know only ASCII, and as RFC 5987 writes it.
fn parameters(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    if plain == name {
        return format!("filename=\"{plain}\"");
    }
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(label: &str, media_type: &str, extension: &str) -> [String; 3] {
        let rendering = Rendering {
            format: "f".into(),
            extension: extension.into(),
            media_type: media_type.into(),
            bytes: Vec::new(),
        };
        let response = response(rendering, label);
        [CONTENT_TYPE, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY]
            .map(|header| response.headers()[header].to_str().expect("ASCII").to_owned())
    }

    #[test]
    fn texts_are_shown_and_other_files_saved() {
        let office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert_eq!(
            headers("talk.mp3", office, "docx"),
            [office, "attachment; filename=\"talk.docx\"", "sandbox allow-scripts"]
        );
        let page = "text/html; charset=utf-8";
        assert_eq!(
            headers("a/talk", page, "html"),
            [page, "inline; filename=\"talk.html\"", "sandbox allow-scripts"]
        );
    }

    #[test]
    fn a_recording_keeps_its_name() {
        assert_eq!(disposition("a/talk.MP3", true), "attachment; filename=\"talk.MP3\"");
        assert_eq!(disposition("talk", false), "inline; filename=\"talk.bin\"");
        assert_eq!(disposition("x\r\n.a\"b", true), "attachment; filename=\"x.bin\"");
    }

    #[test]
    fn names_are_safe_in_a_header() {
        assert_eq!(
            parameters(&name("Grüße, 100%.wav", "labels.txt")),
            "filename=\"Gr__e, 100%.labels.txt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%2C%20100%25.labels.txt"
        );
        assert_eq!(parameters(&name("a\"\r\nb: c\\d.mp3", "srt")), "filename=\"d.srt\"");
        assert_eq!(parameters(&name("x\r\ny\".mp3", "srt")), "filename=\"xy.srt\"");
        assert_eq!(name("", "txt"), "transcript.txt");
        assert_eq!(name("..", "txt"), "transcript.txt");
        assert_eq!(name("https://host/", "txt"), "transcript.txt");
        assert_eq!(name(&"n".repeat(300), "txt").len(), 104);
    }
}
