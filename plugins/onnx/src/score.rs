//! The most probable of a network's scores.

/// The index of the greatest score, the first of equals, and its probability by softmax.
pub(crate) fn best(scores: &[f32]) -> (usize, f64) {
    let (index, greatest) = greatest(scores);
    let sum: f64 = scores.iter().map(|score| f64::from((score - greatest).exp())).sum();
    (index, if sum > 0.0 { 1.0 / sum } else { 0.0 })
}

/// The index of the greatest score, the first of equals, and that score.
pub(crate) fn greatest(scores: &[f32]) -> (usize, f32) {
    let first = (0, f32::NEG_INFINITY);
    scores.iter().copied().enumerate().fold(
        first,
        |best, (index, score)| {
            if score > best.1 { (index, score) } else { best }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_scores_is_taken_with_its_probability() {
        assert_eq!(best(&[0.0, 2.0_f32.ln(), 2.0_f32.ln()]).0, 1);
        assert!((best(&[0.0, 3.0_f32.ln()]).1 - 0.75).abs() < 1e-6);
        assert_eq!(best(&[]).0, 0);
    }
}
