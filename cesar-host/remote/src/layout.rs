//! Names of the objects of a shared cache. The layout is frozen; another one needs another number.
//!
//! ```text
//! PREFIX/v1/layout.json             marks the place as a shared cache
//! PREFIX/v1/manifests/KK/KEY        the result of a key (`manifest.rs`)
//! PREFIX/v1/objects/DD/DIGEST       the bytes of a large result
//! PREFIX/v1/locks/KK/KEY            the machine that computes a key (`claim.rs`)
//! ```
//! `KK` and `DD` are the first two digits, so that a folder stays small and a bucket spreads its load.

use cesar_base::Digest;
use cesar_cache::Key;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

/// The format that a marker names.
const FORMAT: &str = "cesar-shared-cache";
const VERSION: u32 = 1;

/// The content of the marker.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    format: String,
    version: u32,
}

/// The names below a prefix.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: Path,
}

impl Layout {
    /// Below this prefix of the store; empty for its root.
    pub(crate) fn below(prefix: &str) -> Self {
        Self {
            root: Path::from(prefix),
        }
    }

    /// The prefix itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn marker(&self) -> Path {
        self.versioned("layout.json")
    }

    pub(crate) fn manifests(&self) -> Path {
        self.versioned("manifests")
    }

    pub(crate) fn manifest(&self, key: &Key) -> Path {
        spread(self.manifests(), &key.to_string())
    }

    pub(crate) fn objects(&self) -> Path {
        self.versioned("objects")
    }

    pub(crate) fn object(&self, digest: &Digest) -> Path {
        spread(self.objects(), &digest.to_string())
    }

    pub(crate) fn locks(&self) -> Path {
        self.versioned("locks")
    }

    pub(crate) fn lock(&self, key: &Key) -> Path {
        spread(self.locks(), &key.to_string())
    }

    fn versioned(&self, name: &str) -> Path {
        self.root.clone().join("v1").join(name)
    }
}

fn spread(folder: Path, name: &str) -> Path {
    folder.join(&name[..2]).join(name)
}

/// The bytes of the marker.
pub(crate) fn marker_bytes() -> Vec<u8> {
    let marker = Marker {
        format: FORMAT.to_owned(),
        version: VERSION,
    };
    serde_json::to_vec(&marker).expect("text and a number always serialise")
}

/// The fault of a marker that is not ours.
pub(crate) fn fault_of_marker(bytes: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Marker>(bytes) {
        Ok(marker) if marker.format == FORMAT && marker.version == VERSION => None,
        Ok(marker) if marker.format == FORMAT => Some(format!("its layout is {}", marker.version)),
        _ => Some("its `v1/layout.json` is of another program".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_frozen() {
        let layout = Layout::below("team/x");
        let key = Key::from_bytes([0xab; 32]);
        let name = "ab".repeat(32);
        assert_eq!(layout.marker().as_ref(), "team/x/v1/layout.json");
        assert_eq!(layout.manifest(&key).as_ref(), format!("team/x/v1/manifests/ab/{name}"));
        assert_eq!(layout.lock(&key).as_ref(), format!("team/x/v1/locks/ab/{name}"));
        let digest = Digest::from_bytes([0xcd; 32]);
        let name = "cd".repeat(32);
        assert_eq!(
            Layout::below("").object(&digest).as_ref(),
            format!("v1/objects/cd/{name}")
        );
        assert_eq!(marker_bytes(), br#"{"format":"cesar-shared-cache","version":1}"#);
        assert_eq!(fault_of_marker(&marker_bytes()), None);
        assert!(fault_of_marker(br#"{"format":"cesar-shared-cache","version":2}"#).is_some());
        assert!(fault_of_marker(b"<html>").is_some());
    }
}
