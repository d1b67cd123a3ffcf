//! Lines of frames from arbitrary sources.

use super::*;
use crate::Decoder;
use crate::issue::Issue;
use crate::source::SourceEnd;

const HOUR: Nanoseconds = 3600 * SECOND;

const STREAM: Stream = Stream {
    rate: 1000,
    channels: 1,
    mask: 0,
};

/// Chunks of a second, each with its time; `true` for damaged ones.
struct Script {
    facts: Facts,
    chunks: std::vec::IntoIter<(Nanoseconds, bool)>,
}

impl Source for Script {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let Some((time, is_damaged)) = self.chunks.next() else {
            return Ok(false);
        };
        chunk.stream = Some(STREAM);
        chunk.samples.resize(1000, 1.0);
        chunk.time = Some(time);
        chunk.damage = is_damaged.then(|| "damaged".to_owned());
        Ok(true)
    }

    fn ending(&self) -> SourceEnd {
        SourceEnd::default()
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

fn facts(declared_end: Option<Nanoseconds>) -> Facts {
    Facts {
        codec: "pcm".to_owned(),
        source_rate: 1000,
        channels: 1,
        decoder: Decoder::Native,
        declared_end,
        tolerance: SECOND / 10,
    }
}

/// The seconds of sound, including damaged ones, at their places; the total length in seconds; and the issues.
fn play(declared_end: Option<Nanoseconds>, chunks: Vec<(Nanoseconds, bool)>) -> (Vec<i64>, i64, Vec<Issue>) {
    let facts = facts(declared_end);
    let chunks = chunks.into_iter();
    let mut line = Continuous::new(Box::new(Script { facts, chunks }));
    let (mut places, mut position, mut samples) = (Vec::new(), 0, Vec::new());
    while line.read(&mut samples).unwrap().is_some() {
        if samples.contains(&1.0) {
            places.push(position / SECOND);
        }
        position += nanoseconds(samples.len() as u64, STREAM.rate) + line.pass_silence();
        samples.clear();
    }
    (places, position / SECOND, line.issues().clone().into_list())
}

fn messages(issues: &[Issue]) -> Vec<(IssueKind, &str)> {
    issues
        .iter()
        .map(|issue| (issue.kind, issue.message.as_str()))
        .collect()
}

#[test]
fn a_pause_of_hours_is_silence() {
    let (places, length, issues) = play(None, vec![(0, false), (5 * HOUR, false), (5 * HOUR + SECOND, false)]);
    assert_eq!((places, length), (vec![0, 5 * 3600, 5 * 3600 + 1], 5 * 3600 + 2));
    assert_eq!(messages(&issues), [(IssueKind::Gap, "the time stamps jump")]);
}

#[test]
fn a_declared_pause_of_a_night_is_silence() {
    let chunks = vec![(0, false), (12 * HOUR, false)];
    let (places, ..) = play(Some(12 * HOUR + SECOND), chunks);
    assert_eq!(places, [0, 12 * 3600]);
}

#[test]
fn many_pauses_are_not_longer_than_a_day() {
    let chunks = (0..1000).map(|index| (index * (5 * HOUR + 50 * 60 * SECOND), false));
    let (places, length, issues) = play(None, chunks.collect());
    assert_eq!(places.len(), 1000, "no sound is lost");
    assert!(length <= 24 * 3600 + 1000, "{length}");
    let messages = messages(&issues);
    assert_eq!(messages[3], (IssueKind::Gap, "the time stamps jump"));
    assert_eq!(messages[4], (IssueKind::Gap, LEFT_OUT));
}

#[test]
fn a_declared_length_allows_no_more_than_a_day_of_silence() {
    let (places, length, issues) = play(Some(100 * HOUR + SECOND), vec![(100 * HOUR, false)]);
    assert_eq!((places, length), (vec![0], 1));
    assert_eq!(
        messages(&issues),
        [(IssueKind::Gap, LEFT_OUT)],
        "its end is not missing"
    );
}

#[test]
fn pauses_after_a_jump_that_is_left_out_are_kept() {
    let far = 1000 * HOUR;
    let chunks = vec![(0, false), (far, false), (far + 9 * SECOND, false)];
    let (places, _, issues) = play(None, chunks);
    assert_eq!(places, [0, 1, 10]);
    assert_eq!(
        messages(&issues),
        [(IssueKind::Gap, LEFT_OUT), (IssueKind::Gap, "the time stamps jump")]
    );
}

#[test]
fn one_broken_time_stamp_moves_nothing() {
    let chunks = vec![
        (0, false),
        (1000 * HOUR, false),
        (2 * SECOND, false),
        (9 * SECOND, false),
    ];
    assert_eq!(play(None, chunks).0, [0, 1, 2, 9]);
}

#[test]
fn silence_in_place_of_damage_counts() {
    let mut chunks = vec![(0, false)];
    let damaged = (1..26 * 3600).map(|index| (index * SECOND, true));
    chunks.extend(damaged);
    let (_, length, issues) = play(None, chunks);
    assert_eq!(length, 24 * 3600 + 1);
    assert_eq!(issues[0].kind, IssueKind::Damaged);
}

#[test]
fn long_sound_allows_as_much_silence() {
    let sound = (0..30 * 3600).map(|index| (index * SECOND, false));
    let pauses = (1..=5).map(|index| ((30 + 6 * index) * HOUR - SECOND, false));
    let (.., length, issues) = play(None, sound.chain(pauses).collect());
    assert_eq!(length, 60 * 3600);
    assert!(issues.iter().all(|issue| issue.message != LEFT_OUT), "{issues:?}");
}

/// Chunks of a second of sound, with the losses before them.
struct Lossy {
    facts: Facts,
    chunks: std::vec::IntoIter<(Option<Nanoseconds>, Vec<Loss>)>,
    at_end: Vec<Loss>,
}

fn losses(list: Vec<Loss>) -> Losses {
    let mut losses = Losses::default();
    list.into_iter().for_each(|loss| losses.add(loss));
    losses
}

impl Source for Lossy {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let Some((time, lost)) = self.chunks.next() else {
            return Ok(false);
        };
        chunk.stream = Some(STREAM);
        chunk.samples.resize(1000, 1.0);
        chunk.time = time;
        chunk.lost = losses(lost);
        Ok(true)
    }

    fn ending(&self) -> SourceEnd {
        SourceEnd {
            lost: losses(self.at_end.clone()),
            ..SourceEnd::default()
        }
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

fn loss(message: &str, seconds: impl Into<Option<i64>>) -> Loss {
    let seconds: Option<i64> = seconds.into();
    Loss {
        duration: seconds.map(|seconds| seconds * SECOND),
        message: message.to_owned(),
    }
}

#[test]
fn losses_between_two_chunks_lie_one_behind_the_other() {
    let at = |seconds: i64| Some(seconds * SECOND);
    for (time, lost, expected) in [
        // All lengths are known.
        (
            None,
            vec![loss("a", 2), loss("b", 3)],
            vec!["a from 1.0 s to 3.0 s", "b from 3.0 s to 6.0 s"],
        ),
        // The time decides for the one without a length, or for the last.
        (
            at(9),
            vec![loss("a", None), loss("b", 3)],
            vec!["a from 1.0 s to 6.0 s", "b from 6.0 s to 9.0 s"],
        ),
        (
            at(9),
            vec![loss("a", 2), loss("b", 3)],
            vec!["a from 1.0 s to 3.0 s", "b from 3.0 s to 9.0 s"],
        ),
        (
            at(3),
            vec![loss("a", 5), loss("b", 3)],
            vec!["a from 1.0 s to 3.0 s", "b at 3.0 s"],
        ),
        (
            None,
            vec![loss("a", None), loss("b", 3)],
            vec!["a at 1.0 s", "b from 1.0 s to 4.0 s"],
        ),
    ] {
        let source = Lossy {
            facts: facts(at(20)),
            chunks: vec![(at(0), Vec::new()), (time, lost)].into_iter(),
            at_end: vec![loss("c", 4), loss("d", 1)],
        };
        let mut line = Continuous::new(Box::new(source));
        let mut samples = Vec::new();
        while line.read(&mut samples).unwrap().is_some() {}
        let issues = line.issues().into_list();
        let shown: Vec<_> = issues.iter().map(ToString::to_string).collect();
        assert_eq!(shown[..2], expected);
        // The missing end lies behind the losses at the end, so that nothing counts twice.
        let end = samples.len() as i64 / 1000;
        let seconds = |from: i64, to: i64| format!("from {from}.0 s to {to}.0 s");
        assert_eq!(
            shown[2..],
            [
                format!("c {}", seconds(end, end + 4)),
                format!("d {}", seconds(end + 4, end + 5)),
                format!("the end of the file is missing {}", seconds(end + 5, 20)),
            ]
        );
    }
}
