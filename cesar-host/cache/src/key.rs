//! The parts of a key, and their encoding.
//!
//! A key is the SHA-256 of a canonical encoding of everything that may change the result of a stage. The encoding is
//! **frozen**: golden tests pin it, and a change needs a new scheme name.
//!
//! ```text
//! encoding := field(0, "cesar-key-v1")
//!             field(1, stage)            field(2, plugin id)         field(3, plugin version)
//!             field(4, plugin digest)    field(5, abi as u32)
//!             field(6, models)           field(7, options)           field(8, inputs)
//! field(tag, payload) := tag as u8 · length of payload in bytes as u64 · payload
//! models   := (field(1, option name) · field(2, digest))*    sorted by name, then digest
//! options  := (field(1, option name) · field(2, value))*     sorted by name
//! inputs   := (field(1, kind) · field(2, digest))*           in their order
//! value    := field(type, payload), with type and payload
//!             0 null: empty          1 boolean: one byte 0 or 1      2 integer: i64
//!             3 number: bits of the f64, -0.0 written as 0.0         4 text: UTF-8        5 list: value*
//! ```
//! All integers are little-endian. Every field has its length, so no byte can move from one field to the next without
//! changing the encoding; a value is written by its declared type, so the integer 1, the number 1.0 and the text "1"
//! are three different values.
//!
//! The parts are also stored as JSON beside the entry, so that a later command can show which part has changed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use cesar_base::{Digest, Hasher, ParseDigestError};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

const SCHEME: &str = "cesar-key-v1";

/// The identity of a piece of work: SHA-256 over everything that may change its result (see [`KeyParts`]).
///
/// A different type than [`Digest`], so that a key is never mistaken for the digest of content.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Digest);

impl Key {
    /// Wraps a key that was computed or stored elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Digest::from_bytes(bytes))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({self})")
    }
}

impl FromStr for Key {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The parts of the key of a stage's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyParts {
    /// The stage, such as `asr`.
    pub stage: String,
    /// The id of the plugin that runs the stage; a name for stages of the host.
    pub plugin: String,
    /// The plugin's own version.
    pub plugin_version: String,
    /// SHA-256 of the plugin file: a rebuilt plugin misses even if its version is the same.
    pub plugin_digest: Digest,
    /// The version of the plugin ABI.
    pub abi: u32,
    /// Option name and SHA-256 of each model file. The order does not matter.
    pub models: Vec<(String, Digest)>,
    /// The effective options that may change the result, defaults filled in.
    pub options: BTreeMap<String, OptionValue>,
    /// Kind and digest of each input, in order.
    pub inputs: Vec<(String, Digest)>,
}

/// The value of an option, of its declared type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// Not set and without a default.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A real number.
    Number(Finite),
    /// Text.
    Text(String),
    /// Several values, in order.
    List(Vec<OptionValue>),
}

impl OptionValue {
    /// A real number; refused when it is NaN or infinite.
    ///
    /// # Errors
    /// [`NotFinite`] for NaN and the infinities.
    pub fn number(value: f64) -> Result<Self, NotFinite> {
        Finite::new(value).map(Self::Number)
    }
}

/// An `f64` that is neither NaN nor infinite, with `-0.0` turned into `0.0`: equal values have equal bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Finite(f64);

impl Eq for Finite {}

impl Finite {
    /// Checks and normalises a number.
    ///
    /// # Errors
    /// [`NotFinite`] for NaN and the infinities.
    pub fn new(value: f64) -> Result<Self, NotFinite> {
        match value.is_finite() {
            // -0.0 + 0.0 is 0.0; every other number stays the same.
            true => Ok(Self(value + 0.0)),
            false => Err(NotFinite { value }),
        }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Finite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A number that cannot be part of a key.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{value}` cannot be the value of an option; give a finite number")]
pub struct NotFinite {
    value: f64,
}

/// One digest over inputs; see [`KeyParts::inputs_digest`].
#[must_use]
pub fn inputs_digest(inputs: &[(String, Digest)]) -> Digest {
    Digest::of(&encode_digests(inputs.iter()))
}

impl KeyParts {
    /// The key: SHA-256 over the canonical encoding.
    pub fn key(&self) -> Key {
        Key::from_bytes(*Digest::of(&self.encode()).as_bytes())
    }

    /// The parts as JSON, for users and for comparing two keys. The key is *not* computed from this.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("strings, integers, finite numbers and string keys always serialise")
    }

    /// One digest over the inputs alone: finds earlier work on the same inputs when the key itself has changed.
    pub fn inputs_digest(&self) -> Digest {
        inputs_digest(&self.inputs)
    }

    /// The canonical encoding; see the module's documentation.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut models: Vec<_> = self.models.iter().collect();
        models.sort();
        let mut encoding = Encoding::default();
        encoding.field(0, SCHEME.as_bytes());
        encoding.field(1, self.stage.as_bytes());
        encoding.field(2, self.plugin.as_bytes());
        encoding.field(3, self.plugin_version.as_bytes());
        encoding.field(4, self.plugin_digest.as_bytes());
        encoding.field(5, &self.abi.to_le_bytes());
        encoding.field(6, &encode_digests(models.into_iter()));
        encoding.field(7, &encode_options(&self.options));
        encoding.field(8, &encode_digests(self.inputs.iter()));
        encoding.0
    }
}

/// Tagged, length-prefixed fields, one after the other.
#[derive(Default)]
pub(super) struct Encoding(Vec<u8>);

impl Encoding {
    pub(super) fn field(&mut self, tag: u8, payload: &[u8]) {
        self.0.push(tag);
        self.0.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        self.0.extend_from_slice(payload);
    }

    pub(super) fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(&self.0);
        hasher.finish()
    }
}

fn encode_digests<'a>(named: impl Iterator<Item = &'a (String, Digest)>) -> Vec<u8> {
    let mut encoding = Encoding::default();
    for (name, digest) in named {
        encoding.field(1, name.as_bytes());
        encoding.field(2, digest.as_bytes());
    }
    encoding.0
}

fn encode_options(options: &BTreeMap<String, OptionValue>) -> Vec<u8> {
    let mut encoding = Encoding::default();
    for (name, value) in options {
        let mut encoded = Encoding::default();
        encode_value(&mut encoded, value);
        encoding.field(1, name.as_bytes());
        encoding.field(2, &encoded.0);
    }
    encoding.0
}

fn encode_value(encoding: &mut Encoding, value: &OptionValue) {
    match value {
        OptionValue::Null => encoding.field(0, &[]),
        OptionValue::Bool(value) => encoding.field(1, &[u8::from(*value)]),
        OptionValue::Integer(value) => encoding.field(2, &value.to_le_bytes()),
        OptionValue::Number(value) => encoding.field(3, &value.get().to_bits().to_le_bytes()),
        OptionValue::Text(value) => encoding.field(4, value.as_bytes()),
        OptionValue::List(values) => {
            let mut list = Encoding::default();
            values.iter().for_each(|value| encode_value(&mut list, value));
            encoding.field(5, &list.0);
        }
    }
}
