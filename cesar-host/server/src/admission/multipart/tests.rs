//! Tests of the parser: bodies of real clients, malformed bodies, and bodies in pieces of every size.

use std::convert::Infallible;

use cesar_base::names::visible;
use futures_util::stream;
use proptest::prelude::*;

use super::parser::{HEAD_LIMIT, PREAMBLE_LIMIT};
use super::*;

/// A parsed part.
type Part = (Head, Vec<u8>);

/// The parts of a body in pieces of these sizes, repeated in turn.
pub(crate) fn parts_of(body: &[u8], boundary: &str, sizes: &[usize]) -> Result<Vec<Part>, Malformed> {
    let mut parser = Parser::new(boundary);
    let (mut parts, mut rest) = (Vec::<Part>::new(), body);
    let mut sizes = sizes.iter().cycle().map(|size| (*size).max(1));
    loop {
        match parser.next()? {
            Some(Event::Part(head)) => parts.push((head, Vec::new())),
            Some(Event::Data(bytes)) => {
                assert!(!bytes.is_empty());
                parts.last_mut().unwrap().1.extend_from_slice(&bytes);
            }
            Some(Event::End) => {}
            None if parser.is_done() => return Ok(parts),
            None if rest.is_empty() => {
                assert!(!parser.ended, "it waits for more bytes after the end");
                parser.end();
            }
            None => {
                let (piece, behind) = rest.split_at(sizes.next().unwrap_or(usize::MAX).min(rest.len()));
                parser.feed(piece);
                rest = behind;
            }
        }
    }
}

/// One line for each part.
fn shown(body: &[u8], boundary: &str) -> String {
    let parts = match parts_of(body, boundary, &[usize::MAX]) {
        Ok(parts) => parts,
        Err(error) => return format!("refused: {error}"),
    };
    for sizes in [&[1][..], &[2, 3], &[7]] {
        assert_eq!(parts_of(body, boundary, sizes).as_ref(), Ok(&parts));
    }
    let line = |(head, data): &Part| {
        let text = |text: &Option<String>| visible(text.as_deref().unwrap_or("-")).into_owned();
        format!("{} {} {}", text(&head.name), text(&head.file_name), data.escape_ascii())
    };
    parts.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn forms_of_real_clients_are_read() {
    let clients: &[(&str, &str, &[u8])] = &[
        (
            "Go 1.19, mime/multipart",
            include_str!("clients/go.type"),
            include_bytes!("clients/go.body"),
        ),
        (
            ".NET Core 3.1, MultipartFormDataContent",
            include_str!("clients/dotnet.type"),
            include_bytes!("clients/dotnet.body"),
        ),
        (
            "curl 7.88",
            include_str!("clients/curl.type"),
            include_bytes!("clients/curl.body"),
        ),
        (
            "Python, requests 2.34",
            include_str!("clients/requests.type"),
            include_bytes!("clients/requests.body"),
        ),
        (
            "Node 20, fetch",
            include_str!("clients/node.type"),
            include_bytes!("clients/node.body"),
        ),
        (
            "Chromium 148, fetch",
            include_str!("clients/chromium.type"),
            include_bytes!("clients/chromium.body"),
        ),
    ];
    let mut shown_parts = String::new();
    for (client, content_type, body) in clients {
        let boundary = boundary(content_type.trim()).unwrap();
        shown_parts += &format!("{client}\n{}\n\n", shown(body, &boundary));
    }
    insta::assert_snapshot!(shown_parts);
}

#[test]
fn malformed_forms_are_refused() {
    let file = "Content-Disposition: form-data; name=\"file\"";
    let cases: &[(&str, String)] = &[
        ("no file name", format!("--b\r\n{file}\r\n\r\nRIFF\r\n--b--\r\n")),
        ("filename* alone", format!("--b\r\n{file}; filename*=UTF-8''na%C3%AFve.mp3\r\n\r\nRIFF\r\n--b--\r\n")),
        (
            "filename* first",
            "--b\r\nContent-Disposition: form-data; filename*=UTF-8''a%20b.mp3; filename=\"a_b.mp3\"; name=\"file\"\r\n\r\nx\r\n--b--".into(),
        ),
        ("a Latin-1 name", format!("--b\r\n{file}; filename*=iso-8859-1'en'na%EFve.mp3; filename=x\r\n\r\nx\r\n--b--")),
        ("a star that cannot be read", format!("--b\r\n{file}; filename*=UTF-8''%ff; filename=x.wav\r\n\r\nx\r\n--b--")),
        ("capitals", "--b\r\nCONTENT-DISPOSITION: FORM-DATA; NAME=file; FILENAME=\"x.wav\"\r\nCONTENT-TYPE: audio/wav\r\n\r\nx\r\n--b--".into()),
        ("quotes and backslashes", format!("--b\r\n{file}; filename=\"C:\\dir\\a \\\"b\\\"; %22c%22.wav\"\r\n\r\nx\r\n--b--")),
        ("bare LF", format!("--b\n{file}; filename=x\n\nRIFF\n--b\nContent-Disposition: form-data; name=model\n\nm\n--b--\n")),
        ("no last boundary", format!("--b\r\n{file}\r\n\r\nRIFF\r\n")),
        ("no last line end", format!("--b\r\n{file}\r\n\r\nRIFF")),
        ("a cut last boundary", format!("--b\r\n{file}\r\n\r\nRIFF\r\n--")),
        ("a boundary that does not end the form", format!("--b\r\n{file}\r\n\r\nRIFF\r\n--b\r\n")),
        ("a boundary inside the data", format!("--b\r\n{file}\r\n\r\n\r\n--bb\r\n--b-\r\n--b--\r\n")),
        ("no data", format!("--b\r\n{file}\r\n\r\n\r\n--b\r\n{file}\r\n\r\n--b--\r\n")),
        ("no headers", "--b\r\n\r\nx\r\n--b--\r\n".into()),
        ("a preamble, padding and an epilogue", format!("for old readers\r\n--b \t\r\n{file}\r\n\r\nx\r\n--b--\r\nmore")),
        ("an empty form", "--b--\r\n".into()),
        ("nothing", String::new()),
        ("no boundary", format!("--c\r\n{file}\r\n\r\nx\r\n--c--")),
        ("a cut head", format!("--b\r\n{file}")),
        ("headers that are none", "--b\r\nfile\r\n\r\nx\r\n--b--".into()),
        ("a control character in a file name", format!("--b\r\n{file}; filename=\"a\x1b[31mb\x7f.wav\"\r\n\r\nx\r\n--b--")),
        ("NUL in a file name", format!("--b\r\n{file}; filename=\"a\0b.wav\"\r\n\r\nx\r\n--b--")),
        ("a bare CR in a file name", format!("--b\r\n{file}; filename=\"a\rb.wav\"\r\n\r\nx\r\n--b--")),
        ("folded headers", "--b\r\nContent-Disposition: form-data;\r\n name=\"file\";\r\n\tfilename=\"a\r\n b.wav\"\r\nContent-Type:\n audio/wav\r\n\r\nx\r\n--b--".into()),
        ("a fold before the first header", format!("--b\r\n {file}\r\n\r\nx\r\n--b--")),
        ("a header without a name", "--b\r\n: form-data\r\n\r\nx\r\n--b--".into()),
        ("a control character in a header's name", format!("--b\r\nX\x1b: y\r\n{file}\r\n\r\nx\r\n--b--")),
        ("endless headers", format!("--b\r\n{file}\r\nX: {}\r\n\r\nx\r\n--b--", "x".repeat(HEAD_LIMIT))),
        ("too many headers", format!("--b\r\n{}\r\nx\r\n--b--", "X: y\r\n".repeat(100))),
        ("an endless preamble", format!("{}\r\n--b\r\n\r\nx\r\n--b--", "x".repeat(PREAMBLE_LIMIT))),
    ];
    let lines = cases
        .iter()
        .map(|(name, body)| format!("[{name}]\n{}", shown(body.as_bytes(), "b")));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn boundaries_of_content_types_are_read() {
    for (given, wanted) in [
        ("multipart/form-data; boundary=x", Some("x")),
        ("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b\"", Some("a b")),
        (
            "multipart/form-data; boundary=----WebKitFormBoundaryABC",
            Some("----WebKitFormBoundaryABC"),
        ),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/mixed; boundary=x", None),
        ("text/plain", None),
    ] {
        assert_eq!(boundary(given).as_deref(), wanted, "{given}");
    }
    assert_eq!(
        boundary(&format!("multipart/form-data; boundary={}", "x".repeat(300))),
        None
    );
}

/// The parts as multer reads them; `None` if it refuses.
fn multers_parts(body: &[u8]) -> Option<Vec<(Option<String>, Vec<u8>)>> {
    let body = body.to_vec();
    let stream = stream::once(async move { Ok::<_, Infallible>(body) });
    let mut form = multer::Multipart::new(stream, "b");
    let read = async {
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().await? {
            let name = field.name().map(str::to_owned);
            parts.push((name, field.bytes().await?.to_vec()));
        }
        Ok::<_, multer::Error>(parts)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(read).ok()
}

/// Bytes with those that matter to a parser of forms.
fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"\r"[..],
        b"\n",
        b"\r\n",
        b"--",
        b"-",
        b"--b",
        b"--b-",
        b" ",
        b"x",
        b"\xff",
        b"\r\n--",
        b":",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The network decides where bytes are cut, so that must decide nothing.
    #[test]
    fn the_size_of_pieces_does_not_matter(
        bodies in prop::collection::vec(some_bytes(), 0..4),
        sizes in prop::collection::vec(1..20_usize, 1..6),
        line in prop::sample::select(vec!["\n", "\r\n"]),
        cut in 0..40_usize,
    ) {
        let mut form = Vec::new();
        for body in &bodies {
            form.extend(format!("--b{line}Content-Disposition: form-data; name=x{line}{line}").bytes());
            form.extend(body);
            form.extend(line.bytes());
        }
        form.extend(b"--b--\r\n");
        form.truncate(form.len().saturating_sub(cut));
        prop_assert_eq!(parts_of(&form, "b", &sizes), parts_of(&form, "b", &[usize::MAX]));
    }

    /// A well-formed form is read as multer reads it.
    #[test]
    fn parts_of_well_formed_forms_equal_multers(bodies in prop::collection::vec(some_bytes(), 0..5)) {
        let has_boundary = |body: &Vec<u8>| {
            let text = [b"\r\n".as_slice(), body, b"\r\n"].concat();
            text.windows(4).any(|window| window == b"\n--b")
        };
        prop_assume!(!bodies.iter().any(has_boundary));
        let mut form = Vec::new();
        for (number, body) in bodies.iter().enumerate() {
            form.extend(format!("--b\r\nContent-Disposition: form-data; name=\"field {number}\"\r\n\r\n").bytes());
            form.extend(body);
            form.extend(b"\r\n");
        }
        form.extend(b"--b--\r\n");
        let ours = parts_of(&form, "b", &[5, 11]).unwrap();
        let ours: Vec<_> = ours.into_iter().map(|(head, data)| (head.name, data)).collect();
        let sent: Vec<_> = bodies.iter().enumerate().map(|(number, body)| (Some(format!("field {number}")), body.clone())).collect();
        prop_assert_eq!(&ours, &sent);
        prop_assert_eq!(Some(ours), multers_parts(&form));
    }

    /// A body that multer accepts is accepted, with the same data.
    #[test]
    fn forms_that_multer_accepts_are_accepted(body in some_bytes(), tail in some_bytes()) {
        let form = [b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n".as_slice(), &body, b"\r\n--b--", &tail].concat();
        prop_assume!(!body.windows(4).any(|window| window == b"\n--b") && !body.starts_with(b"--b"));
        if let Some(theirs) = multers_parts(&form) {
            let ours = parts_of(&form, "b", &[3]).unwrap();
            let ours: Vec<_> = ours.into_iter().map(|(head, data)| (head.name, data)).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
