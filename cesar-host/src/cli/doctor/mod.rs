//! `cesar doctor`: what this machine has and lacks, one line each, with the remedy.
//!
//! An error prevents every transcription (with `--cluster`, every job), and is the exit code; a warning limits what Cesar can do. Only verdicts on plugins are stored, as by
//! `cesar plugins list`.

mod cluster;
mod finding;
mod machine;
mod parts;
mod programs;

use cesar_config::Settings;

use finding::{Finding, State};

use super::args::{JsonFlag, SettingFlags, group};
use super::columns::aligned;
use super::report::{Exit, Failure, print, print_json};

/// The command's arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Check what is shared with other machines instead: the database, the storage of uploads, the cache
    #[arg(long)]
    cluster: bool,
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    settings: SettingFlags<group::Plugins>,
}

/// Runs the command.
pub(super) fn run(args: &Args, settings: &Settings) -> Result<Exit, Failure> {
    let findings = match args.cluster {
        true => cluster::findings(settings),
        false => {
            let mut findings = machine::findings(settings);
            findings.extend(parts::findings(settings)?);
            findings.extend(programs::findings(settings));
            findings
        }
    };
    if args.json.json {
        print_json(&serde_json::json!({ "findings": findings }));
    } else {
        print(&text(&findings));
    }
    let has_error = findings.iter().any(|finding| finding.state == State::Error);
    Ok(if has_error { Exit::Failed } else { Exit::Done })
}

fn text(findings: &[Finding]) -> String {
    let cells: Vec<_> = findings
        .iter()
        .map(|finding| {
            let state = match finding.state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Error => "ERROR",
            };
            let text = match &finding.remedy {
                Some(remedy) => format!("{}; {remedy}", finding.text),
                None => finding.text.clone(),
            };
            [state.to_owned(), finding.subject.clone(), text]
        })
        .collect();
    aligned(&cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_with_its_remedy() {
        let findings = [
            Finding::ok("memory", "11 GB free of 24 GB"),
            Finding::warning("ffmpeg", "not found", "install it with `apt install ffmpeg`"),
            Finding::error("model", "none for recognition", "`cesar models pull base`"),
        ];
        insta::assert_snapshot!(text(&findings), @r"
        ok       memory  11 GB free of 24 GB
        warning  ffmpeg  not found; install it with `apt install ffmpeg`
        ERROR    model   none for recognition; `cesar models pull base`
        ");
    }
}
