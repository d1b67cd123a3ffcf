//! The ends of the commands' help, with examples. A test reads each example as a command line.

pub(super) const TRANSCRIBE: &str = "\
Examples:
  cesar transcribe talk.mp3
  cesar transcribe meeting.m4a --diarize -o meeting.md
  cesar transcribe lectures/ --output-dir transcripts -f srt,txt --language en";

pub(super) const WATCH: &str = "\
Examples:
  cesar watch inbox --output-dir transcripts
  cesar watch inbox --output-dir transcripts --done-dir done --failed-dir failed
  cesar watch inbox --output-dir transcripts --once -f json";

pub(super) const ALIGN: &str = "\
Examples:
  cesar align talk.mp3 talk.txt -o talk.srt
  cesar align film.mkv subtitles.vtt --language de -o film.srt
  cesar align talk.mp3 talk.txt --min-match 10 -f json";

pub(super) const RENDER: &str = "\
The document is written as it is: corrections that were made after it are not applied. To have them, transcribe the recording again, which takes its results from the cache.

Examples:
  cesar render talk.json -f srt
  cesar render talk.json -f docx -o talk.docx
  cesar render talk.json -f vtt --subtitle-preset netflix -o talk.vtt";

pub(super) const CHECK: &str = "\
Exit codes: 0 every file keeps the rules, 1 a violation, or a file or line that cannot be read, 2 usage error. The presets, with their figures and sources: docs/guide/outputs.md.

Examples:
  cesar check talk.srt --preset netflix
  cesar check talk.srt other.vtt --preset bbc --json
  cesar check talk.srt --max-cps 17";

pub(super) const EDIT: &str = "\
Without an option, the history is shown. `cesar transcribe` writes corrected text; --original of it does not.

Examples:
  cesar edit talk.mp3 --rename-speaker 'Speaker 1=Anna'
  cesar edit talk.mp3 --history
  cesar edit talk.mp3 --undo";

pub(super) const SERVE: &str = "\
Examples:
  cesar serve
  cesar serve --host 0.0.0.0 --port 5000 --workers 2
  cesar serve key add laptop";

pub(super) const WORKER: &str = "\
Examples:
  cesar worker
  cesar worker --concurrency 2 --label gpu
  cesar worker --metrics 127.0.0.1:9090 --log-format json";

pub(super) const SEARCH: &str = "\
Examples:
  cesar search budget
  cesar search '\"close the door\"'
  cesar search ferry --json";

pub(super) const DOCTOR: &str = "\
Examples:
  cesar doctor
  cesar doctor --json
  cesar doctor --cluster";

pub(super) const PULL: &str = "\
Examples:
  cesar models pull base
  cesar models pull speakers
  cesar models pull tiny.en base --from index";

pub(super) const PRUNE: &str = "\
Examples:
  cesar cache prune
  cesar cache prune --older-than 30d --dry-run
  cesar cache prune --stage asr --yes";

pub(super) const JOBS: &str = "\
Examples:
  cesar jobs list --status queued,processing
  cesar jobs transcript 4c1d2f3a -f srt
  cesar jobs retry 4c1d2f3a --refresh";

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use crate::cli::Cli;

    /// The examples of this command and of those below it.
    fn examples(command: &Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let own = help.lines().filter_map(|line| line.strip_prefix("  "));
        let own = own.filter(|line| line.starts_with("cesar ")).map(str::to_owned);
        own.chain(command.get_subcommands().flat_map(examples)).collect()
    }

    #[test]
    fn every_example_is_a_command_line() {
        let found = examples(&Cli::command());
        assert_eq!(found.len(), 13 * 3, "three for each command: {found:#?}");
        for line in found {
            let words = shlex::split(&line).expect("its quotes are closed");
            if let Err(error) = Cli::command().try_get_matches_from(words) {
                panic!("`{line}`: {error}");
            }
        }
    }
}
