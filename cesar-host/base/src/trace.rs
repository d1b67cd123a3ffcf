//! Traces of requests across processes, as [W3C Trace Context](https://www.w3.org/TR/trace-context/) writes them in the header `traceparent`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of a trace, shown as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

/// The place in a trace where a request was made: the value of `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The span that made the request; not all zeros.
    pub span: [u8; 8],
    /// Its flags; the lowest bit says that the span is recorded.
    pub flags: u8,
}

impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trace, span, flags } = self;
        write!(formatter, "00-{trace}-{}-{flags:02x}", hex::encode(span))
    }
}

impl From<TraceParent> for String {
    fn from(parent: TraceParent) -> Self {
        parent.to_string()
    }
}

/// The text is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a `traceparent` of the W3C: `00-TRACE-SPAN-FLAGS` in small hexadecimal digits")]
pub struct TraceParentError;

impl FromStr for TraceParent {
    type Err = TraceParentError;

    /// Later versions are read as far as this one goes, as the W3C asks.
    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        let mut fields = text.split('-');
        let mut next = || fields.next().ok_or(TraceParentError);
        let ([version], trace, span, [flags]) = (bytes(next()?)?, bytes(next()?)?, bytes(next()?)?, bytes(next()?)?);
        let is_longer = fields.next().is_some();
        let is_valid = match version {
            0 => !is_longer,
            0xff => false,
            _ => true,
        };
        if !is_valid || trace == [0; 16] || span == [0; 8] {
            return Err(TraceParentError);
        }
        let trace = TraceId(trace);
        Ok(Self { trace, span, flags })
    }
}

impl TryFrom<String> for TraceParent {
    type Error = TraceParentError;

    fn try_from(text: String) -> Result<Self, TraceParentError> {
        text.parse()
    }
}

/// Small hexadecimal digits as so many bytes.
fn bytes<const N: usize>(digits: &str) -> Result<[u8; N], TraceParentError> {
    let mut bytes = [0; N];
    let is_small = !digits.bytes().any(|digit| digit.is_ascii_uppercase());
    match hex::decode_to_slice(digits, &mut bytes) {
        Ok(()) if is_small => Ok(bytes),
        _ => Err(TraceParentError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_w3c_is_read() {
        let parent: TraceParent = TEXT.parse().unwrap();
        assert_eq!(parent.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(
            (parent.span, parent.flags),
            ([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7], 1)
        );
        assert_eq!(parent.to_string(), TEXT);
        let later: TraceParent = (TEXT.replacen("00", "cc", 1) + "-what-the-future-will-be-like")
            .parse()
            .unwrap();
        assert_eq!(later, parent);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "00",
            &TEXT[..54],
            &format!("{TEXT}0"),
            &format!("{TEXT}-00"),
            &TEXT.to_uppercase(),
            &TEXT.replacen("00", "ff", 1),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(TraceParentError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_parent_is_its_text(trace: [u8; 16], span: [u8; 8], flags: u8) {
            prop_assume!(trace != [0; 16] && span != [0; 8]);
            let parent = TraceParent { trace: TraceId(trace), span, flags };
            prop_assert_eq!(parent.to_string().parse(), Ok(parent));
            let json = serde_json::to_string(&parent).unwrap();
            prop_assert_eq!(serde_json::from_str::<TraceParent>(&json).unwrap(), parent);
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            if let Ok(parent) = text.parse::<TraceParent>() {
                prop_assert_ne!(parent.trace, TraceId([0; 16]));
            }
        }
    }
}
