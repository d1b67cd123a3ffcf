//! Choice of the audio tracks to read.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization as _;

use crate::AudioError;

/// The audio track to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TrackChoice {
    /// The players' choice: marked as default, else the first that can be decoded.
    #[default]
    Default,
    /// By its number among the audio tracks, from 1.
    Number(usize),
    /// By its language or its title.
    Named(String),
    /// All tracks, each as a channel.
    All,
}

/// The text that reads as the same choice.
impl fmt::Display for TrackChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Named(name) => formatter.write_str(name),
            Self::All => formatter.write_str("all"),
        }
    }
}

impl FromStr for TrackChoice {
    type Err = std::convert::Infallible;

    /// A number, `all`, `default`, or a language or title.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        Ok(match text.parse() {
            Ok(number) if number > 0 => Self::Number(number),
            _ if text.eq_ignore_ascii_case("all") => Self::All,
            _ if text.is_empty() || text.eq_ignore_ascii_case("default") => Self::Default,
            _ => Self::Named(text.to_owned()),
        })
    }
}

impl TrackChoice {
    /// The text form: the inverse of parsing.
    #[must_use]
    pub fn as_text(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Named(name) => name.clone(),
            Self::All => "all".to_owned(),
        }
    }
}

/// Properties of an audio track from its container, for any reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrackFacts {
    pub(crate) language: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) codec: String,
    pub(crate) is_default: bool,
    /// Whether the reader has a decoder for it.
    pub(crate) is_known: bool,
}

/// The tracks to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Indices among the audio tracks.
    pub(crate) indices: Vec<usize>,
    /// The name of each of several tracks, after its title, where it has one.
    pub(crate) titles: Vec<Option<String>>,
    /// The number of audio tracks.
    pub(crate) tracks: usize,
    /// Whether the default track cannot be decoded, so that this is another.
    pub(crate) is_substitute: bool,
    /// Notes on the choice for the user.
    pub(crate) notes: Vec<String>,
}

/// Chooses among `tracks`.
///
/// # Errors
/// [`AudioError::NoSuchTrack`], [`AudioError::Unsupported`] if the chosen track cannot be decoded,
/// [`AudioError::NoAudioTrack`] if there are none.
pub(crate) fn select(path: &Path, tracks: &[TrackFacts], choice: &TrackChoice) -> Result<Selection, AudioError> {
    if tracks.is_empty() {
        return Err(AudioError::NoAudioTrack { name: path.into() });
    }
    let selection = match choice {
        TrackChoice::Default => default_track(path, tracks),
        TrackChoice::All => all_tracks(path, tracks),
        TrackChoice::Number(number) => single(path, tracks, number.checked_sub(1), choice),
        TrackChoice::Named(name) => single(path, tracks, named(tracks, name), choice),
    };
    Ok(Selection {
        tracks: tracks.len(),
        ..selection?
    })
}

fn default_track(path: &Path, tracks: &[TrackFacts]) -> Result<Selection, AudioError> {
    let preferred = tracks.iter().position(|track| track.is_default).unwrap_or(0);
    let usable = |&index: &usize| tracks[index].is_known;
    let others = (0..tracks.len()).filter(|index| tracks[*index].is_default);
    let index = Some(preferred)
        .filter(usable)
        .or_else(|| others.into_iter().find(usable))
        .or_else(|| (0..tracks.len()).find(usable))
        .ok_or_else(|| unknown(path, &tracks[preferred]))?;
    let is_substitute = index != preferred;
    let mut notes = Vec::new();
    if tracks.len() > 1 {
        let reason = match is_substitute {
            true => format!(
                "track {} cannot be decoded ({}); ",
                preferred + 1,
                tracks[preferred].codec
            ),
            false => String::new(),
        };
        notes.push(format!(
            "it has {} audio tracks: {}; {reason}track {} is read (change with --audio-track)",
            tracks.len(),
            list(tracks),
            index + 1
        ));
    }
    Ok(Selection {
        indices: vec![index],
        is_substitute,
        notes,
        ..Selection::default()
    })
}

fn all_tracks(path: &Path, tracks: &[TrackFacts]) -> Result<Selection, AudioError> {
    let indices: Vec<_> = (0..tracks.len()).filter(|index| tracks[*index].is_known).collect();
    if indices.is_empty() {
        return Err(unknown(path, &tracks[0]));
    }
    let left_out = tracks.iter().enumerate().filter(|(_, track)| !track.is_known);
    let notes = left_out.map(|(index, track)| {
        format!(
            "audio track {} is left out: it cannot be decoded ({})",
            index + 1,
            track.codec
        )
    });
    Ok(Selection {
        titles: names(indices.iter().map(|index| &tracks[*index])),
        notes: notes.collect(),
        is_substitute: indices.len() < tracks.len(),
        indices,
        ..Selection::default()
    })
}

fn single(
    path: &Path,
    tracks: &[TrackFacts],
    index: Option<usize>,
    choice: &TrackChoice,
) -> Result<Selection, AudioError> {
    let found = index.and_then(|index| Some((index, tracks.get(index)?)));
    let Some((index, track)) = found else {
        return Err(AudioError::NoSuchTrack {
            name: path.into(),
            wanted: choice.as_text(),
            tracks: list(tracks),
        });
    };
    match track.is_known {
        true => Ok(Selection {
            indices: vec![index],
            ..Selection::default()
        }),
        false => Err(unknown(path, track)),
    }
}

fn unknown(path: &Path, track: &TrackFacts) -> AudioError {
    AudioError::unsupported(path, format!("unknown codec {}", track.codec))
}

/// By full title, by language, or by words of the title; case-insensitive.
fn named(tracks: &[TrackFacts], name: &str) -> Option<usize> {
    // A letter with its mark may be one character or two: names of macOS have two.
    let folded = |text: &str| text.to_lowercase().nfc().collect::<String>();
    let name = folded(name);
    let title = |track: &TrackFacts| folded(track.title.as_deref().unwrap_or_default());
    let language = cesar_language::code(&name);
    let speaks = |track: &TrackFacts| {
        let theirs = track.language.as_deref().unwrap_or_default().to_lowercase();
        theirs == name || (language.is_some() && language == cesar_language::code(&theirs))
    };
    // Many short names are the code of a language of few speakers: `ann`, `bob`, `tom`.
    let may_be_title = language.is_none_or(|code| code.len() == 3);
    let find = |fits: &dyn Fn(&TrackFacts) -> bool| tracks.iter().position(fits);
    find(&|track| title(track) == name)
        .or_else(|| find(&speaks))
        .or_else(|| find(&|track| may_be_title && has_words(&title(track), &name)))
}

/// Whether the words of `part` stand in `title` one behind the other.
fn has_words(title: &str, part: &str) -> bool {
    let words = |text: &str| {
        let words = text.split(|letter: char| !letter.is_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (title, part) = (words(title), words(part));
    !part.is_empty() && title.windows(part.len()).any(|there| there == part)
}

/// A title as the name of a speaker: white space in place of control characters, `None` without anything else.
fn name_of(title: &str) -> Option<String> {
    let plain = title.replace(char::is_control, " ");
    let name = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(name).filter(|name| !name.is_empty())
}

/// The names of the tracks; of several with one name each after the first has its number among them.
fn names<'a>(tracks: impl Iterator<Item = &'a TrackFacts>) -> Vec<Option<String>> {
    let mut names: Vec<Option<String>> = Vec::new();
    for track in tracks {
        let name = track.title.as_deref().and_then(name_of).map(|name| {
            let is_free = |wanted: &String| !names.iter().flatten().any(|known| known == wanted);
            let numbered = (2..).map(|number| format!("{name} {number}"));
            let mut wanted = std::iter::once(name.clone()).chain(numbered);
            wanted.find(is_free).unwrap_or(name)
        });
        names.push(name);
    }
    names
}

/// The tracks in one line: `1 (eng, "Desktop"), 2 (deu)`.
fn list(tracks: &[TrackFacts]) -> String {
    let one = |(index, track): (usize, &TrackFacts)| {
        let title = track.title.as_ref().map(|title| format!("{title:?}"));
        let about: Vec<_> = track.language.clone().into_iter().chain(title).collect();
        match about.is_empty() {
            true => format!("{}", index + 1),
            false => format!("{} ({})", index + 1, about.join(", ")),
        }
    };
    let tracks: Vec<_> = tracks.iter().enumerate().map(one).collect();
    tracks.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(language: &str, title: &str, is_default: bool, is_known: bool) -> TrackFacts {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        TrackFacts {
            language: text(language),
            title: text(title),
            codec: "apac".to_owned(),
            is_default,
            is_known,
        }
    }

    fn chosen(tracks: &[TrackFacts], choice: &str) -> Result<Vec<usize>, String> {
        let choice = choice.parse().unwrap();
        let selection = select(Path::new("film.mkv"), tracks, &choice);
        selection
            .map(|selection| selection.indices)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn tracks_are_named_by_number_title_and_language() {
        let tracks = [
            track("eng", "Desktop", false, true),
            track("ger", "Microphone", true, true),
            track("fr-CA", "", false, true),
        ];
        for (choice, index) in [
            ("default", 1),
            ("1", 0),
            ("2", 1),
            ("DE", 1),
            ("german", 1),
            ("deu", 1),
            ("en-US", 0),
            ("fre", 2),
            ("desktop", 0),
            ("Deutsch", 1),
            ("Français", 2),
        ] {
            assert_eq!(chosen(&tracks, choice), Ok(vec![index]), "{choice}");
        }
        assert_eq!(chosen(&tracks, "all"), Ok(vec![0, 1, 2]));
        for choice in ["4", "es", "Camera", "micro", ","] {
            let error = chosen(&tracks, choice).unwrap_err();
            assert!(error.contains(&format!("no audio track `{choice}`")), "{error}");
            assert!(error.contains("2 (ger, \"Microphone\")"), "{error}");
        }
    }

    #[test]
    fn a_title_is_found_with_its_marks_in_any_form() {
        let tracks = [
            track("", "Original", false, true),
            track("", "\u{DC}bersetzung", false, true),
            track("", "Director's cut", false, true),
        ];
        for choice in ["\u{DC}bersetzung", "U\u{308}bersetzung", "u\u{308}BERSETZUNG"] {
            assert_eq!(chosen(&tracks, choice), Ok(vec![1]), "{choice}");
        }
        let error = chosen(&tracks, "4").unwrap_err();
        assert!(error.contains("3 (\"Director's cut\")"), "{error}");
    }

    #[test]
    fn words_of_a_title_are_enough() {
        let tracks = [
            track("", "Ann, the first", false, true),
            track("", "Bo, the 2nd", false, true),
        ];
        for (choice, index) in [("ann", 0), ("The first", 0), ("2nd", 1)] {
            assert_eq!(chosen(&tracks, choice), Ok(vec![index]), "{choice}");
        }
        assert!(chosen(&tracks, "irs").is_err());
    }

    #[test]
    fn languages_are_those_of_the_option_language() {
        for (tag, spellings) in [
            ("nob", &["no", "nor", "Norwegian", "Norsk", "nb"][..]),
            ("gre", &["Greek", "el", "ell"]),
            ("heb", &["iw", "he", "Hebrew"]),
            ("chi", &["cmn", "Mandarin", "中文", "zh-Hans"]),
            ("spa", &["Español", "Castilian", "es-419"]),
        ] {
            let tracks = [track("eng", "", true, true), track(tag, "", false, true)];
            for spelling in spellings {
                assert_eq!(chosen(&tracks, spelling), Ok(vec![1]), "{spelling}");
            }
        }
    }

    #[test]
    fn each_of_all_tracks_has_a_name_of_its_own() {
        let titles = ["Same", "Same", "A\nB\u{1b}[31m", "Same 2", " \t"];
        let tracks = titles.map(|title| track("", title, false, true));
        let selection = select(Path::new("x"), &tracks, &TrackChoice::All).unwrap();
        let names: Vec<_> = selection.titles.iter().map(Option::as_deref).collect();
        assert_eq!(
            names,
            [Some("Same"), Some("Same 2"), Some("A B [31m"), Some("Same 2 2"), None]
        );
    }

    #[test]
    fn a_default_track_that_cannot_be_decoded_is_replaced_with_a_note() {
        let tracks = [track("", "", true, false), track("", "", true, true)];
        let selection = select(Path::new("x"), &tracks, &TrackChoice::Default).unwrap();
        assert_eq!((selection.indices, selection.is_substitute), (vec![1], true));
        assert!(selection.notes[0].contains("track 1 cannot be decoded (apac); track 2 is read"));
        assert!(chosen(&tracks, "1").unwrap_err().contains("unknown codec apac"));
        assert_eq!(chosen(&tracks, "all"), Ok(vec![1]));
    }

    #[test]
    fn track_choices_round_trip_through_text() {
        for text in ["default", "2", "deu", "Director's cut", "all"] {
            assert_eq!(text.parse::<TrackChoice>().unwrap().as_text(), text);
        }
    }
}
