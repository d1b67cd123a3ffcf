//! ffmpeg and ffprobe as child processes, for files that the built-in readers cannot read.
//!
//! ffprobe describes the file; ffmpeg decodes one track to floats in a Matroska stream on its standard output, which keeps the time
//! of every packet: rate, channels and clock are the recording's, and mixing, resampling and filling of gaps are done here as for
//! every other reader.
//!
//! **Confinement.** The file may be hostile. Formats that lead to other files (playlists, manifests, lists, scripts) are no
//! recordings: [`ALLOWED_DEMUXERS`] has none of them, so an uploaded playlist cannot make ffmpeg read a file of this machine. The
//! recording is standard input, opened here and named by its descriptor; `-protocol_whitelist` allows only that, and [`jail`] makes
//! the kernel refuse other files and every socket. Memory for one allocation is bounded.
//!
//! No shell is involved. A thread drains standard error, so that neither pipe fills up. Dropping the source kills the child and
//! waits for it; so does a request to stop, from another thread. On Unix the child has its own process group, so that a terminal's Ctrl-C reaches only this program, which then
//! decides.

mod child;
mod command;
mod jail;
mod messages;
mod probe;
mod stream;

use std::collections::VecDeque;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;
use std::thread::JoinHandle;

use crate::clock::SECOND;
use crate::continuous::{JITTER, Span};
use crate::demux::{Hole, Loss, Nanoseconds};
use crate::kind::{self, Kind};
use crate::source::{Chunk, Facts, Source, SourceEnd, Stream};
use crate::tracks::{Selection, TrackChoice, select};
use crate::{AudioError, Decoder, check_stream, demux, stop};
use child::Watched;
use command::{CHECKED, broken, command, start};
use messages::{MARKS, Messages};
use probe::Description;
use stream::StreamReader;

/// The demuxers that may run: those that read one file and open no other. Omitted are playlists and manifests (`hls`, `dash`,
/// `webm_dash_manifest`, `imf`, `concat`), descriptions of streams (`sdp`, `rtp`, `rtsp`), formats of several files (`image2`,
/// `vobsub`, `idcin`), scripts and devices (`lavfi`, `alsa`, …), pictures and texts.
pub(crate) const ALLOWED_DEMUXERS: &str = "\
3dostr,4xm,aa,aac,aax,ac3,ace,acm,act,adp,ads,adx,aea,afc,aiff,aix,alp,amr,amrnb,amrwb,anm,apc,ape,apm,aptx,aptx_hd,argo_asf,argo_brp,\
argo_cvg,asf,asf_o,ast,au,avi,avr,bfstm,binka,bink,boa,brstm,c93,caf,codec2,daud,dfpwm,dhav,dsf,dss,dts,dtshd,dv,dxa,ea,eac3,epaf,\
film_cpk,flac,flv,fsb,fwse,g723_1,g729,genh,gsm,gxf,hca,hcom,iff,ifv,ilbc,ircam,iss,iv8,jv,kux,kvag,live_flv,lmlm4,loas,lvf,lxf,\
matroska,webm,mca,mgsts,mlp,mm,mmf,mods,moflex,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,mpeg,mpegts,msf,msnwctcp,msp,mtaf,mtv,musx,mv,\
mvi,mxf,mxg,nc,nistsphere,nsp,nsv,nut,nuv,ogg,oma,osq,paf,pmp,pp_bnk,psxstr,pva,pvf,qcp,r3d,redspark,rl2,rm,roq,rpl,rsd,rso,sbc,sdr2,\
sds,shn,siff,smjpeg,smk,sol,sox,spdif,str,svag,svs,swf,tak,thp,tiertexseq,truehd,tta,tty,ty,usm,vag,vivo,vmd,voc,vqf,w64,wady,wav,wavarc,wc3movie,\
wsaud,wsd,wsvqa,wtv,wv,wve,xa,xmd,xmv,xvag,xwma,yop";

/// Demuxers of streams of packets and frames, in which ffmpeg passes over a destroyed beginning.
const STREAMS: [&str; 5] = ["ac3", "eac3", "dts", "mpegts", "mpeg"];

const TRANSPORT_STREAM: Kind = Kind::Foreign("mpegts");

/// Tolerance for sound shorter than declared: declarations are rounded, and include the encoder's delay and padding.
const TOLERANCE: Nanoseconds = SECOND;

/// The exit status of ffmpeg if most packets cannot be decoded.
const TOO_MANY_ERRORS: i32 = 69;

/// Tolerance of the times of ffmpeg's output, in milliseconds, to those of frames.
const HOLE_JITTER: Nanoseconds = SECOND / 500;

/// The errors by which some demuxers report the end of the file.
const END_AS_ERROR: [&str; 2] = ["Input/output error", "Operation not permitted"];

/// Bytes behind the place where ffmpeg gave up that are worth mention: it reads ahead, and some formats have tables at the end.
const LEAST_UNREAD: u64 = 16 * 1024;

/// The score of ffprobe, of 100, from which a format is certain; a name's extension alone gives 50.
const CERTAIN: u32 = 51;

/// The `ffmpeg` on the search path, if there is one.
pub fn ffmpeg_available() -> Option<PathBuf> {
    which::which("ffmpeg").ok()
}

/// Whether the kernel keeps ffmpeg from reading other files than the recording (Landlock); it may use only demuxers that read one file in
/// any case.
#[must_use]
pub fn ffmpeg_is_confined() -> bool {
    jail::confines_files()
}

/// The `ffprobe` that belongs to a `ffmpeg`: beside it, or on the search path.
fn ffprobe_of(ffmpeg: &Path) -> Option<PathBuf> {
    let beside = ffmpeg.parent().map(|folder| folder.join("ffprobe"));
    let beside = beside.and_then(|program| which::which(program).ok());
    beside.or_else(|| which::which("ffprobe").ok())
}

/// A recording as described by ffmpeg, and its chosen tracks.
pub(crate) struct Opened {
    program: PathBuf,
    path: PathBuf,
    kind: Kind,
    /// Whether its beginning does not show its kind: bytes of another kind are in front of a stream of packets.
    is_headless: bool,
    description: Description,
    pub(crate) selection: Selection,
}

/// Describes the file at `path`, recognised as `kind`, and chooses its tracks.
///
/// # Errors
/// [`AudioError::Ffmpeg`] if a program cannot be run, [`AudioError::Unsupported`] if it does not know the format either, and
/// the errors of choosing a track.
pub(crate) fn open(program: &Path, path: &Path, kind: Kind, choice: &TrackChoice) -> Result<Opened, AudioError> {
    let is_unknown = kind == Kind::Unknown;
    let packets = match is_unknown {
        true => kind::first_packet(TRANSPORT_STREAM, path).map_err(|source| AudioError::unreadable(path, source))?,
        false => None,
    };
    // ffprobe takes a transport stream without its beginning for other formats.
    let kind = packets.map_or(kind, |_| TRANSPORT_STREAM);
    let (program, description) = describe(program, path, kind)?;
    let selection = select(path, &description.track_facts(), choice)?;
    let stream = STREAMS.iter().find(|name| **name == description.format);
    Ok(Opened {
        program,
        path: path.to_owned(),
        kind: stream.filter(|_| is_unknown).map_or(kind, |name| Kind::Foreign(name)),
        is_headless: is_unknown && stream.is_some(),
        description,
        selection,
    })
}

/// The bytes in front of the first packet of a stream of packets whose beginning is destroyed, as lost sound.
fn lost_head(opened: &Opened, length: u64, declared_end: Option<Nanoseconds>) -> io::Result<Option<Hole>> {
    let first = match opened.is_headless {
        true => kind::first_packet(opened.kind, &opened.path)?.filter(|first| *first > 0),
        false => None,
    };
    Ok(first.map(|first| {
        // The sound is distributed over the bytes evenly enough.
        let of_bytes = |end| i128::from(end) * i128::from(first) / i128::from((length - first).max(1));
        let duration = declared_end.map(|end| Nanoseconds::try_from(of_bytes(end)).unwrap_or(Nanoseconds::MAX));
        Hole {
            at: 0,
            loss: Loss {
                duration: Some(duration.unwrap_or(0)),
                message: format!("{first} bytes are no packets of MPEG"),
            },
        }
    }))
}

/// The names of the format by ffprobe, joined by commas; `None` if it is uncertain.
///
/// # Errors
/// As [`open`].
pub(crate) fn certain_format(program: &Path, path: &Path, kind: Kind) -> Result<Option<String>, AudioError> {
    let (_, description) = describe(program, path, kind)?;
    Ok(Some(description.format).filter(|_| description.score >= CERTAIN))
}

fn describe(program: &Path, path: &Path, kind: Kind) -> Result<(PathBuf, Description), AudioError> {
    let program = which::which(program).map_err(|error| broken(program, path, error.to_string()))?;
    let probe = ffprobe_of(&program).ok_or_else(|| {
        broken(
            &program,
            path,
            "there is no `ffprobe` beside it or on the search path".to_owned(),
        )
    })?;
    let description = probe::describe(&probe, path, kind)?;
    Ok((program, description))
}

impl Opened {
    /// The sources of the chosen tracks, in order.
    pub(crate) fn sources(&self) -> Result<Vec<Box<dyn Source>>, AudioError> {
        let source =
            |index: &usize| -> Result<Box<dyn Source>, AudioError> { Ok(Box::new(FfmpegSource::start(self, *index)?)) };
        self.selection.indices.iter().map(source).collect()
    }

    /// The declared end of the sound.
    pub(crate) fn declared_end(&self) -> Option<Nanoseconds> {
        let ends = self.selection.indices.iter();
        ends.filter_map(|index| self.description.tracks.get(*index)?.end).max()
    }
}

/// A running `ffmpeg`.
struct FfmpegSource {
    path: PathBuf,
    program: PathBuf,
    kind: Kind,
    facts: Facts,
    stream: Stream,
    child: Watched,
    output: StreamReader<BufReader<ChildStdout>>,
    messages: Option<JoinHandle<Messages>>,
    /// The messages, once the child has ended.
    reports: Messages,
    /// Bytes that the container declares beyond the end of the file, with the length of the file.
    missing: Option<(u64, u64)>,
    /// Bytes behind the end that the file declares, where ffmpeg stops, with the length of the part before it.
    behind: Option<(u64, u64)>,
    /// Places of lost sound that ffmpeg passes over as if there was none, and the length of those before the position.
    holes: VecDeque<Hole>,
    passed: Nanoseconds,
    /// Whether the declared end lacks the late start of the track: ffprobe omits it in AVI, which ffmpeg follows.
    lacks_start: bool,
    /// Whether the container has no time stamps: the bytes in a jump hold no frame that ffmpeg found.
    is_counted: bool,
    /// Whether sound begins at 0, so that a later begin is a loss; and whether it was one.
    begins_at_0: bool,
    has_lost_begin: bool,
    /// The end of the delivered sound.
    position: Nanoseconds,
    /// Length of the delivered sound, and its gaps, if bytes are missing.
    sound: Nanoseconds,
    gaps: Vec<Span>,
    ending: SourceEnd,
}

impl FfmpegSource {
    fn start(opened: &Opened, index: usize) -> Result<Self, AudioError> {
        let (program, path) = (&opened.program, &opened.path);
        let no_track = || AudioError::NoAudioTrack { name: path.into() };
        let track = opened.description.tracks.get(index).ok_or_else(no_track)?;
        check_stream(path, track.stream)?;
        let failed = |error: io::Error| broken(program, path, error.to_string());
        let mut command = command(
            program,
            opened.kind,
            opened.description.probing,
            messages::level(opened.kind.ffmpeg()),
        );
        command.args([
            "-nostdin",
            "-nostats",
            "-filter_complex",
            &format!("[0:{}]{MARKS}", track.index),
            "-map",
            "[out]",
            "-vn",
            "-sn",
            "-dn",
            "-map_metadata",
            "-1",
        ]);
        command.args(["-c:a", "pcm_f32le", "-ar", &track.stream.rate.to_string()]);
        command.args(["-ac", &track.stream.channels.to_string(), "-f", "matroska", "pipe:1"]);
        if opened.description.has_pictures && matches!(opened.kind, Kind::Foreign("mpegts" | "mpeg") | Kind::Unknown) {
            // In streams whose clock may jump, ffmpeg counts from the first used stream: the pictures count as used.
            command.args(["-map", "0:v:0", "-c", "copy", "-f", "null", "-"]);
        }
        let child = Watched::new(start(command, program, path)?);
        let (output, errors) = child.pipes().expect("both outputs were asked to be piped");
        let length = path.metadata().map_err(failed)?.len();
        let claimed = kind::claimed_length(opened.kind, path).map_err(failed)?;
        let missing = claimed
            .and_then(|claimed| claimed.checked_sub(length))
            .filter(|missing| *missing > 0);
        let mut holes = demux::holes(opened.kind, path, track.index)?;
        let head = lost_head(opened, length, track.end).map_err(failed)?;
        holes.list.splice(..0, head);
        let rest = match claimed {
            Some(end) if kind::ends_there(opened.kind, path, end).map_err(failed)? => Some(end),
            _ => None,
        };
        let behind = match claimed {
            Some(end)
                if kind::goes_on(opened.kind, path, end).map_err(failed)?
                    && !demux::another_begins_at(path, opened.kind, end)? =>
            {
                Some((length.saturating_sub(end), end))
            }
            _ => None,
        };
        Ok(Self {
            path: path.clone(),
            program: program.clone(),
            kind: opened.kind,
            facts: Facts {
                codec: track.facts.codec.clone(),
                source_rate: track.stream.rate,
                channels: track.stream.channels,
                decoder: Decoder::Ffmpeg,
                declared_end: track.end,
                tolerance: TOLERANCE,
            },
            stream: track.stream,
            child,
            output: StreamReader::new(BufReader::new(output), track.stream.channels),
            messages: Some(std::thread::spawn(move || Messages::read(errors))),
            reports: Messages::default(),
            missing: missing.map(|missing| (missing, length)),
            behind,
            holes: holes.list.into(),
            passed: 0,
            lacks_start: opened.kind == Kind::Foreign("avi"),
            is_counted: opened.kind == Kind::Foreign("avi"),
            begins_at_0: opened.kind.ffmpeg().is_some_and(|name| CHECKED.contains(&name)),
            has_lost_begin: false,
            position: 0,
            sound: 0,
            gaps: Vec::new(),
            ending: SourceEnd {
                is_cut: holes.is_cut,
                rest,
                ..SourceEnd::default()
            },
        })
    }

    /// Waits for the child, whose output has ended, and evaluates its end.
    fn finish(&mut self) -> Result<bool, AudioError> {
        let failed = |error: io::Error| broken(&self.program, &self.path, error.to_string());
        let status = self.child.wait().map_err(failed)?;
        let length = self.path.metadata().map_err(failed)?.len();
        self.take_messages();
        let first = self.reports.error.as_deref();
        if status.code() == Some(TOO_MANY_ERRORS) && self.position == 0 {
            return Err(AudioError::Damaged {
                name: self.path.as_path().into(),
                reason: first.unwrap_or("too many errors").to_owned(),
            });
        }
        if !status.success() && self.position == 0 {
            let reason = first.map_or_else(|| status.to_string(), |message| format!("{status}: {message}"));
            return Err(broken(&self.program, &self.path, reason));
        }
        let unread = length.saturating_sub(self.reports.bytes_read.unwrap_or(length));
        // Some of its demuxers report the end of the file as an error.
        let is_end = |message: &str| END_AS_ERROR.contains(&message) && unread == 0;
        let gave_up = self.reports.last().filter(|_| unread > LEAST_UNREAD);
        let is_of_another = match self.ending.rest {
            Some(rest) if gave_up.is_some() => demux::another_begins_at(&self.path, self.kind, rest)?,
            _ => false,
        };
        let gave_up = gave_up.filter(|_| self.missing.is_none() && !is_of_another);
        let given_up = gave_up.map(|message| Loss {
            duration: Some(self.facts.declared_end.map_or_else(
                || self.share(unread, length - unread),
                |end| (end - self.position).max(0),
            )),
            message: format!("ffmpeg stops in front of {unread} bytes ({message})"),
        });
        let first = first
            .filter(|message| self.passed == 0 && !self.has_lost_begin && !is_end(message))
            .map(|message| Loss::until_next(reported(message)));
        self.ending.lost = given_up.or(first).into();
        for hole in self.holes.drain(..) {
            self.ending.lost.add(hole.loss);
        }
        if let Some((bytes, own)) = self.behind {
            self.ending.lost.add(Loss {
                duration: Some(self.share(bytes, own)),
                message: format!("{bytes} bytes are behind the end that the file declares, and are not read"),
            });
        }
        if let Some((missing, length)) = self.missing {
            // The sound is distributed over the bytes evenly enough to estimate the missing part; some of it may have been in the middle.
            let of_bytes = i128::from(self.sound) * i128::from(missing) / i128::from(length.max(1));
            let gaps = self.gaps.iter().filter(|gap| self.reports.about(**gap).is_some());
            let lost: Nanoseconds = gaps.map(|(start, end)| end - start).sum();
            let behind = Nanoseconds::try_from(of_bytes).unwrap_or(0) - lost;
            self.ending.is_cut = lost == 0 || behind > TOLERANCE;
            self.ending.promised_end = self
                .facts
                .declared_end
                .filter(|end| *end > self.position + SECOND)
                .or(Some(self.position + behind.max(0)));
        }
        Ok(false)
    }

    /// The length of bytes that are not read, by that of the sound in these.
    fn share(&self, others: u64, own: u64) -> Nanoseconds {
        let length = i128::from(self.sound) * i128::from(others) / i128::from(own.max(1));
        Nanoseconds::try_from(length).unwrap_or(Nanoseconds::MAX)
    }

    fn take_messages(&mut self) {
        if let Some(thread) = self.messages.take() {
            self.reports = thread.join().unwrap_or_default();
        }
    }
}

fn reported(message: &str) -> String {
    format!("ffmpeg reports damage ({message})")
}

impl Source for FfmpegSource {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn read(&mut self, chunk: &mut Chunk) -> Result<bool, AudioError> {
        let next = self.output.next(&mut chunk.samples);
        // The output of a killed child ends anywhere.
        stop::check().map_err(|source| AudioError::unreadable(&self.path, source))?;
        let time = next.map_err(|error| broken(&self.program, &self.path, error.to_string()))?;
        let Some(time) = time else {
            return self.finish();
        };
        while self.holes.front().is_some_and(|hole| hole.at <= time + HOLE_JITTER)
            && let Some(hole) = self.holes.pop_front()
        {
            self.passed = self.passed.saturating_add(hole.loss.duration.unwrap_or(0));
            chunk.lost.add(hole.loss);
        }
        let time = time.saturating_add(self.passed);
        let count = (chunk.samples.len() / usize::from(self.stream.channels)) as u64;
        let length = crate::clock::nanoseconds(count, self.stream.rate);
        if std::mem::take(&mut self.lacks_start) {
            self.facts.declared_end = self.facts.declared_end.map(|end| end.saturating_add(time.max(0)));
        }
        if std::mem::take(&mut self.begins_at_0) && time > JITTER {
            chunk.lost.add(Loss::until_next("the first frames are damaged"));
            self.has_lost_begin = true;
        }
        if self.missing.is_some() && self.sound > 0 && time > self.position + JITTER {
            self.gaps.push((self.position, time));
        }
        self.sound += length;
        self.position = self.position.max(time) + length;
        chunk.time = Some(time);
        chunk.stream = Some(self.stream);
        Ok(true)
    }

    fn ending(&self) -> SourceEnd {
        self.ending.clone()
    }

    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    fn explain(&mut self, gap: (Nanoseconds, Nanoseconds)) -> Option<String> {
        self.child.stop();
        self.take_messages();
        let told = self.reports.about(gap).map(reported);
        told.or_else(|| self.is_counted.then(|| "bytes without frames of sound".to_owned()))
    }
}
