//! Times of segments in order.

/// Start and end of a segment behind one that ends at `earliest`, in audio of length `total`; all in ms.
///
/// Windows of an engine may overlap. A segment wholly before `earliest` follows it with its own length, so that its text has a time.
#[must_use]
pub fn in_order(earliest: u64, (start, end): (u64, u64), total: u64) -> (u64, u64) {
    let begin = start.max(earliest);
    let end = if end > begin {
        end
    } else {
        begin.saturating_add(end.saturating_sub(start))
    };
    (begin.min(total), end.min(total))
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn a_segment_begins_behind_the_one_before_it_and_ends_inside_the_audio() {
        assert_eq!(in_order(0, (500, 900), 1000), (500, 900));
        assert_eq!(in_order(700, (500, 900), 1000), (700, 900));
        assert_eq!(in_order(700, (500, 1200), 1000), (700, 1000));
        assert_eq!(in_order(700, (1100, 1200), 1000), (1000, 1000));
    }

    #[test]
    fn a_segment_wholly_before_the_end_of_the_one_before_it_keeps_its_length() {
        assert_eq!(in_order(700, (300, 500), 1000), (700, 900));
        assert_eq!(in_order(700, (300, 700), 1000), (700, 1000));
        assert_eq!(in_order(700, (500, 300), 1000), (700, 700));
    }
}
