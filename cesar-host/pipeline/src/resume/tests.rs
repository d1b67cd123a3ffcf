use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cesar_base::{Digest, SystemClock};
use cesar_cache::{Cache, KeyParts};
use serde_json::json;

use super::*;

struct Fixture {
    _folder: tempfile::TempDir,
    cache: Cache,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), Arc::new(SystemClock)).unwrap();
        Self { _folder: folder, cache }
    }

    fn locked(&self) -> KeyGuard {
        let parts = KeyParts {
            stage: "asr".into(),
            plugin: "echo".into(),
            plugin_version: "1.0.0".into(),
            plugin_digest: Digest::of(b"plugin"),
            abi: 1,
            models: Vec::new(),
            options: Default::default(),
            inputs: Vec::new(),
        };
        self.cache.try_lock(&parts.key()).unwrap().unwrap()
    }

    fn checkpoints<'a>(&'a self, guard: &'a KeyGuard, unchanged: Unchanged<'a>, now: Instant) -> Checkpoints<'a> {
        let partials = self.cache.partials(guard).unwrap();
        Checkpoints::new(Stage::Asr, partials, unchanged, true, now)
    }

    /// The checkpoint for a run that starts now: starts of segments, state, cost.
    fn kept(&self) -> Option<(Vec<u64>, Value, i64)> {
        let guard = self.locked();
        let checkpoints = self.checkpoints(&guard, &|| true, Instant::now());
        let mut inner = checkpoints.lock();
        let Earlier { segments, kept } = inner.resume()?;
        let starts = segments.iter().map(|segment| segment.start_ms).collect();
        Some((starts, kept.state, inner.earlier_ms))
    }
}

fn add(checkpoints: &Checkpoints<'_>, start_ms: u64, now: Instant) {
    let checkpoint = Checkpoint {
        segments: vec![Segment::new(start_ms, start_ms + 1, " word")],
        state: json!({ "after": start_ms }),
    };
    checkpoints.lock().add(checkpoint, now);
}

fn output_error() -> PipelineError {
    PipelineError::Output {
        stage: plugin_api::manifest::StageKind::Asr,
        plugin: "echo".into(),
        detail: String::new(),
    }
}

#[test]
fn checkpoints_are_written_once_an_interval() {
    let fixture = Fixture::new();
    let start = Instant::now();
    let after = |seconds: f64| start + Duration::from_secs_f64(seconds);
    let kept_after = |times: &[f64]| {
        let guard = fixture.locked();
        let checkpoints = fixture.checkpoints(&guard, &|| true, start);
        for (number, seconds) in (0..).zip(times) {
            add(&checkpoints, number, after(*seconds));
        }
        drop(checkpoints);
        drop(guard);
        fixture.kept().unwrap()
    };
    assert_eq!(kept_after(&[1.0]), (vec![0], json!({ "after": 0 }), 1000));
    assert_eq!(kept_after(&[1.0, 3.9]).0, [0]);
    assert_eq!(
        kept_after(&[1.0, 3.9, 4.0]),
        (vec![0, 1, 2], json!({ "after": 2 }), 4000)
    );
}

#[test]
fn checkpoints_accumulate_over_failed_runs() {
    let fixture = Fixture::new();
    for run in 0..3_u64 {
        let guard = fixture.locked();
        let checkpoints = fixture.checkpoints(&guard, &|| true, Instant::now());
        let attempt = |request: &Map<String, Value>| {
            let given = request
                .get(FIELD)
                .map_or(0, |kept| kept["segments"].as_array().unwrap().len());
            assert_eq!(given as u64, 2 * run);
            checkpoints.progress(run, 3);
            add(&checkpoints, 2 * run, Instant::now());
            add(&checkpoints, 2 * run + 1, Instant::now());
            Err(PipelineError::Interrupted)
        };
        checkpoints.run(&Map::new(), &attempt).unwrap_err();
    }
    assert_eq!(fixture.kept().unwrap().0, [0, 1, 2, 3, 4, 5]);
}

/// Starting over helps against a bad checkpoint, and only before the run makes progress.
#[test]
fn a_resumed_run_without_progress_starts_over_once() {
    let attempts = |moves: bool, fail: &dyn Fn() -> PipelineError| {
        let fixture = Fixture::new();
        let guard = fixture.locked();
        add(
            &fixture.checkpoints(&guard, &|| true, Instant::now()),
            0,
            Instant::now(),
        );
        let checkpoints = fixture.checkpoints(&guard, &|| true, Instant::now());
        let seen = Mutex::new(Vec::new());
        let attempt = |request: &Map<String, Value>| {
            let resumed = request.contains_key(FIELD);
            seen.lock().push(resumed);
            if resumed && moves {
                add(&checkpoints, 1, Instant::now());
            }
            if resumed { Err(fail()) } else { Ok(String::new()) }
        };
        let _ = checkpoints.run(&Map::new(), &attempt);
        seen.into_inner()
    };
    let stage = |kind| {
        move || {
            PipelineError::Runner(RunnerError::Stage {
                plugin: "echo".into(),
                kind,
                message: String::new(),
            })
        }
    };
    assert_eq!(attempts(false, &output_error), [true, false]);
    assert_eq!(attempts(false, &stage(ErrorKind::Internal)), [true, false]);
    assert_eq!(attempts(true, &stage(ErrorKind::Internal)), [true]);
    assert_eq!(attempts(false, &stage(ErrorKind::OutOfMemory)), [true]);
    assert_eq!(attempts(false, &|| PipelineError::Interrupted), [true]);
}

#[test]
fn checkpoints_of_replaced_files_are_not_kept() {
    let fixture = Fixture::new();
    let unchanged = AtomicBool::new(true);
    let look = || unchanged.load(Ordering::Relaxed);
    let guard = fixture.locked();
    let checkpoints = fixture.checkpoints(&guard, &look, Instant::now());
    add(&checkpoints, 0, Instant::now());
    unchanged.store(false, Ordering::Relaxed);
    add(&checkpoints, 1, Instant::now() + INTERVAL);
    unchanged.store(true, Ordering::Relaxed);
    add(&checkpoints, 2, Instant::now() + 2 * INTERVAL);
    drop(checkpoints);
    drop(guard);
    assert_eq!(fixture.kept(), None);
}

#[test]
fn an_invalid_result_discards_its_checkpoints() {
    let fixture = Fixture::new();
    let guard = fixture.locked();
    let checkpoints = fixture.checkpoints(&guard, &|| true, Instant::now());
    let attempt = |_: &Map<String, Value>| {
        add(&checkpoints, 0, Instant::now());
        Err(output_error())
    };
    checkpoints.run(&Map::new(), &attempt).unwrap_err();
    drop(checkpoints);
    drop(guard);
    assert_eq!(fixture.kept(), None);
}
