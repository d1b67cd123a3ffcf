//! Properties in `moov` shared by all tracks.

use std::io;

use super::atom::Atom;
use super::edits::Scales;
use super::fragments::Defaults;
use super::input::{Input, u32_at, u64_at};
use crate::clock::nanoseconds;
use crate::demux::Nanoseconds;

/// Maximum number of tracks examined.
pub(super) const MOST_TRACKS: usize = 256;

/// The movie.
#[derive(Debug, Default)]
pub(super) struct Movie {
    /// Ticks per second of the movie's clock.
    pub(super) scale: u32,
    /// Whether samples come in fragments.
    pub(super) is_fragmented: bool,
    /// The declared end of a fragmented movie.
    pub(super) declared_end: Option<Nanoseconds>,
    /// Encoder delay in samples, from `iTunSMPB`.
    pub(super) apple_delay: Option<u64>,
    defaults: Vec<(u32, Defaults)>,
}

impl Movie {
    /// Reads the body of `moov`.
    pub(super) fn read(input: &mut Input, index: &Atom) -> io::Result<Self> {
        let header = index.body_of(input, b"mvhd", 32)?;
        let mut movie = Self {
            scale: u32_at(&header, if header.first() == Some(&1) { 20 } else { 12 }).unwrap_or(0),
            ..Self::default()
        };
        if let Some(extends) = index.find(input, b"mvex")? {
            movie.read_extends(input, &extends)?;
        }
        for name in [b"udta", b"meta"] {
            let tags = index.body_of(input, name, 1 << 20)?;
            movie.apple_delay = movie.apple_delay.or_else(|| apple_delay(&tags));
        }
        Ok(movie)
    }

    /// The duration that the header of `index` states.
    pub(super) fn duration(input: &mut Input, index: &Atom) -> io::Result<Option<Nanoseconds>> {
        let header = index.body_of(input, b"mvhd", 32)?;
        let (scale, ticks) = match header.first() {
            Some(1) => (u32_at(&header, 20), u64_at(&header, 24)),
            _ => (u32_at(&header, 12), u32_at(&header, 16).map(u64::from)),
        };
        let scaled = scale.zip(ticks).filter(|(scale, _)| *scale > 0);
        Ok(scaled.map(|(scale, ticks)| nanoseconds(ticks, scale)))
    }

    fn read_extends(&mut self, input: &mut Input, extends: &Atom) -> io::Result<()> {
        self.is_fragmented = true;
        let mut children = extends.children(input);
        while let Some(child) = children.next(input)? {
            let body = child.body(input, 32)?;
            match &child.name {
                b"trex" if self.defaults.len() < MOST_TRACKS => self.defaults.extend(Defaults::read(&body)),
                b"mehd" => {
                    let long = u64_at(&body, 4).filter(|_| body.first() == Some(&1));
                    let ticks = long.or(u32_at(&body, 4).map(u64::from)).filter(|ticks| *ticks > 0);
                    let scales = Scales {
                        track: self.scale,
                        movie: self.scale,
                    };
                    self.declared_end = ticks.filter(|_| self.scale > 0).map(|ticks| scales.nanoseconds(ticks));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The defaults for the samples of a track in fragments.
    pub(super) fn defaults(&self, track: u32) -> Defaults {
        let found = self.defaults.iter().find(|(id, _)| *id == track);
        found.map_or(Defaults::default(), |(_, defaults)| *defaults)
    }
}

/// The second hexadecimal number of an `iTunSMPB` comment: the encoder delay in samples.
fn apple_delay(tags: &[u8]) -> Option<u64> {
    let name = b"iTunSMPB";
    let after_name = tags.windows(name.len()).position(|window| window == name)? + name.len();
    // The value is the body of a `data` atom, whose header and flags take 16 bytes.
    let text = String::from_utf8_lossy(tags.get(after_name + 16..)?.get(..64)?).into_owned();
    u64::from_str_radix(text.split_ascii_whitespace().nth(1)?, 16).ok()
}
