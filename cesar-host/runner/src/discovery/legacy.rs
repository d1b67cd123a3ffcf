//! Properties of plugins built before manifests declared them.

use plugin_api::manifest::{Manifest, StageKind};

/// The declared priority, or the fixed one of engines whose manifests lacked it.
#[must_use]
pub fn priority(manifest: &Manifest) -> i32 {
    match (manifest.priority, manifest.stage, manifest.id.as_str()) {
        (0, StageKind::Asr, "ct2") => 20,
        (0, StageKind::Asr, "whisper-cpp") => 10,
        (declared, ..) => declared,
    }
}

/// The media type of a format whose plugin declares none of its formats; otherwise, or for an unknown format, `None`.
#[must_use]
pub fn media_type(manifest: &Manifest, format: &str) -> Option<&'static str> {
    Some(match format {
        _ if !manifest.formats.is_empty() => return None,
        "json" => "application/json",
        "srt" => "application/x-subrip; charset=utf-8",
        "vtt" => "text/vtt; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "tsv" => "text/tab-separated-values; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(id: &str, stage: &str, more: &serde_json::Value) -> Manifest {
        let mut value = json!({
            "cesar_plugin": 1, "id": id, "stage": stage, "version": "1.0.0", "abi": 1, "license": "MIT", "description": "d",
            "options": {}
        });
        let fields = value.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        Manifest::parse(&value.to_string()).unwrap()
    }

    #[test]
    fn engines_without_a_priority_keep_their_order() {
        let of = |id, more| priority(&manifest(id, "asr", &more));
        assert_eq!(
            [of("ct2", json!({})), of("whisper-cpp", json!({})), of("a", json!({}))],
            [20, 10, 0]
        );
        assert_eq!(of("ct2", json!({ "priority": -5 })), -5);
    }

    #[test]
    fn only_undeclared_formats_have_a_known_media_type() {
        let old = manifest("format", "format", &json!({}));
        assert_eq!(media_type(&old, "vtt"), Some("text/vtt; charset=utf-8"));
        assert_eq!(media_type(&old, "docx"), None);
    }
}
