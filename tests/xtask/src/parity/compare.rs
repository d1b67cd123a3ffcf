//! Two transcripts side by side: equal, or how they differ and why.
//!
//! Equal means the same segments with the same text, their times and those of their words within 20 ms of each other, and the same
//! language wherever there is text. Two reasons are known: a sampled window is another one every time (what comes before it must be
//! equal, and both must sample there), and Cesar keeps times in order and inside the audio where the reference does not, which leaves
//! out what the reference places behind the end.

use super::answer::{Answer, Segment, Word};

/// The greatest difference of times that counts as none, in seconds; half a millisecond more than 20 ms, for rounding.
const TOLERANCE: f64 = 0.0205;

/// What a comparison gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Equal,
    /// Both refused or failed.
    Refused(String),
    /// Equal up to a window that both sampled.
    Sampled(String),
    /// Equal but for times that the reference has out of order or outside the audio.
    Order(String),
    Different(String),
}

impl Verdict {
    pub(crate) const DIFFERENT: &str = "DIFFERENT";
    pub(crate) const NAMES: [&str; 5] = ["equal", "refused", "sampled", "order", Self::DIFFERENT];

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Refused(_) => "refused",
            Self::Sampled(_) => "sampled",
            Self::Order(_) => "order",
            Self::Different(_) => Self::DIFFERENT,
        }
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Equal => None,
            Self::Refused(reason) | Self::Sampled(reason) | Self::Order(reason) | Self::Different(reason) => {
                Some(reason)
            }
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
    let mut order = None;
    for (index, their) in theirs.segments.iter().enumerate() {
        let Some(our) = ours.segments.get(index) else {
            return missing(their, ours.segments.last(), length);
        };
        match of_segments(theirs, index, our, length) {
            None => {}
            Some(Verdict::Order(reason)) => drop(order.get_or_insert(reason)),
            Some(verdict) => return verdict,
        }
    }
    match ours.segments.get(theirs.segments.len()) {
        Some(more) if more.temperature > 0.0 => Verdict::Sampled("Cesar goes on in a sampled window".into()),
        Some(more) => Verdict::Different(format!("only Cesar has {}", told(more))),
        None => order.map_or(Verdict::Equal, Verdict::Order),
    }
}

fn missing(their: &Segment, last: Option<&Segment>, length: f64) -> Verdict {
    if their.temperature > 0.0 {
        return Verdict::Sampled("the reference goes on in a sampled window".into());
    }
    let covered = last.is_some_and(|last| last.end + TOLERANCE >= their.end);
    let reason = format!("only the reference has {}", told(their));
    if covered || their.start + TOLERANCE >= length {
        Verdict::Order(reason)
    } else {
        Verdict::Different(reason)
    }
}

/// How one segment differs.
fn of_segments(theirs: &Answer, index: usize, our: &Segment, length: f64) -> Option<Verdict> {
    let their = &theirs.segments[index];
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
        return words(their, our).and_then(different);
    }
    let before = index.checked_sub(1).map(|before| &theirs.segments[before]);
    if before.is_some_and(|before| before.end > their.start) || their.end < their.start {
        return Some(Verdict::Order(format!(
            "the reference's times are not in order at {}",
            told(their)
        )));
    }
    if their.end > length && near(our.end, length) && near(their.start, our.start) {
        return Some(Verdict::Order(format!(
            "the reference ends after the audio with {}",
            told(their)
        )));
    }
    different(format!("{} / {}", told(their), told(our)))
}

fn words(their: &Segment, our: &Segment) -> Option<String> {
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
    let apart = |(their, our): &(&Word, &Word)| {
        their.word != our.word || !near(their.start, our.start) || !near(their.end, our.end)
    };
    let (their, our) = theirs.iter().zip(ours).find(apart)?;
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
    fn equal_is_the_same_text_at_nearly_the_same_times() {
        let theirs = vec![segment(0.0, 1.0, "a", 0.0)];
        assert_eq!(compared(theirs.clone(), vec![segment(0.02, 0.98, "a", 0.0)]), "equal");
        assert_eq!(
            compared(theirs.clone(), vec![segment(0.03, 1.0, "a", 0.0)]),
            "DIFFERENT"
        );
        assert_eq!(compared(theirs.clone(), vec![segment(0.0, 1.0, "b", 0.0)]), "DIFFERENT");
        assert_eq!(compared(theirs, vec![]), "DIFFERENT");
    }

    #[test]
    fn what_both_sample_may_differ_from_there() {
        let theirs = vec![segment(0.0, 1.0, "a", 0.0), segment(1.0, 2.0, "b", 0.4)];
        let ours = vec![segment(0.0, 1.0, "a", 0.0), segment(1.0, 2.0, "c", 0.2)];
        assert_eq!(compared(theirs.clone(), ours), "sampled");
        let plain = vec![segment(0.0, 1.0, "a", 0.0), segment(1.0, 2.0, "c", 0.0)];
        assert_eq!(compared(theirs, plain), "DIFFERENT");
    }

    #[test]
    fn times_out_of_order_are_a_reason() {
        let theirs = vec![segment(0.0, 2.0, "a", 0.0), segment(1.0, 3.0, "b", 0.0)];
        let ours = vec![segment(0.0, 2.0, "a", 0.0), segment(2.0, 3.0, "b", 0.0)];
        assert_eq!(compared(theirs, ours), "order");
    }

    #[test]
    fn times_behind_the_end_are_a_reason() {
        let theirs = vec![segment(8.0, 12.0, "a", 0.0), segment(12.0, 13.0, "b", 0.0)];
        let clipped = segment(8.0, 10.0, "a", 0.0);
        assert_eq!(compared(theirs.clone(), vec![clipped.clone()]), "order");
        assert_eq!(compared(theirs, vec![segment(8.0, 9.0, "a", 0.0)]), "DIFFERENT");
        assert_eq!(
            compared(
                vec![clipped, segment(9.0, 9.5, "b", 0.0)],
                vec![segment(8.0, 9.0, "a", 0.0)]
            ),
            "DIFFERENT"
        );
    }

    #[test]
    fn words_are_compared_too() {
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
}
