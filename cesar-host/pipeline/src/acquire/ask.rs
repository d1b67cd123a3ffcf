//! Requests to the plugin, and the meaning of its answers.

use std::path::{Path, PathBuf};

use cesar_base::Digest;
use cesar_cache::Cache;
use plugin_api::download::{Answer, Known, Media as Fetched, Order, Reason, Wanted};

use super::super::call::{call, check_unchanged, wrong};
use super::super::media::{Folder, unreadable};
use super::super::{AddressPolicy, Event, PipelineError};
use super::{Acquisition, STAGE};

impl Acquisition<'_> {
    pub(super) fn started(&self) {
        let plugin = &self.stage.manifest().id;
        self.context.observer.event(&Event::Started { stage: STAGE, plugin });
    }

    pub(super) fn folder(&self, cache: Option<&Cache>) -> Result<Folder, PipelineError> {
        // It is resumed, whatever step it belongs to.
        let work = Digest::from_bytes(*self.parts(0, None).key().as_bytes());
        if let Some(folder) = cache.and_then(|cache| self.noted(cache.incoming_of(&work))) {
            return Ok(Folder::InCache(folder));
        }
        let made = tempfile::Builder::new().prefix("cesar-").tempdir();
        let folder = made.map_err(|error| unreadable(&std::env::temp_dir(), error))?;
        Ok(Folder::Temporary(folder))
    }

    pub(super) fn ask(&self, wanted: Wanted, folder: &Path, known: Option<&Known>) -> Result<Answer, PipelineError> {
        let downloads = self.downloads();
        let order = Order {
            wanted,
            url: self.address.as_str().to_owned(),
            folder: folder.to_owned(),
            known: known.cloned(),
            public_only: self.context.tools.addresses == AddressPolicy::PublicOnly,
            limits: downloads.limits,
        };
        let mut request = self.stage.request.clone();
        let order = serde_json::to_value(order).expect("an order has string keys and no numbers that JSON lacks");
        request.insert("order".to_owned(), order);
        let output = call(&self.context, self.stage, &request, None, None)?;
        check_unchanged(&self.context, self.stage)?;
        match serde_json::from_str(&output) {
            Ok(Answer::Refused(refusal)) => Err(PipelineError::Download {
                reason: refusal.reason,
                message: refusal.message,
            }),
            Ok(answer) => Ok(answer),
            Err(error) => Err(wrong(self.stage, error.to_string())),
        }
    }

    /// The file named by an answer, which must be in the folder.
    pub(super) fn path_of(&self, folder: &Folder, fetched: &Fetched) -> Result<PathBuf, PipelineError> {
        let is_name = Path::new(&fetched.file)
            .file_name()
            .is_some_and(|name| name == fetched.file.as_str());
        let path = folder.path().join(&fetched.file);
        let is_file = std::fs::symlink_metadata(&path).is_ok_and(|status| status.is_file());
        match is_name && is_file {
            true => Ok(path),
            false => Err(wrong(
                self.stage,
                format!("it names the file `{}`, which is not there", fetched.file),
            )),
        }
    }

    pub(super) fn unexpected(&self, answer: &Answer) -> PipelineError {
        let kind = match answer {
            Answer::Media(_) => "a recording",
            Answer::Unchanged { .. } => "that nothing has changed",
            Answer::Entries { .. } => "a list",
            Answer::Program { .. } => "a program",
            Answer::Refused(_) => "a refusal",
        };
        wrong(self.stage, format!("it answered {kind}, which was not asked for"))
    }

    pub(super) fn not_stored(&self) -> PipelineError {
        PipelineError::Download {
            reason: Reason::Offline,
            message: format!(
                "`{}` is not in the cache, and --offline sends no request; run once without it",
                self.address
            ),
        }
    }
}
