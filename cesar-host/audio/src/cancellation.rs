//! The mix to one channel, or one channel alone where the channels cancel each other out: one of two is inverted, as by a wrongly
//! wired cable or a "karaoke" effect.
//!
//! Windows of a tenth of a second are judged. A window is *loud* if a channel of the mix has sound, and *cancelled* if it is loud
//! and the mix is more than [`ENTER_DB`] below the loudest channel alone: the mix of unrelated channels is never that far below.
//! Half a second of cancelled windows, without another loud window in between, begins a stretch of one channel; the first loud
//! window with a mix less than [`LEAVE_DB`] below ends it. Windows that may begin a stretch are held back until that is decided, so
//! no sound is lost. Without cancellation, the mix passes unchanged.

use crate::clock::nanoseconds;
use crate::demux::Nanoseconds;
use crate::downmix::Downmix;
use crate::source::Stream;

/// A quieter channel is ignored, as a mean square (-60 dB).
const LOUD: f64 = 1e-6;

/// Minimum distance of the mix of a cancelled window from the loudest channel alone.
const ENTER_DB: f64 = 15.0;

/// Minimum distance within a stretch.
const LEAVE_DB: f64 = 6.0;

/// Windows per second.
const WINDOWS: usize = 10;

/// Cancelled windows that begin a stretch.
const EVIDENCE: u64 = 5;

/// The stretch changes to another channel if the one in use is quieter by this.
const CHANGE_DB: f64 = 10.0;

/// Maximum number of samples held back (4 MiB): ten seconds of ordinary stereo.
const MOST_HELD: usize = 1 << 20;

/// A part in which channels cancel each other out, and the channel used there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) start: Nanoseconds,
    pub(crate) end: Nanoseconds,
    pub(crate) channel: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Mix,
    /// Cancelled windows are held, from this time.
    Doubt {
        start: Nanoseconds,
        evidence: u64,
    },
    /// In the last stretch.
    One,
}

/// Mixes frames of one shape.
#[derive(Debug)]
pub(crate) struct Mixer {
    stream: Stream,
    downmix: Downmix,
    /// Frames in a window.
    window: usize,
    /// The presentation time of the first frame.
    base: Nanoseconds,
    /// Frames judged so far.
    judged: u64,
    /// Frames that are held back, interleaved, and the mix of the judged ones.
    frames: Vec<f32>,
    mixed: Vec<f32>,
    state: State,
    /// Loud windows so far.
    loud: u64,
    /// Energy of each channel as in the mix, in the window and since doubt began.
    energy: Vec<f64>,
    energy_in_doubt: Vec<f64>,
    stretches: Vec<Stretch>,
}

/// The measure of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Quiet,
    /// The distance in dB of the mix from the loudest channel alone.
    Loud(f64),
}

impl Mixer {
    /// For frames of the shape `stream`, with at least one channel, from `base` on.
    pub(crate) fn new(stream: Stream, base: Nanoseconds) -> Self {
        let width = usize::from(stream.channels);
        let of_rate = usize::try_from(stream.rate).unwrap_or(usize::MAX) / WINDOWS;
        Self {
            stream,
            downmix: Downmix::new(stream.channels, stream.mask),
            window: of_rate.min(MOST_HELD / 8 / width).max(1),
            base,
            judged: 0,
            frames: Vec::new(),
            mixed: Vec::new(),
            state: State::Mix,
            loud: 0,
            energy: vec![0.0; width],
            energy_in_doubt: vec![0.0; width],
            stretches: Vec::new(),
        }
    }

    /// The parts in which the channels have cancelled each other out so far.
    pub(crate) fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// The presentation time of the next frame.
    pub(crate) fn end(&self) -> Nanoseconds {
        let width = usize::from(self.stream.channels);
        let unjudged = self.frames.len() / width - self.mixed.len();
        self.base + nanoseconds(self.judged + unjudged as u64, self.stream.rate)
    }

    /// Takes frames and appends decided samples to `mono`.
    pub(crate) fn push(&mut self, frames: &[f32], mono: &mut Vec<f32>) {
        if self.stream.channels < 2 {
            self.judged += frames.len() as u64;
            self.downmix.mix(frames, mono);
            return;
        }
        let length = self.window * usize::from(self.stream.channels);
        for part in frames.chunks(length) {
            self.frames.extend_from_slice(part);
            if self.unjudged().len() >= length {
                self.judge(self.window, mono);
            }
        }
    }

    /// Appends the remaining samples to `mono`.
    pub(crate) fn finish(&mut self, mono: &mut Vec<f32>) {
        let rest = self.unjudged().len() / usize::from(self.stream.channels);
        if rest > 0 {
            self.judge(rest, mono);
        }
        if let State::Doubt { start, evidence } = self.state {
            // A recording shorter than the evidence is judged as a whole.
            match evidence == self.loud {
                true => self.enter(start, mono),
                false => self.release(None, mono),
            }
        }
    }

    fn unjudged(&self) -> &[f32] {
        &self.frames[self.mixed.len() * usize::from(self.stream.channels)..]
    }

    fn now(&self) -> Nanoseconds {
        self.base + nanoseconds(self.judged, self.stream.rate)
    }

    /// Judges the next `count` frames.
    fn judge(&mut self, count: usize, mono: &mut Vec<f32>) {
        let start = self.now();
        let verdict = self.measure(count);
        self.judged += count as u64;
        if verdict != Verdict::Quiet {
            self.loud += 1;
        }
        match (self.state, verdict) {
            (State::Mix, Verdict::Loud(db)) if db > ENTER_DB => {
                self.energy_in_doubt.fill(0.0);
                self.doubt((start, 0), mono);
            }
            (State::Doubt { start, evidence }, Verdict::Loud(db)) if db > ENTER_DB => {
                self.doubt((start, evidence), mono);
            }
            (State::Doubt { start, evidence }, Verdict::Quiet) => self.hold((start, evidence), mono),
            (State::One, Verdict::Loud(db)) if db > LEAVE_DB => self.follow(start, mono),
            (State::One, Verdict::Quiet) => self.release(self.channel(), mono),
            (_, _) => {
                self.state = State::Mix;
                self.release(None, mono);
            }
        }
    }

    /// Mixes the next `count` frames, and compares their mix with their channels.
    fn measure(&mut self, count: usize) -> Verdict {
        let width = usize::from(self.stream.channels);
        let begun = self.mixed.len();
        let window = &self.frames[begun * width..(begun + count) * width];
        self.downmix.mix(window, &mut self.mixed);
        self.energy.fill(0.0);
        for frame in window.chunks_exact(width) {
            for (sum, sample) in self.energy.iter_mut().zip(frame) {
                *sum += f64::from(*sample).powi(2);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a window has few frames")]
        let count = count as f64;
        let mut is_loud = false;
        for (energy, weight) in self.energy.iter_mut().zip(self.downmix.weights()) {
            is_loud |= *weight > 0.0 && *energy / count > LOUD;
            *energy *= f64::from(*weight).powi(2);
        }
        let mix: f64 = self.mixed[begun..].iter().map(|mixed| f64::from(*mixed).powi(2)).sum();
        let loudest = self.energy.iter().copied().fold(0.0, f64::max);
        match is_loud {
            true => Verdict::Loud(10.0 * (loudest / mix).log10()),
            false => Verdict::Quiet,
        }
    }

    /// Holds back a cancelled window, or begins a stretch.
    fn doubt(&mut self, (start, evidence): (Nanoseconds, u64), mono: &mut Vec<f32>) {
        for (sum, energy) in self.energy_in_doubt.iter_mut().zip(&self.energy) {
            *sum += energy;
        }
        match evidence + 1 >= EVIDENCE {
            true => self.enter(start, mono),
            false => self.hold((start, evidence + 1), mono),
        }
    }

    /// Holds back judged frames; at the limit, the older half passes unchanged.
    fn hold(&mut self, (mut start, evidence): (Nanoseconds, u64), mono: &mut Vec<f32>) {
        if self.frames.len() > MOST_HELD {
            let half = self.mixed.len() / 2;
            mono.extend(self.mixed.drain(..half));
            self.frames.drain(..half * usize::from(self.stream.channels));
            start += nanoseconds(half as u64, self.stream.rate);
        }
        self.state = State::Doubt { start, evidence };
    }

    /// Begins a stretch with the held frames.
    fn enter(&mut self, start: Nanoseconds, mono: &mut Vec<f32>) {
        let channel = loudest(&self.energy_in_doubt);
        self.stretches.push(Stretch {
            start,
            end: self.now(),
            channel,
        });
        self.state = State::One;
        self.release(Some(channel), mono);
    }

    /// Continues a stretch; another channel may now be the better one.
    fn follow(&mut self, start: Nanoseconds, mono: &mut Vec<f32>) {
        let end = self.now();
        let best = loudest(&self.energy);
        let faintest = self.energy[best] / 10_f64.powf(CHANGE_DB / 10.0);
        match self.stretches.last_mut() {
            Some(last) if self.energy[last.channel] >= faintest => last.end = end,
            _ => self.stretches.push(Stretch {
                start,
                end,
                channel: best,
            }),
        }
        self.release(self.channel(), mono);
    }

    /// The channel of the last stretch.
    fn channel(&self) -> Option<usize> {
        self.stretches.last().map(|stretch| stretch.channel)
    }

    /// Passes on the judged frames: one channel, or the mix.
    fn release(&mut self, channel: Option<usize>, mono: &mut Vec<f32>) {
        let width = usize::from(self.stream.channels);
        let judged = self.mixed.len() * width;
        match channel {
            Some(channel) => mono.extend(self.frames[..judged].iter().skip(channel).step_by(width)),
            None => mono.extend_from_slice(&self.mixed),
        }
        self.mixed.clear();
        self.frames.drain(..judged);
    }
}

/// The first of several equal ones.
fn loudest(energy: &[f64]) -> usize {
    let loudest = energy
        .iter()
        .enumerate()
        .rev()
        .max_by(|one, other| one.1.total_cmp(other.1));
    loudest.map_or(0, |(channel, _)| channel)
}

#[cfg(test)]
mod tests;
