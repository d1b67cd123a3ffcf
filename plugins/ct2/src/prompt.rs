//! Prompt of a window: hot words and earlier text, then the task, then a forced beginning.
//!
//! `<|startofprev|> hotwords… earlier text… <|startoftranscript|> <|language|> <|task|> [<|notimestamps|> | <|0.00|>] prefix…`

use crate::limits::MAX_LENGTH;
use crate::tokenizer::Tokenizer;

/// Maximum of hot words and earlier text together, so that half of [`MAX_LENGTH`] is left for text; also that of a prefix.
pub const PART: usize = MAX_LENGTH / 2 - 1;
/// Maximum of hot words, which leaves room for earlier text: with nothing else in front of it, a model continues a long list of words
/// instead of writing what is said.
const HOTWORDS: usize = 150;
/// Minimum number of tokens left for text; only a prefix with long earlier text comes near it.
const LEAST_TEXT: usize = 16;

/// The parts of a prompt, as token ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts<'a> {
    /// Text of earlier windows, with its timestamps; its end is kept.
    pub previous: &'a [u32],
    /// Words to listen for.
    pub hotwords: &'a [u32],
    /// Start of transcript, language, task.
    pub start: &'a [u32],
    /// Text that the window must begin with.
    pub prefix: &'a [u32],
    /// Text only.
    pub without_timestamps: bool,
    /// Maximum number of generated tokens, without the prompt.
    pub max_new_tokens: Option<usize>,
}

/// A prompt and the limits of the text after it.
#[derive(Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Token ids.
    pub tokens: Vec<u32>,
    /// The number of tokens, prefix included, at which CTranslate2 stops a decode that has not ended.
    pub limit: usize,
    /// The limit for CTranslate2, prompt and text together.
    pub max_length: usize,
}

/// The warning if `initial_prompt` and `hotwords` have more tokens than fit in a prompt.
#[must_use]
pub fn excess(initial_prompt: usize, hotwords: usize) -> Option<String> {
    if initial_prompt + hotwords <= PART && hotwords <= HOTWORDS {
        return None;
    }
    let of_hotwords = hotwords.min(HOTWORDS);
    let of_prompt = initial_prompt.min(PART - of_hotwords);
    let used = match (initial_prompt, hotwords) {
        (0, _) => format!("the first {of_hotwords} of {hotwords} tokens of `hotwords`"),
        (_, 0) => format!("the last {of_prompt} of {initial_prompt} tokens of `initial_prompt`"),
        _ => format!(
            "{of_hotwords} of {hotwords} tokens of `hotwords` and the last {of_prompt} of {initial_prompt} of `initial_prompt`"
        ),
    };
    let more = match hotwords > HOTWORDS {
        true => format!(", and at most {HOTWORDS} of `hotwords`"),
        false => String::new(),
    };
    Some(format!(
        "the prompt is too long: using {used} (the model reads {PART}{more}); shorten it"
    ))
}

/// Builds a prompt.
#[must_use]
pub fn build(parts: Parts<'_>, tokenizer: &Tokenizer) -> Prompt {
    let ids = Ids {
        start_of_previous: tokenizer.start_of_previous(),
        no_timestamps: tokenizer.no_timestamps(),
        timestamp_begin: tokenizer.timestamp_begin(),
    };
    assemble(parts, ids)
}

#[derive(Clone, Copy)]
struct Ids {
    start_of_previous: u32,
    no_timestamps: u32,
    timestamp_begin: u32,
}

fn assemble(parts: Parts<'_>, ids: Ids) -> Prompt {
    let first = |tokens: &[u32], most: usize| tokens[..tokens.len().min(most)].to_vec();
    let prefix = first(parts.prefix, PART);
    let hotwords = if prefix.is_empty() {
        first(parts.hotwords, HOTWORDS)
    } else {
        Vec::new()
    };
    let start = parts
        .start
        .iter()
        .copied()
        .chain(parts.without_timestamps.then_some(ids.no_timestamps));
    let start: Vec<u32> = start.collect();

    let fixed = 2 + hotwords.len() + start.len() + prefix.len() + LEAST_TEXT;
    let room = (PART - hotwords.len()).min(MAX_LENGTH.saturating_sub(fixed));
    let kept = parts.previous.len().min(room);
    let previous = &parts.previous[parts.previous.len() - kept..];

    let mut tokens = Vec::new();
    if !previous.is_empty() || !hotwords.is_empty() {
        tokens.push(ids.start_of_previous);
        tokens.extend_from_slice(&hotwords);
        tokens.extend_from_slice(previous);
    }
    tokens.extend_from_slice(&start);
    let before_text = tokens.len() - 1;
    if !prefix.is_empty() {
        tokens.extend((!parts.without_timestamps).then_some(ids.timestamp_begin));
        tokens.extend_from_slice(&prefix);
    }
    let wanted = parts
        .max_new_tokens
        .map_or(MAX_LENGTH, |new| tokens.len().saturating_add(new));
    let max_length = wanted.min(MAX_LENGTH);
    // CTranslate2's rule.
    let limit = (max_length / 2).min(max_length - before_text);
    Prompt {
        tokens,
        limit,
        max_length,
    }
}

#[cfg(test)]
mod tests;
