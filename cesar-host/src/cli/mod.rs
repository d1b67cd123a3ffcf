//! The command line.
//!
//! Transcripts and answers go to standard output; progress, notes and errors to standard error. A failure is one sentence and an
//! exit code. Only presentation lives here.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

mod advice;
mod align;
mod alignment_report;
mod args;
mod ask;
mod blobs;
mod cache;
mod check;
mod columns;
mod completion;
mod corrections;
mod doctor;
mod edit;
mod examples;
mod formats;
mod glossary;
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
mod render;
mod report;
mod retry_command;
mod search;
mod search_index;
mod serve;
mod shared_cache;
mod summary;
mod times;
mod trace_export;
mod transcribe;
mod watch;
mod work;
mod worker;

use args::{ConfigFile, JsonFlag, SettingFlags, group};
use cesar_base::Folders;
use cesar_base::names::shown;
use cesar_config::{ConfigError, Layers, Resolved, template};
use cesar_runner::{COMMAND, CancelToken, run_child};
use report::{Exit, Failure, note, print, print_error, print_json, remember_unwritten, unwritten};

/// Transcribe recordings, offline
#[derive(Parser)]
#[command(
    name = "cesar",
    version,
    after_help = "Exit codes: 0 success, 1 failure, 2 usage error, 3 partial (speakers or some of the sound are \
                  missing), 4 some of several inputs failed, 130 interrupted."
)]
struct Cli {
    #[command(flatten)]
    config: ConfigFile,
    /// Report each stage (-v), log everything (-vv)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// Print only errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    #[command(flatten)]
    settings: SettingFlags<group::Global>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Transcribe files, folders, URLs, or standard input (`-`)
    #[command(after_help = examples::TRANSCRIBE)]
    Transcribe(Box<transcribe::Args>),
    /// Transcribe every recording that appears in folders
    #[command(after_help = examples::WATCH)]
    Watch(Box<watch::Args>),
    /// Align an existing text with a recording
    #[command(after_help = examples::ALIGN)]
    Align(Box<align::Args>),
    /// Write a JSON transcript in another format, without its recording
    #[command(after_help = examples::RENDER)]
    Render(Box<render::Args>),
    /// Check subtitles of any program against the rules of a guide
    #[command(after_help = examples::CHECK)]
    Check(Box<check::Args>),
    /// Correct the transcript of a recording: words, segments, speakers
    #[command(after_help = examples::EDIT)]
    Edit(Box<edit::Args>),
    /// List, inspect and manage plugins
    #[command(subcommand)]
    Plugins(plugins::Command),
    /// Download, verify and remove models
    #[command(subcommand)]
    Models(models::Command),
    /// List and check glossaries
    #[command(subcommand)]
    Glossary(glossary::Command),
    /// Inspect and shrink the cache of results
    #[command(subcommand)]
    Cache(cache::Command),
    /// Run the HTTP server (jobs and an OpenAI-compatible API)
    #[command(after_help = examples::SERVE)]
    Serve(serve::Args),
    /// Run the jobs of `cesar serve`, without answering requests
    #[command(after_help = examples::WORKER)]
    Worker(worker::Args),
    /// List and manage the jobs of `cesar serve`
    #[command(subcommand, after_help = examples::JOBS)]
    Jobs(jobs::Command),
    /// Find words in all transcripts; exit code 1 when there are none
    #[command(after_help = examples::SEARCH)]
    Search(search::Args),
    /// Check processor, memory, folders, plugins, models and other programs
    #[command(after_help = examples::DOCTOR)]
    Doctor(doctor::Args),
    /// Show the settings, or write a file for them
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a shell completion script, which also completes models, plugins, formats and jobs
    #[command(after_help = completion::PLACES)]
    Completions {
        /// Shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Show the value and the source of each setting
    Show {
        #[command(flatten)]
        json: JsonFlag,
        #[command(flatten)]
        settings: SettingFlags<group::Config>,
    },
    /// Write a configuration file with every setting, commented out
    Init,
}

/// Runs the command line `words`, program name first.
#[must_use]
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words: Vec<OsString> = words.into_iter().collect();
    if words.get(1).is_some_and(|word| word == COMMAND) {
        return run_plugin(words.drain(2..));
    }
    if let Some(exit) = completion::answer(&words) {
        return ExitCode::from(exit as u8);
    }
    advice::hyphenate(&mut words);
    if let Some(refusal) = advice::refusal(&words) {
        print_error(&refusal);
        return ExitCode::from(Exit::Usage as u8);
    }
    let parsed = (Cli::command().try_get_matches_from(&words))
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = advice::with_advice(error, &words, &engine_option);
            // Help and version are asked for, and go to standard output; both streams may be closed.
            if let (Err(unwritten), false) = (error.print(), error.use_stderr()) {
                remember_unwritten(unwritten);
            }
            return ended(error.exit_code());
        }
    };
    let exit = dispatch(cli, &matches, &words).unwrap_or_else(|failure| {
        print_error(&failure.text);
        failure.exit
    });
    ended(exit as i32)
}

/// The exit code of a command that ended with `code`: an answer that could not be written is a failure.
fn ended(code: i32) -> ExitCode {
    let code = match unwritten() {
        Some(failure) => {
            print_error(&failure.text);
            if code == 0 { failure.exit as i32 } else { code }
        }
        None => code,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(Exit::Usage as u8))
}

fn dispatch(cli: Cli, matches: &ArgMatches, words: &[OsString]) -> Result<Exit, Failure> {
    if let Some(exit) = without_settings(&cli, words) {
        return exit;
    }
    if cli.quiet {
        report::be_quiet();
    }
    let verbosity = match cli.quiet {
        true => -1,
        false => i8::try_from(cli.verbose).unwrap_or(i8::MAX),
    };
    // The log of servers and workers is a setting.
    let has_own_log = match &cli.command {
        Command::Serve(args) => args.command.is_none(),
        Command::Worker(_) => true,
        _ => false,
    };
    if !has_own_log {
        log_to_stderr(verbosity);
    }
    let resolved = resolve(cli.config, matches).map_err(Failure::usage)?;
    resolved
        .warnings()
        .iter()
        .for_each(|warning| note(&format!("warning: {warning}")));
    let settings = resolved.settings();
    match cli.command {
        Command::Transcribe(args) => transcribe::run(&args, &settings, verbosity, &cancel_on_ctrl_c()),
        Command::Watch(args) => watch::run(&args, &settings, verbosity, &cancel_on_ctrl_c()),
        Command::Align(args) => align::run(&args, &settings, verbosity, &cancel_on_ctrl_c()),
        Command::Render(args) => render::run(&args, &settings, &cancel_on_ctrl_c()),
        Command::Check(args) => check::run(&args),
        Command::Edit(args) => edit::run(&args, &settings, &cancel_on_ctrl_c()),
        Command::Plugins(command) => plugins::run(command, &settings, &cancel_on_ctrl_c()),
        Command::Models(command) => models::run(command, &settings, verbosity),
        Command::Glossary(command) => glossary::run(command, &settings),
        Command::Cache(command) => cache::run(command, &settings, verbosity, cancel_on_ctrl_c),
        Command::Serve(args) => serve::run(args, &settings, verbosity),
        Command::Worker(args) => worker::run(&args, &settings, verbosity),
        Command::Jobs(command) => jobs::run(command, &settings, &cancel_on_ctrl_c()),
        Command::Search(args) => search::run(&args, &settings),
        Command::Doctor(args) => doctor::run(&args, &settings),
        Command::Config(ConfigCommand::Show { json, .. }) => {
            if json.json {
                print_json(&resolved.show());
            } else {
                let show = resolved.show();
                print(&format!("{}\n{}", show.heading(), columns::aligned(&show.cells())));
            }
            Ok(Exit::Done)
        }
        Command::Config(ConfigCommand::Init) | Command::Completions { .. } => {
            unreachable!("they have run without settings")
        }
    }
}

/// Runs a command that needs no settings: it must work where the settings are broken.
fn without_settings(cli: &Cli, words: &[OsString]) -> Option<Result<Exit, Failure>> {
    match &cli.command {
        Command::Completions { shell } => {
            let program = words.first().map_or(OsStr::new("cesar"), OsString::as_os_str);
            Some(completion::script(*shell, program))
        }
        Command::Config(ConfigCommand::Init) => Some(init_config(cli.config.path.clone())),
        _ => None,
    }
}

/// `cesar config init`. An existing file is never changed.
fn init_config(named: Option<PathBuf>) -> Result<Exit, Failure> {
    let variable = std::env::var_os("CESAR_CONFIG")
        .filter(|file| !file.is_empty())
        .map(PathBuf::from);
    let standard = || Folders::new(|name| std::env::var_os(name)).config_file();
    let file = named.or(variable).or_else(standard).ok_or_else(|| {
        Failure::usage("there is no standard place for the file, because neither `XDG_CONFIG_HOME` nor `HOME` is set; name it with `--config`")
    })?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let created = std::fs::create_dir_all(folder).and_then(|()| std::fs::File::create_new(&file));
    let written = created.and_then(|mut created| io::Write::write_all(&mut created, template().as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::failed(format!(
            "`{0}` exists already; edit it, or remove it first (`cesar config show` prints what is in effect)",
            shown(&file)
        )),
        _ => Failure::failed(format!("`{}` cannot be written: {error}", shown(&file))),
    })?;
    note(&format!("wrote {}", shown(&file)));
    Ok(Exit::Done)
}

/// The engine, if any is present, that has an option of this name.
fn engine_option(name: &str) -> Option<String> {
    let settings = Layers::load(None, std::env::vars_os()).ok()?.resolve().ok()?.settings();
    let engines = host::registry(&settings)
        .ok()?
        .of_stage(plugin_api::manifest::StageKind::Asr);
    let with_it = engines.iter().find(|engine| engine.manifest.options.contains_key(name));
    with_it.map(|engine| engine.manifest.id.clone())
}

/// The flags of settings are among those of the innermost command, which has the global ones too.
fn resolve(config: ConfigFile, mut matches: &ArgMatches) -> Result<Resolved, ConfigError> {
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    Layers::load(config.path.as_deref(), std::env::vars_os())?
        .with_flags(matches)
        .resolve()
}

fn run_plugin(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    match run_child(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::from(Exit::Failed as u8)
        }
    }
}

/// The first Ctrl-C cancels the work; the second ends the program.
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
        tracing::debug!("Ctrl-C ends the program immediately: {error}");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        Cli::command().debug_assert();
    }
}
