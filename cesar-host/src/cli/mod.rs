//! The command line: what was asked, and how it is told.
//!
//! Transcripts and answers go to standard output; progress, notes and errors to standard error. A failure is one sentence and an
//! exit code (`Exit`). Presentation lives here; everything else is the library's.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgMatches;
use tracing_subscriber::EnvFilter;

mod args;
mod ask;
mod cache;
mod columns;
mod formats;
mod host;
mod humanize;
mod inputs;
mod intermediate;
mod jobs;
mod models;
mod outputs;
mod parallel;
mod plugins;
mod progress;
mod report;
mod retry_command;
mod serve;
mod summary;
mod times;
mod transcribe;
mod work;

use cesar_config::{ConfigError, Layers, Resolved};
use cesar_runner::{COMMAND, CancelToken, run_child};

use args::command_for_people;
use report::{Exit, Failure, complain, note, print, print_json};

/// Runs the command line `words`, program name first.
#[must_use]
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words: Vec<OsString> = words.into_iter().collect();
    if words.get(1).is_some_and(|word| word == COMMAND) {
        return run_plugin(words.drain(2..));
    }
    let matches = match command_for_people().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are asked for, and go to standard output; both streams may be closed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let exit = dispatch(&matches).unwrap_or_else(|failure| {
        complain(&failure.text);
        failure.exit
    });
    ExitCode::from(exit as u8)
}

fn dispatch(matches: &ArgMatches) -> Result<Exit, Failure> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::usage("name a command; see `cesar --help`"));
    };
    // These need no settings, and must work where the settings are broken.
    if name == "completions" {
        return completions(matches);
    }
    let (name, matches) = match matches.subcommand() {
        Some((sub, matches)) => (format!("{name} {sub}"), matches),
        None => (name.to_owned(), matches),
    };
    let quiet = matches.get_flag("quiet");
    let verbosity = if quiet {
        -1
    } else {
        i8::try_from(matches.get_count("verbose")).unwrap_or(i8::MAX)
    };
    // The server's log is a setting.
    if name != "serve" {
        log_to_stderr(verbosity);
    }
    let resolved = resolve(matches).map_err(Failure::usage)?;
    if !quiet {
        resolved
            .warnings()
            .iter()
            .for_each(|warning| note(&format!("warning: {warning}")));
    }
    let settings = resolved.settings();
    let json = matches.try_get_one("json").ok().flatten() == Some(&true);
    match name.as_str() {
        "transcribe" => transcribe::run(matches, &settings, verbosity, &cancel_on_ctrl_c()),
        name if name.starts_with("plugins ") => {
            plugins::run(&name["plugins ".len()..], matches, &settings, json, &cancel_on_ctrl_c())
        }
        "cache explain" => {
            let shown = cache::explain::Shown::Everything;
            cache::explain::run(matches, &settings, verbosity, shown, &cancel_on_ctrl_c())
        }
        "serve" => serve::run(matches, &settings, verbosity),
        "serve key" => serve::key(matches, &settings),
        "jobs list" => jobs::list(matches, &settings, json),
        "jobs show" => jobs::show(matches, &settings, json),
        "jobs cancel" => jobs::cancel(matches, &settings),
        "jobs retry" => jobs::retry(matches, &settings),
        "jobs prune" => jobs::prune(matches, &settings),
        name if name.starts_with("models ") => {
            models::run(&name["models ".len()..], matches, &settings, verbosity, json)
        }
        name if name.starts_with("cache ") => cache::run(&name["cache ".len()..], matches, &settings, json),
        "config show" => {
            if json {
                print_json(&resolved.show());
            } else {
                print(&resolved.show().to_string());
            }
            Ok(Exit::Done)
        }
        other => Err(Failure::usage(format!(
            "`{other}` is not a command; see `cesar --help`"
        ))),
    }
}

fn resolve(matches: &ArgMatches) -> Result<Resolved, ConfigError> {
    let file = matches.get_one::<PathBuf>("config_file").map(PathBuf::as_path);
    Layers::load(file, std::env::vars_os())?.with_flags(matches).resolve()
}

fn run_plugin(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    match run_child(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(Exit::Failed as u8)
        }
    }
}

fn completions(matches: &ArgMatches) -> Result<Exit, Failure> {
    if let Some(shell) = matches.get_one::<clap_complete::Shell>("shell") {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut command_for_people(), "cesar", &mut script);
        print(&String::from_utf8_lossy(&script));
    }
    Ok(Exit::Done)
}

/// The first Ctrl-C asks the work to stop; the second ends the program.
fn cancel_on_ctrl_c() -> CancelToken {
    let cancel = CancelToken::default();
    let token = cancel.clone();
    let installed = ctrlc::set_handler(move || {
        if token.is_cancelled() {
            #[expect(clippy::exit, reason = "asked for twice; runners end with their socket")]
            std::process::exit(Exit::Interrupted as i32);
        }
        token.cancel();
    });
    if let Err(error) = installed {
        tracing::debug!("Ctrl-C ends the program at once: {error}");
    }
    cancel
}

fn log_to_stderr(verbosity: i8) {
    let level = match verbosity {
        ..=-1 => "error",
        // `-v` is one line per stage, which are no log lines.
        0 | 1 => "warn",
        _ => "debug",
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        .with_target(false);
    // Fails only when called twice in one process.
    let _ = subscriber.try_init();
}
