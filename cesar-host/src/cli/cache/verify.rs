//! `cesar cache verify`: reads all stored results and reports damage.

use std::time::Duration;

use cesar_cache::{Cache, DamagedEntry, Verification};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::columns::aligned;
use crate::cli::humanize::{count, size};
use crate::cli::report::{Exit, Failure, print, print_json};

/// The JSON; its schema is stable.
#[derive(Debug, Serialize)]
struct Answer {
    sound: bool,
    #[serde(flatten)]
    verification: Verification,
}

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Check the cache that machines share (`cache.remote`)
    #[arg(long)]
    pub(super) remote: bool,
    /// Quarantine damaged results (remove them from the shared cache), so that they are recomputed
    #[arg(long)]
    pub(super) repair: bool,
    #[command(flatten)]
    pub(super) json: JsonFlag,
    #[command(flatten)]
    settings: SettingFlags<group::Cache>,
}

/// Remaining damage is a failure.
pub(super) fn run(cache: &Cache, args: &Args) -> Result<Exit, Failure> {
    let repair = args.repair;
    // Only shown on a terminal.
    let spinner = ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(200));
    let verification = cache
        .verify(repair, &mut |entries, bytes| {
            spinner.set_message(format!("{}, {}", count(entries, "result", "results"), size(bytes)));
        })
        .map_err(Failure::failed)?;
    spinner.finish_and_clear();
    let sound = verification.is_sound();
    if args.json.json {
        print_json(&Answer { sound, verification });
    } else {
        print(&text(&verification, repair));
    }
    Ok(if sound { Exit::Done } else { Exit::Failed })
}

fn text(verification: &Verification, repair: bool) -> String {
    let mut out = String::new();
    if !verification.damaged.is_empty() {
        out.push_str(&damaged(&verification.damaged));
        out.push('\n');
    }
    for fault in &verification.index_faults {
        out.push_str(&format!("index: {fault}\n"));
    }
    if !verification.index_faults.is_empty() {
        out.push_str("the index is damaged; it is rebuilt when Cesar next starts alone\n");
    }
    out.push_str(&format!(
        "{} read, {} in {}: {}\n",
        size(verification.bytes),
        count(verification.entries, "result", "results"),
        count(verification.contents, "file", "files"),
        verdict(verification, repair)
    ));
    if verification.orphans > 0 {
        let files = count(verification.orphans, "file", "files");
        let bytes = size(verification.orphan_bytes);
        let fate = if repair { "removed" } else { "removed by housekeeping" };
        out.push_str(&format!("{files} without a result, {bytes}: {fate}\n"));
    }
    out
}

/// A table of damaged results.
pub(super) fn damaged(entries: &[DamagedEntry]) -> String {
    let mut rows = vec![["KEY", "STAGE", "DAMAGE", "LABEL"].map(str::to_owned)];
    rows.extend(entries.iter().map(|entry| {
        [
            entry.key.to_string(),
            entry.stage.clone().unwrap_or_default(),
            entry.damage.clone(),
            entry.label.clone().unwrap_or_default(),
        ]
    }));
    aligned(&rows)
}

fn verdict(verification: &Verification, repair: bool) -> String {
    let damaged = count(
        verification.damaged.len() as u64,
        "result is damaged",
        "results are damaged",
    );
    match (verification.damaged.len(), repair) {
        (0, _) => "no damage".to_owned(),
        (_, true) => format!("{damaged} and quarantined; recomputed when next needed"),
        (_, false) => format!("{damaged}; quarantine with `cesar cache verify --repair`"),
    }
}
