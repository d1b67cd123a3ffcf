//! Decoders of packets, by symphonia and libopus.

use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia_adapter_libopus::OpusDecoder;

use crate::clock::frames;
use crate::demux::{Codec, Nanoseconds};
use crate::error::reason;
use crate::intact;
use crate::mp3::Mp3Decoder;
use crate::source::Stream;

/// A decoder of one codec.
pub(crate) struct PacketDecoder {
    decoder: Box<dyn AudioDecoder>,
    /// Replaces the first decoder, if requested and the codec is MPEG audio.
    second: Option<Mp3Decoder>,
    gain: f32,
    /// The channel mask, if the container knows better.
    mask: Option<u32>,
}

/// The reason why a packet gave no sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The packet is damaged.
    Damaged(String),
    /// The decoder does not support the packet.
    Unsupported(String),
}

impl PacketDecoder {
    /// A decoder for packets of `codec`, or the reason why there is none.
    pub(crate) fn new(codec: &Codec) -> Result<Self, String> {
        let decoder = make(&codec.parameters).map_err(|error| reason(&error))?;
        Ok(Self {
            decoder,
            second: None,
            gain: codec.gain,
            mask: codec.mask,
        })
    }

    /// A second decoder of MPEG audio; an error for other codecs.
    pub(crate) fn second(codec: &Codec) -> Result<Self, String> {
        match codec.parameters.codec {
            CODEC_ID_MP1 | CODEC_ID_MP2 | CODEC_ID_MP3 => Ok(Self {
                second: Some(Mp3Decoder::new()),
                ..Self::new(codec)?
            }),
            _ => Err("there is one decoder for it".to_owned()),
        }
    }

    /// Short name of the codec.
    pub(crate) fn name(&self) -> &str {
        self.decoder.codec_info().short_name
    }

    /// The shape of its output, as far as known.
    pub(crate) fn shape(&self, codec: &Codec) -> Option<Stream> {
        let (ours, theirs) = (self.decoder.codec_params(), &codec.parameters);
        let rate = ours.sample_rate.or(theirs.sample_rate).filter(|rate| *rate > 0)?;
        let channels = ours.channels.clone().or_else(|| theirs.channels.clone())?;
        (channels.count() > 0).then(|| self.masked(stream_of(rate, &channels)))
    }

    fn masked(&self, stream: Stream) -> Stream {
        Stream {
            mask: self.mask.unwrap_or(stream.mask),
            ..stream
        }
    }

    /// Appends the decoded packet, interleaved, and returns its shape. Decoders of ADPCM need to know its length.
    pub(crate) fn decode(
        &mut self,
        data: &[u8],
        duration: Option<Nanoseconds>,
        output: &mut Vec<f32>,
    ) -> Result<Stream, Refusal> {
        let length = output.len();
        let attempt = catch_unwind(AssertUnwindSafe(|| self.attempt(data, duration, output)));
        attempt.unwrap_or_else(|_| {
            // A panic of a decoder at hostile bytes must not end the run; the decoder is reset.
            output.truncate(length);
            self.decoder.reset();
            Err(Refusal::Damaged("the decoder failed".to_owned()))
        })
    }

    fn attempt(
        &mut self,
        data: &[u8],
        duration: Option<Nanoseconds>,
        output: &mut Vec<f32>,
    ) -> Result<Stream, Refusal> {
        if let Some(second) = &mut self.second {
            let (rate, channels) = second.decode(data, output).map_err(Refusal::Damaged)?;
            return Ok(Stream {
                rate,
                channels,
                mask: 0,
            });
        }
        if let Some(fault) = intact::fault(self.decoder.codec_params().codec, data) {
            return Err(Refusal::Damaged(fault.to_owned()));
        }
        let rate = self.decoder.codec_params().sample_rate.unwrap_or(0);
        let duration = Duration::new(frames(duration.unwrap_or(0), rate));
        let packet = PacketRef::new(0, Timestamp::new(0), duration, data);
        match self.decoder.decode_ref(&packet) {
            Ok(decoded) => {
                let spec = decoded.spec();
                let stream = stream_of(spec.rate(), spec.channels());
                let mut samples = Vec::new();
                decoded.copy_to_vec_interleaved(&mut samples);
                if self.gain != 1.0 {
                    samples.iter_mut().for_each(|sample| *sample *= self.gain);
                }
                output.append(&mut samples);
                Ok(self.masked(stream))
            }
            Err(error @ (Error::DecodeError(_) | Error::IoError(_))) => Err(Refusal::Damaged(reason(&error))),
            Err(Error::ResetRequired) => {
                self.decoder.reset();
                Err(Refusal::Damaged("the decoder lost track".to_owned()))
            }
            Err(error) => Err(Refusal::Unsupported(reason(&error))),
        }
    }
}

/// Whether there is a decoder for it.
pub(crate) fn is_known(codec: &Codec) -> bool {
    PacketDecoder::new(codec).is_ok()
}

fn make(parameters: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
    if parameters.codec == CODEC_ID_OPUS {
        // The adapter removes the pre-skip from the first packet only, which may be too short to hold it; without the header it
        // removes nothing, and the packets specify what to skip.
        let mut parameters = parameters.clone();
        parameters.extra_data = None;
        let mut registry = CodecRegistry::new();
        registry.register_audio_decoder::<OpusDecoder>();
        return registry.make_audio_decoder(&parameters, &AudioDecoderOptions::default());
    }
    symphonia::default::get_codecs().make_audio_decoder(parameters, &AudioDecoderOptions::default())
}

fn stream_of(rate: u32, channels: &Channels) -> Stream {
    let mask = match channels {
        Channels::Positioned(positions) => u32::try_from(positions.bits()).unwrap_or(0),
        _ => 0,
    };
    Stream {
        rate,
        channels: u16::try_from(channels.count()).unwrap_or(u16::MAX),
        mask,
    }
}
