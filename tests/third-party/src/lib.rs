//! Reports how loud each second of a recording is, with faults on request. A prompt is repeated before the first second.
//!
//! It saves its finished part after each second. `stop_half_way` and `die_half_way` do so at the middle of a recording, unless they
//! resume an earlier run; `cannot_go_on` stops there as well, and then refuses to resume, which makes the host start over: that
//! run, in the same session, succeeds. `die_in_company` waits at the middle until another session of its process is there as well,
//! and then ends the process, but only if the file `mark`, which it creates first, does not exist. `die_of_seven_seconds` ends the
//! process only for a recording of that length.

use plugin_api::asr::{Segment, Transcription};
use plugin_api::resume::Checkpoint;
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError, cesar_plugin};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sessions that wait for company.
static WAITING: AtomicUsize = AtomicUsize::new(0);

struct Echo {
    refused: bool,
}

/// The state that the next second depends on.
#[derive(serde::Serialize, serde::Deserialize)]
struct State {
    second: usize,
}

#[derive(serde::Deserialize)]
struct Request {
    language: Option<String>,
    behaviour: String,
    mark: String,
    runs: String,
    pace_ms: u64,
    #[serde(flatten)]
    prompt: Prompt,
    resume: Option<Checkpoint<State>>,
}

/// Options that only the manifests of some tests have.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Prompt {
    hotwords: Option<String>,
    initial_prompt: Option<String>,
    carry_initial_prompt: bool,
}

impl Prompt {
    /// What the engine was shown, in front of the first text.
    fn shown(&self) -> String {
        let texts = [("hotwords", &self.hotwords), ("prompt", &self.initial_prompt)];
        let given = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
        let shown: String = given.map(|(name, text)| format!(" {name} [{text}]")).collect();
        shown + if self.carry_initial_prompt { " carried" } else { "" }
    }
}

/// A transcription, or an invalid output.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Output {
    Good(Transcription),
    Wrong(&'static str),
}

impl Stage for Echo {
    type Options = std::collections::BTreeMap<String, String>;
    type Request = Request;
    type Output = Output;

    fn open(_: Self::Options) -> Result<Self, StageError> {
        Ok(Self { refused: false })
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Output, StageError> {
        let resumed = request.resume.is_some();
        if resumed && request.behaviour == "cannot_go_on" {
            self.refused = true;
            return Err(StageError::new(ErrorKind::Internal, "the echo has forgotten"));
        }
        let (segments, first) = request.resume.map_or((Vec::new(), 0), |kept| (kept.segments, kept.state.second));
        let mut transcription = Transcription { language: request.language, segments, ..Transcription::default() };
        let seconds = audio.samples.len().div_ceil(16_000);
        if seconds == 7 && request.behaviour == "die_of_seven_seconds" {
            std::process::abort();
        }
        note(&request.runs, audio.samples);
        for (second, samples) in audio.samples.chunks(16_000).enumerate().skip(first) {
            ctx.checkpoint()?;
            if second == seconds.div_ceil(2) && !resumed && !self.refused {
                stop(&request.behaviour, std::path::Path::new(&request.mark));
            }
            std::thread::sleep(std::time::Duration::from_millis(request.pace_ms));
            let peak = peak(samples);
            let end_ms = audio.milliseconds(second * 16_000 + samples.len());
            let shown = if second == 0 { request.prompt.shown() } else { String::new() };
            let text = format!("{shown} second {second} peaks at {peak:.2}");
            let segment = Segment::new(second as u64 * 1000, end_ms, text);
            ctx.segment(&segment);
            ctx.save(std::slice::from_ref(&segment), &State { second: second + 1 });
            // A reader of this event knows that the host has kept the second.
            ctx.progress(end_ms, audio.milliseconds(audio.samples.len()));
            transcription.segments.push(segment);
        }
        misbehave(&request.behaviour, &mut transcription)
    }
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// Adds a line with the peak of each second to the file, if there is one: a run has begun.
fn note(file: &str, samples: &[f32]) {
    let peaks: Vec<String> = samples.chunks(16_000).map(|samples| format!("{:.2}", peak(samples))).collect();
    let line = peaks.join(" ") + "\n";
    if !file.is_empty() {
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
        // One write, so that the lines of several processes do not mix.
        opened.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes())).expect("the file can be written");
    }
}

/// Ends, or never ends, in the middle.
fn stop(behaviour: &str, mark: &std::path::Path) {
    match behaviour {
        "stop_half_way" | "cannot_go_on" => loop {
            std::thread::park();
        },
        "die_half_way" => std::process::abort(),
        "die_in_company" if !mark.exists() => {
            WAITING.fetch_add(1, Ordering::SeqCst);
            while WAITING.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
            if std::fs::write(mark, "").is_ok() {
                std::process::abort()
            }
        }
        _ => {}
    }
}

fn misbehave(behaviour: &str, transcription: &mut Transcription) -> Result<Output, StageError> {
    match behaviour {
        "panic" => panic!("the echo is gone"),
        "segfault" => kill_myself("-SEGV"),
        "abort" => std::process::abort(),
        // Like the standard library when memory runs out.
        "allocation_failure" => {
            eprintln!("memory allocation of 123 bytes failed");
            std::process::abort()
        }
        "exit" => std::process::exit(0),
        "hang" => loop {
            std::thread::park();
        },
        "out_of_order" => transcription.segments.reverse(),
        "past_the_end" => transcription.segments.push(Segment::new(1 << 40, 1 << 41, " later")),
        "not_json" => return Ok(Output::Wrong("not a transcription")),
        "print" => println!("this must not become part of a transcript"),
        "out_of_memory" => return Err(StageError::new(ErrorKind::OutOfMemory, "no room for the echo")),
        _ => {}
    }
    Ok(Output::Good(std::mem::take(transcription)))
}

/// A real signal, without unsafe code. The first one may only remove a handler of the standard library; if none can be
/// sent, the end differs from the requested one.
fn kill_myself(signal: &str) -> ! {
    let me = std::process::id().to_string();
    let send = || std::process::Command::new("kill").args([signal, &me]).status();
    while send().is_ok_and(|sent| sent.success()) {}
    std::process::abort()
}

cesar_plugin!(Echo, "cesar-plugin.json");
