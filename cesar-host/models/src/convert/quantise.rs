//! ggml's type `q8_0`: blocks of 32 numbers, each a scale in half precision and 32 signed bytes.

use half::f16;

const BLOCK: usize = 32;

/// The blocks of these numbers; their count is a multiple of 32.
pub(super) fn q8_0(values: &[f32]) -> Vec<u8> {
    let (blocks, _) = values.as_chunks::<BLOCK>();
    let mut bytes = Vec::with_capacity(blocks.len() * (2 + BLOCK));
    for block in blocks {
        let greatest = block.iter().fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
        let scale = greatest / 127.0;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        bytes.extend(f16::from_f32(scale).to_le_bytes());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "between -127 and 127 by the choice of the scale"
        )]
        bytes.extend(
            block
                .iter()
                .map(|value| ((value * inverse).round_ties_even() as i8).to_le_bytes()[0]),
        );
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_quantised_value_is_127() {
        let mut block = [0.0_f32; 32];
        (block[3], block[4]) = (-2.0, 1.0);
        let bytes = q8_0(&block);
        assert_eq!(bytes.len(), 34);
        assert_eq!(bytes[..2], f16::from_f32(2.0 / 127.0).to_le_bytes());
        // 63.5 is halfway, and rounds to the even neighbour.
        assert_eq!((bytes[2 + 3].cast_signed(), bytes[2 + 4]), (-127, 64));
    }

    #[test]
    fn zeros_quantise_to_zero() {
        assert_eq!(q8_0(&[0.0; 32]), [0; 34]);
    }
}
