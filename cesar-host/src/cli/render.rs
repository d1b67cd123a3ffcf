//! `cesar render`: a transcript in another format.

use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};

use cesar_base::Digest;
use cesar_base::names::shown;
use cesar_base::read_file;
use cesar_cache::Mode;
use cesar_config::{Progress, Settings};
use cesar_corrections::{media_of, parse};
use cesar_pipeline::{AddressPolicy, FormatRequest};
use cesar_runner::CancelToken;
use clap::ValueHint;

use super::args::{SettingFlags, group};
use super::corrections;
use super::formats;
use super::host::{self, Host};
use super::outputs::{self, Clobbering, Content, Outputs, Place};
use super::progress::Show;
use super::report::{Exit, Failure, note};

/// The largest document that is read: ten hours with word times are 50 MB.
const LARGEST: u64 = 1_000_000_000;

/// The command's arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Transcript: a file of `--format json`, or `-` for standard input
    #[arg(value_name = "DOCUMENT", value_hint = ValueHint::FilePath)]
    document: PathBuf,
    #[command(flatten)]
    rendering: RenderArgs,
}

/// File and format of a document.
#[derive(clap::Args)]
pub(super) struct RenderArgs {
    /// Output file (default: standard output, `-`); its extension sets the format unless --format is given
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    output: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingFlags<group::Render>,
}

/// Writes the document of a file.
pub(super) fn run(args: &Args, settings: &Settings, cancel: &CancelToken) -> Result<Exit, Failure> {
    let document = read(&args.document)?;
    if let Some(file) = args.rendering.file()
        && is_same(file, &args.document)
    {
        let text = format!("`{}` is the document itself; name another file with -o", shown(file));
        return Err(Failure::usage(text));
    }
    let label = shown(&args.document).to_string();
    if let Some(revision) = corrections::later_than(&document, settings) {
        note(&format!(
            "warning: {label}: lacks corrections up to revision {revision}; transcribe the recording again, which takes its results from the cache"
        ));
    }
    args.rendering.write(&document, &label, settings, cancel)
}

impl RenderArgs {
    /// Writes a document.
    pub(super) fn write(
        &self,
        document: &[u8],
        label: &str,
        settings: &Settings,
        cancel: &CancelToken,
    ) -> Result<Exit, Failure> {
        let parsed = parse(document).map_err(|error| Failure::failed(format!("`{label}`: {error}")))?;
        let host = host::build(settings, Mode::ReadWrite, AddressPolicy::Any).map_err(Failure::failed)?;
        for warning in &host.warnings {
            note(&format!("warning: {warning}"));
        }
        let has_speakers = parsed.segments.iter().any(|segment| segment.speaker.is_some());
        let format = self.format(settings, has_speakers, &host)?;
        let silent = Show::new(Progress::None, 0);
        let watched = silent.watch(label, label);
        let unread = host::warnings_about_options(&host.pipeline, &settings.format, std::slice::from_ref(&format));
        let without_words = (host.pipeline).warnings_about_words(&format, &parsed, label, cancel)?;
        for warning in unread.into_iter().chain(without_words) {
            note(&format!("warning: {warning}"));
        }
        let rendering = (host.pipeline).render_document(&format, document, label, &watched, cancel)?;
        let Some(file) = self.file() else {
            if io::stdout().is_terminal() && str::from_utf8(&rendering.bytes).is_err() {
                return Err(outputs::not_text(&rendering.format));
            }
            outputs::print(&rendering.bytes)?;
            return Ok(Exit::Done);
        };
        let place = Place::File(file.to_owned());
        let fill = |out: &mut dyn Write| out.write_all(&rendering.bytes);
        let content = Content {
            extension: &rendering.extension,
            fill: &fill,
        };
        let media = media_of(&parsed).unwrap_or_else(|| Digest::of(document));
        Outputs::new(&[], std::slice::from_ref(&place), Clobbering::Any, None).write(&place, &media, &[content])?;
        note(&format!("{label} → {}", shown(file)));
        Ok(Exit::Done)
    }

    /// The output file; none for standard output.
    fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|file| !outputs::is_stdout(file))
    }

    /// The one format that is asked for.
    fn format(&self, settings: &Settings, speakers: bool, host: &Host) -> Result<FormatRequest, Failure> {
        let with_speakers = host.pipeline.format_with_speakers();
        let asked = formats::Asked {
            formats: &settings.output.formats,
            on_command_line: self.settings.given().has("output.formats"),
            output: self.file(),
            speakers,
            // A document is rendered to the name that was asked for.
            correct: false,
            known: &host.pipeline.format_extensions(),
            with_speakers: with_speakers.as_deref(),
        };
        let chosen = asked.choose()?.formats;
        let [format] = chosen.as_slice() else {
            let text = format!("{} formats are asked for; only one can be written", chosen.len());
            return Err(Failure::usage(text));
        };
        Ok(FormatRequest {
            format: format.clone(),
            stage: host::stage(&settings.format),
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let refused = |error: io::Error| Failure::failed(format!("`{}` cannot be read ({error})", shown(file)));
    if outputs::is_stdout(file) {
        let mut document = Vec::new();
        (io::stdin().lock().take(LARGEST).read_to_end(&mut document)).map_err(refused)?;
        return Ok(document);
    }
    read_file(file, LARGEST).map_err(refused)
}

fn is_same(one: &Path, other: &Path) -> bool {
    let canonical = |file: &Path| file.canonicalize().ok();
    canonical(one).is_some_and(|file| canonical(other) == Some(file))
}
