//! Text to tokens and back, and the special tokens.
//!
//! `tokenizer.json` splits and joins text. CTranslate2 itself reads `vocabulary.json` or `.txt`: its line numbers are the token
//! ids, and its texts make up a prompt (the tokenizer file of some models lacks the timestamps).
//!
//! Only prompts are split, so the splitter, a tenth of the memory of a small model, is opened again for them; the texts of
//! the tokens are enough to join.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use plugin_api::{ErrorKind, StageError};
use tokenizers::{Decoder as _, DecoderWrapper};

use crate::model_error::ModelError;
use crate::options::Task;
use texts::Texts;

mod texts;

/// The tokenizer of a Whisper model.
pub struct Tokenizer {
    path: PathBuf,
    splitter: OnceLock<tokenizers::Tokenizer>,
    joiner: DecoderWrapper,
    /// The texts of the text tokens, which are joined.
    pieces: Texts,
    /// CTranslate2's texts of all tokens.
    vocabulary: Texts,
    special: Special,
    languages: HashMap<String, u32>,
    not_spoken: Vec<u32>,
}

/// Ids of the tokens that are not text.
#[derive(Debug, Clone, Copy)]
struct Special {
    end_of_text: u32,
    start_of_transcript: u32,
    start_of_previous: u32,
    start_of_lm: u32,
    no_speech: u32,
    no_timestamps: u32,
    transcribe: u32,
    translate: u32,
}

/// Not pronounced: not written unless `suppress_tokens` allows it.
const SYMBOLS: [&str; 47] = [
    "\"",
    "#",
    "(",
    ")",
    "*",
    "+",
    "/",
    ":",
    ";",
    "<",
    "=",
    ">",
    "@",
    "[",
    "\\",
    "]",
    "^",
    "_",
    "`",
    "{",
    "|",
    "}",
    "~",
    "「",
    "」",
    "『",
    "』",
    "<<",
    ">>",
    "<<<",
    ">>>",
    "--",
    "---",
    "-(",
    "-[",
    "('",
    "(\"",
    "((",
    "))",
    "(((",
    ")))",
    "[[",
    "]]",
    "{{",
    "}}",
    "♪♪",
    "♪♪♪",
];
/// For those with several tokens, the first is not written: it begins no other text.
const NOTES: [&str; 7] = ["♩", "♪", "♫", "♬", "♭", "♮", "♯"];

impl Tokenizer {
    /// Reads `tokenizer.json` and the vocabulary of the model in `folder`.
    ///
    /// # Errors
    /// [`ModelError::BadTokenizer`], [`ModelError::NoVocabulary`].
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join("tokenizer.json");
        let whole = read(&path)?;
        let bad = |reason: &str| bad(&path, reason);
        let special = Special::find(&whole).map_err(|reason| bad(&reason))?;
        let joiner = whole.get_decoder().ok_or_else(|| bad("it has no `decoder`"))?.clone();
        Ok(Self {
            joiner,
            pieces: (0..special.end_of_text)
                .map(|id| whole.id_to_token(id).unwrap_or_default())
                .collect(),
            vocabulary: vocabulary(folder)?,
            special,
            languages: languages(&whole),
            not_spoken: not_spoken(&whole),
            splitter: OnceLock::new(),
            path,
        })
    }

    /// The ids of `text`, without any special token.
    ///
    /// # Errors
    /// [`ModelError::BadTokenizer`] if the file has changed.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let splitter = match self.splitter.get() {
            Some(splitter) => splitter,
            None => {
                let splitter = read(&self.path)?;
                self.splitter.get_or_init(|| splitter)
            }
        };
        Ok(encode(splitter, text))
    }

    /// The text of `tokens`, without special tokens and timestamps.
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        let texts = self.text_tokens(tokens).into_iter();
        let texts = texts.map(|token| self.pieces.get(token).to_owned()).collect();
        self.joiner.decode(texts).unwrap_or_default()
    }

    /// The text tokens among `tokens`.
    #[must_use]
    pub fn text_tokens(&self, tokens: &[u32]) -> Vec<u32> {
        let is_text = |token: &u32| *token < self.special.end_of_text;
        tokens.iter().copied().filter(is_text).collect()
    }

    /// CTranslate2's texts of `tokens`.
    #[must_use]
    pub fn names(&self, tokens: &[u32]) -> Vec<String> {
        tokens
            .iter()
            .map(|token| self.vocabulary.get(*token).to_owned())
            .collect()
    }

    /// The id of a language; `None` if the model does not know it.
    #[must_use]
    pub fn language(&self, code: &str) -> Option<u32> {
        self.languages.get(code).copied()
    }

    /// The first timestamp, `<|0.00|>`; all later ids are timestamps as well.
    #[must_use]
    pub fn timestamp_begin(&self) -> u32 {
        self.special.no_timestamps + 1
    }

    /// The token behind all text, the first that is special.
    #[must_use]
    pub fn end_of_text(&self) -> u32 {
        self.special.end_of_text
    }

    /// The token that turns timestamps off.
    #[must_use]
    pub fn no_timestamps(&self) -> u32 {
        self.special.no_timestamps
    }

    /// The token before the text of earlier windows.
    #[must_use]
    pub fn start_of_previous(&self) -> u32 {
        self.special.start_of_previous
    }

    /// The first tokens of a transcript; an English-only model has no `language`, and then no task either.
    #[must_use]
    pub fn start_sequence(&self, language: Option<u32>, task: Task) -> Vec<u32> {
        let task = match task {
            Task::Transcribe => self.special.transcribe,
            Task::Translate => self.special.translate,
        };
        let rest = language.map(|language| [language, task]);
        std::iter::once(self.special.start_of_transcript)
            .chain(rest.into_iter().flatten())
            .collect()
    }

    /// The ids that must not be written: `asked`, where -1 stands for symbols, and everything that is not text. Empty if `asked` is
    /// empty, as in faster-whisper.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOptions`] for an id that the model does not have.
    pub fn suppressed(&self, asked: &[i64]) -> Result<Vec<i32>, StageError> {
        let known = |id: i64| usize::try_from(id).map_or(id == -1, |id| id < self.vocabulary.len());
        if let Some(id) = asked.iter().find(|id| !known(**id)) {
            let message = format!(
                "`suppress_tokens` names the token {id}, but the model has {}: give ids below that, or -1",
                self.vocabulary.len()
            );
            return Err(StageError::new(ErrorKind::InvalidOptions, message));
        }
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let given = asked.iter().filter_map(|&id| u32::try_from(id).ok());
        let mut ids: Vec<u32> = given.chain(self.special.never_written()).collect();
        if asked.contains(&-1) {
            ids.extend(&self.not_spoken);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids.into_iter().filter_map(|id| i32::try_from(id).ok()).collect())
    }
}

impl Special {
    fn find(inner: &tokenizers::Tokenizer) -> Result<Self, String> {
        let id = |name: &str| {
            inner
                .token_to_id(name)
                .ok_or_else(|| format!("it has no token `{name}`"))
        };
        Ok(Self {
            end_of_text: id("<|endoftext|>")?,
            start_of_transcript: id("<|startoftranscript|>")?,
            start_of_previous: id("<|startofprev|>")?,
            start_of_lm: id("<|startoflm|>")?,
            // Older and newer name of the same token.
            no_speech: id("<|nospeech|>").or_else(|_| id("<|nocaptions|>"))?,
            no_timestamps: id("<|notimestamps|>")?,
            transcribe: id("<|transcribe|>")?,
            translate: id("<|translate|>")?,
        })
    }

    fn never_written(self) -> [u32; 6] {
        [
            self.transcribe,
            self.translate,
            self.start_of_transcript,
            self.start_of_previous,
            self.start_of_lm,
            self.no_speech,
        ]
    }
}

/// `parse` is compiled in `tokenizers`; its generic functions would be compiled here again, with most of that crate.
fn read(path: &Path) -> Result<tokenizers::Tokenizer, ModelError> {
    let text = std::fs::read_to_string(path).map_err(|error| bad(path, &error.to_string()))?;
    text.parse()
        .map_err(|error: tokenizers::Error| bad(path, &error.to_string()))
}

fn bad(path: &Path, reason: &str) -> ModelError {
    ModelError::BadTokenizer {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn encode(splitter: &tokenizers::Tokenizer, text: &str) -> Vec<u32> {
    // Encoding fails only for word-level models with unknown words; byte-level ones know every byte.
    let encoding = splitter.encode_fast(text, false);
    encoding.map_or_else(|_| Vec::new(), |encoding| encoding.get_ids().to_vec())
}

/// The ids of `<|en|>` and the like, by the text in the brackets.
fn languages(whole: &tokenizers::Tokenizer) -> HashMap<String, u32> {
    let code = |name: &str| {
        let code = name.strip_prefix("<|")?.strip_suffix("|>")?;
        code.bytes()
            .all(|letter| letter.is_ascii_lowercase())
            .then(|| code.to_owned())
    };
    let names = whole.get_vocab(true).into_iter();
    names.filter_map(|(name, id)| Some((code(&name)?, id))).collect()
}

/// Brackets, notes and other symbols without a sound, alone or after a space.
fn not_spoken(splitter: &tokenizers::Tokenizer) -> Vec<u32> {
    // Hyphens and quotes are allowed within a word, not before one.
    let mut ids = vec![];
    for text in [" -", " '"] {
        ids.extend(encode(splitter, text).first());
    }
    for symbol in SYMBOLS.iter().chain(&NOTES) {
        for text in [(*symbol).to_owned(), format!(" {symbol}")] {
            match encode(splitter, &text).as_slice() {
                [only] => ids.push(*only),
                [first, ..] if NOTES.contains(symbol) => ids.push(*first),
                _ => {}
            }
        }
    }
    ids
}

fn vocabulary(folder: &Path) -> Result<Texts, ModelError> {
    let (json, lines) = (folder.join("vocabulary.json"), folder.join("vocabulary.txt"));
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| ModelError::Unreadable {
            path: path.to_owned(),
            error,
        })
    };
    if json.is_file() {
        let texts: Vec<String> = serde_json::from_str(&read(&json)?).map_err(|error| bad(&json, &error.to_string()))?;
        Ok(texts.into_iter().collect())
    } else if lines.is_file() {
        Ok(read(&lines)?.lines().collect())
    } else {
        Err(ModelError::NoVocabulary(folder.to_owned()))
    }
}

#[cfg(test)]
mod tests;
