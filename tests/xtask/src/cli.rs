//! The command line of `cargo xtask`: every command with its options.

use crate::{measure::Measurement, page};
use clap::{Parser, Subcommand};

/// Prepare the machine, build, fetch models, test and measure
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prepare this machine, build, fetch models, and transcribe `tests/fixtures/meeting.flac` with its speakers
    Demo,
    /// Prepare this machine, build, fetch models and clients, then check format, spelling, lints, tests and documentation
    #[command(override_usage = "cargo xtask test [-- OPTIONS…]")]
    Test {
        /// Options of `cargo test`
        #[arg(last = true, value_name = "OPTIONS")]
        options: Vec<String>,
    },
    /// Install what building and testing need (apt, as root or with sudo), or print the command that does
    Setup,
    /// Build the program and all plugins in release, through ccache where it is installed
    Build,
    /// Download models into the models folder
    Models {
        /// Models to fetch [default: those of the suite: tiny.en base vad segmentation speaker]
        names: Vec<String>,
    },
    /// Install the clients and checks that the suite uses: those of OpenAI for Python and Node, yt-dlp, typos, and what tests the page
    Clients,
    /// Fetch the modules that the server's page is built from, and write them with their digests
    Vendor,
    /// Take the pictures of the server's page that the documentation shows
    Screenshots(page::Pictures),
    /// Download ONNX Runtime, which the plugin `pyannote` loads
    Onnxruntime,
    /// Feed random bytes to every reader of containers, plugin files, options, runner frames and forms
    Fuzz {
        /// Minutes for each target
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
        minutes: u64,
    },
    /// Measure accuracy, speed and memory; each measurement prints a markdown table
    #[command(subcommand)]
    Measure(Measurement),
}

/// The options after `cargo xtask measure NAME`, for tests.
#[cfg(test)]
pub(crate) fn parse_measurement(line: &[&str]) -> Result<Measurement, clap::Error> {
    let words = ["xtask", "measure"].iter().chain(line);
    match Cli::try_parse_from(words)?.command {
        Command::Measure(measurement) => Ok(measurement),
        other => panic!("{other:?} is no measurement"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_is_in_the_help() {
        let mut cli = Cli::command();
        let help = cli.render_help().to_string();
        for command in cli.get_subcommands() {
            assert!(
                help.contains(&format!("\n  {} ", command.get_name())),
                "{}",
                command.get_name()
            );
            assert!(command.get_about().is_some(), "{}", command.get_name());
        }
    }

    #[test]
    fn options_of_cargo_test_follow_two_dashes() {
        let parse = |words: &[&str]| Cli::try_parse_from([&["xtask", "test"], words].concat());
        let Ok(Cli {
            command: Command::Test { options },
        }) = parse(&["--", "-p", "plugin-api"])
        else {
            panic!("these options are valid")
        };
        assert_eq!(options, ["-p", "plugin-api"]);
        assert!(parse(&["plugin-api"]).is_err());
    }

    #[test]
    fn wrong_options_are_usage_errors() {
        for line in [
            "",
            "wer",
            "demo now",
            "fuzz --minutes 0",
            "measure",
            "measure bench --minutes",
            "measure cluster --jobs 0",
            "measure bench --minutes 0",
            "measure bench --hours 1",
            "measure der --option step",
            "measure der --threads",
            "measure isolation --part everything",
            "measure micro cache threshold",
            "measure page --loads 0",
            "measure pairs --pairs 0",
            "measure parity --minutes x",
            "measure parity --beams 1",
        ] {
            let words = ["xtask"].into_iter().chain(line.split_whitespace());
            let code = Cli::try_parse_from(words)
                .map(|_| 0)
                .unwrap_or_else(|error| error.exit_code());
            assert_eq!(code, 2, "{line}");
        }
    }
}
