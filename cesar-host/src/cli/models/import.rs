//! `cesar models import`.

use std::path::PathBuf;

use cesar_models::installed::{self, ImportError};
use clap::ValueHint;

use super::place::Place;
use super::progress::Show;
use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::report::{Exit, Failure, print, print_json};

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// ggml or ONNX file, or folder with a CTranslate2 Whisper model
    #[arg(value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    source: PathBuf,
    /// Name of the model (default: derived from the file)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Expected SHA-256 digest of the file
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    sha256: Option<String>,
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    flags: SettingFlags<group::Models>,
}

fn digest(text: &str) -> Result<String, &'static str> {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest
        .then(|| text.to_owned())
        .ok_or("it must be 64 hexadecimal digits")
}

pub(super) fn run(place: &Place, args: &Args, verbosity: i8) -> Result<Exit, Failure> {
    let show = Show::new(None, verbosity);
    let (name, sha256) = (args.name.as_deref(), args.sha256.as_deref());
    let imported = installed::import(&args.source, name, sha256, place.folder()?, &|event| show.event(event));
    show.clear();
    let imported = imported.map_err(|error| match error {
        ImportError::Name { .. } | ImportError::DigestOfFolder { .. } => Failure::usage(error),
        error => Failure::failed(error),
    })?;
    if args.json.json {
        print_json(&imported);
    } else {
        let how = if imported.present {
            "is already installed"
        } else {
            "imported"
        };
        print(&format!("{} {how}: {}\n", imported.name, imported.path.display()));
    }
    Ok(Exit::Done)
}
