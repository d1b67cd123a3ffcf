//! MP4 files, byte by byte.

/// An atom.
pub(super) fn atom(name: &[u8; 4], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], name, body].concat()
}

/// An atom with version and flags.
pub(super) fn full(name: &[u8; 4], version: u8, flags: u32, body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = u32::from(version) << 24 | flags;
    atom(name, [&head.to_be_bytes()[..], body.as_ref()].concat())
}

/// Big-endian numbers.
pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Rows behind their number.
pub(super) fn rows(width: usize, numbers: &[u32]) -> Vec<u8> {
    let count = u32::try_from(numbers.len() / width).unwrap();
    [words(&[count]), words(numbers)].concat()
}

/// A sound description of version 0 with atoms behind it.
pub(super) fn entry(name: &[u8; 4], rate: u32, channels: u16, bits: u16, atoms: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 28];
    body[7] = 1;
    body[16..18].copy_from_slice(&channels.to_be_bytes());
    body[18..20].copy_from_slice(&bits.to_be_bytes());
    body[24..28].copy_from_slice(&(rate << 16).to_be_bytes());
    body.extend(atoms);
    atom(name, body)
}

/// An entry of version 1: frames and bytes of a packet.
pub(super) fn entry_1(name: &[u8; 4], rate: u32, channels: u16, packet: (u32, u32), atoms: &[u8]) -> Vec<u8> {
    let extra = [words(&[packet.0, 0, packet.1, 2]), atoms.to_vec()].concat();
    let mut entry = entry(name, rate, channels, 16, &extra);
    entry[17] = 1;
    entry
}

/// An `esds` with this configuration.
pub(super) fn esds(object_type: u8, specific: &[u8]) -> Vec<u8> {
    let descriptor = |tag: u8, body: Vec<u8>| [vec![tag, 0x80, u8::try_from(body.len()).unwrap()], body].concat();
    let config = [vec![object_type, 0x15], vec![0; 11], descriptor(5, specific.to_vec())].concat();
    let stream = [vec![0, 1, 0], descriptor(4, config)].concat();
    full(b"esds", 0, 0, descriptor(3, stream))
}

/// AAC-LC, 48 kHz, mono.
pub(super) const AAC: [u8; 2] = [0x11, 0x88];

pub(super) fn aac() -> Vec<u8> {
    entry(b"mp4a", 48_000, 1, 16, &esds(0x40, &AAC))
}

/// A track to be written.
#[derive(Debug, Clone)]
pub(super) struct TrackFile {
    pub(super) id: u32,
    pub(super) scale: u32,
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) samples: Vec<Vec<u8>>,
    /// Number and duration of samples.
    pub(super) durations: Vec<u32>,
    /// Duration in milliseconds and media time.
    pub(super) edits: Vec<(u32, i32)>,
    /// First chunk (from 1), samples in it, description.
    pub(super) groups: Vec<u32>,
    /// Written instead of a table of sizes: size and number.
    pub(super) constant_size: Option<(u32, u32)>,
    /// The chunks lie in the file in reverse order.
    pub(super) is_reversed: bool,
    pub(super) has_long_offsets: bool,
    pub(super) is_enabled: bool,
    pub(super) language: u16,
    pub(super) handler: &'static str,
    /// More atoms in `trak`.
    pub(super) more: Vec<u8>,
    pub(super) is_external: bool,
}

/// Sample `index` of tracks made here.
pub(super) fn content(index: usize) -> Vec<u8> {
    vec![u8::try_from(index % 251).unwrap() + 1; 10 + index % 7]
}

impl TrackFile {
    /// `count` packets of AAC, four in a chunk.
    pub(super) fn aac(count: usize) -> Self {
        Self {
            id: 1,
            scale: 48_000,
            entries: vec![aac()],
            samples: (0..count).map(content).collect(),
            durations: vec![u32::try_from(count).unwrap(), 1024],
            edits: Vec::new(),
            groups: vec![1, 4, 1],
            constant_size: None,
            is_reversed: false,
            has_long_offsets: false,
            is_enabled: true,
            language: 0x55C4,
            handler: "SoundHandler",
            more: Vec::new(),
            is_external: false,
        }
    }

    /// Frames of fixed size, 1,000 in a chunk.
    pub(super) fn frames(entry: Vec<u8>, size: (u32, u32), data: Vec<u8>, chunk: u32) -> Self {
        Self {
            entries: vec![entry],
            samples: vec![data],
            durations: vec![size.1, 1],
            groups: vec![1, chunk, 1],
            constant_size: Some(size),
            ..Self::aac(0)
        }
    }

    /// The samples of each chunk, joined.
    fn chunks(&self) -> Vec<Vec<u8>> {
        if self.constant_size.is_some() {
            return vec![self.samples.concat()];
        }
        let (mut chunks, mut next, mut number) = (Vec::new(), 0, 1);
        while next < self.samples.len() {
            let group = self.groups.chunks(3).rfind(|group| group[0] <= number).unwrap();
            let end = (next + group[1] as usize).min(self.samples.len());
            chunks.push(self.samples[next..end].concat());
            (next, number) = (end, number + 1);
        }
        chunks
    }

    /// The content of `mdat`, and the positions of chunks in it.
    fn media(&self) -> (Vec<u8>, Vec<usize>) {
        let chunks = self.chunks();
        let mut order = (0..chunks.len()).collect::<Vec<_>>();
        if self.is_reversed {
            order.reverse();
        }
        let (mut media, mut offsets) = (Vec::new(), vec![0; chunks.len()]);
        for chunk in order {
            offsets[chunk] = media.len();
            media.extend(&chunks[chunk]);
            media.extend(b"video");
        }
        (media, offsets)
    }

    fn table(&self, offsets: &[usize]) -> Vec<u8> {
        let sizes = self.samples.iter().map(|sample| u32::try_from(sample.len()).unwrap());
        let sizes = match self.constant_size {
            Some((size, count)) => words(&[size, count]),
            None => [words(&[0]), rows(1, &sizes.collect::<Vec<_>>())].concat(),
        };
        let short = offsets
            .iter()
            .map(|&offset| u32::try_from(offset).unwrap())
            .collect::<Vec<_>>();
        let long = short.iter().flat_map(|&offset| [0, offset]).collect::<Vec<_>>();
        let offsets = match self.has_long_offsets {
            true => full(b"co64", 0, 0, rows(2, &long)),
            false => full(b"stco", 0, 0, rows(1, &short)),
        };
        let description = [
            words(&[u32::try_from(self.entries.len()).unwrap()]),
            self.entries.concat(),
        ]
        .concat();
        [
            offsets,
            full(b"stsz", 0, 0, sizes),
            full(b"stsc", 0, 0, rows(3, &self.groups)),
            full(b"stts", 0, 0, rows(2, &self.durations)),
            full(b"stsd", 0, 0, description),
        ]
        .concat()
    }

    fn trak(&self, offsets: &[usize]) -> Vec<u8> {
        let header = full(
            b"tkhd",
            0,
            u32::from(self.is_enabled),
            [words(&[0, 0, self.id]), vec![0; 68]].concat(),
        );
        let edits = self
            .edits
            .iter()
            .flat_map(|&(duration, time)| [duration, time.cast_unsigned(), 1 << 16]);
        let edits = edits.collect::<Vec<_>>();
        let edits = match edits.is_empty() {
            true => Vec::new(),
            false => atom(b"edts", full(b"elst", 0, 0, rows(3, &edits))),
        };
        let media_header = [
            words(&[0, 0, self.scale, 0]),
            self.language.to_be_bytes().to_vec(),
            vec![0; 2],
        ]
        .concat();
        let handler = [
            words(&[0]),
            b"soun".to_vec(),
            vec![0; 12],
            self.handler.as_bytes().to_vec(),
            vec![0],
        ]
        .concat();
        let reference = full(b"url ", 0, u32::from(!self.is_external), b"");
        let data = atom(b"dinf", full(b"dref", 0, 0, [words(&[1]), reference].concat()));
        let information = atom(b"minf", [data, atom(b"stbl", self.table(offsets))].concat());
        let media = [
            full(b"mdhd", 0, 0, media_header),
            full(b"hdlr", 0, 0, handler),
            information,
        ];
        atom(
            b"trak",
            [header, edits, atom(b"mdia", media.concat()), self.more.clone()].concat(),
        )
    }
}

/// `moov` of tracks whose media begin at these places.
pub(super) fn moov(tracks: &[TrackFile], starts: &[usize], more: &[u8]) -> Vec<u8> {
    let header = full(b"mvhd", 0, 0, [words(&[0, 0, 1000, 0]), vec![0; 80]].concat());
    let tracks = tracks.iter().zip(starts).map(|(track, start)| {
        let offsets = track.media().1;
        track.trak(&offsets.iter().map(|offset| start + offset).collect::<Vec<_>>())
    });
    atom(
        b"moov",
        [header, tracks.collect::<Vec<_>>().concat(), more.to_vec()].concat(),
    )
}

pub(super) fn ftyp() -> Vec<u8> {
    atom(b"ftyp", b"isom\0\0\0\0")
}

/// A file of tracks: the index at the end.
pub(super) fn file(tracks: &[TrackFile]) -> Vec<u8> {
    file_with(&ftyp(), tracks, &[])
}

/// The same with another beginning, and with more in `moov`.
pub(super) fn file_with(head: &[u8], tracks: &[TrackFile], more: &[u8]) -> Vec<u8> {
    let mut starts = Vec::new();
    let mut media = Vec::new();
    for track in tracks {
        starts.push(head.len() + 8 + media.len());
        media.extend(track.media().0);
    }
    [head.to_vec(), atom(b"mdat", media), moov(tracks, &starts, more)].concat()
}

/// The same with the index at the front.
pub(super) fn front(tracks: &[TrackFile]) -> Vec<u8> {
    let length = moov(tracks, &vec![0; tracks.len()], &[]).len();
    let mut starts = Vec::new();
    let mut media = Vec::new();
    for track in tracks {
        starts.push(ftyp().len() + length + 8 + media.len());
        media.extend(track.media().0);
    }
    [ftyp(), moov(tracks, &starts, &[]), atom(b"mdat", media)].concat()
}

/// A fragment to be written.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    pub(super) sequence: u32,
    pub(super) track: u32,
    pub(super) time: Option<u32>,
    pub(super) samples: Vec<Vec<u8>>,
    pub(super) duration: Option<u32>,
}

impl Fragment {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let moof = |offset: u32| {
            let header = full(b"tfhd", 0, 0x02_0000, words(&[self.track]));
            let time = self.time.map_or(Vec::new(), |time| full(b"tfdt", 0, 0, words(&[time])));
            let flags = 0x201 | if self.duration.is_some() { 0x100 } else { 0 };
            let rows = self.samples.iter().flat_map(|sample| {
                let size = u32::try_from(sample.len()).unwrap();
                self.duration.into_iter().chain([size])
            });
            let count = u32::try_from(self.samples.len()).unwrap();
            let run = full(
                b"trun",
                0,
                flags,
                words(&[count, offset].into_iter().chain(rows).collect::<Vec<_>>()),
            );
            let sequence = full(b"mfhd", 0, 0, words(&[self.sequence]));
            atom(
                b"moof",
                [sequence, atom(b"traf", [header, time, run].concat())].concat(),
            )
        };
        let offset = u32::try_from(moof(0).len() + 8).unwrap();
        [moof(offset), atom(b"mdat", self.samples.concat())].concat()
    }

    /// `count` fragments of four packets of AAC that follow each other.
    pub(super) fn aac(count: u32) -> Vec<Self> {
        let fragment = |number: u32| Self {
            sequence: number + 1,
            track: 1,
            time: Some(number * 4096),
            samples: (0..4).map(|index| content((number * 4 + index) as usize)).collect(),
            duration: Some(1024),
        };
        (0..count).map(fragment).collect()
    }
}

/// The beginning of a fragmented file.
pub(super) fn fragmented(tracks: &[TrackFile]) -> Vec<u8> {
    let extends = tracks
        .iter()
        .map(|track| full(b"trex", 0, 0, words(&[track.id, 1, 0, 0, 0])));
    let extends = atom(b"mvex", extends.collect::<Vec<_>>().concat());
    [ftyp(), moov(tracks, &vec![0; tracks.len()], &extends)].concat()
}
