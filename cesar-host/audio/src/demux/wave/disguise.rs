//! Compressed sound stored as if it were 16-bit stereo: bursts of IEC 61937 (as sent over S/PDIF) and DTS.
//!
//! Played as samples it is noise. A sync word may occur in real samples by chance, so it counts only if nothing but silence is
//! before it, or if it occurs again.

/// Bytes examined.
pub(super) const SEARCHED: usize = 128 * 1024;

/// Sync words in the byte order of the file, and the formats that they begin.
const SYNCS: &[(&[u8], Option<&str>)] = &[
    (b"\x72\xf8\x1f\x4e", None),
    (b"\xf8\x72\x4e\x1f", None),
    (b"\xfe\x7f\x01\x80", Some("dts")),
    (b"\x7f\xfe\x80\x01", Some("dts")),
    (b"\xff\x1f\x00\xe8", Some("dts (14 bits)")),
    (b"\x1f\xff\xe8\x00", Some("dts (14 bits)")),
];

/// The real format of apparent 16-bit stereo samples.
pub(super) fn recognise(data: &[u8]) -> Option<&'static str> {
    SYNCS.iter().find_map(|(sync, name)| {
        let places: Vec<_> = (0..data.len().saturating_sub(8))
            .step_by(2)
            .filter(|at| data[*at..].starts_with(sync))
            .collect();
        let is_first_sound = data[..*places.first()?].iter().all(|byte| *byte == 0);
        if !is_first_sound && places.len() < 2 {
            return None;
        }
        // A capture may begin with pauses.
        name.or_else(|| places.iter().find_map(|at| burst(sync, &data[at + 4..])))
    })
}

/// The content of a burst of IEC 61937, by the word behind its sync words; `None` for pauses and unknown words.
fn burst(sync: &[u8], rest: &[u8]) -> Option<&'static str> {
    let kind = match sync[0] {
        0x72 => rest.first()?,
        _ => rest.get(1)?,
    };
    Some(match kind & 0x1F {
        1 => "ac3 (IEC 61937)",
        4..=6 | 8..=10 => "mpeg audio (IEC 61937)",
        7 | 19 | 20 => "aac (IEC 61937)",
        11..=13 | 17 => "dts (IEC 61937)",
        14 | 15 => "atrac (IEC 61937)",
        18 => "wma (IEC 61937)",
        21 => "eac3 (IEC 61937)",
        22 => "truehd (IEC 61937)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AC3: &[u8] = b"\x72\xf8\x1f\x4e\x01\x00\x00\x12\x77\x0b\x1d\x46";

    #[test]
    fn sync_words_count_at_the_beginning_or_twice() {
        let noise: Vec<u8> = (0..4_000_u32).map(|at| (at * 37 % 251) as u8).collect();
        let bursts = [AC3, &noise].concat();
        assert_eq!(recognise(&bursts), Some("ac3 (IEC 61937)"));
        assert_eq!(recognise(&[&[0; 640], &bursts[..]].concat()), Some("ac3 (IEC 61937)"));
        assert_eq!(
            recognise(&[&noise, &bursts[..], &bursts].concat()),
            Some("ac3 (IEC 61937)")
        );
        let pause = b"\x72\xf8\x1f\x4e\x03\x00\x20\x00\0\0\0\0";
        assert_eq!(recognise(&[pause, &bursts[..]].concat()), Some("ac3 (IEC 61937)"));
        // By chance, in samples.
        assert_eq!(recognise(&[&noise, &bursts[..]].concat()), None);
        assert_eq!(recognise(&noise), None);
        assert_eq!(recognise(&[0; 64]), None);
    }

    #[test]
    fn every_way_to_write_dts_is_known() {
        for (sync, name) in SYNCS {
            let bytes = [sync, &b"\x0b\x0b"[..], &[1; 90]].concat();
            assert_eq!(recognise(&bytes), name.or(Some("dts (IEC 61937)")), "{sync:x?}");
        }
    }
}
