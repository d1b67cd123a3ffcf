//! Answers of ffprobe about a recording.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::child::Watched;
use super::command::{Probing, broken, command, drain, start};
use super::messages::sentence;
use crate::clock::{nanoseconds, seconds};
use crate::demux::Nanoseconds;
use crate::kind::Kind;
use crate::source::Stream;
use crate::tracks::TrackFacts;
use crate::{AudioError, stop};

/// Demuxers that report the length of the whole file for each stream, which is that of the pictures in a film.
const OF_ALL: [&str; 6] = ["asf", "asf_o", "gxf", "lxf", "dhav", "nut"];

/// Demuxers that report the end of each stream as its length; of several streams, that of the longest.
const ENDS: [&str; 1] = ["wtv"];

/// An audio track.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    /// Its index among all streams of the file.
    pub(super) index: u32,
    pub(super) facts: TrackFacts,
    pub(super) stream: Stream,
    /// Its declared end.
    pub(super) end: Option<Nanoseconds>,
}

/// The audio tracks of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Description {
    /// The extent of probing; decoding must use the same, to find the same tracks.
    pub(super) probing: Probing,
    /// Whether there is a stream of pictures, other than a cover.
    pub(super) has_pictures: bool,
    pub(super) tracks: Vec<Track>,
    /// The demuxer's names, joined by commas, and its certainty of 100.
    pub(super) format: String,
    pub(super) score: u32,
}

impl Description {
    pub(super) fn track_facts(&self) -> Vec<TrackFacts> {
        self.tracks.iter().map(|track| track.facts.clone()).collect()
    }
}

/// ffprobe's answer, limited to the requested fields.
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<AnsweredStream>,
    #[serde(default)]
    format: AnsweredFormat,
}

#[derive(Debug, Default, Deserialize)]
struct AnsweredFormat {
    format_name: Option<String>,
    probe_score: Option<u32>,
    duration: Option<String>,
    start_time: Option<String>,
}

#[derive(Debug, Deserialize)]
struct AnsweredStream {
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    codec_tag_string: Option<String>,
    sample_rate: Option<String>,
    channels: Option<u16>,
    channel_layout: Option<String>,
    duration: Option<String>,
    start_time: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: Tags,
}

#[derive(Debug, Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    default: u8,
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Debug, Default, Deserialize)]
struct Tags {
    language: Option<String>,
    title: Option<String>,
}

/// Runs ffprobe; once more with a longer probe, if it does not identify the sound.
pub(super) fn describe(program: &Path, path: &Path, kind: Kind) -> Result<Description, AudioError> {
    let description = ask(program, path, kind, Probing::Short)?;
    let tracks = &description.tracks;
    if !tracks.is_empty() && tracks.iter().all(|track| track.facts.is_known) {
        return Ok(description);
    }
    match ask(program, path, kind, Probing::Long) {
        Err(_) if tracks.iter().any(|track| track.facts.is_known) => Ok(description),
        longer => longer,
    }
}

fn ask(program: &Path, path: &Path, kind: Kind, probing: Probing) -> Result<Description, AudioError> {
    let mut command = command(program, kind, probing, "warning");
    command.args(["-of", "json", "-show_entries"]).arg(
        "format=format_name,probe_score,duration,start_time:\
         stream=index,codec_type,codec_name,codec_tag_string,sample_rate,channels,channel_layout,duration,start_time:\
         stream_disposition=default,attached_pic:stream_tags=language,title",
    );
    let child = Watched::new(start(command, program, path)?);
    let (mut answers, errors) = child.pipes().expect("both outputs were asked to be piped");
    let messages = std::thread::spawn(move || drain(errors));
    let mut output = Vec::new();
    let status = answers.read_to_end(&mut output).and_then(|_| child.wait());
    stop::check().map_err(|source| AudioError::unreadable(path, source))?;
    let status = status.map_err(|error| broken(program, path, error.to_string()))?;
    let messages = messages.join().unwrap_or_default();
    let answer = serde_json::from_slice::<Answer>(&output)
        .ok()
        .filter(|answer| status.success() && !answer.streams.is_empty());
    let Some(answer) = answer else {
        let reason = sentence(messages.lines().last().unwrap_or("no message"));
        return Err(AudioError::Unsupported {
            name: path.into(),
            reason: format!("ffmpeg: {reason}"),
            advice: "check that it is a recording, and convert it to wav if it is",
        });
    };
    let is_estimate = messages.contains("Estimating duration from bitrate");
    let mut description = answer.description(probing, is_estimate);
    if let ("adx", [track]) = (description.format.as_str(), &mut description.tracks[..]) {
        track.end = File::open(path)
            .ok()
            .and_then(|mut file| adx_length(&mut file))
            .or(track.end);
    }
    Ok(description)
}

/// The length that the header of an ADX file declares, which ffmpeg does not read: it ends at the first damaged block.
fn adx_length(file: &mut impl Read) -> Option<Nanoseconds> {
    let mut header = [0; 16];
    file.read_exact(&mut header).ok()?;
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (rate, samples) = (number(8), number(12));
    (header[..2] == [0x80, 0] && rate > 0 && samples > 0).then(|| nanoseconds(samples.into(), rate))
}

impl Answer {
    fn description(&self, probing: Probing, is_estimate: bool) -> Description {
        let has_pictures = self
            .streams
            .iter()
            .any(|stream| stream.is("video") && stream.disposition.attached_pic == 0);
        let start = seconds(self.format.start_time.as_deref()).unwrap_or(0);
        // The length of the whole file is that of its longest stream.
        let has_one_stream = !has_pictures && self.streams.iter().filter(|stream| stream.is("audio")).count() == 1;
        let of_all = seconds(self.format.duration.as_deref()).filter(|_| has_one_stream);
        let is_of_all = self.format.is_one_of(&OF_ALL);
        let is_end = self.format.is_one_of(&ENDS);
        let audio = self.streams.iter().filter(|stream| stream.is("audio"));
        let track = |stream: &AnsweredStream| Track {
            index: stream.index,
            facts: stream.facts(),
            stream: stream.shape(),
            end: match seconds(stream.duration.as_deref()) {
                _ if is_estimate => None,
                Some(_) if is_of_all => of_all,
                Some(end) if is_end => has_one_stream.then(|| end - start),
                Some(length) => Some(length + seconds(stream.start_time.as_deref()).unwrap_or(start) - start),
                None => of_all,
            },
        };
        Description {
            probing,
            has_pictures,
            tracks: audio.map(track).collect(),
            format: self.format.format_name.clone().unwrap_or_default(),
            score: self.format.probe_score.unwrap_or(0),
        }
    }
}

impl AnsweredFormat {
    fn is_one_of(&self, known: &[&str]) -> bool {
        let names = self.format_name.as_deref().unwrap_or_default();
        names.split(',').any(|name| known.contains(&name))
    }
}

impl AnsweredStream {
    fn is(&self, kind: &str) -> bool {
        self.codec_type.as_deref() == Some(kind)
    }

    fn facts(&self) -> TrackFacts {
        let rate = self.shape().rate;
        let known = self
            .codec_name
            .as_deref()
            .filter(|name| *name != "unknown" && *name != "none");
        let known = known.filter(|_| rate > 0 && self.channels.is_some_and(|channels| channels > 0));
        TrackFacts {
            language: self.tags.language.clone().filter(|language| language != "und"),
            title: self.tags.title.clone(),
            codec: known
                .or(self.codec_tag_string.as_deref())
                .unwrap_or("of an unknown kind")
                .to_owned(),
            is_default: self.disposition.default == 1,
            is_known: known.is_some(),
        }
    }

    fn shape(&self) -> Stream {
        let channels = self.channels.unwrap_or(0);
        Stream {
            rate: self
                .sample_rate
                .as_deref()
                .and_then(|rate| rate.parse().ok())
                .unwrap_or(0),
            channels,
            mask: self.channel_layout.as_deref().map_or(0, mask_of),
        }
    }
}

/// The WAVE channel mask of a layout by ffmpeg's name; 0 for others.
fn mask_of(layout: &str) -> u32 {
    match layout {
        "mono" => 0x4,
        "stereo" => 0x3,
        "2.1" => 0xB,
        "3.0" => 0x7,
        "3.0(back)" => 0x103,
        "3.1" => 0xF,
        "4.0" => 0x107,
        "4.1" => 0x10F,
        "quad" => 0x33,
        "quad(side)" => 0x603,
        "5.0" => 0x37,
        "5.0(side)" => 0x607,
        "5.1" => 0x3F,
        "5.1(side)" => 0x60F,
        "6.0" => 0x707,
        "6.1" => 0x70F,
        "6.1(back)" => 0x13F,
        "7.0" => 0x637,
        "7.1" => 0x63F,
        "7.1(wide)" => 0xFF,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SECOND;

    #[test]
    fn an_answer_becomes_tracks_on_the_recordings_clock() {
        let text = r#"{ "streams": [
            { "index": 0, "codec_name": "mpeg4", "codec_type": "video", "start_time": "1.4", "disposition": { "default": 1 } },
            { "index": 1, "codec_name": "aac", "codec_type": "audio", "sample_rate": "48000", "channels": 6,
              "channel_layout": "5.1", "start_time": "6.4", "duration": "10.5", "disposition": { "default": 0 },
              "tags": { "language": "und", "title": "Desk" } },
            { "index": 2, "codec_type": "audio", "codec_tag_string": "apac", "sample_rate": "0", "channels": 0,
              "tags": { "language": "ger" } } ],
            "format": { "start_time": "1.4", "duration": "20.0" } }"#;
        let answer: Answer = serde_json::from_str(text).unwrap();
        let description = answer.description(Probing::Short, false);
        let [first, second] = &description.tracks[..] else {
            panic!("{description:?}")
        };
        assert_eq!(
            (first.index, first.stream.mask, first.end),
            (1, 0x3F, Some(15_500_000_000))
        );
        assert_eq!(
            (first.facts.language.as_deref(), first.facts.title.as_deref()),
            (None, Some("Desk"))
        );
        assert_eq!(
            (second.facts.is_known, second.facts.codec.as_str(), second.end),
            (false, "apac", None)
        );
        assert_eq!(answer.description(Probing::Short, true).tracks[0].end, None);
    }

    /// The end of the first audio track of such an answer.
    fn end_of(format: &str, streams: &[&str]) -> Option<Nanoseconds> {
        let stream = |(index, kind): (usize, &&str)| {
            format!(r#"{{ "index": {index}, "codec_type": "{kind}", "start_time": "0.0", "duration": "14.0" }}"#)
        };
        let streams = streams.iter().enumerate().map(stream).collect::<Vec<_>>().join(",");
        let format = format!(r#"{{ "format_name": "{format}", "start_time": "0.0", "duration": "14.1" }}"#);
        let answer = format!(r#"{{ "streams": [{streams}], "format": {format} }}"#);
        let answer: Answer = serde_json::from_str(&answer).unwrap();
        answer.description(Probing::Short, false).tracks[0].end
    }

    #[test]
    fn the_length_of_a_film_is_not_that_of_its_sound() {
        let (with_pictures, alone, two) = (["video", "audio"], ["audio"], ["audio", "audio"]);
        for format in OF_ALL {
            assert_eq!(end_of(format, &with_pictures), None, "{format}");
            assert_eq!(end_of(format, &two), None, "{format}");
            assert_eq!(end_of(format, &alone), Some(14_100_000_000), "{format}");
        }
        assert_eq!(end_of("avi", &with_pictures), Some(14 * SECOND));
        assert_eq!(end_of("wtv", &with_pictures), None);
        assert_eq!(end_of("wtv", &alone), Some(14 * SECOND));
    }

    #[test]
    fn the_header_of_adx_declares_its_length() {
        let header = |first: u8, rate: u32, samples: u32| {
            let mut header = vec![first, 0, 0, 32, 3, 18, 4, 1];
            header.extend(rate.to_be_bytes());
            header.extend(samples.to_be_bytes());
            adx_length(&mut &header[..])
        };
        assert_eq!(header(0x80, 44_100, 22_050), Some(SECOND / 2));
        assert_eq!(
            (header(0x81, 44_100, 1), header(0x80, 0, 1), header(0x80, 8_000, 0)),
            (None, None, None)
        );
        assert_eq!(adx_length(&mut &[0x80, 0][..]), None);
    }

    #[test]
    fn a_stream_of_wtv_has_its_end_as_length() {
        let stream = r#"{ "index": 0, "codec_type": "audio", "start_time": "1.7", "duration": "25.9" }"#;
        let format = r#"{ "format_name": "wtv", "start_time": "0.5", "duration": "27.6" }"#;
        let answer = format!(r#"{{ "streams": [{stream}], "format": {format} }}"#);
        let answer: Answer = serde_json::from_str(&answer).unwrap();
        let end = answer.description(Probing::Short, false).tracks[0].end;
        assert_eq!(end, Some(25_400_000_000));
    }
}
