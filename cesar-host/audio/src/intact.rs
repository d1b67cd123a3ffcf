//! Packets that a decoder would take although they are damaged: what they decode to is no sound of the recording.

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_ADPCM_IMA_QT, CODEC_ID_ALAC, CODEC_ID_OPUS, CODEC_ID_VORBIS,
};

/// The reason given for zeros in place of a packet: the sound is in no reader's reach.
pub(crate) const ZEROS: &str = "zeros in place of sound";

/// Zeros that are no packet of a compressing codec. Shorter ones stand for silence.
const SHORTEST: usize = 8;

/// The fault of a packet, if it has one that its decoder does not find.
pub(crate) fn fault(codec: AudioCodecId, packet: &[u8]) -> Option<&'static str> {
    let compresses = matches!(codec, CODEC_ID_AAC | CODEC_ID_ALAC | CODEC_ID_OPUS | CODEC_ID_VORBIS);
    if compresses && packet.len() >= SHORTEST && packet.iter().all(|byte| *byte == 0) {
        return Some(ZEROS);
    }
    if matches!(codec, CODEC_ID_AAC | CODEC_ID_ALAC) && packet.len() >= SHORTEST && begins_with_end(packet) {
        return Some("a packet without sound");
    }
    if codec == CODEC_ID_ADPCM_IMA_QT && packet.chunks(IMA_BLOCK).any(|block| !begins_with_step(block)) {
        return Some("adpcm_ima_qt: no step");
    }
    let is_cut = codec == CODEC_ID_ALAC && !has_end(packet);
    is_cut.then_some("alac: no end of a packet")
}

/// Whether the first element of a packet of AAC (`ID_END`, ISO/IEC 14496-3, 4.4.2.1) or ALAC is its end: erased bytes, or a header of ADTS.
/// Their decoders take it for silence.
fn begins_with_end(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first >> 5 == 0b111)
}

/// Bytes of 64 samples of a channel of QuickTime's IMA ADPCM.
const IMA_BLOCK: usize = 34;

/// Whether a block of IMA ADPCM begins with one of its 89 steps. The decoder takes others for the last one.
fn begins_with_step(block: &[u8]) -> bool {
    block.get(1).is_some_and(|second| second & 0x7F <= 88)
}

/// Whether a packet of ALAC ends as each does: with three set bits (`ID_END` of Apple's encoder), and zeros up to a whole byte.
fn has_end(packet: &[u8]) -> bool {
    let [.., before, last] = *packet else { return false };
    let bits = u16::from_be_bytes([before, last]);
    last != 0 && bits >> bits.trailing_zeros() & 0b111 == 0b111
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_no_packet_but_few_of_them_are_silence() {
        for codec in [CODEC_ID_AAC, CODEC_ID_OPUS, CODEC_ID_VORBIS, CODEC_ID_ALAC] {
            assert_eq!(fault(codec, &[0; 8]), Some(ZEROS));
        }
        assert_eq!(fault(CODEC_ID_OPUS, &[0; 3]), None);
        assert_eq!(fault(CODEC_ID_OPUS, &[0, 0, 0, 0, 0, 0, 0, 1]), None);
    }

    #[test]
    fn each_block_of_ima_adpcm_begins_with_a_step() {
        let packet = |step: u8| [[0_u8; IMA_BLOCK], [step; IMA_BLOCK]].concat();
        for step in [0, 88, 0x80, 0x80 + 88] {
            assert_eq!(fault(CODEC_ID_ADPCM_IMA_QT, &packet(step)), None, "{step}");
        }
        for step in [89, 0x7F, 0xFF] {
            assert_eq!(
                fault(CODEC_ID_ADPCM_IMA_QT, &packet(step)),
                Some("adpcm_ima_qt: no step"),
                "{step}"
            );
        }
    }

    #[test]
    fn a_packet_that_begins_with_its_end_has_no_sound() {
        for codec in [CODEC_ID_AAC, CODEC_ID_ALAC] {
            assert_eq!(fault(codec, &[0xFF; 8]), Some("a packet without sound"));
        }
        assert_eq!(
            fault(CODEC_ID_AAC, &[0x21, 0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            None
        );
        // An encoder may write it for silence.
        assert_eq!(fault(CODEC_ID_AAC, &[0xE0]), None);
    }

    #[test]
    fn the_last_bits_of_alac_are_its_end() {
        for end in [[0x12, 0xE0], [0x12, 0x07], [0x13, 0xC0], [0x13, 0x80], [0x12, 0x38]] {
            assert!(has_end(&end), "{end:02x?}");
        }
        for end in [[0x07, 0x00], [0xFF, 0x00], [0x12, 0x60], [0x12, 0x01], [0x12, 0xA0]] {
            assert!(!has_end(&end), "{end:02x?}");
        }
        assert!(!has_end(&[0xE0]));
    }
}
