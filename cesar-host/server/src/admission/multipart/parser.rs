//! A streaming parser of `multipart/form-data` (RFC 7578).
//!
//! The caller feeds bytes ([`Parser::feed`], [`Parser::end`]) and reads heads and data of parts ([`Parser::next`]). The parser does no I/O
//! and allocates at most [`HEAD_LIMIT`] more than the bytes it was fed. Beyond the RFC it accepts line ends of a bare LF, header names in any
//! case, spaces after a boundary, and a form without its last boundary: HTTP checks the length of the body.

use axum::body::Bytes;
use bytes::BytesMut;
use memchr::memmem::Finder;

use super::head::{self, Head};

/// Maximum bytes of the head of one part.
pub(super) const HEAD_LIMIT: usize = 16 * 1024;

/// Maximum bytes before the first boundary, and maximum spaces after one.
pub(super) const PREAMBLE_LIMIT: usize = 16 * 1024;
const PADDING_LIMIT: usize = 128;

/// An element of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A part begins.
    Part(Head),
    /// Bytes of the part.
    Data(Bytes),
    /// It is complete.
    End,
}

/// Defects of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("there is no boundary; check the `boundary` of the content type")]
    NoBoundary,
    #[error("it ends inside the headers of a part")]
    CutHead,
    #[error("the headers of a part are longer than {HEAD_LIMIT} bytes")]
    LongHead,
    #[error("the headers of a part are not `Name: value` lines")]
    BadHead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Preamble,
    /// In the lines before a part's data.
    Head,
    Data,
    /// After the last boundary.
    Done,
}

/// The bytes after a boundary.
enum Tail {
    /// A line end of this many bytes: a part follows.
    Line(usize),
    /// `--`, or the end of the body.
    Last,
    /// Other bytes: not a boundary.
    Data,
    /// Not decided without more bytes.
    Open,
}

/// A form that is being read.
#[derive(Debug)]
pub(crate) struct Parser {
    /// A line end and the boundary; an optional CR is found separately.
    delimiter: Finder<'static>,
    buffer: BytesMut,
    /// No delimiter begins before this offset.
    searched: usize,
    /// Bytes at the start that are not data but may belong to a delimiter.
    lead: usize,
    state: State,
    /// Whether the form's lines end in CRLF, as its first one does.
    crlf: bool,
    pub(super) ended: bool,
}

impl Parser {
    /// A parser of a form with this boundary.
    pub(crate) fn new(boundary: &str) -> Self {
        Self {
            delimiter: Finder::new(format!("\n--{boundary}").as_bytes()).into_owned(),
            // The first boundary has no line before it.
            buffer: BytesMut::from(&b"\n"[..]),
            searched: 0,
            lead: 0,
            state: State::Preamble,
            crlf: true,
            ended: false,
        }
    }

    /// Adds bytes of the body.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.state != State::Done {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Marks the end of the body.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the form has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The next element; `None` until more bytes are fed, and at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Malformed> {
        match self.state {
            State::Preamble => self.preamble(),
            State::Head => self.head(),
            State::Data => Ok(self.data()),
            State::Done => Ok(None),
        }
    }

    fn preamble(&mut self) -> Result<Option<Event>, Malformed> {
        match self.boundary() {
            Some((place, _)) if place > PREAMBLE_LIMIT => Err(Malformed::NoBoundary),
            Some((place, tail)) => {
                self.pass(place, tail);
                self.next()
            }
            None if self.ended || self.searched > PREAMBLE_LIMIT => Err(Malformed::NoBoundary),
            None => Ok(None),
        }
    }

    fn head(&mut self) -> Result<Option<Event>, Malformed> {
        let Some(length) = head::length(&self.buffer) else {
            return match self.buffer.len() {
                length if length >= HEAD_LIMIT => Err(Malformed::LongHead),
                // Some clients write a boundary where the last one should be.
                _ if self.ended && self.buffer.iter().all(u8::is_ascii_whitespace) => {
                    self.finish();
                    Ok(None)
                }
                _ if self.ended => Err(Malformed::CutHead),
                _ => Ok(None),
            };
        };
        if length > HEAD_LIMIT {
            return Err(Malformed::LongHead);
        }
        let head = Head::read(&self.buffer[..length]).ok_or(Malformed::BadHead)?;
        // Where a part has no data, the LF of the empty line may be that of the next boundary.
        drop(self.buffer.split_to(length - 1));
        (self.state, self.searched, self.lead) = (State::Data, 0, 1);
        Ok(Some(Event::Part(head)))
    }

    fn data(&mut self) -> Option<Event> {
        let (end, stop) = match self.boundary() {
            Some((place, tail)) => (self.end_of_data(place), Some((place, tail))),
            None if self.ended => {
                let cut = self.cut_delimiter();
                (self.end_of_data(cut), Some((cut, Tail::Last)))
            }
            // The last byte may be the CR of a delimiter.
            None => (self.searched.saturating_sub(1), None),
        };
        if end > self.lead {
            let mut data = self.buffer.split_to(end);
            drop(data.split_to(self.lead));
            (self.searched, self.lead) = (self.searched.saturating_sub(end), 0);
            return Some(Event::Data(data.freeze()));
        }
        let (place, tail) = stop?;
        self.pass(place, tail);
        Some(Event::End)
    }

    /// The next boundary and what follows it, if the fed bytes decide that.
    fn boundary(&mut self) -> Option<(usize, Tail)> {
        let length = self.delimiter.needle().len();
        while let Some(found) = self.delimiter.find(&self.buffer[self.searched..]) {
            self.searched += found;
            match self.tail(self.searched + length) {
                Tail::Data => self.searched += 1,
                Tail::Open => return None,
                tail => return Some((self.searched, tail)),
            }
        }
        self.searched = self.searched.max((self.buffer.len() + 1).saturating_sub(length));
        None
    }

    fn tail(&self, place: usize) -> Tail {
        let behind = &self.buffer[place..];
        let padding = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        match &behind[padding..] {
            _ if padding > PADDING_LIMIT => Tail::Data,
            [] | [b'\r'] if self.ended => Tail::Last,
            [] | [b'\r'] => Tail::Open,
            [b'\n', ..] => Tail::Line(padding + 1),
            [b'\r', b'\n', ..] => Tail::Line(padding + 2),
            [b'-', b'-', ..] if padding == 0 => Tail::Last,
            [b'-'] if padding == 0 && self.ended => Tail::Last,
            [b'-'] if padding == 0 => Tail::Open,
            _ => Tail::Data,
        }
    }

    /// The start of a delimiter that is cut off by the end of the body.
    fn cut_delimiter(&self) -> usize {
        let begun = |place: &usize| self.delimiter.needle().starts_with(&self.buffer[*place..]);
        (self.searched..self.buffer.len())
            .find(begun)
            .unwrap_or(self.buffer.len())
    }

    /// The end of the data before this LF.
    fn end_of_data(&self, place: usize) -> usize {
        let crlf = self.crlf && place > self.lead && place < self.buffer.len() && self.buffer[place - 1] == b'\r';
        if crlf { place - 1 } else { place }
    }

    /// Skips a boundary.
    fn pass(&mut self, place: usize, tail: Tail) {
        let Tail::Line(tail) = tail else { return self.finish() };
        let end = place + self.delimiter.needle().len() + tail;
        if self.state == State::Preamble {
            self.crlf = self.buffer[..end].ends_with(b"\r\n");
        }
        drop(self.buffer.split_to(end));
        (self.state, self.searched, self.lead) = (State::Head, 0, 0);
    }

    fn finish(&mut self) {
        self.buffer.clear();
        self.state = State::Done;
    }
}
