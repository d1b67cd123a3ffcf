//! The lengths of Opus packets by a container, against those in the packets.

use super::opus_frames;

/// Finds packets whose first byte, and with it their length, is damaged: they would be decoded to another length, or from zeros.
///
/// Some recorders measure the lengths by their clock, and let a packet before a gap last until its end. So a length counts only if
/// it is that of intact packets.
#[derive(Debug, Clone, Default)]
pub(in crate::demux) struct OpusLengths {
    /// Frames of the latest packet with the length that the container has for it.
    usual: Option<u64>,
}

impl OpusLengths {
    /// The message about damaged packets.
    pub(in crate::demux) const MESSAGE: &'static str = "damaged packets (they are not as long as the file says)";

    /// Begins with a known length.
    pub(in crate::demux) fn new(usual: Option<u64>) -> Self {
        Self { usual }
    }

    /// Takes a length of the container as that of the packets, if none is known.
    pub(in crate::demux) fn expect(&mut self, declared: u64) {
        self.usual = self.usual.or(Some(declared).filter(|declared| *declared > 0));
    }

    /// Whether the packet, which has `declared` frames at 48 kHz by the container (0 if unknown), is damaged.
    pub(in crate::demux) fn is_damaged(&mut self, packet: &[u8], declared: u64) -> bool {
        /// Shorter packets stand for silence.
        const SHORTEST: usize = 8;
        if packet.len() >= SHORTEST && packet.iter().all(|byte| *byte == 0) {
            return true;
        }
        let actual = opus_frames(packet);
        if declared == 0 {
            return false;
        }
        if actual == declared {
            self.usual = Some(actual);
            return false;
        }
        let is_impossible = |usual: u64| actual != usual && (declared == usual || actual > 2 * declared);
        self.usual.is_some_and(is_impossible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms, 10 ms of zeros, 120 ms.
    const PACKETS: [[u8; 9]; 3] = [[0xFC; 9], [0; 9], [0x1B; 9]];

    #[test]
    fn a_packet_of_another_length_is_damaged_if_the_others_have_that_of_the_container() {
        let mut lengths = OpusLengths::default();
        let [good, zeros, long] = PACKETS;
        assert!(!lengths.is_damaged(&long, 960), "nothing is known yet");
        let damaged = [(good, 960), (zeros, 960), (long, 960), (good, 960)].map(|(packet, declared)| {
            // A later packet is judged by the earlier ones.
            lengths.is_damaged(&packet, declared)
        });
        assert_eq!(damaged, [false, true, true, false]);
    }

    #[test]
    fn lengths_by_a_clock_and_before_gaps_and_the_last_one_are_accepted() {
        let mut lengths = OpusLengths::new(Some(960));
        for declared in [960, 912, 1008, 48_000, 100, 0] {
            assert!(!lengths.is_damaged(&PACKETS[0], declared), "{declared}");
        }
        // The encoder changes to 2.5 ms.
        assert!(!lengths.is_damaged(&[0xE0; 9], 120) && !lengths.is_damaged(&[0xE0; 9], 120));
        // Silence of an encoder.
        assert!(!lengths.is_damaged(&[0; 2], 480));
    }
}
