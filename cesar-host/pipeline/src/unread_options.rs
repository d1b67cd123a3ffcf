//! Options that none of the formats asked for reads: the file is right, and not what the user wanted.

use plugin_api::manifest::Manifest;

/// An option without effect on the formats of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadOption {
    /// Its name.
    pub name: String,
    /// The formats that read it.
    pub read_by: Vec<String>,
}

/// Those of the given options that a format's plugin knows, and that no format reads.
pub(super) fn unread_options<'a>(
    formats: &[(&str, &Manifest)],
    given: impl Iterator<Item = &'a String>,
) -> Vec<UnreadOption> {
    let unread = |name: &'a String| {
        let mut read_by = Vec::new();
        for (format, manifest) in formats {
            let readers = &manifest.options.get(name)?.formats;
            if readers.is_empty() || readers.iter().any(|reader| reader == format) {
                return None;
            }
            read_by.clone_from(readers);
        }
        let name = name.clone();
        (!read_by.is_empty()).then_some(UnreadOption { name, read_by })
    };
    given.filter_map(unread).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_options_that_no_format_reads_are_unread() {
        let manifest = json!({
            "cesar_plugin": 1, "id": "own", "stage": "format", "version": "1.0.0", "abi": 1, "license": "MIT", "description": "d",
            "options": {
                "format": { "type": "string", "default": "a", "enum": ["a", "b"], "doc": "d" },
                "width": { "type": "integer", "default": 1, "formats": ["b"], "doc": "d" },
                "names": { "type": "boolean", "default": true, "doc": "d" },
            },
        });
        let manifest = Manifest::parse(&manifest.to_string()).expect("a manifest");
        let given = ["width", "names", "unknown"].map(str::to_owned);
        let unread = |formats: &[&str]| {
            let formats: Vec<_> = formats.iter().map(|format| (*format, &manifest)).collect();
            unread_options(&formats, given.iter())
        };
        let width = UnreadOption {
            name: "width".to_owned(),
            read_by: vec!["b".to_owned()],
        };
        assert_eq!(unread(&["a"]), [width]);
        assert_eq!(unread(&["b"]), []);
        assert_eq!(unread(&["a", "b"]), []);
    }
}
