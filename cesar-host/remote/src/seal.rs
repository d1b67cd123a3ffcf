//! The optional key that proves who wrote a manifest.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::error::{RemoteError, Result};

/// The minimum length of a key, in bytes.
const SHORTEST: usize = 16;
/// More is no key but another file.
const LONGEST: u64 = 4_096;

/// A key of HMAC-SHA-256, never shown.
#[derive(Clone)]
pub struct SealKey(Vec<u8>);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SealKey(…)")
    }
}

impl SealKey {
    /// Reads a key from a file that its owner alone can read. White space at the ends is no part of the key.
    ///
    /// # Errors
    /// [`RemoteError::KeyFile`] when the file cannot be read, others can read it, or the key is too short or too long.
    pub fn read(path: &Path) -> Result<Self> {
        let fault = |why: String| RemoteError::KeyFile {
            path: path.to_owned(),
            why,
        };
        let mut file = File::open(path).map_err(|error| fault(error.to_string()))?;
        let status = file.metadata().map_err(|error| fault(error.to_string()))?;
        if !status.is_file() {
            return Err(fault("it is not a regular file".to_owned()));
        }
        if status.mode() & 0o077 != 0 {
            return Err(fault("other users can read it: `chmod 600`".to_owned()));
        }
        let mut bytes = Vec::new();
        (&mut file)
            .take(LONGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| fault(error.to_string()))?;
        let key = bytes.trim_ascii();
        if key.len() < SHORTEST || bytes.len() as u64 > LONGEST {
            return Err(fault(format!("a key has {SHORTEST} to {LONGEST} bytes")));
        }
        Ok(Self(key.to_vec()))
    }

    /// The seal of these bytes.
    pub(crate) fn seal(&self, sealed: &[u8]) -> [u8; 32] {
        self.mac(sealed).finalize().into_bytes().into()
    }

    /// Whether `seal` is that of these bytes, in constant time.
    pub(crate) fn is_seal_of(&self, seal: &[u8; 32], sealed: &[u8]) -> bool {
        self.mac(sealed).verify_slice(seal).is_ok()
    }

    fn mac(&self, sealed: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(sealed);
        mac
    }
}

#[cfg(test)]
pub(crate) fn of(bytes: &[u8]) -> SealKey {
    SealKey(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_read_from_a_file_of_the_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let read = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            SealKey::read(&path).map(|key| key.0).map_err(|error| error.to_string())
        };
        assert_eq!(read(" 0123456789abcdef\n", 0o600).unwrap(), b"0123456789abcdef");
        let error = read("0123456789abcdef", 0o640).unwrap_err();
        assert!(error.contains("other users can read it"), "{error}");
        assert!(read("too short\n", 0o600).is_err());
        assert!(read(&"x".repeat(5_000), 0o600).is_err());
        assert!(SealKey::read(folder.path()).is_err());
    }
}
