//! The plugin's spectrogram against whisper.cpp's, by the decoder's results: there is no getter for a spectrogram.

use serde_json::json;

use super::*;
use crate::options::tests::request;
use crate::pieces::{Pieces, Sound};
use crate::transcribe::tests::{meeting, tiny_english};

impl State {
    /// Computes whisper.cpp's own spectrogram.
    fn compute_spectrogram(&mut self, samples: &[f32]) {
        let count = c_int::try_from(samples.len()).unwrap();
        // SAFETY: context and state are valid; `samples` holds `count` floats, more than the 201 that are mirrored.
        let code =
            unsafe { sys::whisper_pcm_to_mel_with_state(self.context(), self.raw(), samples.as_ptr(), count, 2) };
        assert_eq!(code, 0);
    }

    /// The decoder's first logits, from column `offset` of the spectrogram on.
    fn first_logits(&mut self, offset: c_int) -> Vec<u32> {
        // SAFETY: context and state are valid; one token is lent; the logits are as many as the vocabulary's tokens.
        unsafe {
            let start = sys::whisper_token_sot(self.context());
            let encoded = sys::whisper_encode_with_state(self.context(), self.raw(), offset, 2);
            let decoded = sys::whisper_decode_with_state(self.context(), self.raw(), &raw const start, 1, 0, 2);
            assert_eq!((encoded, decoded), (0, 0));
            let count = usize::try_from(sys::whisper_n_vocab(self.context())).unwrap();
            let logits = std::slice::from_raw_parts(sys::whisper_get_logits_from_state(self.raw()), count);
            logits.iter().map(|logit| logit.to_bits()).collect()
        }
    }
}

/// Lengths that end within a frame, at its edge, and in a last block of fewer frames than lanes.
#[test]
fn our_spectrogram_is_whisper_cpps_to_the_last_bit() {
    let (loaded, samples) = (tiny_english(), meeting(36));
    let mut state = loaded.model.new_state().unwrap();
    for (length, threads, offset) in [(36 * 16_000, 3, 2900), (160 * 77, 2, 0), (16_123, 1, 50)] {
        let samples = &samples[..length];
        state.compute_spectrogram(samples);
        let theirs = state.first_logits(offset);
        let sound = Sound::new(samples.to_vec(), Pieces::whole(length));
        let ours = LogMel::new(sound, &loaded.header.filter_bank, threads, &|| false).unwrap();
        // SAFETY: the state is valid.
        let frames = unsafe { sys::whisper_n_len_from_state(state.raw()) };
        assert_eq!(usize::try_from(frames), Ok(ours.audio_frames()));
        state.set_spectrogram(ours).unwrap();
        assert_eq!(state.first_logits(offset), theirs, "{length} samples from {offset} on");
    }
}

#[test]
fn a_cancel_ends_the_spectrogram() {
    let loaded = tiny_english();
    let sound = Sound::new(meeting(1), Pieces::whole(16_000));
    assert!(LogMel::new(sound, &loaded.header.filter_bank, 1, &|| true).is_none());
}

struct Ignore;

impl Listener for Ignore {
    fn window(&mut self, _: Vec<EngineSegment>, _: u32) {}
    fn progress(&mut self, _: c_int) {}
    fn stop(&self) -> bool {
        false
    }
}

/// whisper.cpp would end the process.
#[test]
fn an_alignment_without_enough_memory_is_an_error() {
    let loaded = tiny_english();
    let run = |needed| {
        let mut state = loaded.model.new_state().unwrap();
        state.alignment_bytes = Some(needed);
        let sound = Sound::new(meeting(1), Pieces::whole(16_000));
        let spectrogram = LogMel::new(sound, &loaded.header.filter_bank, 1, &|| false).unwrap();
        let frames = c_int::try_from(spectrogram.audio_frames()).unwrap();
        state.set_spectrogram(spectrogram).unwrap();
        let work = Work {
            request: request(&json!({})),
            language: c"en".to_owned(),
            prompt: Vec::new(),
            threads: 1,
            frames,
            token_times: false,
        };
        state.run(&work, &mut Ignore)
    };
    assert!(run(1 << 20).is_ok());
    assert!(matches!(run(isize::MAX.unsigned_abs()), Err(RunError::OutOfMemory)));
}
