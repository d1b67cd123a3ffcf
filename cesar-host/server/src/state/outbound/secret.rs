//! The secret of webhook signatures: the settings', or one that is created once in the data folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::error::ServeError;
use crate::random::random_hex;

/// The secret. A created file is readable by its owner alone.
pub(crate) fn load_or_create(setting: Option<&str>, data: &Path) -> Result<Vec<u8>, ServeError> {
    if let Some(secret) = setting {
        return Ok(secret.as_bytes().to_vec());
    }
    let path = data.join("webhook.secret");
    let read_or_write = || match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().as_bytes().to_vec()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => {
            let secret = random_hex::<32>().map_err(io::Error::other)?;
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&path)?;
            writeln!(file, "{secret}")?;
            file.sync_data()?;
            Ok(secret.into_bytes())
        }
    };
    read_or_write().map_err(|source| ServeError::Secret {
        path: path.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_created_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_create(None, folder.path()).unwrap();
        assert_eq!((first.len(), load_or_create(None, folder.path()).unwrap()), (64, first));
        assert_eq!(load_or_create(Some("mine"), folder.path()).unwrap(), b"mine");
    }
}
