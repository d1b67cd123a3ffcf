//! Advice for a command line that was refused: the flag, or the whole command, that was probably meant.
//!
//! Users come from `whisper`, `whisper-ctranslate2` and whisper.cpp's `whisper-cli`, whose flags have other names here.

use std::ffi::OsString;
use std::path::Path;

use cesar_base::nearest;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// Flags of other programs, without hyphens and with underscores, and what they are here.
const FOREIGN: &[(&str, &str)] = &[
    ("output_format", "`--format`"),
    ("fp16", "`--compute-type float16`, or nothing on a CPU"),
    ("model_dir", "`--models-dir`"),
    ("model_directory", "`--models-dir`"),
    ("hf_token", "nothing: models of speakers need no token"),
    ("speaker_name", "`cesar edit --rename-speaker`"),
    ("clip_timestamps", "`--start-time` and `--end-time`"),
    ("offset_t", "`--start-time`"),
    ("duration", "`--max-duration`"),
    ("translate", "`--task translate`"),
    ("prompt", "`--initial-prompt`"),
    ("file", "nothing: recordings are named without a flag"),
    ("output_file", "`--output`"),
    ("output_txt", "`--format txt`"),
    ("output_vtt", "`--format vtt`"),
    ("output_srt", "`--format srt`"),
    ("output_csv", "`--format csv`"),
    ("output_json", "`--format json`"),
    ("output_lrc", "`--format lrc`"),
    ("print_progress", "nothing: progress is shown on a terminal"),
    ("no_timestamps", "`--format txt`"),
    ("max_len", "`--format-option max_chars_per_line=N`"),
    ("max_line_width", "`--format-option max_chars_per_line=N`"),
    ("max_line_count", "`--format-option max_lines=N`"),
];

/// Writes flags with hyphens, which programs in Python have with underscores. Values keep theirs.
pub(super) fn hyphenate(words: &mut [OsString]) {
    for word in words.iter_mut().take_while(|word| *word != "--") {
        let Some(flag) = word.to_str().filter(|word| word.starts_with("--")) else {
            continue;
        };
        let (name, value) = flag.split_at(flag.find('=').unwrap_or(flag.len()));
        *word = format!("{}{value}", name.replace('_', "-")).into();
    }
}

/// Flags of `whisper-cli` that begin with one of ours, and what they are here.
const SHORT: &[(&str, &str)] = &[
    ("-otxt", "`-f txt`"),
    ("-ovtt", "`-f vtt`"),
    ("-osrt", "`-f srt`"),
    ("-ocsv", "`-f csv`"),
    ("-olrc", "`-f lrc`"),
    ("-oj", "`-f json`"),
    ("-ojf", "`-f json --asr-option word_timestamps=true`"),
    ("-of", "`-o FILE`"),
    ("-tr", "`--task translate`"),
    ("-bs", "`--beam-size N`"),
    ("-nt", "`-f txt`"),
    ("-ml", "`--format-option max_chars_per_line=N`"),
    (
        "-di",
        "`--channels-as-speakers`, or nothing: speakers are found by their voices",
    ),
    ("-pp", "nothing: progress is shown on a terminal"),
    ("-np", "`-q`"),
];

/// The refusal of a short flag of `whisper-cli`, which would be read as one of ours with a value.
pub(super) fn refusal(words: &[OsString]) -> Option<String> {
    // General options may stand before the command.
    let after = words.iter().skip_while(|word| *word != "transcribe");
    let mut options = after.take_while(|word| *word != "--");
    let (foreign, ours) = options.find_map(|word| SHORT.iter().find(|(foreign, _)| word == foreign))?;
    Some(format!("`{foreign}` is a flag of `whisper-cli`; here it is {ours}"))
}

/// The error with advice. `engine_option` names the engine that has an option.
pub(super) fn with_advice(
    mut error: Error,
    words: &[OsString],
    engine_option: &dyn Fn(&str) -> Option<String>,
) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (given, suggested) = (text(ContextKind::InvalidArg), text(ContextKind::SuggestedArg));
    let advice = match error.kind() {
        ErrorKind::UnknownArgument => given.as_deref().and_then(|flag| of_flag(flag, engine_option)),
        ErrorKind::InvalidSubcommand => text(ContextKind::InvalidSubcommand).and_then(|word| of_recording(&word)),
        ErrorKind::MissingRequiredArgument => of_format(words),
        _ => None,
    };
    let is_far = |(given, suggested): (&str, &str)| nearest(given, [suggested]).is_none();
    if advice.is_some() || given.as_deref().zip(suggested.as_deref()).is_some_and(is_far) {
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        // It contains the suggestion.
        error.remove(ContextKind::Usage);
    }
    if let Some(advice) = advice {
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![StyledStr::from(advice)]),
        );
    }
    error
}

/// For a flag of another program, or of an engine.
fn of_flag(flag: &str, engine_option: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let name = flag.trim_start_matches('-');
    let name = name.split_once('=').map_or(name, |(name, _)| name).replace('-', "_");
    if let Some((_, ours)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
        return Some(format!("here it is {ours}"));
    }
    let engine = engine_option(&name)?;
    Some(format!(
        "it is an option of the engine `{engine}`: `--asr-option {name}=VALUE`"
    ))
}

/// For a recording in the place of a command.
fn of_recording(word: &str) -> Option<String> {
    let is_recording = Path::new(word).exists() || Path::new(word).extension().is_some() || word.contains("://");
    let quoted = shlex::try_quote(word).ok()?;
    is_recording.then(|| format!("to transcribe it: `cesar transcribe {quoted}`"))
}

/// For `-f recording.wav`, which is the recording in `whisper-cli`.
fn of_format(words: &[OsString]) -> Option<String> {
    let mut pairs = words.windows(2);
    let given = pairs.find(|pair| pair[0] == "-f" && Path::new(&pair[1]).is_file())?;
    let quoted = given[1].to_str().and_then(|word| shlex::try_quote(word).ok())?;
    Some(format!(
        "`-f` is the format; name the recording without it: `cesar transcribe {quoted}`"
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// The answer to a command line, for a program with one engine that has one option.
    fn answer(line: &str) -> String {
        let mut words: Vec<OsString> = shlex::split(line).unwrap().into_iter().map(OsString::from).collect();
        hyphenate(&mut words);
        if let Some(refusal) = refusal(&words) {
            return refusal;
        }
        let engine = |name: &str| (name == "vad_filter").then(|| "ct2".to_owned());
        let error = super::super::Cli::command().try_get_matches_from(&words).err();
        error.map_or("accepted".to_owned(), |error| {
            with_advice(error, &words, &engine).to_string()
        })
    }

    #[test]
    fn flags_of_other_programs_work_or_are_explained() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let lines = [
            "cesar transcribe talk.mp3 --model small --language English --task translate --output_dir out",
            "cesar transcribe talk.mp3 --initial_prompt Ann --beam_size 5 --compute_type int8 --threads 4",
            "cesar transcribe -m tiny.en -t 4 -l en talk.wav",
            "cesar transcribe talk.mp3 --output_format srt",
            "cesar transcribe talk.mp3 --vad_filter True",
            "cesar transcribe talk.mp3 --vad-filter",
            "cesar transcribe talk.mp3 --fp16 False",
            "cesar transcribe talk.mp3 --hf_token abc",
            "cesar transcribe -osrt talk.wav",
            "cesar -q transcribe talk.wav -osrt",
            "cesar transcribe -tr -m ggml-base.bin talk.wav",
            "cesar transcribe --nonsense talk.wav",
            "cesar transcribe --formats srt talk.wav",
            "cesar talk.mp3",
            "cesar 'my talk.mp3'",
            "cesar transcrib talk.mp3",
            "cesar nonsense",
        ];
        let mut answers: Vec<String> = lines.iter().map(|line| format!("$ {line}\n{}", answer(line))).collect();
        answers.push(answer(&format!("cesar transcribe -f {manifest}")).replace(manifest, "talk.wav"));
        insta::assert_snapshot!(answers.join("\n"));
    }
}
