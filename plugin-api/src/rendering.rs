//! Outputs of a `format` stage: text, or any bytes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

/// The output of a `format` stage that writes text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendering {
    /// The file's whole text, UTF-8.
    pub text: String,
}

/// The output of a `format` stage that is not text. Hosts older than this type refuse it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinaryRendering {
    /// The file's bytes in base64, with the standard alphabet and padding.
    pub base64: String,
}

impl BinaryRendering {
    /// Encodes the file's bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self {
            base64: BASE64_STANDARD.encode(bytes),
        }
    }
}

/// The bytes of the file in the output of a `format` stage: a [`Rendering`] or a [`BinaryRendering`], as JSON.
///
/// # Errors
/// The defect of the output.
pub fn rendered_bytes(output: &str) -> Result<Vec<u8>, String> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(default)]
        base64: Option<String>,
    }
    let probe: Probe = serde_json::from_str(output).map_err(|error| error.to_string())?;
    match probe.base64 {
        Some(text) => BASE64_STANDARD
            .decode(text)
            .map_err(|error| format!("its base64 is not valid: {error}")),
        None => serde_json::from_str::<Rendering>(output)
            .map(|rendering| rendering.text.into_bytes())
            .map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_arrive_unchanged() {
        assert_eq!(rendered_bytes(r#"{"text":"Grüße\n"}"#).unwrap(), "Grüße\n".as_bytes());
        let bytes: Vec<u8> = (0..=255).collect();
        let output = serde_json::to_string(&BinaryRendering::new(&bytes)).unwrap();
        assert_eq!(rendered_bytes(&output).unwrap(), bytes);
    }

    #[test]
    fn other_outputs_are_refused() {
        let refusal = |output: &str| rendered_bytes(output).unwrap_err();
        assert!(refusal("{}").starts_with("missing field `text`"), "{}", refusal("{}"));
        assert!(refusal(r#"{"base64":"A"}"#).starts_with("its base64 is not valid: "));
        assert!(!refusal("[]").is_empty() && !refusal("").is_empty());
    }
}
