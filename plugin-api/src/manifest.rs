//! The manifest of a plugin, readable without running its code.
//!
//! JSON in the ELF section `.cesar.plugin` and again in the root module. Everything about options derives from its one option
//! table (`options`): validation, `--asr-option key=value`, `cesar plugins show`, the effective options with defaults filled in,
//! and which of them belong to a cache key. Hosts ignore unknown fields, so that manifests can grow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ABI_MAJOR;

mod formats;
mod options;

pub use formats::{FormatSpec, Several, WordField};
pub use options::{ModelFiles, OptionError, OptionKind, OptionSpec, Scope};

/// The ELF section that holds the manifest.
pub const SECTION: &str = ".cesar.plugin";

/// The stage of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageKind {
    /// A URL to a media file.
    Download,
    /// Audio to text.
    Asr,
    /// Audio to speaker turns.
    Diarize,
    /// A document to the text of a file.
    Format,
}

impl StageKind {
    /// Every stage, in the order of the work.
    pub const ALL: [Self; 4] = [Self::Download, Self::Asr, Self::Diarize, Self::Format];

    /// The name used in manifests, messages and keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Asr => "asr",
            Self::Diarize => "diarize",
            Self::Format => "format",
        }
    }
}

impl std::fmt::Display for StageKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The manifest of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this manifest format: 1.
    pub cesar_plugin: u32,
    /// Lower-case letters, digits and hyphens.
    pub id: String,
    /// The stage.
    pub stage: StageKind,
    /// Semantic version, equal to the crate's.
    pub version: String,
    /// [`ABI_MAJOR`] of the plugin-api it was built with.
    pub abi: u32,
    /// SPDX expression.
    pub license: String,
    /// One line for users.
    pub description: String,
    /// The numeric libraries and how they are built in, where builds of one version differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// CPU features the code needs, by `std::is_x86_feature_detected!` name, by architecture (`x86_64`, `aarch64`); a host refuses
    /// to load the library on a CPU without them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cpu_features: BTreeMap<String, Vec<String>>,
    /// Whether a run can resume where an interrupted one stopped: see [`resume`](crate::resume).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resume: bool,
    /// Whether sessions opened in one process with the same options share their large data, the model, and can run in parallel: a
    /// host may then open several in one process, each on its own thread, and one process may end with all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_model: bool,
    /// Whether an engine aligns a text that it is given with the audio: see [`align`](crate::align).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aligns: bool,
    /// The shared library that it requires and opens at run time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<Library>,
    /// If the request names no plugin, the plugins of a stage are tried from the highest priority down, then by id.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// The formats of a `format` plugin, which are the choices of its option `format`. Any of them may be absent here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub formats: BTreeMap<String, FormatSpec>,
    /// The option table.
    #[serde(default)]
    pub options: BTreeMap<String, OptionSpec>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(priority: &i32) -> bool {
    *priority == 0
}

/// A shared library that a plugin opens at run time. A host reports a missing one; it does not open it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// Its file name: `libonnxruntime.so`.
    pub file: String,
    /// The environment variable that may name its file instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

/// The reason why a manifest is not usable; completes "`libfoo.so`: its manifest …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError(String);

impl std::fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] with the field and its defect.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| ManifestError(format!("is not JSON: {error}")))?;
        // The ABI first: a manifest of a later ABI may differ in everything else.
        let abi = value.get("abi").and_then(serde_json::Value::as_u64);
        if abi != Some(u64::from(ABI_MAJOR)) {
            let abi = abi.map_or_else(|| "an unknown".to_owned(), |abi| abi.to_string());
            return Err(ManifestError(format!(
                "asks for plugin ABI {abi}, this Cesar speaks {ABI_MAJOR}"
            )));
        }
        let manifest: Self =
            serde_json::from_value(value).map_err(|error| ManifestError(format!("is not valid: {error}")))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let refuse = |text: String| Err(ManifestError(text));
        if self.cesar_plugin != 1 {
            return refuse(format!("has format {}, this Cesar reads 1", self.cesar_plugin));
        }
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || !self.id.chars().all(letter) {
            return refuse(format!(
                "has the id `{}`; use lower-case letters, digits and hyphens",
                self.id
            ));
        }
        if !is_semantic_version(&self.version) {
            return refuse(format!(
                "has the version `{}`, which is not a semantic version",
                self.version
            ));
        }
        if self.options.contains_key(crate::resume::FIELD) {
            return refuse("has an option called `resume`, a name that belongs to the host".into());
        }
        if self.aligns && self.options.contains_key(crate::align::FIELD) {
            return refuse(
                "has an option called `align`, a name that belongs to the host where a plugin `aligns`".into(),
            );
        }
        for (name, format) in &self.formats {
            let choices = self.options.get("format").map(|option| option.choices.as_slice());
            if !choices.unwrap_or_default().contains(name) {
                return refuse(format!(
                    "describes the format `{name}`, which is no choice of its option `format`"
                ));
            }
            format
                .check()
                .map_err(|text| ManifestError(format!("has the format `{name}`, {text}")))?;
        }
        for (name, option) in &self.options {
            let choices = self.options.get("format").map(|option| option.choices.as_slice());
            let unknown = (option.formats.iter()).find(|format| !choices.unwrap_or_default().contains(format));
            if let Some(format) = unknown {
                return refuse(format!(
                    "has the option `{name}` of the format `{format}`, which is no choice of its option `format`"
                ));
            }
            option
                .check()
                .map_err(|text| ManifestError(format!("has the option `{name}`, which {text}")))?;
            let switch = option.needed_when.as_ref();
            let is_switch = |switch: &String| self.options.get(switch).is_some_and(|o| o.kind == OptionKind::Boolean);
            if switch.is_some_and(|switch| !is_switch(switch)) {
                return refuse(format!(
                    "has the option `{name}`, whose `needed_when` names no boolean option"
                ));
            }
        }
        Ok(())
    }

    /// The options of one scope with defaults filled in, for `open` or `run`.
    ///
    /// # Errors
    /// [`OptionError`] for a name that is not in the table or a value the table refuses.
    pub fn effective(
        &self,
        given: &BTreeMap<String, serde_json::Value>,
    ) -> Result<BTreeMap<String, serde_json::Value>, OptionError> {
        for name in given.keys() {
            self.option(name)?;
        }
        let mut effective = BTreeMap::new();
        for (name, option) in &self.options {
            let value = given.get(name).unwrap_or(&option.default);
            effective.insert(name.clone(), option.validate(name, value)?);
        }
        for (name, option) in &self.options {
            let switch = option.needed_when.as_ref().and_then(|switch| effective.get(switch));
            if switch == Some(&serde_json::Value::Bool(false)) {
                effective.insert(name.clone(), serde_json::Value::Null);
            }
        }
        Ok(effective)
    }

    /// The option called `name`.
    ///
    /// # Errors
    /// [`OptionError::Unknown`], with the known names.
    pub fn option(&self, name: &str) -> Result<&OptionSpec, OptionError> {
        self.options.get(name).ok_or_else(|| OptionError::Unknown {
            plugin: self.id.clone(),
            option: name.to_owned(),
            known: self.options.keys().cloned().collect(),
        })
    }
}

/// Three numbers and at most a pre-release and a build part; the host compares versions with a library.
fn is_semantic_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<_> = core.split('.').collect();
    numbers.len() == 3
        && numbers
            .iter()
            .all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The manifest as an array, for the ELF section; for [`cesar_plugin!`](crate::cesar_plugin).
#[doc(hidden)]
#[must_use]
pub const fn bytes_of<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let (bytes, mut out, mut index) = (text.as_bytes(), [0; LENGTH], 0);
    while index < LENGTH {
        out[index] = bytes[index];
        index += 1;
    }
    out
}

/// Stops the build of a plugin whose manifest names another version than its Cargo.toml; for [`cesar_plugin!`](crate::cesar_plugin).
///
/// Looks for `"version"`, white space and `:`, white space, and the quoted version, anywhere in the manifest.
#[doc(hidden)]
pub const fn assert_version(manifest: &str, version: &str) {
    let (text, key) = (manifest.as_bytes(), b"\"version\"");
    let mut index = 0;
    while index + key.len() < text.len() {
        if starts_with(text, index, key) {
            let mut at = skip_space(text, index + key.len());
            if at < text.len() && text[at] == b':' {
                at = skip_space(text, at + 1);
                let end = at + 1 + version.len();
                if starts_with(text, at, b"\"")
                    && starts_with(text, at + 1, version.as_bytes())
                    && starts_with(text, end, b"\"")
                {
                    return;
                }
            }
        }
        index += 1;
    }
    panic!("the manifest's \"version\" differs from the version in Cargo.toml");
}

const fn skip_space(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && matches!(text[at], b' ' | b'\t' | b'\n' | b'\r') {
        at += 1;
    }
    at
}

const fn starts_with(text: &[u8], at: usize, wanted: &[u8]) -> bool {
    let mut index = 0;
    while index < wanted.len() {
        if at + index >= text.len() || text[at + index] != wanted[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests;
