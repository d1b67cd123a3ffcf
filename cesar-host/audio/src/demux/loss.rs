//! Lost sound, as a demuxer reports it.

use std::ops::Deref;

use super::Nanoseconds;

/// The message about a recording behind the one that is read.
pub(crate) const ANOTHER_RECORDING: &str = "another recording is behind this one in the file and is not read";

/// Bytes that belong to no packet, or missing packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    /// Its length; `None` if the time of the next packet decides, or it is unknown.
    pub(crate) duration: Option<Nanoseconds>,
    /// Half a sentence for users: `8192 bytes are no MP3 frames`.
    pub(crate) message: String,
}

impl Loss {
    /// A part in a codec without a decoder, by its name.
    pub(crate) fn of_codec(name: &str, duration: Option<Nanoseconds>) -> Self {
        Self {
            duration,
            message: format!("a part is in a codec that cannot be decoded ({name})"),
        }
    }

    /// A whole recording behind the one that is read: files that were joined by their bytes.
    pub(crate) fn of_another_recording(duration: Nanoseconds) -> Self {
        Self {
            duration: Some(duration),
            message: ANOTHER_RECORDING.to_owned(),
        }
    }

    /// A loss whose length the next packet shows.
    pub(crate) fn until_next(message: impl Into<String>) -> Self {
        Self {
            duration: None,
            message: message.into(),
        }
    }
}

/// Losses between two packets, in the order of the recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Losses(Vec<Loss>);

impl Losses {
    /// Maximum number between two packets; a further one lengthens the last.
    const MOST: usize = 64;

    /// Adds one behind the others; equal messages are one loss if the lengths allow it.
    pub(crate) fn add(&mut self, loss: Loss) {
        let is_full = self.0.len() >= Self::MOST;
        let sum = |one: Option<Nanoseconds>, other: Option<Nanoseconds>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        match self.0.last_mut() {
            Some(last) if is_full => last.duration = sum(last.duration, loss.duration),
            Some(last) if last.message == loss.message && last.duration.is_some() == loss.duration.is_some() => {
                last.duration = sum(last.duration, loss.duration);
            }
            _ => self.0.push(loss),
        }
    }

    /// Adds others behind these.
    pub(crate) fn append(&mut self, others: Self) {
        others.0.into_iter().for_each(|loss| self.add(loss));
    }

    /// All of them; none are left.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// The sum of the known lengths.
    pub(crate) fn duration(&self) -> Nanoseconds {
        let known = self.0.iter().filter_map(|loss| loss.duration);
        known.fold(0, Nanoseconds::saturating_add)
    }
}

impl Deref for Losses {
    type Target = [Loss];

    fn deref(&self) -> &[Loss] {
        &self.0
    }
}

impl From<Option<Loss>> for Losses {
    fn from(loss: Option<Loss>) -> Self {
        Self(loss.into_iter().collect())
    }
}

impl IntoIterator for Losses {
    type Item = Loss;
    type IntoIter = std::vec::IntoIter<Loss>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Sound lost in a file that ffmpeg decodes, which passes over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hole {
    /// End of the sound before it on ffmpeg's clock, without the losses before it.
    pub(crate) at: Nanoseconds,
    pub(crate) loss: Loss,
}

/// The losses of such a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holes {
    /// In order; the last one may be at the end.
    pub(crate) list: Vec<Hole>,
    /// Whether the last frame is incomplete.
    pub(crate) is_cut: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(message: &str, duration: Option<Nanoseconds>) -> Loss {
        Loss {
            duration,
            message: message.to_owned(),
        }
    }

    #[test]
    fn equal_messages_are_one_loss_and_no_length_is_dropped() {
        let mut losses = Losses::default();
        for (message, duration) in [("a", Some(2)), ("a", Some(3)), ("a", None), ("b", None), ("b", None)] {
            losses.add(loss(message, duration));
        }
        assert_eq!(*losses, [loss("a", Some(5)), loss("a", None), loss("b", None)]);
        for index in 0..1000 {
            losses.add(loss(&format!("{index}"), Some(1)));
        }
        assert_eq!((losses.len(), losses.duration()), (Losses::MOST, 1005));
    }
}
