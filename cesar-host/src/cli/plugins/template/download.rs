//! {{name}}: copies the file that a `file:` address names. Replace it by something that fetches.

use std::path::PathBuf;

use plugin_api::{Audio, Ctx, ErrorKind, Stage, StageError, cesar_plugin};

struct {{type}};

#[derive(serde::Deserialize)]
struct Options {}

/// The options, and what is wanted.
#[derive(serde::Deserialize)]
struct Request {
    order: Order,
}

/// The parts of `plugin_api::download::Order` that this stage looks at.
#[derive(serde::Deserialize)]
struct Order {
    url: String,
    /// An empty folder for the file.
    folder: PathBuf,
}

/// As `plugin_api::download::Answer::Media`: the file's name in the folder, and what is known of it.
#[derive(serde::Serialize)]
struct Media {
    answer: &'static str,
    file: &'static str,
    known: Known,
}

#[derive(serde::Serialize)]
struct Known {}

impl Stage for {{type}} {
    type Options = Options;
    type Request = Request;
    type Output = Media;

    fn open(_: Options) -> Result<Self, StageError> {
        Ok(Self)
    }

    fn run(&mut self, request: Request, _: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Media, StageError> {
        ctx.checkpoint()?;
        let refused = |text: String| StageError::new(ErrorKind::InvalidInput, text);
        let Order { url, folder } = request.order;
        let path = url.strip_prefix("file://").ok_or_else(|| refused(format!("`{url}` is no `file:` address")))?;
        std::fs::copy(path, folder.join("media")).map_err(|error| refused(format!("`{url}` cannot be read: {error}")))?;
        Ok(Media { answer: "media", file: "media", known: Known {} })
    }
}

cesar_plugin!({{type}}, "cesar-plugin.json");

#[cfg(test)]
mod tests;
