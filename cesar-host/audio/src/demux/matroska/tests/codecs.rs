//! Codecs and encodings of frames, compared with symphonia's reader and by decoding.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::*;
use symphonia::core::formats::FormatOptions;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;

use super::super::super::testing::{decode, drain_file, fixture_path, write};
use super::super::super::{Packet, Track, ogg};
use super::*;

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn private(data: &[u8]) -> Vec<u8> {
    element(id::CODEC_PRIVATE, data)
}

/// The first track of a file with these tracks.
fn track(entry: Vec<u8>) -> Track {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &[header(), segment(&[tracks(&[entry])])].concat());
    open(&path).unwrap().unwrap().tracks()[0].clone()
}

fn codec_of(name: &str, bits: u64, data: &[u8]) -> Option<AudioCodecId> {
    let track = track(audio(1, name, 48_000.0, bits, &[private(data)]));
    track.codec.map(|codec| codec.parameters.codec)
}

#[test]
fn codecs_are_known_by_their_names() {
    let wave = |tag: u16, bits: u16| {
        let fields = [tag.to_le_bytes(), 1_u16.to_le_bytes()].concat();
        let rate = [48_000_u32.to_le_bytes(), 96_000_u32.to_le_bytes()].concat();
        [
            fields,
            rate,
            (bits / 8).max(1).to_le_bytes().to_vec(),
            bits.to_le_bytes().to_vec(),
            vec![2, 0, 0x11, 0x88],
        ]
        .concat()
    };
    for (name, bits, data, expected) in [
        ("A_OPUS", 0, vec![], Some(CODEC_ID_OPUS)),
        ("A_VORBIS", 0, vec![2, 1, 1, 0, 0, 0], None),
        ("A_FLAC", 16, b"fLaC".to_vec(), None),
        ("A_AAC", 0, vec![0x11, 0x88], Some(CODEC_ID_AAC)),
        ("A_AAC/MPEG4/LC", 0, vec![], Some(CODEC_ID_AAC)),
        ("A_MPEG/L1", 0, vec![], Some(CODEC_ID_MP1)),
        ("A_MPEG/L2", 0, vec![], Some(CODEC_ID_MP2)),
        ("A_MPEG/L3", 0, vec![], Some(CODEC_ID_MP3)),
        ("A_PCM/INT/LIT", 8, vec![], Some(CODEC_ID_PCM_U8)),
        ("A_PCM/INT/LIT", 16, vec![], Some(CODEC_ID_PCM_S16LE)),
        ("A_PCM/INT/LIT", 24, vec![], Some(CODEC_ID_PCM_S24LE)),
        ("A_PCM/INT/LIT", 32, vec![], Some(CODEC_ID_PCM_S32LE)),
        ("A_PCM/INT/LIT", 20, vec![], None),
        ("A_PCM/INT/BIG", 16, vec![], Some(CODEC_ID_PCM_S16BE)),
        ("A_PCM/INT/BIG", 24, vec![], Some(CODEC_ID_PCM_S24BE)),
        ("A_PCM/FLOAT/IEEE", 32, vec![], Some(CODEC_ID_PCM_F32LE)),
        ("A_PCM/FLOAT/IEEE", 64, vec![], Some(CODEC_ID_PCM_F64LE)),
        ("A_ALAC", 16, vec![0; 24], Some(CODEC_ID_ALAC)),
        ("A_MS/ACM", 16, wave(1, 16), Some(CODEC_ID_PCM_S16LE)),
        ("A_MS/ACM", 16, wave(7, 8), Some(CODEC_ID_PCM_MULAW)),
        ("A_MS/ACM", 0, wave(0x50, 0), Some(CODEC_ID_MP2)),
        ("A_MS/ACM", 0, wave(0x55, 0), Some(CODEC_ID_MP3)),
        ("A_MS/ACM", 0, wave(0xFF, 0), Some(CODEC_ID_AAC)),
        ("A_MS/ACM", 0, wave(0x161, 0), None),
        ("A_MS/ACM", 0, vec![], None),
        ("A_AC3", 0, vec![], None),
        ("A_EAC3", 0, vec![], None),
        ("A_DTS", 0, vec![], None),
        ("A_TRUEHD", 0, vec![], None),
        ("", 0, vec![], None),
    ] {
        assert_eq!(codec_of(name, bits, &data), expected, "{name} {bits}");
    }
}

#[test]
fn old_names_of_aac_make_their_configuration() {
    let config = |name: &str, rate: f64, outer: Option<f64>, channels: u64| {
        let mut shape = [float(id::SAMPLING_FREQUENCY, rate), unsigned(id::CHANNELS, channels)].concat();
        shape.extend(
            outer
                .map(|outer| float(id::OUTPUT_SAMPLING_FREQUENCY, outer))
                .unwrap_or_default(),
        );
        let entry = entry(1, 2, name, &[element(id::AUDIO, &shape)]);
        track(entry)
            .codec
            .map(|codec| codec.parameters.extra_data.unwrap().to_vec())
    };
    assert_eq!(config("A_AAC/MPEG2/LC", 44_100.0, None, 2), Some(vec![0x12, 0x10]));
    assert_eq!(config("A_AAC/MPEG4/MAIN", 48_000.0, None, 1), Some(vec![0x09, 0x88]));
    // The example of ISO/IEC 14496-3 for explicit signalling: 24 kHz that becomes 48.
    let sbr = config("A_AAC/MPEG4/LC/SBR", 24_000.0, Some(48_000.0), 2);
    assert_eq!(sbr, Some(vec![0x13, 0x10, 0x56, 0xE5, 0x98]));
    assert_eq!(config("A_AAC/MPEG4/LC", 12_345.0, None, 2), None);
    assert_eq!(config("A_AAC/MPEG4/LC", 48_000.0, None, 9), None);
}

#[test]
fn a_codec_name_says_why_it_cannot_be_read() {
    let encoding = |body: &[u8]| element(id::CONTENT_ENCODINGS, &element(id::CONTENT_ENCODING, body));
    let algorithm = |number: u64| element(id::CONTENT_COMPRESSION, &unsigned(id::CONTENT_COMP_ALGO, number));
    for (body, name) in [
        (unsigned(id::CONTENT_ENCODING_TYPE, 1), "A_PCM/INT/LIT (encrypted)"),
        (algorithm(1), "A_PCM/INT/LIT (compressed with bzlib)"),
        (algorithm(2), "A_PCM/INT/LIT (compressed with LZO)"),
    ] {
        let track = track(pcm(1, &[encoding(&body)]));
        assert_eq!((track.codec.is_none(), track.codec_name.as_str()), (true, name));
    }
}

/// Header stripping, zlib, and one upon the other.
#[test]
fn compression_is_undone() {
    let encoding = |order: u64, algorithm: u64, settings: &[u8], scope: u64| {
        let compression = [
            unsigned(id::CONTENT_COMP_ALGO, algorithm),
            element(id::CONTENT_COMP_SETTINGS, settings),
        ]
        .concat();
        let body = [
            unsigned(id::CONTENT_ENCODING_ORDER, order),
            unsigned(id::CONTENT_ENCODING_SCOPE, scope),
            element(id::CONTENT_COMPRESSION, &compression),
        ];
        element(id::CONTENT_ENCODING, &body.concat())
    };
    let all = |encodings: &[Vec<u8>]| element(id::CONTENT_ENCODINGS, &encodings.concat());
    let frame = sound(0);
    for (encodings, stored) in [
        (all(&[encoding(0, 3, &frame[..4], 1)]), frame[4..].to_vec()),
        (all(&[encoding(0, 0, b"", 1)]), zlib(&frame)),
        (
            all(&[element(id::CONTENT_ENCODING, &element(id::CONTENT_COMPRESSION, b""))]),
            zlib(&frame),
        ),
        (
            all(&[encoding(0, 3, &frame[..4], 1), encoding(1, 0, b"", 1)]),
            zlib(&frame[4..]),
        ),
        (
            all(&[encoding(1, 3, &zlib(&frame)[..2], 1), encoding(0, 0, b"", 1)]),
            zlib(&frame)[2..].to_vec(),
        ),
        // Only the private data are compressed.
        (all(&[encoding(0, 0, b"", 2)]), frame.clone()),
    ] {
        let parts = [
            tracks(&[pcm(1, &[encodings])]),
            element(id::CLUSTER, &cluster(0, &[simple(1, 0, &stored)])),
        ];
        assert_eq!(sounds_of(&read(&[header(), segment(&parts)].concat())), [(0, Some(0))]);
    }
    let config = [private(&zlib(&[0x11, 0x88])), all(&[encoding(0, 0, b"", 3)])].concat();
    let codec = track(audio(1, "A_AAC", 48_000.0, 0, &[config])).codec.unwrap();
    assert_eq!(codec.parameters.extra_data.unwrap()[..], [0x11, 0x88]);
}

#[test]
fn a_damaged_compressed_block_is_a_loss() {
    let encodings = element(id::CONTENT_ENCODINGS, &element(id::CONTENT_ENCODING, b""));
    let blocks = [
        simple(1, 0, &zlib(&sound(0))),
        simple(1, 20, b"no zlib"),
        simple(1, 40, &zlib(&sound(2))),
    ];
    let parts = [
        tracks(&[pcm(1, &[encodings])]),
        element(id::CLUSTER, &cluster(0, &blocks)),
    ];
    let drained = read(&[header(), segment(&parts)].concat());
    assert_eq!(sounds_of(&drained), expected([0, 2].into_iter()));
    assert_eq!(drained.losses(), ["a block is damaged"]);
}

/// A bomb: 100 MB of zeros in 100 kB.
#[test]
fn a_decompression_bomb_is_damaged() {
    let encodings = element(id::CONTENT_ENCODINGS, &element(id::CONTENT_ENCODING, b""));
    let block = simple(1, 0, &zlib(&vec![0; 100 << 20]));
    let parts = [
        tracks(&[pcm(1, &[encodings])]),
        element(id::CLUSTER, &cluster(0, &[block])),
    ];
    let drained = read(&[header(), segment(&parts)].concat());
    assert_eq!(
        (drained.packets.len(), drained.ending.lost[0].message.as_str()),
        (0, "a block is damaged")
    );
}

/// A fixture's packets in Matroska: blocks at times rounded to milliseconds.
fn muxed(name: &str, entry: impl Fn(&Track) -> Vec<u8>) -> (Vec<u8>, Vec<Packet>) {
    let path = fixture_path(name);
    let source = ogg::open(&path).unwrap().unwrap();
    let entry = entry(&source.tracks()[0]);
    let packets = drain_file(ogg::open, &path).unwrap().packets;
    let mut clusters = Vec::new();
    let mut at = 0;
    for chunk in packets.chunks(50) {
        let begin = at / MS;
        let blocks: Vec<_> = chunk
            .iter()
            .map(|packet| {
                let block = simple(1, (at / MS - begin) as i16, &packet.data);
                at += packet.duration.unwrap();
                block
            })
            .collect();
        clusters.push(element(id::CLUSTER, &cluster(begin as u64, &blocks)));
    }
    let parts = [vec![info(at as f64 / 1e6), tracks(&[entry])], clusters].concat();
    ([header(), segment(&parts)].concat(), packets)
}

/// The packets of symphonia's reader, and its track's configuration.
fn by_symphonia(content: &[u8]) -> (Vec<Vec<u8>>, Box<[u8]>) {
    let stream = std::io::Cursor::new(content.to_vec());
    let stream = MediaSourceStream::new(Box::new(stream), MediaSourceStreamOptions::default());
    let probe = symphonia::default::get_probe();
    let mut format = probe
        .probe(
            Hint::new().with_extension("mkv"),
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .unwrap();
    let parameters = format.tracks()[0].codec_params.clone().unwrap();
    let extra = parameters.audio().unwrap().extra_data.clone().unwrap();
    let packets = std::iter::from_fn(|| format.next_packet().unwrap()).map(|packet| packet.data.into_vec());
    (packets.collect(), extra)
}

#[test]
fn opus_and_vorbis_are_what_symphonia_reads() {
    let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
    let (content, _) = muxed("spanish.opus", |_| audio(1, "A_OPUS", 48_000.0, 0, &[private(head)]));
    let ours = read(&content);
    let (theirs, _) = by_symphonia(&content);
    assert!(ours.packets.iter().map(|packet| &packet.data).eq(&theirs));
    let (content, packets) = muxed("welcome.ogg", |track| {
        let extra = track.codec.as_ref().unwrap().parameters.extra_data.clone().unwrap();
        let (identification, setup) = extra.split_at(30);
        let comment = b"\x03vorbis\0\0\0\0\0\0\0\0\x01";
        let headers = [&[2, 30, comment.len() as u8][..], identification, comment, setup].concat();
        audio(1, "A_VORBIS", 44_100.0, 0, &[private(&headers)])
    });
    let ours = read(&content);
    let (theirs, extra) = by_symphonia(&content);
    assert!(ours.packets.iter().map(|packet| &packet.data).eq(&theirs));
    assert!(
        ours.packets
            .iter()
            .map(|packet| packet.duration)
            .eq(packets.iter().map(|packet| packet.duration))
    );
    let (samples, refused) = decode(open, &content);
    assert_eq!((refused, extra.len() > 30), (0, true));
    assert!(samples.len() > 44_100, "{}", samples.len());
}
