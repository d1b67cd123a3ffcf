//! `cesar models verify`: reads every file and reports damage.

use cesar_models::installed::{Checked, State, verify};
use serde::Serialize;

use super::place::Place;
use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::humanize::{count, size};
use crate::cli::report::{Exit, Failure, note, print, print_json};

/// The JSON; its schema is stable.
#[derive(Debug, Serialize)]
struct Answer {
    sound: bool,
    files: Vec<Checked>,
}

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Installed models (default: all)
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    flags: SettingFlags<group::Models>,
}

/// Damage is a failure; a file without a known digest is not.
pub(super) fn run(place: &Place, args: &Args, verbosity: i8) -> Result<Exit, Failure> {
    let mut files = Vec::new();
    for model in place.called(&args.names)? {
        if verbosity > 0 {
            note(&format!("reading {}, {}", model.path.display(), size(model.size)));
        }
        files.extend(verify(&model));
    }
    let sound = !files.iter().any(|file| file.state.is_damage());
    let exit = if sound { Exit::Done } else { Exit::Failed };
    if args.json.json {
        print_json(&Answer { sound, files });
    } else {
        print(&text(&files));
    }
    Ok(exit)
}

fn text(files: &[Checked]) -> String {
    let mut out = String::new();
    for file in files.iter().filter(|file| file.state != State::Sound) {
        let path = file.path.display();
        out.push_str(&match &file.state {
            State::Sound => continue,
            State::Altered { wanted, found } => {
                format!("{path}: altered: SHA-256 is {found}, expected {wanted}\n")
            }
            State::Truncated => format!("{path}: truncated after {}\n", size(file.size)),
            State::Unreadable { reason } => format!("{path}: {reason}\n"),
            State::Unknown => format!("{path}: unknown digest; `cesar models import` records one\n"),
        });
    }
    let damaged = files.iter().filter(|file| file.state.is_damage()).count() as u64;
    let unknown = files.iter().filter(|file| file.state == State::Unknown).count() as u64;
    let bytes = files.iter().map(|file| file.size).sum();
    let all = count(files.len() as u64, "file", "files");
    out.push_str(&match (damaged, unknown) {
        (0, 0) => format!("{all}, {}: no damage\n", size(bytes)),
        (0, _) => format!("{all}, {}: {unknown} unknown, the others undamaged\n", size(bytes)),
        _ => format!(
            "{all}, {}: {} damaged; replace with `cesar models rm` and `cesar models pull`\n",
            size(bytes),
            damaged
        ),
    });
    out
}
