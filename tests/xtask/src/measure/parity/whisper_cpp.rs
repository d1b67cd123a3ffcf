//! whisper.cpp, called as by its own program `whisper-cli`: the example `reference` of the plugin, which is linked from the same
//! static library.
//!
//! It runs once for each job, like `whisper-cli` for a file: the random numbers of its beam search depend on earlier ones. ffmpeg
//! decodes the sound for both.

use super::{
    answer::Answer,
    kept,
    reference::{Job, Reference},
    setting::{Setting, setting},
    sound,
};
use crate::{
    failure::{Failure, Outcome},
    measure::reference,
};
use serde_json::{Map, Value, json};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub(crate) struct WhisperCpp {
    program: PathBuf,
}

impl WhisperCpp {
    /// Finds the built example.
    pub(crate) fn prepare() -> Outcome<Self> {
        let program = reference::whisper_cpp()?.get_program().into();
        Ok(Self { program })
    }

    fn ask(&self, job: &Value) -> Outcome<Value> {
        let lost = |error: std::io::Error| Failure::path(&self.program, &error);
        let mut command = Command::new(&self.program);
        command.arg("run").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().map_err(lost)?;
        if let Some(mut jobs) = child.stdin.take() {
            writeln!(jobs, "{job}").map_err(lost)?;
        }
        let output = child.wait_with_output().map_err(lost)?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(format!("whisper.cpp's answer is no JSON ({}): {error}", output.status)))
    }
}

impl Reference for WhisperCpp {
    fn name(&self) -> String {
        "whisper.cpp as whisper-cli calls it".into()
    }

    fn decode(&mut self, recording: &Path, wav: &Path) -> Outcome {
        sound::by_ffmpeg(recording, wav)
    }

    fn answer(&mut self, job: &Job<'_>) -> Outcome<Result<Answer, String>> {
        let mut options = job.setting.options.clone();
        translate(&mut options, job.model, job.threads);
        let asked = json!({
            "audio": job.wav,
            "model": reference::model("whisper-cpp", job.model),
            "threads": job.threads.max(1),
            "options": options,
        });
        let program = fs::read(&self.program).map_err(|error| Failure::path(&self.program, &error))?;
        let answer = kept::answer(program, &asked, job.wav, |asked| self.ask(asked))?;
        Ok(Answer::or_error(&answer).map(|answer| as_asked(answer, &job.setting.options)))
    }
}

/// Every answer has words, but they are not always requested.
fn as_asked(mut answer: Answer, options: &Map<String, Value>) -> Answer {
    if !options.get("word_timestamps").is_some_and(|wanted| wanted == true) {
        answer.segments.iter_mut().for_each(|segment| segment.words = None);
    }
    answer
}

/// The plugin's options in the reference's terms.
fn translate(options: &mut Map<String, Value>, model: &str, threads: usize) {
    if options.get("vad_filter").is_some_and(|wanted| wanted == true) {
        options.insert(
            "vad_model".into(),
            json!(reference::model("whisper-cpp", "silero-v6.2.0")),
        );
        options.insert("vad_threads".into(), json!(threads.max(1)));
    }
    let words = options.get("word_timestamps").is_some_and(|wanted| wanted == true);
    let aligned = words && options.get("dtw").is_none_or(|wanted| wanted == true);
    options.remove("dtw");
    if aligned {
        let known_as = model.split('-').next().unwrap_or(model);
        options.insert("dtw".into(), json!(known_as));
        options.insert("flash_attention".into(), json!(false));
        options.remove("word_timestamps");
    }
}

/// The compared settings.
pub(super) fn settings() -> Vec<Setting> {
    let prompt = "A meeting about the harbour, with Dr. Müller and Ms. O'Neill.";
    let plain = |name, options| setting(name, options, false);
    vec![
        plain("beam 1", json!({ "beam_size": 1 })),
        plain("beam 5", json!({ "beam_size": 5 })),
        plain(
            "fallback",
            json!({ "beam_size": 5, "log_prob_threshold": -0.4, "entropy_threshold": 2.8 }),
        ),
        plain("words", json!({ "beam_size": 1, "word_timestamps": true })),
        plain(
            "words, tokens",
            json!({ "beam_size": 1, "word_timestamps": true, "dtw": false }),
        ),
        plain("VAD", json!({ "vad_filter": true })),
        plain(
            "VAD, options",
            json!({
                "beam_size": 1, "vad_filter": true, "vad_threshold": 0.7, "vad_min_silence_duration_ms": 500,
                "vad_speech_pad_ms": 100, "vad_samples_overlap": 0.3, "vad_max_speech_duration_s": 4.0,
            }),
        ),
        plain("prompt", json!({ "initial_prompt": prompt })),
        plain(
            "no context",
            json!({ "beam_size": 1, "condition_on_previous_text": false }),
        ),
        plain(
            "short lines",
            json!({ "beam_size": 1, "max_len": 20, "split_on_word": true }),
        ),
        plain("no timestamps", json!({ "beam_size": 1, "without_timestamps": true })),
        plain("few tokens", json!({ "beam_size": 1, "max_tokens": 12 })),
        setting("translate", json!({ "task": "translate" }), true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_aligned_by_default() {
        let translated = |mut options: Value| {
            let options = options.as_object_mut().expect("an object");
            translate(options, "base-q8_0", 1);
            Value::Object(options.clone())
        };
        assert_eq!(
            translated(json!({ "word_timestamps": true })),
            json!({ "dtw": "base", "flash_attention": false })
        );
        assert_eq!(
            translated(json!({ "word_timestamps": true, "dtw": false })),
            json!({ "word_timestamps": true })
        );
        assert_eq!(translated(json!({ "beam_size": 1 })), json!({ "beam_size": 1 }));
    }
}
