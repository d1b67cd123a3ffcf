//! Whether channels cancel each other out in the mono mix: one of two is inverted, as a wrongly wired cable or a
//! "karaoke" effect makes it.
//!
//! Each second in which a channel is loud counts; where the mix is more than [`DROP_DB`] below the loudest channel, it
//! counts as cancelled. Unrelated channels lose 3 dB in a mix of two and 9 dB in a mix of eight, of which one is heard alone 18 dB,
//! so what is expected of the number of channels is allowed for.

use crate::source::Stream;

/// A channel quieter than this, as a mean square, says nothing (-60 dB).
const LOUD: f64 = 1e-6;

/// How much quieter than the loudest channel, beyond what mixing takes from one channel heard alone.
const DROP_DB: f64 = 15.0;

/// The share of loud seconds that makes a verdict.
const SHARE: f64 = 0.5;

/// Counts seconds of sound, loud and cancelled.
#[derive(Debug, Default)]
pub(crate) struct Cancellation {
    stream: Option<Stream>,
    /// Sums of squares in this second: each channel's, the mix's, and the number of frames.
    channels: Vec<f64>,
    mix: f64,
    frames: u64,
    loud: u64,
    cancelled: u64,
    /// Over all loud seconds, by channel.
    energy: Vec<f64>,
}

impl Cancellation {
    /// Adds frames and their mix.
    pub(crate) fn add(&mut self, stream: Stream, frames: &[f32], mono: &[f32]) {
        if stream.channels < 2 {
            return;
        }
        let width = usize::from(stream.channels);
        if self.stream != Some(stream) {
            self.stream = Some(stream);
            self.channels = vec![0.0; width];
            (self.mix, self.frames) = (0.0, 0);
            self.energy.resize(width.max(self.energy.len()), 0.0);
        }
        for (frame, mixed) in frames.chunks_exact(width).zip(mono) {
            for (sum, sample) in self.channels.iter_mut().zip(frame) {
                *sum += f64::from(*sample).powi(2);
            }
            self.mix += f64::from(*mixed).powi(2);
            self.frames += 1;
            if self.frames >= u64::from(stream.rate) {
                self.close();
            }
        }
    }

    /// Judges a second.
    fn close(&mut self) {
        #[expect(clippy::cast_precision_loss, reason = "a second has few frames")]
        let (frames, width) = (self.frames.max(1) as f64, self.channels.len() as f64);
        let loudest = self.channels.iter().copied().fold(0.0, f64::max) / frames;
        if loudest > LOUD {
            self.loud += 1;
            // One channel heard alone loses 20 log10 of the number of channels.
            let expected = loudest / (width * width);
            if self.mix / frames < expected * 10_f64.powf(-DROP_DB / 10.0) {
                self.cancelled += 1;
            }
            for (sum, energy) in self.channels.iter().zip(&mut self.energy) {
                *energy += sum;
            }
        }
        self.channels.fill(0.0);
        (self.mix, self.frames) = (0.0, 0);
    }

    /// The loudest channel, where the channels cancel each other out for most of the time.
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    pub(crate) fn verdict(&self) -> Option<usize> {
        let mut all = self.loud as f64;
        let mut cancelled = self.cancelled as f64;
        // Recordings shorter than a second are judged by what there is.
        if self.loud == 0 && self.frames > 0 {
            let mut rest = Self {
                stream: self.stream,
                channels: self.channels.clone(),
                mix: self.mix,
                frames: self.frames,
                loud: 0,
                cancelled: 0,
                energy: self.channels.clone(),
            };
            rest.close();
            (all, cancelled) = (rest.loud as f64, rest.cancelled as f64);
        }
        if all == 0.0 || cancelled / all < SHARE {
            return None;
        }
        let energy = if self.loud == 0 { &self.channels } else { &self.energy };
        // The first of equals.
        let loudest = energy
            .iter()
            .enumerate()
            .rev()
            .max_by(|one, other| one.1.total_cmp(other.1));
        loudest.map(|(channel, _)| channel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Stream = Stream {
        rate: 100,
        channels: 2,
        mask: 0,
    };

    fn judge(right: impl Fn(f32) -> f32) -> Option<usize> {
        let mut cancellation = Cancellation::default();
        for index in 0..1_000_u16 {
            let left = (f32::from(index) * 0.7).sin() * 0.3;
            let frame = [left, right(left)];
            cancellation.add(STREAM, &frame, &[(frame[0] + frame[1]) / 2.0]);
        }
        cancellation.verdict()
    }

    #[test]
    fn inverted_channels_cancel_and_others_do_not() {
        assert_eq!(judge(|left| -left), Some(0));
        assert_eq!(judge(|left| -1.1 * left), Some(1));
        assert_eq!(judge(|left| left), None);
        assert_eq!(judge(|_| 0.0), None);
        assert_eq!(judge(|left| -0.5 * left), None);
    }

    #[test]
    fn silence_says_nothing() {
        let mut cancellation = Cancellation::default();
        cancellation.add(STREAM, &[0.0; 1_000], &[0.0; 500]);
        assert_eq!(cancellation.verdict(), None);
    }
}
