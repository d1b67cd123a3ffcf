//! Fuzz test of the parser (see [`cesar_tests::fuzz`]).
//!
//! The properties: no panic, the same result for the same bytes, and a message in every refusal.

use cesar_tests::fuzz::fuzz;

use super::boundary;
use super::tests::parts_of;

/// The input is a content type and a body, separated by a line end. The size of the pieces does not change the result.
#[test]
fn parts_do_not_depend_on_pieces() {
    fuzz("multipart", |bytes| {
        let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (content_type, body) = (&bytes[..line], bytes.get(line + 1..).unwrap_or_default());
        let Some(boundary) = boundary(&String::from_utf8_lossy(content_type)) else {
            return;
        };
        let whole = parts_of(body, &boundary, &[usize::MAX]);
        let sizes = [1 + bytes.len() % 7, 1 + body.len() % 31];
        assert_eq!(parts_of(body, &boundary, &sizes), whole);
        match whole {
            Ok(parts) => assert!(parts.iter().map(|(_, data)| data.len()).sum::<usize>() <= body.len()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}
