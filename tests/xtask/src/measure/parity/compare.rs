//! Comparison of two transcripts: equal, or their differences and the reasons.
//!
//! Equal means the same segments with the same text, their times and those of their words within 20 ms of each other, and the same
//! language wherever there is text. Three reasons for differences are known: a sampled window differs every time (everything before
//! it must be equal, and both must sample there), Cesar keeps times in order and inside the audio where the reference does not, and no
//! segment of Cesar spans long silence that was left out. Times in order must be those of the reference, put in order and inside the
//! audio, within 20 ms. Text that the reference places behind the end of the audio is omitted, and counted separately; so is a last
//! text inside the audio that Cesar lacks, which is an error.

use super::answer::{Answer, Segment, Word};

/// Tolerance of times, in seconds; half a millisecond more than 20 ms, for rounding.
const TOLERANCE: f64 = 0.0205;

/// No segment of Cesar spans more silence than this, in seconds.
const LONGEST_SPANNED_SILENCE: f64 = 2.0;

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Equal,
    /// Both refused or failed.
    Refused(String),
    /// Equal up to a window that both sampled.
    Sampled(String),
    /// The same text and words; times that are out of order or outside the audio in the reference are in order and inside it.
    Order(String),
    /// The same text; the reference's segment spans silence that was left out, Cesar's is on one side of it.
    Silence(String),
    /// Equal, or except for order, up to a text that the reference has behind the end of the audio.
    Behind(String),
    /// Equal, or except for order, up to a further text that the reference has inside the audio.
    Missing(String),
    Different(String),
}

impl Verdict {
    pub(crate) const NAMES: [&str; 8] = [
        "equal",
        "refused",
        "sampled",
        "order",
        "silence",
        "behind the end",
        Self::TEXT_MISSING,
        Self::DIFFERENCE,
    ];
    /// Those without a known reason.
    pub(crate) const UNEXPLAINED: [&str; 2] = [Self::TEXT_MISSING, Self::DIFFERENCE];
    const TEXT_MISSING: &str = "TEXT MISSING";
    const DIFFERENCE: &str = "DIFFERENT";

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Refused(_) => "refused",
            Self::Sampled(_) => "sampled",
            Self::Order(_) => "order",
            Self::Silence(_) => "silence",
            Self::Behind(_) => "behind the end",
            Self::Missing(_) => Self::TEXT_MISSING,
            Self::Different(_) => Self::DIFFERENCE,
        }
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Equal => None,
            Self::Refused(reason)
            | Self::Sampled(reason)
            | Self::Order(reason)
            | Self::Silence(reason)
            | Self::Behind(reason)
            | Self::Missing(reason)
            | Self::Different(reason) => Some(reason),
        }
    }
}

/// Compares the reference's answer with ours, given the length of the audio in seconds.
pub(crate) fn verdict(theirs: &Result<Answer, String>, ours: &Result<Answer, String>, length: f64) -> Verdict {
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => of_answers(theirs, ours, length),
        (Err(theirs), Err(ours)) => Verdict::Refused(format!("{theirs} / {ours}")),
        (Err(theirs), Ok(ours)) if ours.segments.is_empty() => {
            Verdict::Refused(format!("{theirs}; Cesar finds no text"))
        }
        (Err(theirs), Ok(_)) => Verdict::Different(format!("the reference fails: {theirs}")),
        (Ok(_), Err(ours)) => Verdict::Different(format!("Cesar fails: {ours}")),
    }
}

fn of_answers(theirs: &Answer, ours: &Answer, length: f64) -> Verdict {
    if theirs.segments.is_empty() && ours.segments.is_empty() {
        return Verdict::Equal;
    }
    if theirs.language != ours.language {
        return Verdict::Different(format!("language {:?} / {:?}", theirs.language, ours.language));
    }
    let (mut reason, mut earliest) = (None, 0.0);
    let mut rest = &ours.segments[..];
    for their in &theirs.segments {
        let Some((our, left)) = joined(their, rest) else {
            return missing(their, length);
        };
        let is_split = rest.len() - left.len() > 1;
        rest = left;
        let verdict = match of_segments(their, &our, earliest, length) {
            // Its parts have the times of their words, also where none are requested.
            Some(Verdict::Different(_)) if is_split && is_within(their, &our) => None,
            verdict => verdict,
        };
        match verdict {
            None if is_split => {
                let text = format!("Cesar splits {}", told(their));
                reason.get_or_insert(Verdict::Silence(text));
            }
            None => {}
            Some(known @ (Verdict::Order(_) | Verdict::Silence(_))) => drop(reason.get_or_insert(known)),
            Some(verdict) => return verdict,
        }
        earliest = our.end;
    }
    match rest.first() {
        Some(more) if more.temperature > 0.0 => Verdict::Sampled("Cesar continues in a sampled window".into()),
        Some(more) => Verdict::Different(format!("only Cesar has {}", told(more))),
        None => reason.unwrap_or(Verdict::Equal),
    }
}

/// Cesar's next segment, joined with those behind it if long silence splits the reference's into them, and the rest; `None` at the end.
fn joined<'a>(their: &Segment, ours: &'a [Segment]) -> Option<(Segment, &'a [Segment])> {
    let (first, mut rest) = ours.split_first()?;
    let mut whole = first.clone();
    while let Some((next, behind)) = rest.split_first() {
        let begun = their.text.strip_prefix(&whole.text).map(str::trim_start);
        let is_split = next.start - whole.end > LONGEST_SPANNED_SILENCE - TOLERANCE;
        if !is_split || !begun.is_some_and(|text| !next.text.is_empty() && text.starts_with(&next.text)) {
            break;
        }
        let length = their.text.len() - begun.map_or(0, str::len) + next.text.len();
        whole.text = their.text[..length].to_owned();
        whole.end = next.end;
        if let (Some(words), Some(more)) = (&mut whole.words, &next.words) {
            words.extend_from_slice(more);
        }
        rest = behind;
    }
    Some((whole, rest))
}

fn missing(their: &Segment, length: f64) -> Verdict {
    let reason = format!("only the reference has {}", told(their));
    if their.temperature > 0.0 {
        Verdict::Sampled("the reference continues in a sampled window".into())
    } else if their.start + TOLERANCE >= length {
        Verdict::Behind(reason)
    } else {
        Verdict::Missing(reason)
    }
}

/// The difference of one segment; Cesar's previous one ends at `earliest`.
fn of_segments(their: &Segment, our: &Segment, earliest: f64, length: f64) -> Option<Verdict> {
    let different = |reason: String| {
        if their.temperature > 0.0 && our.temperature > 0.0 {
            Some(Verdict::Sampled(format!("both sample at frame {:?}", our.seek)))
        } else {
            Some(Verdict::Different(reason))
        }
    };
    if their.text != our.text {
        return different(format!("{} / {}", told(their), told(our)));
    }
    if near(their.start, our.start) && near(their.end, our.end) {
        return words(their, our, 0.0, &|time, _| time).and_then(different);
    }
    let start = inside(their.start, earliest, length);
    let told_both = || format!("the reference has {}, Cesar {}", told(their), told(our));
    if spans_silence(their, our, length) {
        return Some(Verdict::Silence(told_both()));
    }
    // What is wholly before the end of the segment before keeps its length.
    let end = match their.end > start {
        true => their.end,
        false => start + (their.end - their.start).max(0.0),
    };
    if !near(start, our.start) || !near(inside(end, start, length), our.end) {
        return different(format!("{} / {}", told(their), told(our)));
    }
    words(their, our, start, &|time, before| inside(time, before, length))
        .and_then(different)
        .or_else(|| Some(Verdict::Order(told_both())))
}

/// Whether Cesar's segment is the reference's without more silence than Cesar lets a segment span. With words, both have their times.
fn spans_silence(their: &Segment, our: &Segment, length: f64) -> bool {
    let left_out = (their.end.min(length) - their.start) - (our.end - our.start);
    left_out > LONGEST_SPANNED_SILENCE && is_within(their, our)
}

/// Whether Cesar's segment without words has the text of the reference's, and times within it.
fn is_within(their: &Segment, our: &Segment) -> bool {
    let times = our.start + TOLERANCE >= their.start && our.end <= their.end + TOLERANCE;
    times && our.text == their.text && our.words.is_none()
}

/// A time put in order and inside the audio, as Cesar does with those of engines.
fn inside(time: f64, earliest: f64, length: f64) -> f64 {
    time.max(earliest).min(length)
}

/// The difference of the words. `kept` returns Cesar's time for one, which is not before `earliest` nor before the previous one.
fn words(their: &Segment, our: &Segment, mut earliest: f64, kept: &dyn Fn(f64, f64) -> f64) -> Option<String> {
    let (theirs, ours) = (their.words.as_deref(), our.words.as_deref());
    let (theirs, ours) = (theirs.unwrap_or_default(), ours.unwrap_or_default());
    if theirs.len() != ours.len() {
        return Some(format!(
            "{} words / {} words in {}",
            theirs.len(),
            ours.len(),
            told(our)
        ));
    }
    let mut apart = |(their, our): &(&Word, &Word)| {
        let start = kept(their.start, earliest);
        let end = kept(their.end, start);
        earliest = our.start;
        their.word != our.word || !near(start, our.start) || !near(end, our.end)
    };
    let (their, our) = theirs.iter().zip(ours).find(|pair| apart(pair))?;
    Some(format!(
        "word {:.2} {:.2} {:?} / {:.2} {:.2} {:?}",
        their.start, their.end, their.word, our.start, our.end, our.word
    ))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE
}

fn told(segment: &Segment) -> String {
    format!("[{:.2} {:.2}] {:?}", segment.start, segment.end, segment.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(start: f64, end: f64, text: &str, temperature: f64) -> Segment {
        Segment {
            start,
            end,
            text: text.into(),
            temperature,
            ..Segment::default()
        }
    }

    fn compared(theirs: Vec<Segment>, ours: Vec<Segment>) -> &'static str {
        let answer = |segments: Vec<Segment>| {
            Ok(Answer {
                language: Some("en".into()),
                segments,
            })
        };
        verdict(&answer(theirs), &answer(ours), 10.0).name()
    }

    #[test]
    fn equal_transcripts_have_the_same_text_and_nearly_the_same_times() {
        let theirs = vec![segment(0.0, 1.0, "a", 0.0)];
        assert_eq!(compared(theirs.clone(), vec![segment(0.02, 0.98, "a", 0.0)]), "equal");
        assert_eq!(
            compared(theirs.clone(), vec![segment(0.03, 1.0, "a", 0.0)]),
            "DIFFERENT"
        );
        assert_eq!(compared(theirs.clone(), vec![segment(0.0, 1.0, "b", 0.0)]), "DIFFERENT");
        assert_eq!(compared(theirs, vec![]), "TEXT MISSING");
    }

    #[test]
    fn transcripts_may_differ_after_a_window_that_both_sampled() {
        let theirs = vec![segment(0.0, 1.0, "a", 0.0), segment(1.0, 2.0, "b", 0.4)];
        let ours = vec![segment(0.0, 1.0, "a", 0.0), segment(1.0, 2.0, "c", 0.2)];
        assert_eq!(compared(theirs.clone(), ours), "sampled");
        let plain = vec![segment(0.0, 1.0, "a", 0.0), segment(1.0, 2.0, "c", 0.0)];
        assert_eq!(compared(theirs, plain), "DIFFERENT");
    }

    #[test]
    fn times_out_of_order_explain_a_difference() {
        let theirs = vec![segment(0.0, 2.0, "a", 0.0), segment(1.0, 3.0, "b", 0.0)];
        let ours = |start, end| vec![segment(0.0, 2.0, "a", 0.0), segment(start, end, "b", 0.0)];
        assert_eq!(compared(theirs.clone(), ours(2.0, 3.0)), "order");
        assert_eq!(compared(theirs.clone(), ours(2.02, 2.98)), "order");
        assert_eq!(compared(theirs.clone(), ours(2.03, 3.0)), "DIFFERENT", "not theirs");
        assert_eq!(
            compared(theirs.clone(), ours(2.0, 3.5)),
            "DIFFERENT",
            "not theirs either"
        );
        assert_eq!(compared(theirs, ours(2.0, 2.0)), "DIFFERENT", "cut for no reason");
        let backwards = vec![segment(5.0, 4.0, "a", 0.0)];
        assert_eq!(compared(backwards.clone(), vec![segment(5.0, 5.0, "a", 0.0)]), "order");
        assert_eq!(compared(backwards, vec![segment(4.0, 5.0, "a", 0.0)]), "DIFFERENT");
    }

    #[test]
    fn silence_within_a_segment_of_the_reference_explains_a_difference() {
        let theirs = vec![segment(7.0, 9.9, "a", 0.0)];
        assert_eq!(compared(theirs.clone(), vec![segment(7.0, 7.8, "a", 0.0)]), "silence");
        assert_eq!(compared(theirs.clone(), vec![segment(7.0, 8.0, "a", 0.0)]), "DIFFERENT");
        assert_eq!(compared(theirs, vec![segment(6.9, 7.5, "a", 0.0)]), "DIFFERENT");
    }

    #[test]
    fn a_segment_of_the_reference_that_silence_splits_is_compared_with_its_parts() {
        let theirs = vec![segment(1.0, 8.0, "a b", 0.0), segment(8.0, 9.0, "c", 0.0)];
        let ours = |second, text| {
            let parts = [segment(1.0, 3.0, "a", 0.0), segment(second, 8.0, text, 0.0)];
            [parts.to_vec(), vec![segment(8.0, 9.0, "c", 0.0)]].concat()
        };
        assert_eq!(compared(theirs.clone(), ours(6.0, "b")), "silence");
        assert_eq!(compared(theirs.clone(), ours(6.0, "d")), "DIFFERENT");
        assert_eq!(compared(theirs, ours(4.0, "b")), "DIFFERENT", "not long");
    }

    #[test]
    fn a_segment_wholly_before_the_end_of_the_one_before_it_keeps_its_length() {
        let theirs = vec![segment(0.0, 5.0, "a", 0.0), segment(4.0, 4.5, "b", 0.0)];
        let ours = |end| vec![segment(0.0, 5.0, "a", 0.0), segment(5.0, end, "b", 0.0)];
        assert_eq!(compared(theirs.clone(), ours(5.5)), "order");
        assert_eq!(compared(theirs, ours(5.0)), "DIFFERENT");
    }

    #[test]
    fn times_behind_the_end_explain_a_difference() {
        let theirs = vec![segment(8.0, 12.0, "a", 0.0)];
        assert_eq!(compared(theirs.clone(), vec![segment(8.0, 10.0, "a", 0.0)]), "order");
        assert_eq!(compared(theirs.clone(), vec![segment(8.0, 9.0, "a", 0.0)]), "DIFFERENT");
        assert_eq!(compared(theirs, vec![segment(8.0, 12.0, "a", 0.0)]), "equal");
    }

    #[test]
    fn texts_behind_the_end_and_inside_are_distinguished() {
        let ours = vec![segment(8.0, 9.5, "a", 0.0)];
        let with = |start, end, temperature| vec![ours[0].clone(), segment(start, end, "b", temperature)];
        assert_eq!(compared(with(10.0, 11.0, 0.0), ours.clone()), "behind the end");
        assert_eq!(compared(with(9.5, 10.0, 0.0), ours.clone()), "TEXT MISSING");
        // Cesar's audio ends later, but the text is missing.
        assert_eq!(compared(with(8.5, 9.0, 0.0), ours.clone()), "TEXT MISSING");
        assert_eq!(compared(with(9.5, 10.0, 0.2), ours.clone()), "sampled");
        assert_eq!(compared(vec![], ours), "DIFFERENT");
    }

    #[test]
    fn words_are_compared() {
        let with = |start: f64| Segment {
            words: Some(vec![Word {
                start,
                end: 1.0,
                word: " a".into(),
            }]),
            ..segment(0.0, 1.0, "a", 0.0)
        };
        assert_eq!(compared(vec![with(0.0)], vec![with(0.02)]), "equal");
        assert_eq!(compared(vec![with(0.0)], vec![with(0.1)]), "DIFFERENT");
        assert_eq!(
            compared(vec![with(0.0)], vec![segment(0.0, 1.0, "a", 0.0)]),
            "DIFFERENT"
        );
    }
    #[test]
    fn words_are_compared_where_times_are_not_in_order() {
        let with = |start: f64, end: f64, words: &[(f64, f64, &str)]| {
            let word = |&(start, end, word): &(f64, f64, &str)| Word {
                start,
                end,
                word: word.into(),
            };
            vec![Segment {
                words: Some(words.iter().map(word).collect()),
                ..segment(start, end, "a b", 0.0)
            }]
        };
        // No word begins before the end of the segment before it.
        let behind = |segments: Vec<Segment>| [vec![segment(0.0, 5.0, "before", 0.0)], segments].concat();
        let early = behind(with(4.5, 6.0, &[(4.5, 4.9, " a"), (4.9, 6.0, " b")]));
        let kept = behind(with(5.0, 6.0, &[(5.0, 5.0, " a"), (5.0, 6.0, " b")]));
        assert_eq!(compared(early, kept), "order");
        let theirs = with(8.0, 12.0, &[(8.0, 9.0, " a"), (9.5, 12.0, " b")]);
        assert_eq!(
            compared(theirs.clone(), with(8.0, 10.0, &[(8.0, 9.0, " a"), (9.5, 10.0, " b")])),
            "order"
        );
        let others = [
            with(8.0, 10.0, &[(8.0, 9.0, " a"), (9.0, 10.0, " b")]),
            with(8.0, 10.0, &[(8.0, 9.0, " a"), (9.5, 10.0, " c")]),
            with(8.0, 10.0, &[(8.0, 9.0, " a")]),
        ];
        for ours in others {
            assert_eq!(compared(theirs.clone(), ours), "DIFFERENT");
        }
    }
}
