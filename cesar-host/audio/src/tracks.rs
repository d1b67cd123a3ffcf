//! Choice of the audio tracks to read.

use std::path::Path;
use std::str::FromStr;

use isolang::Language;

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
    /// The title of each of several tracks, where it has one.
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
        titles: indices.iter().map(|index| tracks[*index].title.clone()).collect(),
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

/// By full title, by language, or by a part of the title; case-insensitive.
fn named(tracks: &[TrackFacts], name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let title = |track: &TrackFacts| track.title.as_deref().unwrap_or_default().to_lowercase();
    let language = language_of(&name);
    let speaks = |track: &TrackFacts| {
        let theirs = track.language.as_deref().unwrap_or_default().to_lowercase();
        theirs == name || (language.is_some() && language == language_of(&theirs))
    };
    let find = |fits: &dyn Fn(&TrackFacts) -> bool| tracks.iter().position(fits);
    find(&|track| title(track) == name)
        .or_else(|| find(&speaks))
        .or_else(|| find(&|track| language.is_none() && title(track).contains(&name)))
}

/// Codes of ISO 639-2/B that differ from those of 639-3.
const BIBLIOGRAPHIC: [(&str, Language); 20] = [
    ("alb", Language::Sqi),
    ("arm", Language::Hye),
    ("baq", Language::Eus),
    ("bur", Language::Mya),
    ("chi", Language::Zho),
    ("cze", Language::Ces),
    ("dut", Language::Nld),
    ("fre", Language::Fra),
    ("geo", Language::Kat),
    ("ger", Language::Deu),
    ("gre", Language::Ell),
    ("ice", Language::Isl),
    ("mac", Language::Mkd),
    ("mao", Language::Mri),
    ("may", Language::Msa),
    ("per", Language::Fas),
    ("rum", Language::Ron),
    ("slo", Language::Slk),
    ("tib", Language::Bod),
    ("wel", Language::Cym),
];

/// The language of a code of two or three letters, with or without a region, or of an English name, in lower case.
fn language_of(text: &str) -> Option<Language> {
    let code = text.split(['-', '_']).next()?;
    let bibliographic = BIBLIOGRAPHIC.iter().find(|(known, _)| *known == code);
    Language::from_639_1(code)
        .or_else(|| bibliographic.map(|(_, language)| *language))
        .or_else(|| Language::from_639_3(code))
        .or_else(|| Language::from_name_lowercase(text))
}

/// The tracks in one line: `1 (eng, "Desktop"), 2 (deu)`.
fn list(tracks: &[TrackFacts]) -> String {
    let one = |(index, track): (usize, &TrackFacts)| {
        let title = track
            .title
            .as_ref()
            .map(|title| format!("\"{}\"", title.escape_debug()));
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
            ("micro", 1),
        ] {
            assert_eq!(chosen(&tracks, choice), Ok(vec![index]), "{choice}");
        }
        assert_eq!(chosen(&tracks, "all"), Ok(vec![0, 1, 2]));
        for choice in ["4", "es", "Camera"] {
            let error = chosen(&tracks, choice).unwrap_err();
            assert!(error.contains(&format!("no audio track `{choice}`")), "{error}");
            assert!(error.contains("2 (ger, \"Microphone\")"), "{error}");
        }
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
