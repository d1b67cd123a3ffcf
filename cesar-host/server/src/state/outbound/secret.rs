//! The secret of webhook signatures where the settings have none: it is created once, in the data folder or for all servers of a database of jobs.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use cesar_base::{Records, RecordsError, change_record};

use crate::error::ServeError;
use crate::random::random_hex;

/// The secret of all servers that share these records.
pub(super) fn shared(records: &dyn Records) -> Result<Vec<u8>, ServeError> {
    let new = random_hex::<32>().map_err(|error| ServeError::System(io::Error::other(error)))?;
    let secret = change_record(records, "webhook-secret", |before| {
        Ok::<_, RecordsError>(match before {
            Some(record) => (None, record.text.clone()),
            None => (Some(new.clone()), new.clone()),
        })
    });
    Ok(secret?.into_bytes())
}

/// The secret in the data folder. A created file is readable by its owner alone.
pub(super) fn load_or_create(data: &Path) -> Result<Vec<u8>, ServeError> {
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
    use cesar_base::MemoryRecords;

    use super::*;

    #[test]
    fn a_secret_is_created_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_create(folder.path()).unwrap();
        assert_eq!((first.len(), load_or_create(folder.path()).unwrap()), (64, first));
    }

    #[test]
    fn servers_share_a_secret() {
        let records = MemoryRecords::default();
        let first = shared(&records).unwrap();
        assert_eq!((first.len(), shared(&records).unwrap()), (64, first));
    }
}
