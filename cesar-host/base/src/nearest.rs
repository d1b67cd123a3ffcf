//! Suggestions for mistyped names ("did you mean").

/// The candidate that the user most likely meant, if one is near: two letters, or a third of them, may differ; else the first one
/// that begins with the given text (`large` for `large-v3`), if that has at least three letters.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let similar = candidates
        .iter()
        .map(|candidate| (distance(&given, candidate), *candidate))
        .filter_map(|(distance, candidate)| Some((distance?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate);
    let begun = |candidate: &&&str| given.chars().count() >= 3 && candidate.to_lowercase().starts_with(&given);
    similar.or_else(|| candidates.iter().find(begun).copied())
}

/// The number of letters that differ, if the two are similar at all.
fn distance(given: &str, candidate: &str) -> Option<usize> {
    let distance = strsim::damerau_levenshtein(given, &candidate.to_lowercase());
    let length = candidate.chars().count();
    let alike = distance <= (length / 3).max(2) && distance < length.max(given.chars().count());
    alike.then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        assert_eq!(nearest("larg", ["base", "large", "tiny"]), Some("large"));
        assert_eq!(nearest("Large", ["base", "large"]), Some("large"));
        assert_eq!(nearest("large", ["base", "large-v3", "large-v2"]), Some("large-v3"));
        assert_eq!(nearest("la", ["base", "large-v3"]), None);
        assert_eq!(nearest("xy", ["ab", "cd"]), None, "two letters out of two");
        assert_eq!(nearest("whisper", ["ct2", "format"]), None);
    }
}
