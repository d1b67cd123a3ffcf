//! The signature of a webhook: HMAC-SHA-256 over the time and the body, so that neither can be changed nor sent again much later.
//!
//! ```text
//! X-Cesar-Signature: t=1767225600,v1=<hex of HMAC-SHA-256(secret, "1767225600." + body)>
//! ```
//! A receiver computes it anew over the raw body, compares in constant time, and refuses times that are minutes old.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The name of the header.
pub(crate) const HEADER: &str = "x-cesar-signature";

/// The header's value for a body sent at `seconds` since 1970.
pub(crate) fn sign(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let digest: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={seconds},v1={digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_golden() {
        // Computed with Python's `hmac` module.
        let digest = "fa7eaa06bf97d7815f3f456e97cde70c9e50cb005f01660c8d10b10c21964887";
        assert_eq!(
            sign(b"secret", 1_767_225_600, b"{}"),
            format!("t=1767225600,v1={digest}")
        );
    }
}
