//! Random bytes for what reads the forms of clients (see [`cesar_tests::fuzz`]).
//!
//! The laws: nothing panics, nothing is accepted that is not accepted again, and every refusal is a sentence.

use cesar_tests::fuzz::fuzz;

use super::boundary;
use super::tests::parts_of;

/// A content type and a body, divided by a line's end: parts or a refusal, the same ones however the network cuts the bytes.
#[test]
fn the_parser_of_forms() {
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
