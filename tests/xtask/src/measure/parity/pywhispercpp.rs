//! pywhispercpp, which contains another build of whisper.cpp, with the parameters of `whisper-cli`.
//!
//! For information besides the comparison with the same static library: another build, of another version, may sum in another
//! order, so differences here are not errors. Settings without a parameter are omitted.

use super::{
    answer::Answer,
    driver::Driver,
    reference::{Job, Reference},
    setting::Setting,
    sound,
};
use crate::{
    failure::Outcome,
    measure::reference::{self, PYWHISPERCPP},
};
use serde_json::{Map, Value, json};
use std::path::Path;

pub(super) struct Pywhispercpp(Driver);

impl Pywhispercpp {
    pub(super) fn prepare() -> Outcome<Self> {
        Driver::prepare(&PYWHISPERCPP).map(Self)
    }
}

impl Reference for Pywhispercpp {
    fn name(&self) -> String {
        PYWHISPERCPP.to_string()
    }

    fn informs(&self) -> bool {
        true
    }

    fn knows(&self, setting: &Setting) -> bool {
        parameters(&setting.options, "").is_some()
    }

    fn decode(&mut self, recording: &Path, wav: &Path) -> Outcome {
        sound::by_ffmpeg(recording, wav)
    }

    fn answer(&mut self, job: &Job<'_>) -> Outcome<Result<Answer, String>> {
        let Some(parameters) = parameters(&job.setting.options, job.model) else {
            return Ok(Err(format!("it has no parameters for {}", job.setting.name)));
        };
        let asked = json!({
            "audio": job.wav,
            "model": reference::model("whisper-cpp", job.model),
            "threads": job.threads.max(1),
            "parameters": parameters,
        });
        self.0.answer(&asked, job.wav).map(|answer| Answer::or_error(&answer))
    }
}

/// The plugin's options as parameters of `pywhispercpp.model.Model`, with `whisper-cli`'s values; `None` if one has no counterpart.
fn parameters(options: &Map<String, Value>, model: &str) -> Option<Map<String, Value>> {
    let language = if model.ends_with(".en") { "en" } else { "auto" };
    let mut parameters = Map::new();
    let mut set = |name: &str, value: Value| drop(parameters.insert(name.into(), value));
    set("language", json!(language));
    set("no_context", json!(false));
    set("greedy", json!({ "best_of": 5 }));
    set("params_sampling_strategy", json!(1));
    set("beam_search", json!({ "beam_size": 5, "patience": -1.0 }));
    for (name, value) in options {
        match name.as_str() {
            "beam_size" if *value == 1 => set("params_sampling_strategy", json!(0)),
            "beam_size" => set("beam_search", json!({ "beam_size": value, "patience": -1.0 })),
            "condition_on_previous_text" => set("no_context", json!(*value == false)),
            "entropy_threshold" => set("entropy_thold", value.clone()),
            "initial_prompt" | "max_tokens" | "split_on_word" => set(name, value.clone()),
            "log_prob_threshold" => set("logprob_thold", value.clone()),
            "max_len" => {
                set(name, value.clone());
                set("token_timestamps", json!(true));
            }
            "task" => set("translate", json!(*value == "translate")),
            "vad_filter" => {
                set("vad", value.clone());
                set(
                    "vad_model_path",
                    json!(reference::model("whisper-cpp", "silero-v6.2.0")),
                );
            }
            "without_timestamps" => set("no_timestamps", value.clone()),
            _ => return None,
        }
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: Value) -> Option<Map<String, Value>> {
        parameters(options.as_object().expect("an object"), "tiny.en")
    }

    #[test]
    fn one_beam_means_greedy_decoding() {
        let greedy = of(json!({ "beam_size": 1 })).expect("it is known");
        assert_eq!(
            (&greedy["params_sampling_strategy"], &greedy["language"]),
            (&json!(0), &json!("en"))
        );
        let beams = of(json!({ "beam_size": 3 })).expect("it is known");
        assert_eq!(beams["params_sampling_strategy"], 1);
        assert_eq!(beams["beam_search"]["beam_size"], 3);
    }

    #[test]
    fn options_without_a_counterpart_are_left_out() {
        assert_eq!(of(json!({ "word_timestamps": true })), None);
    }
}
