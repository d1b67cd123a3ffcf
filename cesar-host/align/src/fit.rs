//! A script matched with what was recognised.

use plugin_api::align::Alignment;
use plugin_api::document::Document;

use crate::atoms::{Atom, Lexicon};
use crate::gaps::{self, Gap};
use crate::heard::{heard, span};
use crate::islands::without_chance;
use crate::matched::{Matched, Span, Word};
use crate::matching::matches;
use crate::passages::{self, Part};
use crate::script::Script;

/// The time of a character where no word was matched, in ms.
const USUAL_PACE: f64 = 75.0;
const SLOWEST_PACE: f64 = 200.0;
const FASTEST_PACE: f64 = 35.0;
/// Characters of an atom that seldom matches by chance.
const LONG: usize = 6;

/// The reason why a script cannot be aligned with a recording.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NoFit {
    /// Nothing was recognised.
    #[error("no speech was recognised in the recording, so no text can be aligned with it")]
    Silence,
    /// No word matches.
    #[error("no word of the text was recognised in the recording, so there is no time to begin with")]
    Nothing,
    /// Too few words match.
    #[error(
        "the text does not fit the recording: {of_text} % of its words were recognised, and {of_recording} % of the recognised words are \
         in it; at least {least} % of one of them is required"
    )]
    Share {
        /// Of the words of the script, the share that was recognised, in percent.
        of_text: u64,
        /// Of the recognised words, the share that the script has, in percent.
        of_recording: u64,
        /// The required share, in percent.
        least: u64,
    },
}

/// A script matched with the words that were recognised in a recording.
#[derive(Debug, Clone)]
pub struct Fit<'a> {
    pub(crate) script: &'a Script,
    pub(crate) matched: Matched,
    /// Words of the script that were not recognised, in runs.
    pub(crate) gaps: Vec<Gap>,
    /// Parts for an engine to align.
    pub(crate) parts: Vec<Part>,
    language: Option<String>,
}

impl<'a> Fit<'a> {
    /// Matches a script with a recognised document. At least `least` percent of the words of one of them must match.
    ///
    /// # Errors
    /// [`NoFit`].
    pub fn new(script: &'a Script, document: &Document, least: u64) -> Result<Self, NoFit> {
        let heard = heard(document);
        let mut lexicon = Lexicon::default();
        let written = lexicon.atoms(script.numbered().map(|(_, word)| word));
        let spoken = lexicon.atoms(heard.iter().map(|heard| heard.text.as_str()));
        if spoken.is_empty() {
            return Err(NoFit::Silence);
        }
        let keys = |atoms: &[Atom]| -> Vec<u32> { atoms.iter().map(|atom| atom.key).collect() };
        let pairs = matches(&keys(&written), &keys(&spoken), &lexicon);
        let length = |pair: (usize, usize)| lexicon.length(written[pair.0].key);
        let pairs = without_chance(pairs, (written.len(), spoken.len()), length);

        let word = |(segment, text): (usize, &str)| Word {
            text: text.to_owned(),
            segment,
            length: 0,
            matched: None,
        };
        let mut words: Vec<Word> = script.numbered().map(word).collect();
        written.iter().for_each(|atom| words[atom.word].length = atom.total);
        let mut known = vec![0; words.len()];
        let mut has = vec![false; heard.len()];
        let sure = sure(&pairs, length);
        let share = Share {
            of_text: percent(sure.iter().map(|pair| written[pair.0].word), words.len()),
            of_recording: percent(sure.iter().map(|pair| spoken[pair.1].word), heard.len()),
        };
        for (i, j) in pairs {
            let (mine, other) = (written[i], spoken[j]);
            let (start, end) = span(&heard, other, lexicon.length(other.key));
            has[other.word] = true;
            known[mine.word] += lexicon.length(mine.key);
            let probability = heard[other.word].probability;
            let matched = words[mine.word].matched.get_or_insert(Span {
                start,
                end,
                probability,
            });
            matched.end = end;
        }
        for (word, known) in words.iter_mut().zip(known) {
            // A small part of a word says little about where it begins and ends.
            word.matched = word.matched.filter(|_| known * 2 >= word.length);
        }
        if share.of_text.max(share.of_recording) < least {
            let Share { of_text, of_recording } = share;
            return Err(NoFit::Share {
                of_text,
                of_recording,
                least,
            });
        }
        if words.iter().all(|word| word.matched.is_none()) {
            return Err(NoFit::Nothing);
        }
        let matched = Matched {
            pace: pace(&words),
            words,
            heard,
            written: has,
            duration: document.duration.0,
        };
        let gaps = gaps::find(&matched);
        Ok(Self {
            script,
            parts: passages::find(&matched, &gaps),
            matched,
            gaps,
            language: document.language.clone(),
        })
    }

    /// The words that an engine has to align with the audio, with words around them; `None` if there are none.
    #[must_use]
    pub fn alignment(&self) -> Option<Alignment> {
        (!self.parts.is_empty()).then(|| Alignment {
            language: self.language.clone(),
            passages: self
                .parts
                .iter()
                .map(|part| part.passage(&self.matched.words))
                .collect(),
        })
    }
}

/// The shares of both sides that match, in percent.
struct Share {
    of_text: u64,
    of_recording: u64,
}

/// Matches that do not occur by chance: of long atoms, or beside another one. Any two texts share their short words.
fn sure(pairs: &[(usize, usize)], length: impl Fn((usize, usize)) -> usize) -> Vec<(usize, usize)> {
    let follows = |before: usize| {
        let (Some(first), Some(second)) = (pairs.get(before), pairs.get(before + 1)) else {
            return false;
        };
        first.0 + 1 == second.0 && first.1 + 1 == second.1
    };
    let is_sure =
        |index: &usize| length(pairs[*index]) >= LONG || follows(*index) || index.checked_sub(1).is_some_and(follows);
    (0..pairs.len()).filter(is_sure).map(|index| pairs[index]).collect()
}

/// The share of different words among `whole`.
fn percent(words: impl Iterator<Item = usize>, whole: usize) -> u64 {
    let mut words: Vec<usize> = words.collect();
    words.dedup();
    (words.len() * 100 / whole.max(1)) as u64
}

/// The median time of a character.
fn pace(words: &[Word]) -> f64 {
    let pace_of = |word: &Word| {
        let Span { start, end, .. } = word.matched?;
        #[expect(clippy::cast_precision_loss, reason = "a word has few ms and characters")]
        let pace = (end - start) as f64 / word.length.max(1) as f64;
        (end > start).then_some(pace)
    };
    let mut paces: Vec<f64> = words.iter().filter_map(pace_of).collect();
    paces.sort_by(f64::total_cmp);
    let median = paces.get(paces.len() / 2).copied().unwrap_or(USUAL_PACE);
    median.clamp(FASTEST_PACE, SLOWEST_PACE)
}
