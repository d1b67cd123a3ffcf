//! The result of a key as one object: a line of proof, a line of JSON, and the bytes of a small result.
//!
//! ```text
//! manifest := "cesar-manifest-1 " proof LF header LF bytes?
//! proof    := "sha256:" hex | "hmac-sha256:" hex      over header LF bytes?
//! header   := one line of JSON (`Header`)
//! ```
//! Without a key the proof is a checksum, which detects damage. With one it also proves that the writer had the key: the header
//! has the key of the result and the digest of its bytes, so neither another result nor other bytes can be planted. A reader
//! with a key accepts no checksum; a reader without one cannot check a seal, and accepts a sealed manifest whose bytes have
//! their digest.

use cesar_base::Digest;
use cesar_cache::{INLINE_LIMIT, Key, KeyParts, SharedResult};
use serde::{Deserialize, Serialize};

use super::seal::SealKey;

const MAGIC: &[u8] = b"cesar-manifest-1 ";
const CHECKSUM: &[u8] = b"sha256:";
const SEAL: &[u8] = b"hmac-sha256:";

/// The largest manifest that is read: the bytes of a small result, and a header.
pub(crate) const LARGEST: u64 = INLINE_LIMIT as u64 + 1024 * 1024;

/// The properties of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) key: Key,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Whether the bytes follow; else they are an object.
    pub(crate) inline: bool,
    pub(crate) cost_ms: i64,
    pub(crate) created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) details: Option<String>,
    /// The parts of the key, for people: numbers in JSON may have lost a digit, so the key is not computed from them.
    pub(crate) parts: KeyParts,
}

/// A manifest that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) header: Header,
    /// The bytes, if they are part of it.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// Faults of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not what its writer wrote.
    Damaged,
    /// Its writer did not have the key.
    Unsealed,
}

impl Fault {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Damaged => "its bytes have changed",
            Self::Unsealed => "its writer did not have the key",
        }
    }
}

/// A manifest as bytes.
pub(crate) fn encode(result: &SharedResult, parts: &KeyParts, seal: Option<&SealKey>) -> (Header, Vec<u8>) {
    let inline = result.bytes.len() < INLINE_LIMIT;
    let header = Header {
        key: parts.key(),
        digest: Digest::of(&result.bytes),
        size: result.bytes.len() as u64,
        inline,
        cost_ms: result.cost_ms,
        created_ms: result.created_ms,
        details: result.details.clone(),
        parts: parts.clone(),
    };
    let mut proven =
        serde_json::to_vec(&header).expect("strings, integers, finite numbers and string keys always serialise");
    proven.push(b'\n');
    if inline {
        proven.extend_from_slice(&result.bytes);
    }
    let (kind, proof) = match seal {
        Some(seal) => (SEAL, Digest::from_bytes(seal.seal(&proven))),
        None => (CHECKSUM, Digest::of(&proven)),
    };
    let mut encoded = [MAGIC, kind, proof.to_string().as_bytes(), b"\n"].concat();
    encoded.append(&mut proven);
    (header, encoded)
}

/// Reads and verifies the manifest of `key`.
pub(crate) fn decode(encoded: &[u8], key: &Key, seal: Option<&SealKey>) -> Result<Manifest, Fault> {
    let (proof, proven) = split_line(encoded).ok_or(Fault::Damaged)?;
    let proof = proof.strip_prefix(MAGIC).ok_or(Fault::Damaged)?;
    if let Some(sealed) = proof.strip_prefix(SEAL) {
        let given = digest(sealed).ok_or(Fault::Damaged)?;
        match seal {
            Some(seal) if !seal.is_seal_of(given.as_bytes(), proven) => return Err(Fault::Unsealed),
            _ => (),
        }
    } else {
        let sum = proof.strip_prefix(CHECKSUM).and_then(digest).ok_or(Fault::Damaged)?;
        if Digest::of(proven) != sum {
            return Err(Fault::Damaged);
        }
        if seal.is_some() {
            return Err(Fault::Unsealed);
        }
    }
    let (header, rest) = split_line(proven).ok_or(Fault::Damaged)?;
    let header: Header = serde_json::from_slice(header).map_err(|_| Fault::Damaged)?;
    if header.key != *key {
        return Err(Fault::Damaged);
    }
    let bytes = match header.inline {
        true if is_content(rest, &header) => Some(rest.to_vec()),
        false if rest.is_empty() => None,
        _ => return Err(Fault::Damaged),
    };
    Ok(Manifest { header, bytes })
}

/// Whether these are the bytes of a result.
pub(crate) fn is_content(bytes: &[u8], header: &Header) -> bool {
    bytes.len() as u64 == header.size && Digest::of(bytes) == header.digest
}

/// A digest as it is written, in lower case: one proof has one form.
fn digest(hex: &[u8]) -> Option<Digest> {
    let digest: Digest = std::str::from_utf8(hex).ok()?.parse().ok()?;
    (digest.to_string().as_bytes() == hex).then_some(digest)
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal;
    use crate::testing::{parts, result};

    #[test]
    fn small_results_are_part_of_their_manifest() {
        let key = parts(1).key();
        for (length, inline) in [(0, true), (INLINE_LIMIT - 1, true), (INLINE_LIMIT, false)] {
            let result = result(7, length);
            let (header, encoded) = encode(&result, &parts(1), None);
            let manifest = decode(&encoded, &key, None).unwrap();
            assert_eq!(manifest.header, header);
            assert_eq!(manifest.bytes, inline.then_some(result.bytes));
        }
    }

    #[test]
    fn a_reader_with_a_key_accepts_only_that_key() {
        let (mine, other) = (seal::of(b"0123456789abcdef"), seal::of(b"0123456789abcdeX"));
        let key = parts(1).key();
        let encoded = |seal: Option<&SealKey>| encode(&result(7, 10), &parts(1), seal).1;
        assert!(decode(&encoded(Some(&mine)), &key, Some(&mine)).is_ok());
        assert!(decode(&encoded(Some(&mine)), &key, None).is_ok());
        assert_eq!(decode(&encoded(Some(&other)), &key, Some(&mine)), Err(Fault::Unsealed));
        assert_eq!(decode(&encoded(None), &key, Some(&mine)), Err(Fault::Unsealed));
        // A manifest of another key, moved to this name.
        let moved = encode(&result(7, 10), &parts(2), Some(&mine)).1;
        assert_eq!(decode(&moved, &key, Some(&mine)), Err(Fault::Damaged));
    }

    proptest! {
        /// With either proof, a reader that can check it accepts no other bytes than those that were written.
        #[test]
        fn a_changed_byte_is_detected(at in any::<prop::sample::Index>(), change in 1_u8.., sealed: bool) {
            let secret = seal::of(b"0123456789abcdef");
            let seal = sealed.then_some(&secret);
            let (_, mut encoded) = encode(&result(3, 300), &parts(1), seal);
            let at = at.index(encoded.len());
            encoded[at] ^= change;
            prop_assert!(decode(&encoded, &parts(1).key(), seal).is_err());
        }

        #[test]
        fn a_cut_manifest_is_detected(length in any::<prop::sample::Index>(), sealed: bool) {
            let secret = seal::of(b"0123456789abcdef");
            let seal = sealed.then_some(&secret);
            let (_, encoded) = encode(&result(3, 300), &parts(1), seal);
            let length = length.index(encoded.len());
            prop_assert!(decode(&encoded[..length], &parts(1).key(), seal).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            prop_assert!(decode(&bytes, &parts(1).key(), None).is_err());
        }
    }
}
