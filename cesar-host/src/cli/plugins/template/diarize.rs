//! {{name}}: takes every pause for a change between two speakers. Replace it by something that listens.

use plugin_api::diarize::{Diarization, Speaker, Turn};
use plugin_api::{Audio, Ctx, Stage, StageError, cesar_plugin};

/// Amplitude of silence.
const SILENCE: f32 = 0.01;

struct {{type}};

#[derive(serde::Deserialize)]
struct Options {}

#[derive(serde::Deserialize)]
struct Request {
    pause_ms: u64,
}

impl Stage for {{type}} {
    type Options = Options;
    type Request = Request;
    type Output = Diarization;

    /// Load the model here: it stays loaded between requests.
    fn open(_: Options) -> Result<Self, StageError> {
        Ok(Self)
    }

    fn run(&mut self, request: Request, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Diarization, StageError> {
        let window = (u64::from(audio.sample_rate) * request.pause_ms / 1000).max(1) as usize;
        let mut turns: Vec<Turn> = Vec::new();
        let mut pause = true;
        for (index, samples) in audio.samples.chunks(window).enumerate() {
            ctx.checkpoint()?;
            let end_ms = audio.milliseconds(index * window + samples.len());
            let start_ms = audio.milliseconds(index * window);
            let is_speech = samples.iter().any(|sample| sample.abs() > SILENCE) && end_ms > start_ms;
            match turns.last_mut() {
                Some(turn) if is_speech && !pause => turn.end_ms = end_ms,
                _ if is_speech => turns.push(Turn { start_ms, end_ms, speaker: turns.len() % 2 }),
                _ => {}
            }
            pause = !is_speech;
            ctx.progress(end_ms, audio.milliseconds(audio.samples.len()));
        }
        let speakers = vec![Speaker::default(); turns.len().min(2)];
        Ok(Diarization { turns, speakers })
    }
}

cesar_plugin!({{type}}, "cesar-plugin.json");

#[cfg(test)]
mod tests;
