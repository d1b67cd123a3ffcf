//! A second decoder of MPEG audio, for recordings with packets that symphonia refuses.
//!
//! symphonia takes joint stereo with differing block types for damage (pdeljanov/Symphonia#556, #557), and does not read free
//! format. minimp3's algorithm reads both and follows every change of rate and channels.

use nanomp3_core::{DecodeError, Decoder, MAX_SAMPLES_PER_FRAME};

/// The decoder, with its state between frames.
#[derive(Clone)]
pub(crate) struct Mp3Decoder {
    decoder: Box<Decoder>,
    samples: Vec<f32>,
    /// Frames of free format need others behind them to be measured; afterwards the decoder knows their length.
    knows_free_format: bool,
}

impl Mp3Decoder {
    pub(crate) fn new() -> Self {
        Self {
            decoder: Box::new(Decoder::new()),
            samples: vec![0.0; MAX_SAMPLES_PER_FRAME],
            knows_free_format: false,
        }
    }

    /// Appends the decoded frame, interleaved, and returns its rate and channels. A frame that needs missing earlier ones is
    /// silent.
    pub(crate) fn decode(&mut self, frame: &[u8], output: &mut Vec<f32>) -> Result<(u32, u16), String> {
        let is_free = frame.get(2).is_some_and(|rates| rates >> 4 == 0);
        let (_, result) = match is_free && !self.knows_free_format {
            true => self.decoder.decode(&frame.repeat(3), &mut self.samples),
            false => self.decoder.decode(frame, &mut self.samples),
        };
        self.knows_free_format = is_free && result.is_ok();
        match result {
            Ok(info) => {
                let channels = u16::from(info.channels.num());
                output.extend_from_slice(&self.samples[..info.samples_produced * usize::from(channels)]);
                Ok((info.sample_rate, channels))
            }
            Err(DecodeError::ReservoirUnavailable(info)) => {
                let channels = u16::from(info.channels.num());
                let length = if info.layer == 3 && info.sample_rate < 32_000 {
                    576
                } else {
                    1152
                };
                output.resize(output.len() + length * usize::from(channels), 0.0);
                Ok((info.sample_rate, channels))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demux::mpeg_audio;
    use crate::demux::testing::{decode_all, drain, fixture};

    /// The samples of all frames of a file, and the number of refused frames.
    fn decode(content: &[u8]) -> (Vec<f32>, usize) {
        let (mut decoder, mut samples, mut refused) = (Mp3Decoder::new(), Vec::new(), 0);
        for packet in drain(mpeg_audio::open, content).unwrap().packets {
            refused += usize::from(decoder.decode(&packet.data, &mut samples).is_err());
        }
        (samples, refused)
    }

    fn bits(bytes: &[u8], start: usize, count: usize) -> u32 {
        let bit = |index: usize| u32::from(bytes[index / 8] >> (7 - index % 8) & 1);
        (start..start + count).fold(0, |value, index| value << 1 | bit(index))
    }

    fn set_bits(bytes: &mut [u8], start: usize, count: usize, value: u32) {
        for index in 0..count {
            let at = start + index;
            bytes[at / 8] &= !(0x80 >> (at % 8));
            bytes[at / 8] |= ((value >> (count - 1 - index) & 1) as u8) << (7 - at % 8);
        }
    }

    /// Declares a start block in the side channel of mid/side frames where that channel is silent, which is valid and inaudible.
    fn with_differing_block_types(content: &[u8]) -> (Vec<u8>, usize) {
        let (mut changed, mut count, mut at) = (content.to_vec(), 0, 0);
        for packet in drain(mpeg_audio::open, content).unwrap().packets {
            let length = packet.data.len();
            at += changed[at..]
                .windows(length)
                .position(|window| window == packet.data)
                .unwrap();
            let frame = &mut changed[at..at + length];
            // Side information of MPEG 1 begins behind the header, the first granule's channels 20 and 79 bits later.
            let (middle, side) = (32 + 20, 32 + 79);
            let is_mid_side = frame[3] >> 6 == 1 && frame[3] & 0x20 != 0 && frame[1] & 1 == 1;
            if is_mid_side && bits(frame, side, 12) == 0 && bits(frame, middle + 33, 1) == 0 {
                set_bits(frame, side + 33, 1, 1);
                set_bits(frame, side + 34, 2, 1);
                set_bits(frame, side + 36, 20, 0);
                count += 1;
            }
            at += length;
        }
        (changed, count)
    }

    fn greatest_difference(one: &[f32], other: &[f32]) -> f32 {
        one.iter()
            .zip(other)
            .map(|(one, other)| (one - other).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn samples_are_those_of_symphonia() {
        let content = fixture("harbour.mp3");
        let (theirs, refused) = decode_all(mpeg_audio::open, &content, false);
        let (ours, ours_refused) = decode(&content);
        assert_eq!((ours.len(), ours_refused), (theirs.len(), refused));
        assert!(greatest_difference(&ours, &theirs) < 2e-6);
    }

    #[test]
    fn block_types_of_channels_may_differ() {
        let content = fixture("harbour.mp3");
        let (changed, count) = with_differing_block_types(&content);
        assert!(count > 100, "{count}");
        let (_, refused) = decode_all(mpeg_audio::open, &changed, false);
        assert!(
            refused > 0,
            "symphonia reads such frames: this decoder is not needed any more"
        );
        let (ours, ours_refused) = decode(&changed);
        assert_eq!(ours_refused, 0);
        assert!(greatest_difference(&ours, &decode(&content).0) < 1e-6);
    }

    #[test]
    fn frames_may_change_their_shape_and_be_of_free_format() {
        let silent = |header: [u8; 4], length: usize| [&header[..], &vec![0; length - 4]].concat();
        let (mut decoder, mut samples) = (Mp3Decoder::new(), Vec::new());
        for (header, length, shape, count) in [
            ([0xFF, 0xFB, 0x90, 0x04], 417, (44_100, 2), 2304),
            ([0xFF, 0xFB, 0x50, 0xC4], 208, (44_100, 1), 1152),
            ([0xFF, 0xF3, 0x40, 0xC4], 104, (22_050, 1), 576),
            ([0xFF, 0xFB, 0x00, 0x04], 700, (44_100, 2), 2304),
            ([0xFF, 0xFB, 0x00, 0x04], 700, (44_100, 2), 2304),
            ([0xFF, 0xFD, 0x84, 0x04], 384, (48_000, 2), 2304),
        ] {
            samples.clear();
            assert_eq!(
                decoder.decode(&silent(header, length), &mut samples),
                Ok(shape),
                "{header:x?}"
            );
            assert_eq!(samples.len(), count, "{header:x?}");
        }
    }

    #[test]
    fn other_bytes_are_no_frame() {
        let mut decoder = Mp3Decoder::new();
        for bytes in [
            b"".as_slice(),
            b"\xFF",
            b"\xFF\xFB\x90\x04",
            b"\xFF\xFB\0\0",
            &[0; 500],
            &[0xFF; 500],
        ] {
            assert!(decoder.decode(bytes, &mut Vec::new()).is_err(), "{bytes:x?}");
        }
    }
}
