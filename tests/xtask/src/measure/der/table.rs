//! The tables: errors of each recording, and pooled by source.

use super::column::Column;
use super::dialogues::{Dialogue, JOINED};
use super::score::Score;

/// One engine's score of one recording; `None` if the engine failed.
pub(super) type Cell = Option<Score>;

/// Prints the table of one setting: a row for each recording that has it, a row for each source, and one for all real recordings.
pub(super) fn print(setting: &str, dialogues: &[Dialogue], columns: &[Column], scores: &[Option<Vec<Cell>>]) {
    let rows = rows(dialogues, scores);
    if rows.is_empty() {
        return;
    }
    let titles: Vec<&str> = columns.iter().map(|column| column.title.as_str()).collect();
    println!("| {setting} | {} |", titles.join(" | "));
    println!("|---|{}", "--:|".repeat(columns.len()));
    for (name, cells) in rows {
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!();
}

/// The name and the cells of each row.
fn rows(dialogues: &[Dialogue], scores: &[Option<Vec<Cell>>]) -> Vec<(String, Vec<String>)> {
    let scored: Vec<(&Dialogue, &Vec<Cell>)> = dialogues
        .iter()
        .zip(scores)
        .filter_map(|(dialogue, cells)| Some((dialogue, cells.as_ref()?)))
        .collect();
    let mut rows: Vec<(String, Vec<String>)> = scored
        .iter()
        .map(|(dialogue, cells)| (dialogue.name.clone(), cells.iter().map(cell).collect()))
        .collect();
    let columns = scored.first().map_or(0, |(_, cells)| cells.len());
    let mut pool = |name: String, belongs: &dyn Fn(&Dialogue) -> bool| {
        let of_pool: Vec<&Vec<Cell>> = scored
            .iter()
            .filter(|(dialogue, _)| belongs(dialogue))
            .map(|(_, cells)| *cells)
            .collect();
        if of_pool.is_empty() {
            return;
        }
        let sum = |column: usize| of_pool.iter().map(|cells| cells[column]).sum::<Option<Score>>();
        rows.push((name, (0..columns).map(|column| cell(&sum(column))).collect()));
    };
    let mut sources: Vec<&str> = scored.iter().map(|(dialogue, _)| dialogue.source).collect();
    sources.dedup();
    // Joined clips are the same speech several times.
    for source in sources.into_iter().filter(|source| *source != JOINED) {
        pool(format!("**pooled, {source}**"), &|dialogue| dialogue.source == source);
    }
    pool("**pooled, real recordings**".to_owned(), &Dialogue::is_real);
    rows
}

fn cell(score: &Cell) -> String {
    let Some(score) = score else {
        return "failed".to_owned();
    };
    let percent = |ms: u64| format!("{:.1}", score.percent(ms));
    format!(
        "**{}** = {} + {} + {}; {}/{} ({})",
        percent(score.errors()),
        percent(score.missed),
        percent(score.invented),
        percent(score.confused),
        score.found,
        score.speakers,
        score.answered
    )
}

#[cfg(test)]
mod tests {
    use super::super::dialogues::{BUNDLED, Sound};
    use super::*;

    fn dialogue(name: &str, source: &'static str) -> Dialogue {
        Dialogue {
            name: name.to_owned(),
            source,
            sound: Sound::Joined(Vec::new()),
            turns: Vec::new(),
            with_sounds: None,
        }
    }

    fn score(speech: u64, missed: u64, confused: u64) -> Cell {
        Some(Score {
            speech,
            missed,
            confused,
            speakers: 2,
            found: 1,
            answered: 3,
            ..Score::default()
        })
    }

    #[test]
    fn sources_and_real_recordings_are_pooled_by_speech() {
        let dialogues = [
            dialogue("a", BUNDLED),
            dialogue("b", "AMI"),
            dialogue("c", "AMI"),
            dialogue("d", JOINED),
        ];
        let scores = [
            Some(vec![score(1000, 0, 0)]),
            Some(vec![score(9000, 900, 0)]),
            Some(vec![score(1000, 0, 100)]),
            Some(vec![score(500, 500, 0)]),
        ];
        let found = rows(&dialogues, &scores);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        let pools = ["**pooled, bundled**", "**pooled, AMI**", "**pooled, real recordings**"];
        assert_eq!(names, [&["a", "b", "c", "d"][..], &pools].concat());
        assert_eq!(found[3].1, ["**100.0** = 100.0 + 0.0 + 0.0; 1/2 (3)"]);
        assert_eq!(found[5].1, ["**10.0** = 9.0 + 0.0 + 1.0; 2/4 (6)"]);
    }

    #[test]
    fn a_pool_with_a_failure_is_a_failure() {
        let dialogues = [dialogue("a", "AMI"), dialogue("b", "AMI"), dialogue("c", "AMI")];
        let scores = [
            Some(vec![score(1, 0, 0), score(1, 0, 0)]),
            Some(vec![None, score(1, 1, 0)]),
            None,
        ];
        let found = rows(&dialogues, &scores);
        assert_eq!(found[2].1, ["failed", "**50.0** = 50.0 + 0.0 + 0.0; 2/4 (6)"]);
    }
}
