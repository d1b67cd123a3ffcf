//! Who will tell speakers apart.

use std::sync::Arc;

use cesar_runner::CancelToken;
use cesar_runner::discovery::Plugin;
use plugin_api::manifest::StageKind;

use super::super::plan::{StageRequest, model_options, text_of};
use super::super::{Pipeline, PipelineError};
use super::{Diarizer, Reason, SpeakersPlan, SpeakersRequest};

impl Pipeline {
    /// Whether [`Self::plan`] will have speakers told apart, or at least tried to.
    #[must_use]
    pub fn will_tell_speakers(&self, request: &SpeakersRequest) -> bool {
        request.wanted.unwrap_or_else(|| {
            request.channels || self.able(&request.stage).is_some_and(|plugin| self.can_run(&plugin))
        })
    }

    /// Why nobody tells speakers apart although nobody forbids it: a plugin has its models, and no library to run them.
    #[must_use]
    pub fn why_no_speakers(&self, request: &SpeakersRequest) -> Option<String> {
        if request.wanted.is_some() || request.channels {
            return None;
        }
        self.able(&request.stage)
            .and_then(|plugin| self.missing_library(&plugin))
    }

    /// The plugin that would be chosen by itself: one that can run, else the first with its models.
    fn able(&self, asked: &StageRequest) -> Option<Arc<Plugin>> {
        let mut able = self.diarizers(asked);
        able.retain(|plugin| self.has_models(plugin, asked));
        able.iter()
            .find(|plugin| self.can_run(plugin))
            .or(able.first())
            .cloned()
    }

    fn can_run(&self, plugin: &Plugin) -> bool {
        self.missing_library(plugin).is_none()
    }

    /// The plugin that [`Self::plan`] would choose for this request, where there is one.
    #[must_use]
    pub fn diarizer(&self, request: &SpeakersRequest) -> Option<Arc<Plugin>> {
        self.chosen_diarizer(&request.stage).ok()
    }

    /// Settles plugin, models and options.
    ///
    /// # Errors
    /// Only what is a mistake in the request, and [`PipelineError::Interrupted`].
    pub(crate) fn plan_speakers(
        &self,
        request: &SpeakersRequest,
        cancel: &CancelToken,
    ) -> Result<Option<SpeakersPlan>, PipelineError> {
        if !self.will_tell_speakers(request) {
            return Ok(None);
        }
        let by = match request.channels {
            true => Diarizer::Channels,
            false => self.choose_diarizer(&request.stage, cancel)?,
        };
        Ok(Some(SpeakersPlan {
            asked: request.wanted == Some(true) || request.channels,
            by,
            names: request.names.clone(),
        }))
    }

    fn choose_diarizer(&self, asked: &StageRequest, cancel: &CancelToken) -> Result<Diarizer, PipelineError> {
        let prepared = self
            .chosen_diarizer(asked)
            .and_then(|plugin| self.prepare(&plugin, asked, cancel));
        match prepared {
            Ok(prepared) => Ok(Diarizer::Plugin(prepared)),
            Err(error) if error.is_usage() || matches!(error, PipelineError::Interrupted) => Err(error),
            Err(error) => Ok(Diarizer::Missing(Reason::of(&error))),
        }
    }

    /// The one asked for; else the first that has its models, else the first.
    fn chosen_diarizer(&self, asked: &StageRequest) -> Result<Arc<Plugin>, PipelineError> {
        if let Some(id) = &asked.plugin {
            return Ok(self.parts.registry.find(StageKind::Diarize, id)?);
        }
        let chosen = self.able(asked).or_else(|| self.diarizers(asked).into_iter().next());
        chosen.ok_or_else(|| self.parts.registry.none(StageKind::Diarize).into())
    }

    /// The plugin asked for, or all there are.
    fn diarizers(&self, asked: &StageRequest) -> Vec<Arc<Plugin>> {
        match &asked.plugin {
            Some(id) => self.parts.registry.find(StageKind::Diarize, id).into_iter().collect(),
            None => self.parts.registry.of_stage(StageKind::Diarize),
        }
    }

    /// Whether every model that the plugin always needs is there.
    fn has_models(&self, plugin: &Plugin, asked: &StageRequest) -> bool {
        let manifest = &plugin.manifest;
        model_options(manifest)
            .filter(|(_, spec)| spec.needed_when.is_none())
            .all(|(name, spec)| {
                let given = text_of(asked, name).or(spec.default.as_str());
                self.resolve_model(manifest, (name, spec), given, asked).is_ok()
            })
    }
}
