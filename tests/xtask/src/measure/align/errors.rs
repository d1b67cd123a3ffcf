//! Errors of word times, and their table.

use std::collections::BTreeMap;

/// Errors of one group of words, in ms.
#[derive(Default)]
pub(super) struct Errors {
    pub(super) starts: Vec<f64>,
    pub(super) ends: Vec<f64>,
}

/// The sources of times, in the order of the columns.
pub(super) const SOURCES: [&str; 3] = ["recognised", "aligned", "interpolated"];

/// A row for all words, and one for each other source that has any.
pub(super) fn print_rows(engine: &str, model: &str, noise: &str, errors: &BTreeMap<&str, Errors>) {
    let count = |source: &&str| errors.get(*source).map_or(0, |errors| errors.starts.len());
    let counts: Vec<String> = SOURCES
        .iter()
        .map(|source| format!("{} {source}", count(source)))
        .collect();
    let print = |which: &str, sources: &[&str]| {
        let all = |edge: fn(&Errors) -> &Vec<f64>| -> Vec<f64> {
            let errors = sources.iter().filter_map(|source| errors.get(source));
            errors.flat_map(|errors| edge(errors).iter().copied()).collect()
        };
        let (starts, ends) = (all(|errors| &errors.starts), all(|errors| &errors.ends));
        if starts.is_empty() {
            return;
        }
        println!(
            "| {engine} | {model} | {noise} | {which} | {} | {:.0} | {:.0} | {:.0} | {:.0} |",
            counts.join(", "),
            mean(&starts),
            at_95_percent(starts),
            mean(&ends),
            at_95_percent(ends)
        );
    };
    print("all", &SOURCES);
    SOURCES[1..].iter().for_each(|source| print(source, &[source]));
}

fn mean(errors: &[f64]) -> f64 {
    errors.iter().sum::<f64>() / errors.len() as f64
}

/// The error that 95 % of the words do not exceed.
fn at_95_percent(mut errors: Vec<f64>) -> f64 {
    errors.sort_by(f64::total_cmp);
    errors[(errors.len() * 95).div_ceil(100) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_that_most_words_do_not_exceed() {
        assert_eq!(at_95_percent((1..=100).map(f64::from).collect()), 95.0);
    }
}
