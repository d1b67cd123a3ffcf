//! Entry points of the crate, which delegate to the modules that do the work.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use cesar_audio::DecodeOptions;
use cesar_base::Digest;
use cesar_cache::{Cache, Mode};
use cesar_models::ModelRoots;
use cesar_models::catalog::Entry;
use cesar_runner::discovery::{Plugin, Registry};
use cesar_runner::{CancelToken, Runners, Verdicts};
use plugin_api::document::Document;
use plugin_api::download::Entry as Listed;
use plugin_api::manifest::{Manifest, Several};

use super::address::Address;
use super::downloads::{AddressPolicy, Downloads};
use super::error::PipelineError;
use super::events::Observer;
use super::explain::{self, Explanation};
use super::glossary::{self, NamedGlossary, Prompted};
use super::peaks::{self, Peaks};
use super::plan::Plan;
use super::planner::Planner;
use super::plugin_state::{self, PluginState};
use super::prepared::SessionAndRequest;
use super::request::{FormatRequest, StageRequest};
use super::request::{Input, Part};
use super::run::{self, Work};
use super::sink::DocumentSink;
use super::speakers::{self, SpeakersRequest};
use super::store::Store;
use super::tools::Tools;
use super::transcript::{Documented, Keep, Rendering, Transcript};
use super::unread_options::UnreadOption;
use super::{acquire, align, models, render, word_options};

/// The parts of a pipeline.
#[derive(Debug)]
pub struct Parts {
    /// The cache of results; `None` if it is off or cannot be opened.
    pub cache: Option<Cache>,
    /// The mode of the cache.
    pub mode: Mode,
    /// The known plugins.
    pub registry: Registry,
    /// Verdicts on them.
    pub verdicts: Verdicts,
    /// The processes of plugins.
    pub runners: Runners,
    /// The folders of models.
    pub models: ModelRoots,
    /// Settings for fetching URLs.
    pub downloads: Downloads,
    /// Options of decoding.
    pub decoding: DecodeOptions,
}

/// The stages' shared state; created once per process.
#[derive(Debug)]
pub struct Pipeline {
    tools: Tools,
}

impl Pipeline {
    /// A pipeline that fetches from `addresses` only.
    #[must_use]
    pub fn new(parts: Parts, addresses: AddressPolicy) -> Self {
        let Parts {
            cache,
            mode,
            registry,
            verdicts,
            runners,
            models,
            downloads,
            decoding,
        } = parts;
        let tools = Tools {
            store: Store { cache, mode },
            registry,
            verdicts,
            runners,
            models,
            downloads,
            decoding,
            addresses,
            sink: None,
            keeps_peaks: false,
        };
        Self { tools }
    }

    /// The same pipeline, which hands the documents of finished runs to `sink`.
    #[must_use]
    pub fn with_document_sink(mut self, sink: Arc<dyn DocumentSink>) -> Self {
        self.tools.sink = Some(sink);
        self
    }

    /// The same pipeline, which keeps the peaks of each recording that it decodes.
    #[must_use]
    pub fn keeping_peaks(mut self) -> Self {
        self.tools.keeps_peaks = true;
        self
    }

    /// The stored peaks of a part of a recording; `pcm` is the digest of its samples where that is known.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn stored_peaks(
        &self,
        media: Digest,
        part: &Part,
        pcm: Option<Digest>,
    ) -> Result<Option<Peaks>, PipelineError> {
        peaks::stored(&self.tools, media, part, pcm)
    }

    /// Decodes a recording for its peaks, and stores them if `keep` is set.
    ///
    /// # Errors
    /// When the recording cannot be decoded.
    pub fn draw_peaks(
        &self,
        path: &Path,
        part: &Part,
        label: &str,
        keep: bool,
        cancel: &CancelToken,
    ) -> Result<Peaks, PipelineError> {
        peaks::draw(&self.tools, path, part, label, keep, cancel)
    }

    /// The newest stored download of an address, or the one with these bytes: open, and its digest.
    ///
    /// # Errors
    /// When the cache cannot be read.
    pub fn stored_download(
        &self,
        address: &Address,
        media: Option<Digest>,
    ) -> Result<Option<(File, Digest)>, PipelineError> {
        acquire::stored_download(&self.tools, address, media)
    }

    /// The cache of results.
    #[must_use]
    pub fn cache(&self) -> Option<&Cache> {
        self.tools.cache()
    }

    /// The known plugins.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.tools.registry
    }

    /// Verdicts on the plugins.
    #[must_use]
    pub fn verdicts(&self) -> &Verdicts {
        &self.tools.verdicts
    }

    /// The processes of plugins.
    #[must_use]
    pub fn runners(&self) -> &Runners {
        &self.tools.runners
    }

    /// The folders of models.
    #[must_use]
    pub fn models(&self) -> &ModelRoots {
        &self.tools.models
    }

    /// Replaces the folders of models, or rescans them.
    pub fn look_for_models(&mut self, roots: ModelRoots) {
        self.tools.models = roots;
    }

    /// Whether network access is forbidden.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.tools.downloads.offline
    }

    /// Whether there is an ffmpeg to decode with.
    #[must_use]
    pub fn has_ffmpeg(&self) -> bool {
        self.tools.decoding.ffmpeg.is_some()
    }
}

/// Planning.
impl Pipeline {
    fn planner(&self) -> Planner<'_> {
        Planner::of(&self.tools)
    }

    /// Chooses plugins, models and options.
    ///
    /// # Errors
    /// Every refusal that is possible before any work; [`PipelineError::Interrupted`] if `cancel` is set.
    pub fn plan(
        &self,
        asr: &StageRequest,
        speakers: &SpeakersRequest,
        formats: &[FormatRequest],
        cancel: &CancelToken,
    ) -> Result<Plan, PipelineError> {
        Plan::new(&self.planner(), asr, speakers, formats, cancel)
    }

    /// The same plan, including downloads.
    ///
    /// # Errors
    /// If no plugin downloads, or it refuses its options.
    pub fn plan_downloads(&self, mut plan: Plan, cancel: &CancelToken) -> Result<Plan, PipelineError> {
        plan.download = Some(acquire::prepare_download(&self.tools, cancel)?);
        Ok(plan)
    }

    /// The engine that [`Self::plan`] would choose for this request.
    ///
    /// # Errors
    /// [`PipelineError::Plugin`] when there is none.
    pub fn engine(&self, asr: &StageRequest) -> Result<Arc<Plugin>, PipelineError> {
        self.planner().choose_engine(asr)
    }

    /// The name of the model of this request, without any other wish; `None` if its engine takes no model.
    ///
    /// # Errors
    /// [`PipelineError::Plugin`] and [`PipelineError::Model`] if there is no engine with a model.
    pub fn model_name(&self, asr: &StageRequest) -> Result<Option<String>, PipelineError> {
        self.planner().model_name(asr)
    }

    /// The request for words with times, where the engine has an option for them.
    ///
    /// # Errors
    /// [`PipelineError::Plugin`] when there is no engine.
    pub fn with_word_times(&self, asr: StageRequest) -> Result<StageRequest, PipelineError> {
        Ok(align::with_word_times(&self.engine(&asr)?.manifest, asr))
    }

    /// The request with the terms of a glossary in an option that the engine reads as a prompt.
    ///
    /// # Errors
    /// [`PipelineError::Plugin`] when there is no engine.
    pub fn prompted(&self, asr: &StageRequest, glossary: &NamedGlossary) -> Result<Prompted, PipelineError> {
        Ok(glossary::prompted(&self.engine(asr)?.manifest, asr, glossary))
    }

    /// The plugin that [`Self::plan`] would choose to identify speakers, if there is one.
    #[must_use]
    pub fn diarizer(&self, request: &SpeakersRequest) -> Option<Arc<Plugin>> {
        speakers::diarizer(&self.planner(), request)
    }

    /// Whether [`Self::plan`] will identify speakers, or at least try.
    #[must_use]
    pub fn will_identify_speakers(&self, request: &SpeakersRequest) -> bool {
        speakers::will_identify(&self.planner(), request)
    }

    /// The reason for missing speakers that the request allows: a plugin has its models, but no library to run them.
    #[must_use]
    pub fn why_no_speakers(&self, request: &SpeakersRequest) -> Option<String> {
        speakers::why_no_speakers(&self.planner(), request)
    }

    /// The formats that the plugins write.
    #[must_use]
    pub fn formats(&self) -> Vec<String> {
        self.planner().formats()
    }

    /// Checks the options of a stage that writes formats: at least one format takes them all.
    ///
    /// # Errors
    /// [`PipelineError`] of the first format, if none does.
    pub fn check_format_options(&self, stage: &StageRequest) -> Result<(), PipelineError> {
        let planner = self.planner();
        let check = |format: String| {
            let stage = stage.clone();
            planner
                .prepare_format(&FormatRequest { format, stage }, &CancelToken::default())
                .map(drop)
        };
        let mut refused = Ok(());
        for checked in self.formats().into_iter().map(check) {
            match checked {
                Ok(()) => return Ok(()),
                Err(error) => refused = refused.and(Err(error)),
            }
        }
        refused
    }

    /// How the files of several recordings follow each other in a format; `None`: not at all, or there is no such format.
    #[must_use]
    pub fn several(&self, format: &FormatRequest) -> Option<Several> {
        self.planner().several(format)
    }

    /// The formats that the plugins write, each with the end of its files' names.
    #[must_use]
    pub fn format_extensions(&self) -> Vec<(String, String)> {
        self.planner().format_extensions()
    }

    /// The format of documents with speakers for users that name none, where a plugin declares one.
    #[must_use]
    pub fn format_with_speakers(&self) -> Option<String> {
        self.planner().format_with_speakers()
    }

    /// The options for a plugin's session and its requests, models as paths; to test a plugin.
    ///
    /// # Errors
    /// [`PipelineError`]: a refused option or model.
    pub fn given_to(
        &self,
        manifest: &Manifest,
        asked: &StageRequest,
        cancel: &CancelToken,
    ) -> Result<SessionAndRequest, PipelineError> {
        self.planner().given_to(manifest, asked, cancel)
    }

    /// The names of the present models for the plugin's main model option; `None` if it has no models.
    ///
    /// A file that is the model of one of the plugin's other options (`ggml-silero-v6.2.0.bin`) is not included, although its name
    /// looks similar.
    #[must_use]
    pub fn present_models(&self, manifest: &Manifest) -> Option<Vec<String>> {
        models::present(manifest, &self.tools.models)
    }

    /// Whether a plugin can be used. One without a verdict is probed in a child process.
    #[must_use]
    pub fn plugin_state(&self, plugin: &Plugin) -> PluginState {
        plugin_state::of(&self.tools, plugin, || self.planner().missing_library(plugin))
    }

    /// SHA-256 of a plugin's file in hex, from the cache if possible.
    ///
    /// # Errors
    /// A message if the file cannot be read.
    pub fn plugin_digest(&self, path: &Path) -> Result<String, String> {
        plugin_state::digest(&self.tools, path)
    }

    /// The models that a run would miss and that can be fetched: the engine's, and those for speaker identification if requested.
    #[must_use]
    pub fn missing_models(&self, asr: &StageRequest, speakers: &SpeakersRequest) -> Vec<&'static Entry> {
        models::missing_models(&self.planner(), asr, speakers)
    }

    /// The recordings of a playlist, or the URL itself if it is none.
    ///
    /// # Errors
    /// The reason why it cannot be read.
    pub fn playlist(
        &self,
        address: &Address,
        observer: &dyn Observer,
        cancel: &CancelToken,
    ) -> Result<Vec<Listed>, PipelineError> {
        acquire::playlist(&self.tools, address, observer, cancel)
    }
}

/// Running.
impl Pipeline {
    /// Processes one input.
    ///
    /// # Errors
    /// [`PipelineError`]; nothing incomplete is stored or returned.
    pub fn run(
        &self,
        plan: &Plan,
        input: &Input,
        observer: &dyn Observer,
        cancel: &CancelToken,
    ) -> Result<Transcript, PipelineError> {
        let work = Work {
            plan,
            input,
            observer,
            cancel,
        };
        run::run(&self.tools, &work, None)
    }

    /// Processes one input, and passes the result of each stage to `keep`, whether computed or stored.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_keeping(
        &self,
        plan: &Plan,
        input: &Input,
        keep: &mut Keep<'_>,
        observer: &dyn Observer,
        cancel: &CancelToken,
    ) -> Result<Transcript, PipelineError> {
        let work = Work {
            plan,
            input,
            observer,
            cancel,
        };
        run::run(&self.tools, &work, Some(keep))
    }

    /// Processes one input up to its document, without the plan's formats.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_to_document(
        &self,
        plan: &Plan,
        input: &Input,
        observer: &dyn Observer,
        cancel: &CancelToken,
    ) -> Result<Documented, PipelineError> {
        let work = Work {
            plan,
            input,
            observer,
            cancel,
        };
        run::run_to_document(&self.tools, &work)
    }

    /// Those of the `given` options that none of these formats reads.
    #[must_use]
    pub fn unread_options(&self, formats: &[FormatRequest], given: &[String]) -> Vec<UnreadOption> {
        self.planner().unread_options(formats, given)
    }

    /// Warnings of options of a format that have no effect on a document, because it lacks what they need of words.
    ///
    /// # Errors
    /// [`PipelineError`]: an unknown format or option.
    pub fn warnings_about_words(
        &self,
        format: &FormatRequest,
        document: &Document,
        label: &str,
        cancel: &CancelToken,
    ) -> Result<Vec<String>, PipelineError> {
        let stage = self.planner().prepare_format(format, cancel)?;
        let given = word_options::given(stage.manifest().formats.get(&format.format), &stage.request);
        let lacking = given.into_iter().filter(|option| !option.has_effect(document));
        Ok(lacking.map(|option| option.warning(label)).collect())
    }

    /// Renders the document (JSON) of an earlier run in one format.
    ///
    /// # Errors
    /// [`PipelineError`]: an unknown format or option, a document that is not JSON, or an error of the plugin.
    pub fn render_document(
        &self,
        format: &FormatRequest,
        document: &[u8],
        label: &str,
        observer: &dyn Observer,
        cancel: &CancelToken,
    ) -> Result<Rendering, PipelineError> {
        render::render_document(&self.tools, format, document, label, observer, cancel)
    }

    /// The results that [`Pipeline::run`] would find in the cache; `None` without a cache.
    ///
    /// # Errors
    /// When the recording or the cache cannot be read.
    pub fn explain(
        &self,
        plan: &Plan,
        input: &Input,
        cancel: &CancelToken,
    ) -> Result<Option<Explanation>, PipelineError> {
        explain::explain(&self.tools, plan, input, cancel)
    }
}
