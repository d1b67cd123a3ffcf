//! The boundary from both sides in one process: a stage behind [`cesar_plugin!`], called through [`plugin_api::host`].
//!
//! The golden values here are ABI 1. A change of any of them is another ABI, never an edit.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(unsafe_code, reason = "the host's side takes the address of the header")]

use std::sync::Mutex;

use plugin_api::asr::{Segment, Transcription};
use plugin_api::host::{ABI_MAJOR, HEADER_SYMBOL, HostSink, Module};
use plugin_api::resume::Checkpoint;
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError, abi, cesar_plugin};

/// A stage that follows its request.
struct Actor {
    volume: u64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    window_ms: u64,
}

#[derive(serde::Deserialize)]
struct Request {
    act: String,
    resume: Option<Checkpoint<u64>>,
}

impl Stage for Actor {
    type Options = Options;
    type Request = Request;
    type Output = Transcription;

    fn open(options: Options) -> Result<Self, StageError> {
        match options.window_ms {
            0 => Err(StageError::new(ErrorKind::InvalidOptions, "`window_ms` must not be 0")),
            13 => panic!("unlucky"),
            volume => Ok(Self { volume }),
        }
    }

    fn check(&self, request: &Request) -> Result<(), StageError> {
        match request.act.as_str() {
            "sing" => Err(StageError::new(ErrorKind::InvalidOptions, "this actor does not sing")),
            _ => Ok(()),
        }
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
        match request.act.as_str() {
            "panic" => panic!("boom at {}", self.volume),
            "panic with a number" => std::panic::panic_any(7),
            "log" => tracing::warn!(volume = self.volume, "loud"),
            "emit" => ctx.emit("words", &serde_json::json!([1])),
            "go on" => {
                let Checkpoint { mut segments, state } = request.resume.unwrap_or(Checkpoint {
                    segments: Vec::new(),
                    state: 0,
                });
                let next = Segment::new(state, state + 1, " next");
                ctx.save(std::slice::from_ref(&next), &(state + 1));
                segments.push(next);
                return Ok(Transcription {
                    segments,
                    ..Transcription::default()
                });
            }
            "wait" => {
                while ctx.checkpoint().is_ok() {}
                ctx.checkpoint()?;
            }
            _ => {}
        }
        let segment = Segment::new(0, audio.milliseconds(audio.samples.len()), " all");
        ctx.segment(&segment);
        ctx.progress(1, 2);
        Ok(Transcription {
            segments: vec![segment],
            ..Transcription::default()
        })
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        assert_ne!(self.volume, 666, "a stage may panic even when it is dropped");
    }
}

cesar_plugin!(Actor, "../examples/cesar-plugin.json");

unsafe extern "C" {
    #[link_name = "_1as_0lib_1header_0root_bmodule_bloader"]
    safe static HEADER: u8;
}

fn module() -> Module {
    // SAFETY: it is the address of the header in this program, which stays loaded.
    unsafe { Module::from_header((&raw const HEADER).cast()) }.unwrap()
}

/// Records the events of a stage.
#[derive(Default)]
struct Diary {
    lines: Mutex<Vec<String>>,
    cancelled: bool,
}

impl Diary {
    fn write(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl HostSink for Diary {
    fn progress(&self, done: u64, total: u64) {
        self.write(format!("progress {done}/{total}"));
    }
    fn segment(&self, start_ms: u64, end_ms: u64, text: &str) {
        self.write(format!("segment {start_ms}-{end_ms}{text}"));
    }
    fn emit(&self, kind: &str, json: &str) {
        self.write(format!("emit {kind} {json}"));
    }
    fn log(&self, level: u8, target: &str, message: &str) {
        self.write(format!("log {level} {target}: {message}"));
    }
    fn cancelled(&self) -> bool {
        self.cancelled
    }
}

const AUDIO: Audio<'_> = Audio {
    samples: &[0.0; 1600],
    sample_rate: 16_000,
};

fn open(options: &str) -> Result<plugin_api::host::Session, StageError> {
    module().open(options, &Diary::default())
}

fn act(session: &mut plugin_api::host::Session, act: &str, diary: &Diary) -> Result<String, StageError> {
    session.run(&serde_json::json!({ "act": act }).to_string(), AUDIO, diary)
}

#[test]
fn abi_1_is_golden() {
    assert_eq!(ABI_MAJOR, 1);
    assert_eq!(HEADER_SYMBOL, "_1as_0lib_1header_0root_bmodule_bloader");
    assert_eq!(
        (size_of::<abi::AudioView<'_>>(), align_of::<abi::AudioView<'_>>()),
        (24, 8)
    );
    assert_eq!(
        (size_of::<abi::SegmentView<'_>>(), align_of::<abi::SegmentView<'_>>()),
        (32, 8)
    );
    let view = abi::AudioView {
        samples: AUDIO.samples.into(),
        sample_rate: 16_000,
    };
    assert_eq!(std::mem::offset_of!(abi::AudioView<'_>, sample_rate), 16);
    assert_eq!(view.samples.len(), 1600);
    assert_eq!(std::mem::offset_of!(abi::SegmentView<'_>, end_ms), 8);
    assert_eq!(std::mem::offset_of!(abi::SegmentView<'_>, text), 16);
}

#[test]
fn the_manifest_is_that_of_the_file() {
    assert_eq!(module().manifest(), include_str!("../examples/cesar-plugin.json"));
}

#[test]
fn a_stage_runs_and_speaks() {
    let diary = Diary::default();
    let mut session = open(r#"{"window_ms":5}"#).unwrap();
    let output: Transcription = serde_json::from_str(&act(&mut session, "", &diary).unwrap()).unwrap();
    assert_eq!(output.segments[0].end_ms, 100);
    assert_eq!(diary.lines(), ["segment 0-100 all", "progress 1/2"]);
    let diary = Diary::default();
    act(&mut session, "emit", &diary).unwrap();
    assert_eq!(diary.lines()[0], "emit words [1]");
}

/// The next run gets the checkpoint of a stage, together with the checkpoint that the stage got itself.
#[test]
fn a_stage_goes_on_where_it_stopped() {
    let mut session = open(r#"{"window_ms":5}"#).unwrap();
    let mut kept = serde_json::json!(null);
    for run in 0..3 {
        let diary = Diary::default();
        let request = serde_json::json!({ "act": "go on", "resume": kept });
        let output = session.run(&request.to_string(), AUDIO, &diary).unwrap();
        let output: Transcription = serde_json::from_str(&output).unwrap();
        assert_eq!(output.segments.len(), run + 1);
        let saved = &diary.lines()[0];
        let saved = saved.strip_prefix("emit checkpoint ").unwrap();
        let saved: Checkpoint<u64> = serde_json::from_str(saved).unwrap();
        assert_eq!(
            (saved.state, &saved.segments[..]),
            (run as u64 + 1, &output.segments[run..])
        );
        kept = serde_json::json!({ "segments": output.segments, "state": saved.state });
    }
    let foreign = serde_json::json!({ "act": "go on", "resume": { "segments": [], "state": "of another" } });
    let refused = session.run(&foreign.to_string(), AUDIO, &Diary::default()).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::InvalidOptions);
}

#[test]
fn events_of_tracing_reach_the_host() {
    let diary = Diary::default();
    act(&mut open(r#"{"window_ms":5}"#).unwrap(), "log", &diary).unwrap();
    assert!(
        diary.lines().contains(&"log 2 boundary: loud volume=5".to_owned()),
        "{:?}",
        diary.lines()
    );
}

#[test]
fn options_and_requests_are_read_strictly() {
    let refused = open(r#"{"window_ms":0}"#).err().unwrap();
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (ErrorKind::InvalidOptions, "`window_ms` must not be 0")
    );
    assert_eq!(open(r#"{"windw_ms":1}"#).err().unwrap().kind, ErrorKind::InvalidOptions);
    assert_eq!(open("{").err().unwrap().kind, ErrorKind::InvalidOptions);
    let mut session = open(r#"{"window_ms":5}"#).unwrap();
    let refused = session.run("{}", AUDIO, &Diary::default()).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::InvalidOptions);
    act(&mut session, "", &Diary::default()).unwrap();
}

#[test]
fn a_panic_is_typed_and_poisons_the_session() {
    let mut session = open(r#"{"window_ms":5}"#).unwrap();
    let panicked = act(&mut session, "panic", &Diary::default()).unwrap_err();
    assert_eq!(
        (panicked.kind, panicked.message.as_str()),
        (ErrorKind::Panic, "boom at 5")
    );
    let again = act(&mut session, "", &Diary::default()).unwrap_err();
    assert_eq!(again.message, "the session is unusable after an earlier panic");
    let odd = act(
        &mut open(r#"{"window_ms":5}"#).unwrap(),
        "panic with a number",
        &Diary::default(),
    )
    .unwrap_err();
    assert_eq!(odd.message, "a panic without a message");
    assert_eq!(open(r#"{"window_ms":13}"#).err().unwrap().kind, ErrorKind::Panic);
    drop(open(r#"{"window_ms":666}"#).unwrap());
}

#[test]
fn a_cancel_ends_a_run() {
    let diary = Diary {
        cancelled: true,
        ..Diary::default()
    };
    let cancelled = act(&mut open(r#"{"window_ms":5}"#).unwrap(), "wait", &diary).unwrap_err();
    assert_eq!(cancelled.kind, ErrorKind::Cancelled);
}

#[test]
fn a_request_is_checked_without_audio() {
    let mut session = open(r#"{"window_ms":5}"#).unwrap();
    assert_eq!(session.check(r#"{"act":""}"#), Ok(()));
    assert_eq!(
        session.check(r#"{"act":"sing"}"#).unwrap_err().message,
        "this actor does not sing"
    );
    assert_eq!(session.check("{}").unwrap_err().kind, ErrorKind::InvalidOptions);
}

#[test]
fn a_verb_that_nobody_knows_is_refused() {
    let refused = open(r#"{"window_ms":5}"#).unwrap().call("dance", "{}").unwrap_err();
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (ErrorKind::InvalidInput, "unknown verb `dance`")
    );
}

#[test]
fn an_address_that_is_no_header_is_refused() {
    // SAFETY: it is readable memory that stays; its magic bytes are wrong.
    let refused = unsafe { Module::from_header((&raw const NOT_A_HEADER).cast()) }
        .err()
        .unwrap();
    assert_eq!(
        refused.to_string(),
        "it was built with another version of the plugin boundary: rebuild it with plugin-api 1"
    );
}

static NOT_A_HEADER: [u64; 64] = [0; 64];
