//! The lines of one cue: as few as possible, divided where that costs least, and of similar width.

use super::item::Item;

/// More lines than this are filled from the front, without looking for the best division.
const FEW: usize = 4;

/// The number of items in each line, and the cost of the divisions; none where the items need more than `most` lines.
pub(super) fn fill(items: &[Item<'_>], width: usize, most: usize) -> Option<(Vec<usize>, u64)> {
    let greedy = greedy(items, width, most)?;
    match greedy.len() {
        0 | 1 => Some((greedy, 0)),
        count if count <= FEW => Some(best(items, width, count).unwrap_or((greedy, 0))),
        _ => Some((greedy, 0)),
    }
}

/// An item's columns in a line.
fn columns(item: &Item<'_>, first: bool) -> usize {
    item.unit.columns + usize::from(item.unit.spaced && !first)
}

/// Each line takes items while they fit; a wider item has a line of its own.
fn greedy(items: &[Item<'_>], width: usize, most: usize) -> Option<Vec<usize>> {
    let (mut lines, mut filled): (Vec<usize>, usize) = (Vec::new(), 0);
    for item in items {
        let more = columns(item, false);
        match lines.last_mut() {
            Some(count) if !item.begins_line() && filled + more <= width => {
                *count += 1;
                filled += more;
            }
            _ => {
                if lines.len() >= most {
                    return None;
                }
                lines.push(1);
                filled = columns(item, true);
            }
        }
    }
    Some(lines)
}

/// The cheapest division into exactly `count` lines.
fn best(items: &[Item<'_>], width: usize, count: usize) -> Option<(Vec<usize>, u64)> {
    let total: usize = items.iter().map(|item| columns(item, false)).sum();
    let ideal = total / count;
    let uneven = |filled: usize| (filled.abs_diff(ideal).pow(2) / width.max(1)) as u64;
    // The cost of the first items in so many lines, and where the last of these begins.
    let mut costs: Vec<Vec<Option<(u64, usize)>>> = vec![vec![None; items.len() + 1]; count + 1];
    costs[0][0] = Some((0, 0));
    for line in 1..=count {
        let ends = if line == count {
            items.len()..=items.len()
        } else {
            line..=items.len()
        };
        for end in ends {
            let (mut filled, mut found) = (0, None);
            for begin in (0..end).rev() {
                let (item, first) = (&items[begin], begin + 1 == end);
                // The space before the item that begins the line is not shown.
                filled += item.unit.columns
                    + if first {
                        0
                    } else {
                        usize::from(items[begin + 1].unit.spaced)
                    };
                if filled > width && !first {
                    break;
                }
                if let Some((before, _)) = costs[line - 1][begin] {
                    let division = if begin == 0 || item.begins_line() {
                        0
                    } else {
                        items[begin - 1].after
                    };
                    let cost = before + u64::from(division) + uneven(filled);
                    if found.is_none_or(|(least, _)| cost < least) {
                        found = Some((cost, begin));
                    }
                }
                if item.begins_line() {
                    break;
                }
            }
            costs[line][end] = found;
        }
    }
    let (mut lines, mut end) = (Vec::new(), items.len());
    let (cost, _) = costs[count][end]?;
    for line in (1..=count).rev() {
        let (_, begin) = costs[line][end]?;
        lines.push(end - begin);
        end = begin;
    }
    lines.reverse();
    Some((lines, cost))
}
