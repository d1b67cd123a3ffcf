//! What every plugin does: options, audio, segments, progress, log lines, errors and cancels.

use plugin_api::asr::{Segment, Transcription};
use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError, cesar_plugin};

struct First {
    window_ms: u64,
}

#[derive(serde::Deserialize)]
struct Options {
    window_ms: u64,
}

#[derive(serde::Deserialize)]
struct Request {
    fails: bool,
}

impl Stage for First {
    type Options = Options;
    type Request = Request;
    type Output = Transcription;

    fn open(options: Options) -> Result<Self, StageError> {
        Ok(Self { window_ms: options.window_ms })
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
        if request.fails {
            return Err(StageError::new(ErrorKind::OutOfMemory, "there was little memory in those days"));
        }
        let mut transcription = Transcription::default();
        let window = (u64::from(audio.sample_rate) * self.window_ms / 1000) as usize;
        for (index, samples) in audio.samples.chunks(window).enumerate() {
            ctx.checkpoint()?;
            let start_ms = audio.milliseconds(index * window);
            let end_ms = audio.milliseconds(index * window + samples.len());
            let segment = Segment::new(start_ms, end_ms, format!(" window {index}"));
            ctx.segment(&segment);
            ctx.progress(end_ms, audio.milliseconds(audio.samples.len()));
            transcription.segments.push(segment);
        }
        Ok(transcription)
    }
}

cesar_plugin!(First, "cesar-plugin.json");
