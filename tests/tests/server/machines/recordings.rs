//! Recordings that the engine of the tests tells apart by their loudness, one for each number.

/// Samples a second.
const RATE: u32 = 16_000;

/// Two seconds and the beginning of a third, each as loud as a digit of the number says.
const LENGTHS: [u32; 3] = [RATE, RATE, RATE / 10];

/// Digits that differ in the two decimals that the engine says.
const BASE: u32 = 60;

/// The recording of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Recording(pub(super) u32);

impl Recording {
    /// The name of its file, which jobs have as their label.
    pub(super) fn name(self) -> String {
        format!("{}.wav", self.0)
    }

    /// A WAV file of 8 bits a sample.
    pub(super) fn bytes(self) -> Vec<u8> {
        let size: u32 = LENGTHS.iter().sum();
        let mut bytes = Vec::new();
        let mut put = |part: &[u8]| bytes.extend_from_slice(part);
        put(b"RIFF");
        put(&(36 + size).to_le_bytes());
        put(b"WAVEfmt ");
        put(&16_u32.to_le_bytes());
        put(&[1, 0, 1, 0]);
        put(&RATE.to_le_bytes());
        put(&RATE.to_le_bytes());
        put(&[1, 0, 8, 0]);
        put(b"data");
        put(&size.to_le_bytes());
        for (level, length) in self.levels().into_iter().zip(LENGTHS) {
            put(&vec![128 + level; length as usize]);
        }
        bytes
    }

    /// What the engine says, with one space between words.
    pub(super) fn words(self) -> String {
        let peaks = self.peaks();
        let seconds = peaks.iter().enumerate();
        let said: Vec<String> = seconds
            .map(|(second, peak)| format!("second {second} peaks at {peak}"))
            .collect();
        said.join(" ")
    }

    /// What the engine writes down when it begins with the recording.
    pub(super) fn mark(self) -> String {
        self.peaks().join(" ")
    }

    fn peaks(self) -> [String; 3] {
        self.levels().map(|level| format!("{:.2}", f32::from(level) / 128.0))
    }

    fn levels(self) -> [u8; 3] {
        [1, BASE, BASE * BASE].map(|weight| {
            let digit = u8::try_from(self.0 / weight % BASE).unwrap_or_default();
            4 + 2 * digit
        })
    }
}
