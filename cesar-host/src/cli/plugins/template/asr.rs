//! {{name}}: writes down how loud each window of the audio is. Replace the loudness by an engine.

use plugin_api::asr::{Segment, Transcription};
use plugin_api::{Audio, Ctx, Stage, StageError, cesar_plugin};

/// A session: what `open` loads.
struct {{type}} {
    window_ms: u64,
}

/// The options of scope `open` in `cesar-plugin.json`.
#[derive(serde::Deserialize)]
struct Options {
    window_ms: u64,
}

/// The options of scope `request`.
#[derive(serde::Deserialize)]
struct Request {
    language: Option<String>,
}

impl Stage for {{type}} {
    type Options = Options;
    type Request = Request;
    type Output = Transcription;

    /// Load the model here: it stays loaded between requests.
    fn open(options: Options) -> Result<Self, StageError> {
        Ok(Self { window_ms: options.window_ms })
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Transcription, StageError> {
        let mut transcription = Transcription { language: request.language, ..Transcription::default() };
        let window = (u64::from(audio.sample_rate) * self.window_ms / 1000).max(1) as usize;
        let end = audio.milliseconds(audio.samples.len());
        for (index, samples) in audio.samples.chunks(window).enumerate() {
            // Ends the run when the host asks to stop: ask between windows.
            ctx.checkpoint()?;
            let start_ms = audio.milliseconds(index * window);
            let end_ms = audio.milliseconds(index * window + samples.len());
            let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            let segment = Segment::new(start_ms, end_ms, format!(" peak {peak:.2}"));
            // Shown while the rest is still being decoded.
            ctx.segment(&segment);
            ctx.progress(end_ms, end);
            transcription.segments.push(segment);
        }
        Ok(transcription)
    }
}

cesar_plugin!({{type}}, "cesar-plugin.json");

#[cfg(test)]
mod tests;
