//! The glossary stage in the pipeline: which stages run when only the glossary changes.
//!
//! The engine here is a library with a manifest and no code. Its result is put into the cache beforehand, so each run that would call the
//! engine fails ([`an_engine_without_code_cannot_run`]).
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use cesar_audio::DecodeOptions;
use cesar_base::{Digest, SystemClock};
use cesar_cache::{Cache, Computation, KeyParts, Mode};
use cesar_models::ModelRoots;
use cesar_pipeline::{
    AddressPolicy, Downloads, Event, Input, NamedGlossary, Observer, Part, Parts, Pipeline, PipelineError, Plan,
    Source, SpeakersRequest, Stage, StageOutcome, StageRequest, StageState,
};
use cesar_runner::discovery::{Registry, SearchPath};
use cesar_runner::{CancelToken, Runners, Verdict, Verdicts};
use plugin_api::asr::{Segment, Transcription, Word};
use plugin_api::document::Document;
use plugin_api::download::Limits;
use serde_json::json;
use tempfile::TempDir;

struct Silence;

impl Observer for Silence {
    fn event(&self, _: &Event<'_>) {}
}

struct Fixture {
    pipeline: Pipeline,
    input: Input,
    _folder: TempDir,
}

/// A library without code, with this manifest.
fn library(folder: &Path, manifest: &str) -> PathBuf {
    let bytes: Vec<String> = manifest.bytes().map(|byte| byte.to_string()).collect();
    let source = folder.join("engine.c");
    let code = format!(
        "__attribute__((section(\".cesar.plugin\"), used)) const char manifest[] = {{ {} }};\n",
        bytes.join(",")
    );
    std::fs::write(&source, code).unwrap();
    let library = folder.join("libengine.so");
    let status = Command::new("cc")
        .args(["-shared", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(status.success(), "the compiler that Rust links with builds a library");
    library
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest = json!({
            "cesar_plugin": 1, "id": "engine", "stage": "asr", "version": "1.0.0", "abi": 1, "license": "MIT", "description": "Has no code.",
            "options": { "hotwords": { "type": "string", "default": null, "doc": "Words to expect." } }
        });
        let library = library(folder.path(), &manifest.to_string());
        let verdicts = Verdicts::new(folder.path().join("verdicts"));
        let digest = Digest::of(&std::fs::read(&library).unwrap());
        verdicts.put(&digest.to_string(), &Verdict::Good).unwrap();
        let path = SearchPath {
            preferred: vec![folder.path().to_owned()],
            others: Vec::new(),
        };
        let parts = Parts {
            cache: Some(Cache::open(&folder.path().join("cache"), Arc::new(SystemClock)).unwrap()),
            mode: Mode::ReadWrite,
            registry: Registry::discover(&path, None),
            verdicts,
            runners: Runners::new(PathBuf::from("/nonexistent")),
            models: ModelRoots::new(None, |_| None),
            downloads: Downloads {
                stage: StageRequest::default(),
                time_step_ms: None,
                ttl_ms: None,
                offline: true,
                limits: Limits {
                    bytes: None,
                    total_ms: None,
                    silence_ms: 1_000,
                },
            },
            decoding: DecodeOptions {
                ffmpeg: None,
                ..DecodeOptions::default()
            },
        };
        let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/short.wav");
        Self {
            pipeline: Pipeline::new(parts, AddressPolicy::PublicOnly),
            input: Input {
                source: Source::File(recording),
                label: "short.wav".to_owned(),
                part: Part::default(),
                retry: None,
            },
            _folder: folder,
        }
    }

    fn plan_of(&self, asr: &StageRequest) -> Plan {
        let speakers = SpeakersRequest {
            wanted: Some(false),
            ..SpeakersRequest::default()
        };
        self.pipeline
            .plan(asr, &speakers, &[], &CancelToken::default())
            .unwrap()
    }

    fn plan(&self, rules: Option<&str>) -> Plan {
        let glossary = rules.map(|rules| NamedGlossary::of_request(rules).unwrap());
        self.plan_of(&StageRequest::default()).with_glossary(glossary)
    }

    fn states(&self, plan: &Plan) -> Vec<(Stage, StageState, Option<KeyParts>)> {
        let explained = self.pipeline.explain(plan, &self.input, &CancelToken::default());
        let stages = explained.unwrap().unwrap().stages.into_iter();
        stages.map(|stage| (stage.stage, stage.state, stage.parts)).collect()
    }

    /// Puts what the decoder and the engine would give into the cache.
    fn recognise(&self) {
        let audio = json!({
            "pcm": Digest::of(b"samples"), "samples": 16_000, "codec": "pcm", "reader": "native", "warnings": [], "issues": [],
            "missing_ms": 0, "track": null, "track_titles": [], "details": []
        });
        self.store(0, &audio.to_string());
        let word = |start_ms: u64, word: &str| Word {
            start_ms,
            end_ms: start_ms + 100,
            word: word.to_owned(),
            probability: Some(0.5),
        };
        let transcription = Transcription {
            segments: vec![Segment {
                words: Some(vec![word(0, " Cuber"), word(100, " netties,"), word(200, " here.")]),
                ..Segment::new(0, 300, " Cuber netties, here.")
            }],
            ..Transcription::default()
        };
        self.store(1, &serde_json::to_string(&transcription).unwrap());
    }

    /// Stores the result of a stage, by its place in the explanation, which has its key.
    fn store(&self, place: usize, result: &str) {
        self.store_in(&self.plan(None), place, result);
    }

    /// The same in the explanation of this plan. A stored result is replaced.
    fn store_in(&self, plan: &Plan, place: usize, result: &str) {
        let (_, _, parts) = self.states(plan).swap_remove(place);
        let mut wait = |_: &_| std::ops::ControlFlow::Continue(());
        let compute = |_: Option<&_>| Ok::<_, ()>(Computation::from(result.as_bytes().to_vec()));
        let cache = self.pipeline.cache().unwrap();
        let stored = cache.get_or_compute_locked(&parts.unwrap(), Mode::Refresh, &mut wait, compute);
        assert!(stored.is_ok_and(|outcome| outcome.entry.is_some()));
    }

    fn run(&self, plan: &Plan) -> Result<(Document, Vec<(Stage, StageOutcome)>), PipelineError> {
        let run = self
            .pipeline
            .run_to_document(plan, &self.input, &Silence, &CancelToken::default())?;
        let stages = run.stages.iter().map(|stage| (stage.stage, stage.outcome));
        Ok((serde_json::from_slice(&run.document).unwrap(), stages.collect()))
    }
}

const HIT: StageOutcome = StageOutcome::Hit;
const MISS: StageOutcome = StageOutcome::Miss;

#[test]
fn an_engine_without_code_cannot_run() {
    let fixture = Fixture::new();
    let failed = fixture.run(&fixture.plan(Some("iPhone")));
    assert!(matches!(failed, Err(PipelineError::Runner(_))), "{failed:?}");
}

#[test]
fn another_glossary_runs_only_its_own_stage() {
    let fixture = Fixture::new();
    fixture.recognise();
    let (plain, stages) = fixture.run(&fixture.plan(None)).unwrap();
    let before = [(Stage::Decode, HIT), (Stage::Asr, HIT)];
    assert_eq!(stages, [&before[..], &[(Stage::Merge, MISS)]].concat());
    assert_eq!(
        (&*plain.segments[0].text, plain.segments[0].quality),
        ("Cuber netties, here.", Some(0.5))
    );
    assert_eq!(plain.provenance.glossary, None);

    let merged = [&before[..], &[(Stage::Merge, HIT)]].concat();
    let with = |outcome| [&merged[..], &[(Stage::Glossary, outcome)]].concat();
    let rules = "cuber netties => Kubernetes";
    let (document, stages) = fixture.run(&fixture.plan(Some(rules))).unwrap();
    assert_eq!(stages, with(MISS));
    assert_eq!(document.segments[0].text, "Kubernetes, here.");
    assert_eq!(document.segments[0].quality, Some(0.5));
    let provenance = document.provenance.glossary.unwrap();
    assert_eq!(
        (provenance.replacements.len(), provenance.replacements[0].count),
        (1, 1)
    );

    let (_, stages) = fixture
        .run(&fixture.plan(Some("# Comment\ncuber netties  =>  Kubernetes")))
        .unwrap();
    assert_eq!(stages, with(HIT), "comments and spaces are no rules");
    let (document, stages) = fixture.run(&fixture.plan(Some("here => there"))).unwrap();
    assert_eq!(stages, with(MISS));
    assert_eq!(document.segments[0].text, "Cuber netties, there.");
    let (again, stages) = fixture.run(&fixture.plan(None)).unwrap();
    assert_eq!(
        (again, stages),
        (plain, merged),
        "without a glossary there is no such stage"
    );
}

#[test]
fn a_glossary_can_be_explained_and_recomputed() {
    let fixture = Fixture::new();
    fixture.recognise();
    let plan = fixture.plan(Some("here => there"));
    let last = |plan: &Plan| {
        let states = fixture.states(plan);
        states.last().map(|(stage, state, _)| (*stage, *state)).unwrap()
    };
    assert_eq!(last(&plan), (Stage::Glossary, StageState::Unknown));
    fixture.run(&fixture.plan(None)).unwrap();
    assert_eq!(last(&plan), (Stage::Glossary, StageState::Miss));
    fixture.run(&plan).unwrap();
    assert_eq!(last(&plan), (Stage::Glossary, StageState::Hit));
    let refreshing = plan.refreshing([Stage::Glossary]);
    assert_eq!(last(&refreshing), (Stage::Glossary, StageState::Refresh));
    let (_, stages) = fixture.run(&refreshing).unwrap();
    assert_eq!(
        stages[1..],
        [(Stage::Asr, HIT), (Stage::Merge, HIT), (Stage::Glossary, MISS)]
    );
}

#[test]
fn a_run_counts_the_replacements_also_of_a_hit() {
    let fixture = Fixture::new();
    fixture.recognise();
    let replacements = |rules: Option<&str>| {
        let plan = fixture.plan(rules);
        let run = fixture
            .pipeline
            .run(&plan, &fixture.input, &Silence, &CancelToken::default());
        run.unwrap().replacements
    };
    let rules = Some("cuber netties => Kubernetes\nhere => there");
    assert_eq!((replacements(rules), replacements(rules)), (Some(2), Some(2)));
    assert_eq!(replacements(Some("absent")), Some(0));
    assert_eq!(replacements(None), None);
}

/// The bytes of a stored result are verified, but another program may have stored them.
#[test]
fn stored_documents_that_are_none_are_computed_again() {
    let fixture = Fixture::new();
    fixture.recognise();
    let plan = fixture.plan(Some("here => there"));
    let (document, _) = fixture.run(&plan).unwrap();
    for rubbish in ["rubbish", "{}", r#"{"schema": 1, "segments": 7}"#] {
        for place in [2, 3] {
            fixture.store_in(&plan, place, rubbish);
            let (again, stages) = fixture.run(&plan).unwrap();
            assert_eq!(again, document, "{rubbish} as {:?}", stages[place]);
            let (_, stages) = fixture.run(&plan).unwrap();
            assert!(stages.iter().all(|(_, outcome)| *outcome == HIT), "{stages:?}");
        }
        fixture.store(2, rubbish);
        let plain = fixture.run(&fixture.plan(None)).unwrap().0;
        assert_eq!(plain.segments[0].text, "Cuber netties, here.");
    }
}

/// Here the engine cannot run, which shows that it would have.
#[test]
fn a_stored_transcription_that_is_none_is_computed_again() {
    let late = json!({ "segments": [{ "start_ms": 0, "end_ms": 9_000_000, "text": "behind the end" }] }).to_string();
    for rubbish in ["rubbish", "7", &late] {
        let fixture = Fixture::new();
        fixture.recognise();
        fixture.store(1, rubbish);
        let failed = fixture.run(&fixture.plan(None));
        assert!(matches!(failed, Err(PipelineError::Runner(_))), "{rubbish}: {failed:?}");
    }
}

/// Only terms that the engine is shown are part of its key.
#[test]
fn prompted_terms_change_the_key_of_the_engine() {
    let fixture = Fixture::new();
    fixture.recognise();
    let glossary = NamedGlossary::of_request("iPhone").unwrap();
    let prompted = fixture.pipeline.prompted(&StageRequest::default(), &glossary).unwrap();
    assert_eq!((prompted.option, prompted.terms), (Some("hotwords"), 1));
    let state = |plan: &Plan| fixture.states(plan).swap_remove(1).1;
    assert_eq!(state(&fixture.plan(Some("iPhone"))), StageState::Hit);
    assert_eq!(state(&fixture.plan_of(&prompted.asr)), StageState::Miss);
}
