//! The lengths of Opus packets, by the times of their blocks.
//!
//! What packets are usually long is known once one is as long as its block. Damaged packets before it, and those that share a block with
//! others, are believed.

use super::super::xiph::{OPUS_RATE, OpusLengths};
use super::{Loss, Packet};
use crate::clock::{SECOND, frames, nanoseconds};

/// Maximum length of an Opus packet (RFC 6716, 3.2.5).
const LONGEST: i64 = SECOND * 12 / 100;

/// Keeps each packet until the next one shows how long it is: the length that a damaged one states would move all that follows.
#[derive(Debug, Default)]
pub(super) struct Held {
    packet: Option<Packet>,
    lengths: OpusLengths,
}

impl Held {
    /// Takes a packet for the one before. One of damaged length becomes a loss in front of this one. Packets of other codecs pass
    /// through.
    pub(super) fn exchange(&mut self, mut packet: Packet, is_opus: bool) -> Option<Packet> {
        if !is_opus && self.packet.is_none() {
            return Some(packet);
        }
        let Some(mut before) = self.packet.take() else {
            self.packet = Some(packet);
            return None;
        };
        let length = block_time(&packet)
            .zip(block_time(&before))
            .map(|(end, start)| end - start);
        let length = length.filter(|length| is_opus && packet.codec.is_none() && *length > 0);
        let is_damaged = length.is_some_and(|length| self.lengths.is_damaged(&before.data, frames(length, OPUS_RATE)));
        if is_damaged {
            before.lost.add(Loss {
                duration: length.map(|length| length.min(LONGEST)),
                message: OpusLengths::MESSAGE.to_owned(),
            });
            before.lost.append(packet.lost.take());
            packet.lost = before.lost.take();
            packet.codec = before.codec.take();
        }
        self.packet = Some(packet);
        (!is_damaged).then_some(before)
    }

    /// The last packet, whose length nothing shows.
    pub(super) fn last(&mut self) -> Option<Packet> {
        self.packet.take()
    }
}

/// The time of the packet's block, if it is the first in it.
fn block_time(packet: &Packet) -> Option<i64> {
    packet
        .time
        .map(|time| time.saturating_sub(nanoseconds(packet.skip, OPUS_RATE)))
}
