//! The stage between merge and format: a glossary, or a given text. Without either no key differs.

use cesar_base::Digest;
use cesar_cache::KeyParts;

use super::align::{self, NamedScript};
use super::context::Context;
use super::decode::Sound;
use super::error::PipelineError;
use super::glossary::NamedGlossary;
use super::plan::Plan;
use super::prepared::Prepared;
use super::stage::Stage;

/// A change of the merged document.
#[derive(Clone, Copy)]
pub(super) enum Rewrite<'a> {
    /// With corrected spelling.
    Glossary(&'a NamedGlossary),
    /// With the words of a given text. A glossary is not applied to it.
    Script(&'a NamedScript),
}

impl<'a> Rewrite<'a> {
    /// The one of a plan.
    pub(super) fn of(plan: &'a Plan) -> Option<Self> {
        let script = plan.script.as_ref().map(Self::Script);
        script.or_else(|| plan.glossary.as_ref().map(Self::Glossary))
    }

    pub(super) fn stage(self) -> Stage {
        match self {
            Self::Glossary(_) => Stage::Glossary,
            Self::Script(_) => Stage::Align,
        }
    }

    /// The key of the document made of a merged one.
    pub(super) fn key_parts(self, merged: Digest) -> KeyParts {
        match self {
            Self::Glossary(glossary) => glossary.key_parts(merged),
            Self::Script(script) => script.key_parts(merged),
        }
    }

    /// That document, both as JSON.
    pub(super) fn apply(
        self,
        merged: &[u8],
        context: &Context<'_>,
        asr: &Prepared,
        sound: &Sound<'_>,
    ) -> Result<Vec<u8>, PipelineError> {
        match self {
            Self::Glossary(glossary) => Ok(glossary.corrected(merged)),
            Self::Script(script) => align::aligned(script, merged, context, asr, sound),
        }
    }
}
