//! Explanation of cache hits and misses for one input, stage by stage, without doing any work but hashing the recording.
//!
//! A stage's key needs the digest of the result before it, so behind the first stage that is not stored nothing is known.

use cesar_base::{Clock as _, Digest, SystemClock};
use cesar_cache::{Cache, Component, Entry, Key, KeyParts, Mode, Nearest, PartialInfo};
use cesar_corrections::correct;
use cesar_runner::CancelToken;
use serde::Serialize;
use serde_json::Value;

use super::acquire::Acquisition;
use super::address::Address;
use super::apart;
use super::context::Context;
use super::decode::{self, Sound};
use super::error::PipelineError;
use super::events::{Event, Observer};
use super::media::Media;
use super::merge;
use super::plan::Plan;
use super::prepared::Prepared;
use super::render::with_recording;
use super::request::{Input, Source};
use super::rewrite::Rewrite;
use super::speakers::{self, Diarizer, SpeakersPlan, Turns};
use super::stage::Stage;
use super::tools::Tools;

/// The state of one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The name of the input in messages.
    pub input: String,
    /// SHA-256 of the recording; absent when it was never fetched.
    pub media_sha256: Option<Digest>,
    /// In the order of the work; `format` once for each format.
    pub stages: Vec<StageExplanation>,
}

/// The state of one stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageExplanation {
    /// The stage; `download` only of an address, `diarize` only with speakers.
    pub stage: Stage,
    /// The plugin's id, or `cesar` for the host's own stages.
    pub plugin: String,
    /// Its version.
    pub plugin_version: String,
    /// The format, for `format`.
    pub format: Option<String>,
    /// Whether a run would do the work.
    pub state: StageState,
    /// The key; absent when the stage before is not stored.
    pub key: Option<Key>,
    /// The parts of the key.
    pub parts: Option<KeyParts>,
    /// The entry under it.
    pub entry: Option<Entry>,
    /// The checkpoint of a run that died.
    pub unfinished: Option<PartialInfo>,
    /// For a miss, the earlier result that differs least.
    pub nearest: Option<Nearest>,
    /// The obstacle, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Whether a run would do the work of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// No: it is stored.
    Hit,
    /// Yes.
    Miss,
    /// Yes, because it was asked for, although it is stored.
    Refresh,
    /// The stage before has to be done first.
    Unknown,
    /// It would be tried in vain: a plugin or a model is absent. The transcript would be partial, which is not kept.
    Missing,
}

/// Ignores all events.
struct Silence;

impl Observer for Silence {
    fn event(&self, _: &Event<'_>) {}
}

/// See [`Pipeline::explain`].
pub(super) fn explain(
    tools: &Tools,
    plan: &Plan,
    input: &Input,
    cancel: &CancelToken,
) -> Result<Option<Explanation>, PipelineError> {
    let context = Context {
        tools,
        refresh: &plan.refresh,
        observer: &Silence,
        cancel,
        label: &input.label,
        bypass: plan.bypass,
        warnings: None,
    };
    let Some(cache) = context.cache() else { return Ok(None) };
    let mut walk = Walk {
        context,
        plan,
        cache,
        stages: Vec::new(),
    };
    let media = match &input.source {
        Source::File(path) => Some(Media::open(&context, path)?),
        Source::Address(address) => walk.download(address)?,
    };
    walk.all(media.as_ref(), input)?;
    Ok(Some(Explanation {
        input: input.label.clone(),
        media_sha256: media.as_ref().map(|media| media.digest),
        stages: walk.stages,
    }))
}

struct Walk<'a> {
    context: Context<'a>,
    plan: &'a Plan,
    cache: &'a Cache,
    stages: Vec<StageExplanation>,
}

/// A stage before its key is known.
struct Step<'a> {
    stage: Stage,
    plugin: &'a str,
    version: &'a str,
    prepared: Option<&'a Prepared>,
    format: Option<&'a str>,
}

impl<'a> Step<'a> {
    fn plugin(prepared: &'a Prepared, format: Option<&'a str>) -> Self {
        let manifest = prepared.manifest();
        Self {
            stage: manifest.stage.into(),
            plugin: &manifest.id,
            version: &manifest.version,
            prepared: Some(prepared),
            format,
        }
    }

    fn host(stage: Stage) -> Self {
        Self {
            stage,
            plugin: "cesar",
            version: env!("CARGO_PKG_VERSION"),
            prepared: None,
            format: None,
        }
    }

    /// The stage without anything known of it.
    fn unknown(&self) -> StageExplanation {
        StageExplanation {
            stage: self.stage,
            plugin: self.plugin.to_owned(),
            plugin_version: self.version.to_owned(),
            format: self.format.map(str::to_owned),
            state: StageState::Unknown,
            key: None,
            parts: None,
            entry: None,
            unfinished: None,
            nearest: None,
            trouble: None,
        }
    }
}

impl<'a> Walk<'a> {
    /// The stored download: a run that asks the server may find it still right, so the walk continues with it.
    fn download(&mut self, address: &'a Address) -> Result<Option<Media<'a>>, PipelineError> {
        let (plan, cache) = (self.plan, self.cache);
        let Some(stage) = &plan.download else { return Ok(None) };
        let acquisition = Acquisition::new(self.context, stage, address);
        let offline = self.context.tools.downloads.offline;
        let youngest = acquisition.youngest(cache, offline)?;
        if let Some(stored) = youngest.as_ref().filter(|_| offline) {
            self.stages.push(StageExplanation {
                state: StageState::Hit,
                key: Some(stored.entry.key),
                parts: Some(stored.parts.clone()),
                entry: Some(stored.entry.clone()),
                ..Step::plugin(stage, None).unknown()
            });
        } else {
            let program = youngest.as_ref().and_then(|stored| stored.program());
            let parts = acquisition.parts(SystemClock.now_ms(), program);
            self.step(&Step::plugin(stage, None), Some(parts))?;
        }
        Ok(youngest.map(|stored| Media::stored(cache, &stored.entry)))
    }

    fn all(&mut self, media: Option<&Media<'_>>, input: &Input) -> Result<(), PipelineError> {
        let plan = self.plan;
        let parts = media.map(|media| decode::key_parts(&self.context, media, &input.part));
        let decoded = self.step(&Step::host(Stage::Decode), parts)?;
        let sound = match (media, decoded) {
            (Some(media), Some(entry)) => self.sound(media, input, &entry)?,
            _ => None,
        };

        // Where the channels are the speakers, recognition needs their turns.
        let by_channel = match plan.speakers.as_ref().filter(|speakers| speakers.is_by_channel()) {
            Some(speakers) => Some(self.turns(speakers, sound.as_ref())?),
            None => None,
        };
        let heard = match (&by_channel, &sound) {
            (None, Some(sound)) => Some(sound.audio.pcm),
            (Some(Some((turns, _))), Some(sound)) => self.apart(sound, *turns)?,
            _ => None,
        };
        let asr_parts = heard.map(|pcm| plan.asr.key_parts(vec![("pcm".into(), pcm)]));
        let asr = self.made(&Step::plugin(&plan.asr, None), asr_parts)?;
        let turns = match (&plan.speakers, by_channel) {
            (_, Some(turns)) => turns.map(Some),
            (Some(speakers), _) if speakers.left_out().is_some() => self.turns(speakers, sound.as_ref()).map(Some)?,
            (Some(speakers), _) => self.turns(speakers, sound.as_ref())?.map(Some),
            (None, _) => Some(None),
        };

        let merge_parts = match (&sound, asr, turns) {
            (Some(sound), Some(asr), Some(turns)) => Some(merge::key_parts(&plan.asr, sound, asr, turns)),
            _ => None,
        };
        let mut document = self.step(&Step::host(Stage::Merge), merge_parts)?;
        if let Some(rewrite) = Rewrite::of(plan) {
            let parts = document.as_ref().map(|entry| rewrite.key_parts(entry.digest));
            document = self.step(&Step::host(rewrite.stage()), parts)?;
        }
        let rendered = document.map(|entry| self.corrected(media, &entry)).transpose()?;
        for (format, prepared) in &plan.formats {
            let inputs = rendered.map(|digest| vec![("document".to_owned(), digest)]);
            let prepared = &*with_recording(prepared, self.context.label);
            let parts = inputs.map(|inputs| prepared.key_parts(inputs));
            self.step(&Step::plugin(prepared, Some(format)), parts)?;
        }
        Ok(())
    }

    /// The digest of the document that is rendered: with the users' corrections.
    fn corrected(&self, media: Option<&Media<'_>>, document: &Entry) -> Result<Digest, PipelineError> {
        let (Some(corrections), Some(media)) = (&self.plan.corrections, media) else {
            return Ok(document.digest);
        };
        let history = corrections.history(&media.digest)?;
        match self.cache.peek(&document.key)? {
            Some(artifact) if !history.is_empty() => Ok(Digest::of(&correct(artifact.bytes, &history)?.json)),
            _ => Ok(document.digest),
        }
    }

    /// The turns' part of the document's key, when they are stored.
    fn turns(
        &mut self,
        speakers: &SpeakersPlan,
        sound: Option<&Sound<'_>>,
    ) -> Result<Option<(merge::Made, merge::KeyOptions)>, PipelineError> {
        let step = match &speakers.by {
            Diarizer::Plugin(prepared) => Step::plugin(prepared, None),
            Diarizer::Channels => Step::host(speakers::STAGE),
            Diarizer::Missing(reason) => {
                let step = Step::host(speakers::STAGE);
                self.stages.push(StageExplanation {
                    state: StageState::Missing,
                    trouble: Some(reason.message().to_owned()),
                    ..step.unknown()
                });
                return Ok(None);
            }
        };
        let turns = sound.map(|sound| Turns::new(&self.context, speakers, sound));
        let parts = turns.as_ref().and_then(|turns| Some(turns.keyed()?.parts().clone()));
        let made = self.made(&step, parts)?;
        Ok(made.zip(turns.map(|turns| turns.key_options())))
    }

    /// The digest of the samples that the engine hears of channels with these turns, where it is stored.
    fn apart(&self, sound: &Sound<'_>, (key, digest): merge::Made) -> Result<Option<Digest>, PipelineError> {
        let Some(turns) = self.cache.peek(&key)? else {
            return Ok(None);
        };
        if !apart::is_apart(&speakers::spoken_by_channel(&turns.bytes)?) {
            return Ok(Some(sound.audio.pcm));
        }
        let stored = self.cache.peek(&apart::key_parts(&self.context, sound, digest).key())?;
        stored.map(|artifact| apart::stored_digest(&artifact.bytes)).transpose()
    }

    /// Adds a stage, and gives its result where that is stored.
    fn made(&mut self, step: &Step<'_>, parts: Option<KeyParts>) -> Result<Option<merge::Made>, PipelineError> {
        let key = parts.as_ref().map(KeyParts::key);
        let entry = self.step(step, parts)?;
        Ok(key.zip(entry.map(|entry| entry.digest)))
    }

    /// Adds a stage. Returns its entry if the work continues from what is stored.
    fn step(&mut self, step: &Step<'_>, parts: Option<KeyParts>) -> Result<Option<Entry>, PipelineError> {
        let key = parts.as_ref().map(KeyParts::key);
        let entry = key.map(|key| self.cache.lookup(&key)).transpose()?.flatten();
        let state = match (&key, &entry) {
            (None, _) => StageState::Unknown,
            (Some(_), _) if self.context.mode_of(step.stage) != Mode::ReadWrite => StageState::Refresh,
            (Some(_), Some(_)) => StageState::Hit,
            (Some(_), None) => StageState::Miss,
        };
        let (mut nearest, mut unfinished) = (None, None);
        if let (StageState::Miss, Some(parts), Some(key)) = (state, &parts, &key) {
            nearest = self.cache.nearest(parts, Some(self.context.label))?;
            unfinished = self.cache.partial_info(key)?;
        }
        if let (Some(nearest), Some(prepared)) = (&mut nearest, step.prepared) {
            name_models(nearest, prepared);
        }
        let usable = entry.clone().filter(|_| state == StageState::Hit);
        self.stages.push(StageExplanation {
            state,
            key,
            parts,
            entry,
            unfinished,
            nearest,
            ..step.unknown()
        });
        Ok(usable)
    }

    fn sound<'m>(
        &self,
        media: &'m Media<'m>,
        input: &'m Input,
        entry: &Entry,
    ) -> Result<Option<Sound<'m>>, PipelineError> {
        let artifact = self.cache.peek(&entry.key)?;
        let audio = artifact.and_then(|artifact| serde_json::from_slice(&artifact.bytes).ok());
        Ok(audio.map(|audio| Sound::new(media, &input.part, (audio, entry.digest), None)))
    }
}

/// The key has digests of models only; their names say more, where those have changed.
fn name_models(nearest: &mut Nearest, prepared: &Prepared) {
    let details = nearest
        .details
        .as_deref()
        .and_then(|json| serde_json::from_str::<Value>(json).ok());
    for change in &mut nearest.changes {
        let was = details
            .as_ref()
            .and_then(|details| details["models"][&change.name].as_str());
        let now = prepared.models.get(&change.name).map(|used| used.model.name.as_str());
        if change.component == Component::Model && was.is_some() && now.is_some() && was != now {
            change.before = was.map(str::to_owned);
            change.after = now.map(str::to_owned);
        }
    }
}
