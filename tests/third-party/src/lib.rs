//! Says how loud each second of a recording is, and misbehaves on request.

use plugin_api::asr::{Segment, Transcription};
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError, cesar_plugin};

struct Echo;

#[derive(serde::Deserialize)]
struct Request {
    language: Option<String>,
    behaviour: String,
}

/// A transcription, or something that is none.
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
        Ok(Self)
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Output, StageError> {
        let mut transcription = Transcription { language: request.language, ..Transcription::default() };
        for (second, samples) in audio.samples.chunks(16_000).enumerate() {
            ctx.checkpoint()?;
            let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            let end_ms = audio.milliseconds(second * 16_000 + samples.len());
            let segment = Segment::new(second as u64 * 1000, end_ms, format!(" second {second} peaks at {peak:.2}"));
            ctx.segment(&segment);
            ctx.progress(end_ms, audio.milliseconds(audio.samples.len()));
            transcription.segments.push(segment);
        }
        misbehave(&request.behaviour, &mut transcription)
    }
}

fn misbehave(behaviour: &str, transcription: &mut Transcription) -> Result<Output, StageError> {
    match behaviour {
        "panic" => panic!("the echo is gone"),
        "segfault" => kill_myself("-SEGV"),
        "abort" => std::process::abort(),
        // As the standard library does when memory ends.
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

/// A real signal, without unsafe code. The first one may only remove a handler of the standard library; where none can
/// be sent, the end is another than asked for.
fn kill_myself(signal: &str) -> ! {
    let me = std::process::id().to_string();
    let send = || std::process::Command::new("kill").args([signal, &me]).status();
    while send().is_ok_and(|sent| sent.success()) {}
    std::process::abort()
}

cesar_plugin!(Echo, "cesar-plugin.json");
