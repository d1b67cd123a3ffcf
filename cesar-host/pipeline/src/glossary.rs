//! The glossary stage: a document to one with corrected spelling. It needs no recording and no plugin, so another glossary costs
//! milliseconds. Without a glossary there is no such stage, and no key differs.

use std::path::Path;
use std::sync::Arc;

use cesar_base::names::{self, lossless, shown};
use cesar_base::{Digest, GivenValue, Records};
use cesar_cache::{KeyParts, OptionValue};
use cesar_glossary::{Glossary, GlossaryError, NONE, Named, Origin, VERSION, is_file};
use plugin_api::document::Document;
use plugin_api::manifest::{Manifest, OptionKind};
use serde_json::Value;

use super::request::StageRequest;
use super::stage::Stage;

/// Maximum tokens of the terms in a prompt, of the 223 that Whisper reads before a window. The rest is left for the text of earlier windows.
const PROMPT_TOKENS: usize = 150;

/// Maximum bytes of the rules in a request.
const REQUEST_BYTES: usize = 64 * 1024;

/// A glossary of a plan.
#[derive(Debug, Clone)]
pub struct NamedGlossary {
    /// Absent where a request holds the rules.
    name: Option<String>,
    rules: Arc<Glossary>,
    digest: Digest,
}

impl NamedGlossary {
    fn new(name: Option<String>, rules: Glossary) -> Self {
        let digest = Digest::of(rules.canonical().as_bytes());
        Self {
            name,
            rules: Arc::new(rules),
            digest,
        }
    }

    /// The rules of a request.
    ///
    /// # Errors
    /// The first line that is no rule, or too many bytes.
    pub fn of_request(rules: &str) -> Result<Self, GlossaryError> {
        let origin = Origin::Request;
        if rules.len() > REQUEST_BYTES {
            let (origin, most) = (origin.to_string(), format!("{REQUEST_BYTES} bytes"));
            return Err(GlossaryError::TooLarge { origin, most });
        }
        Ok(Self::new(None, Glossary::parse(rules.as_bytes(), &origin)?))
    }

    /// The rules in a text, under a name.
    ///
    /// # Errors
    /// The first line that is no rule, or a limit that is exceeded.
    pub fn of_text(name: &str, text: &[u8]) -> Result<Self, GlossaryError> {
        let rules = Glossary::parse(text, &Origin::Named(name.to_owned()))?;
        Ok(Self::new(Some(name.to_owned()), rules))
    }

    /// A glossary that was kept: its name, if it has one, and its [`Self::canonical`] text.
    ///
    /// # Errors
    /// The first line that is no rule, or a limit that is exceeded.
    pub fn of_kept(name: Option<&str>, text: &str) -> Result<Self, GlossaryError> {
        let origin = name.map_or(Origin::Request, |name| Origin::Named(name.to_owned()));
        Ok(Self::new(
            name.map(str::to_owned),
            Glossary::parse(text.as_bytes(), &origin)?,
        ))
    }

    /// Its rules as text without comments.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.rules.canonical()
    }

    /// Its name, or that of its file without the folder.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its rules.
    #[must_use]
    pub fn rules(&self) -> &Glossary {
        &self.rules
    }

    /// Number of terms that a prompt holds.
    #[must_use]
    pub fn prompt_terms(&self) -> usize {
        self.rules.prompt(PROMPT_TOKENS).1
    }

    /// The digest of its rules.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The key of the corrected document. The name is part of it because the provenance holds it.
    pub(super) fn key_parts(&self, document: Digest) -> KeyParts {
        let name = self.name.clone().map_or(OptionValue::Null, OptionValue::Text);
        KeyParts {
            stage: Stage::Glossary.name().into(),
            plugin: "cesar".into(),
            plugin_version: VERSION.into(),
            plugin_digest: Digest::from_bytes([0; 32]),
            abi: plugin_api::ABI_MAJOR,
            models: Vec::new(),
            options: [("name".to_owned(), name)].into(),
            inputs: vec![("document".into(), document), ("rules".into(), self.digest)],
        }
    }

    /// The corrected document, both as JSON.
    pub(super) fn corrected(&self, document: &[u8]) -> Vec<u8> {
        let mut document: Document =
            serde_json::from_slice(document).expect("this run has made the document, or checked it when it was read");
        self.rules
            .apply(&mut document, self.name.clone(), self.digest.to_string());
        serde_json::to_vec(&document).expect("strings and finite numbers always serialise")
    }
}

/// The glossaries of a user, and those of the settings.
#[derive(Debug, Clone)]
pub struct Glossaries {
    named: Named,
    /// The name or file that the settings hold.
    default: Option<String>,
    /// Whether the engine is given the terms.
    prompt: bool,
}

impl Glossaries {
    /// The glossaries below Cesar's data folder; `default` applies where a request names none, `prompt` where it does not say.
    #[must_use]
    pub fn new(data: Option<&Path>, default: Option<String>, prompt: bool) -> Self {
        Self {
            named: Named::new(data),
            default,
            prompt,
        }
    }

    /// The same with those that all servers of a database of jobs share.
    #[must_use]
    pub fn shared_by_servers(self, records: Arc<dyn Records>) -> Self {
        Self {
            named: self.named.shared_by_servers(records),
            ..self
        }
    }

    /// The named glossaries.
    #[must_use]
    pub fn all(&self) -> &Named {
        &self.named
    }

    /// Whether the settings give the engine the terms.
    #[must_use]
    pub fn prompt(&self) -> bool {
        self.prompt
    }

    /// The glossary of the settings, read now.
    ///
    /// # Errors
    /// When it is absent, cannot be read, or has a line that is no rule.
    pub fn of_settings(&self) -> Result<Option<NamedGlossary>, GlossaryError> {
        let default = self.default.as_deref();
        default.map_or(Ok(None), |text| self.open(text))
    }

    /// The glossary that a user of this machine means: a file where the text has a `/` or a `.`, else a name; none for `none`.
    ///
    /// # Errors
    /// As [`Self::of_settings`].
    pub fn open(&self, text: &str) -> Result<Option<NamedGlossary>, GlossaryError> {
        if !is_file(text) {
            return self.named(text);
        }
        let path = names::path(text);
        let rules = Glossary::read_file(&path, &shown(&path))?;
        // The number of a pipe says nothing, and differs each time.
        let name = path.file_name().filter(|_| path.is_file()).map(lossless);
        Ok(Some(NamedGlossary::new(name, rules)))
    }

    /// The glossary of this name; none for `none`. Never a path.
    ///
    /// # Errors
    /// As [`Self::of_settings`].
    pub fn named(&self, name: &str) -> Result<Option<NamedGlossary>, GlossaryError> {
        if name == NONE {
            return Ok(None);
        }
        let rules = self.named.open(name)?;
        Ok(Some(NamedGlossary::new(Some(name.to_owned()), rules)))
    }
}

/// A request whose engine is given terms.
#[derive(Debug, Clone)]
pub struct Prompted {
    /// The request with the option.
    pub asr: StageRequest,
    /// Number of terms that fit.
    pub terms: usize,
    /// Number of terms in all.
    pub all: usize,
    /// The option that holds them; none if the engine has none for them.
    pub option: Option<&'static str>,
}

/// See [`Pipeline::prompted`](super::Pipeline::prompted).
pub(super) fn prompted(engine: &Manifest, asr: &StageRequest, glossary: &NamedGlossary) -> Prompted {
    let has = |name: &str, kind: OptionKind| engine.options.get(name).is_some_and(|option| option.kind == kind);
    let mut asr = asr.clone();
    let all = glossary.rules.terms().len();
    let options = ["hotwords", "initial_prompt"];
    let option = options.into_iter().find(|name| has(name, OptionKind::String));
    let (prompt, terms) = glossary.rules.prompt(PROMPT_TOKENS);
    if let Some(option) = option.filter(|_| terms > 0) {
        let given = asr.options.get(option).and_then(GivenValue::as_text);
        let prompt = match (given.filter(|text| !text.trim().is_empty()), option) {
            (None, _) => prompt,
            (Some(given), "hotwords") => format!("{given}, {prompt}"),
            // Of a prompt that is too long, engines keep the end.
            (Some(given), _) => format!("{prompt}. {given}"),
        };
        asr.options.insert(option.to_owned(), GivenValue::Text(prompt));
        // Otherwise the terms would count in the first window only.
        let carry = "carry_initial_prompt";
        if option == "initial_prompt" && has(carry, OptionKind::Boolean) {
            let carried = GivenValue::Typed(Value::Bool(true));
            asr.options.entry(carry.to_owned()).or_insert(carried);
        }
    }
    Prompted {
        asr,
        terms,
        all,
        option,
    }
}

#[cfg(test)]
mod tests;
