//! Pages (RFC 3533, 6): found by their mark, verified by their checksum.

use super::super::bytes::Bytes;
use crate::AudioError;

/// A header without its table of segments.
const HEADER: usize = 27;

/// Maximum length of a page, in bytes.
pub(super) const LONGEST: usize = HEADER + 255 + 255 * 255;

/// Bytes searched at once for a mark.
const SEARCHED: usize = 64 * 1024;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) serial: u32,
    pub(super) sequence: u32,
    /// Position at the end of the last packet that ends in it; `None` if none does.
    pub(super) granule: Option<u64>,
    /// Whether its first packet began in an earlier page.
    pub(super) is_continued: bool,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
    /// Lengths of segments; one below 255 ends a packet.
    pub(super) segments: Vec<u8>,
    pub(super) body: Vec<u8>,
}

/// The result of a search from a position on.
pub(super) enum Found {
    /// A page, its end, and the number of bytes before it that were no page.
    Page(Page, u64, u64),
    /// No page, after a number of other bytes; and whether the last of them begin a page that the file truncates.
    End { skipped: u64, is_cut: bool },
}

/// Finds the next page from `position` on. A mark costs a checksum of up to [`LONGEST`] bytes, so the number of attempts is limited.
pub(super) fn find(bytes: &mut Bytes, position: u64) -> Result<Found, AudioError> {
    let (mut at, mut is_cut) = (position, false);
    loop {
        let Some(mark) = find_mark(bytes, at)? else {
            let skipped = bytes.length().saturating_sub(position);
            return Ok(Found::End { skipped, is_cut });
        };
        match read(bytes, mark)? {
            Read::Page(page, length) => return Ok(Found::Page(page, mark + length, mark - position)),
            Read::Cut => is_cut = true,
            Read::Nothing => {}
            Read::TooMany => {
                let skipped = bytes.length().saturating_sub(position);
                return Ok(Found::End { skipped, is_cut: true });
            }
        }
        at = mark + 1;
    }
}

/// The streams of everything in a range that begins like a page; `None` if too little of it is there.
pub(super) fn marked(bytes: &mut Bytes, (start, end): (u64, u64)) -> Result<Vec<Option<u32>>, AudioError> {
    /// Maximum number of them.
    const MOST: usize = 4096;
    let (mut serials, mut at) = (Vec::new(), start);
    while serials.len() < MOST
        && let Some(mark) = find_mark(bytes, at)?.filter(|mark| *mark < end)
    {
        let serial = bytes
            .at(mark + 14, 4)?
            .first_chunk()
            .map(|serial| u32::from_le_bytes(*serial));
        serials.push(serial);
        at = mark + 1;
    }
    Ok(serials)
}

fn find_mark(bytes: &mut Bytes, start: u64) -> Result<Option<u64>, AudioError> {
    let mut at = start;
    loop {
        let chunk = bytes.at(at, SEARCHED)?;
        if let Some(index) = memchr::memmem::find(chunk, b"OggS") {
            return Ok(Some(at + index as u64));
        }
        if chunk.len() < SEARCHED {
            return Ok(None);
        }
        at += (chunk.len() - 3) as u64;
    }
}

enum Read {
    Page(Page, u64),
    /// It extends beyond the end of the file.
    Cut,
    Nothing,
    /// Too many bytes were checked, so that the rest is not.
    TooMany,
}

fn read(bytes: &mut Bytes, at: u64) -> Result<Read, AudioError> {
    let whole = bytes.at(at, LONGEST)?;
    let Some(header) = whole.first_chunk::<HEADER>() else {
        return Ok(Read::Cut);
    };
    if header[4] != 0 {
        return Ok(Read::Nothing);
    }
    let Some(segments) = whole.get(HEADER..HEADER + usize::from(header[26])) else {
        return Ok(Read::Cut);
    };
    let start = HEADER + segments.len();
    let length = start + segments.iter().map(|length| usize::from(*length)).sum::<usize>();
    if length > whole.len() {
        return Ok(Read::Cut);
    }
    if !bytes.spend(length) {
        return Ok(Read::TooMany);
    }
    let page = bytes.at(at, length)?;
    let (Some(header), Some(segments)) = (page.first_chunk::<HEADER>(), page.get(HEADER..start)) else {
        return Ok(Read::Cut);
    };
    let word = |at: usize| page[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    if word(22) != checksum(page) {
        return Ok(Read::Nothing);
    }
    let granule = u64::from(word(6)) | u64::from(word(10)) << 32;
    let parsed = Page {
        serial: word(14),
        sequence: word(18),
        // It is signed, and negative ones are invalid.
        granule: i64::try_from(granule).ok().map(|_| granule),
        is_continued: header[5] & 1 != 0,
        is_first: header[5] & 2 != 0,
        is_last: header[5] & 4 != 0,
        segments: segments.to_vec(),
        body: page[start..].to_vec(),
    };
    Ok(Read::Page(parsed, length as u64))
}

/// CRC-32 with the polynomial 0x04C11DB7, not reflected, over the page with its checksum as 0.
pub(super) fn checksum(page: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    page.iter().enumerate().fold(0, |sum: u32, (index, byte)| {
        let byte = if (22..26).contains(&index) { 0 } else { *byte };
        sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)]
    })
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            value = if value >> 31 == 1 {
                value << 1 ^ 0x04C1_1DB7
            } else {
                value << 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

impl Page {
    /// The packets and pieces in it: bytes, and whether the packet ends here.
    pub(super) fn pieces(&self) -> Vec<(&[u8], bool)> {
        let (mut pieces, mut start, mut end) = (Vec::new(), 0, 0);
        for (index, length) in self.segments.iter().enumerate() {
            end += usize::from(*length);
            let ends = *length < 255;
            if ends || index + 1 == self.segments.len() {
                pieces.push((&self.body[start..end], ends));
                start = end;
            }
        }
        pieces
    }
}

/// Makes a page, for tests.
#[cfg(test)]
pub(super) fn write(page: &Page) -> Vec<u8> {
    let flags = u8::from(page.is_continued) | u8::from(page.is_first) << 1 | u8::from(page.is_last) << 2;
    let mut bytes = [b"OggS".as_slice(), &[0, flags]].concat();
    bytes.extend(page.granule.unwrap_or(u64::MAX).to_le_bytes());
    bytes.extend(page.serial.to_le_bytes());
    bytes.extend(page.sequence.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.push(page.segments.len() as u8);
    bytes.extend(&page.segments);
    bytes.extend(&page.body);
    let sum = checksum(&bytes);
    bytes[22..26].copy_from_slice(&sum.to_le_bytes());
    bytes
}
