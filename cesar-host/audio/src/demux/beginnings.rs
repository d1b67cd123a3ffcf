//! Places where another recording can begin behind the end of one, and whether one of another kind does, by its first bytes.
//!
//! Frames without a container have no such bytes: [`another`](super::another) looks for them, too.

use super::bytes::Bytes;
use crate::AudioError;
use crate::kind::{self, Kind};

/// Whether a recording of another kind begins at the position, behind zeros or not, by more than frames.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(super) fn is_other_kind(bytes: &mut Bytes, position: u64, own: Kind) -> Result<bool, AudioError> {
    for position in positions(bytes, position)? {
        let kind = kind::by_head(bytes.at(position, kind::HEAD)?);
        if kind.is_recording() && kind != own {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where a file can begin behind zeros from the position on: there, or at the last zeros, which may be its own, or behind them.
///
/// # Errors
/// [`AudioError::Unreadable`].
pub(super) fn positions(bytes: &mut Bytes, position: u64) -> Result<Vec<u64>, AudioError> {
    /// Zeros that files of some kinds begin with.
    const OWN: u64 = 3;
    let end = behind_filling(bytes, position)?;
    let from = end.saturating_sub(OWN).max(position);
    let others = (from..=end).filter(|begin| *begin > position);
    Ok(std::iter::once(position).chain(others).collect())
}

/// The position behind zeros that fill up a sector; the same position if there are none, or too many.
///
/// # Errors
/// [`AudioError::Unreadable`].
fn behind_filling(bytes: &mut Bytes, position: u64) -> Result<u64, AudioError> {
    /// Maximum number of such zeros.
    const FILLING: usize = 64 * 1024;
    let zeros = bytes
        .at(position, FILLING)?
        .iter()
        .take_while(|byte| **byte == 0)
        .count();
    Ok(position + if zeros < FILLING { zeros as u64 } else { 0 })
}
