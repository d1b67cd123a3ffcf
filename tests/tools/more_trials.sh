#!/bin/bash
# Makes further inputs of the kinds of trials.sh: other codecs, containers, rates and places of damage. Each is named in
# tests/recordings.tsv with what is right.
#   FIX=tests/fixtures OUT=/tmp/trials FFMPEG=ffmpeg bash more_trials.sh
# Needs ffmpeg 5 or newer and python3 (standard library only).
set -euo pipefail
FIX=${FIX:-tests/fixtures} OUT=${OUT:-/tmp/trials} FFMPEG=${FFMPEG:-ffmpeg}
mkdir -p "$OUT"; OUT=$(cd "$OUT" && pwd) FIX=$(cd "$FIX" && pwd)
ff() { "$FFMPEG" -nostdin -hide_banner -loglevel error -y -threads 1 "$@"; }
W=$OUT/base_welcome.wav; H=$OUT/base_harbour.wav
base() { [ -s "$OUT/base_$1.wav" ] || ff -i "$2" -ac 1 -ar 16000 -c:a pcm_s16le -map_metadata -1 -fflags +bitexact "$OUT/base_$1.wav"; }
base welcome "$FIX/welcome.ogg"; base harbour "$FIX/harbour.mp3"; base short "$FIX/short.wav"
T=$OUT/more_tools.py
cat > "$T" <<'PY'
import os, struct, sys, zlib

def read(path):
    with open(path, "rb") as f:
        return f.read()

def write(path, data):
    with open(path, "wb") as f:
        f.write(data)

def cut(source, target, share):
    b = read(source); write(target, b[: int(len(b) * share)])

def behind(source, target, what):
    tails = {
        "id3v1": b"TAG" + b"Title".ljust(125, b"\0"),
        "ape": b"APETAGEX" + struct.pack("<IIII", 2000, 32 + 40, 1, 0xA0000000) + b"\0" * 8 + struct.pack("<II", 24, 0) + b"Artist\0"
               + b"x" * 24 + b"\0" + b"APETAGEX" + struct.pack("<IIII", 2000, 32 + 40, 1, 0x80000000) + b"\0" * 8,
        "junk": bytes((i * 73 + 11) & 255 for i in range(5000)),
        "zeros": b"\0" * 70000,
    }
    write(target, read(source) + tails[what])

def in_front(source, target, what):
    b = read(source)
    heads = {"id3": b"ID3\x04\0\0\0\0\x10\0" + b"TIT2\0\0\0\x05\0\0\x03Talk".ljust(2048, b"\0"), "zeros": b"\0" * 3000}
    write(target, heads[what] + b)

def blank(source, target, at, length):
    b = bytearray(read(source)); start = int(len(b) * at); b[start:start + length] = bytes(length); write(target, bytes(b))

def lose_head(source, target, share, fill):
    b = read(source); n = int(len(b) * share)
    write(target, (bytes(n) if fill == "zeros" else bytes((i * i * 73 + 11) & 255 for i in range(n))) + b[n:])

def remove(source, target, at, length):
    b = read(source); start = int(len(b) * at); write(target, b[:start] + b[start + length:])

def wav_size(source, target, size):
    """Writes another length of `data` (and RIFF), as streaming programs leave it."""
    b = bytearray(read(source)); at = b.find(b"data")
    b[4:8] = struct.pack("<I", (size + at) & 0xFFFFFFFF); b[at + 4:at + 8] = struct.pack("<I", size); write(target, bytes(b))

def second_data(source, target):
    b = read(source); at = b.find(b"data"); data = b[at + 8:]; half = len(data) // 4 * 2
    chunk = lambda body: b"data" + struct.pack("<I", len(body)) + body
    body = b[8:at] + chunk(data[:half]) + b"LIST\x04\0\0\0INFO" + chunk(data[half:])
    write(target, b"RIFF" + struct.pack("<I", len(body)) + body)

def microphones(source, target, channels, speaker, mask):
    """A recorder with several microphones, one of which hears something."""
    b = read(source); data = b[b.find(b"data") + 8:]; n = len(data) // 2
    out = bytearray(2 * channels * n)
    for i in range(n): out[(i * channels + speaker) * 2:(i * channels + speaker) * 2 + 2] = data[2 * i:2 * i + 2]
    head = struct.pack("<HHIIHH", 1, channels, 16000, 32000 * channels, 2 * channels, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(out)) + bytes(out)
    write(target, b"RIFF" + struct.pack("<I", len(body)) + body)

def mdat_zero(source, target):
    """The last atom's size is 0: to the end of the file."""
    b = bytearray(read(source)); p = 0; last = None
    while p + 8 <= len(b):
        size = struct.unpack(">I", b[p:p + 4])[0]
        last = p; p += size if size >= 8 else len(b)
    assert b[last + 4:last + 8] == b"mdat", "moov must come first"
    b[last:last + 4] = b"\0\0\0\0"; write(target, bytes(b))

# Matroska: compress every frame of every track, as old mkvmerge did.
def vint(b, p):
    first, n = b[p], 1
    while not first & (0x80 >> (n - 1)): n += 1
    value = first & (0xFF >> n)
    for x in b[p + 1:p + n]: value = value << 8 | x
    return value, n

def size_of(n): return struct.pack(">Q", n | 1 << 56)

def compress(source, target, algorithm):
    b = read(source); value, n = vint(b, 4); p = 4 + n + value
    out = b[:p]; value, n = vint(b, p + 4); body = walk(b, p + 4 + n, len(b), algorithm)
    write(target, out + b"\x18\x53\x80\x67" + size_of(len(body)) + body)

def walk(b, p, end, algorithm):
    out = b""
    while p < end:
        width = 1
        while not b[p] & (0x80 >> (width - 1)): width += 1
        ident = b[p:p + width]; value, n = vint(b, p + width); start = p + width + n; body = b[start:start + value]
        if ident in (b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75", b"\xa0"): body = walk(b, start, start + value, algorithm)
        elif ident == b"\xae":
            # ContentEncodings > ContentEncoding > ContentCompression > Algo (and Settings: the bytes that are stripped).
            settings = b"\x42\x54\x81" + bytes([3 if algorithm == "strip" else 0])
            if algorithm == "strip": settings += b"\x42\x55\x81" + STRIPPED
            compression = b"\x50\x34" + size_of(len(settings)) + settings
            encoding = b"\x62\x40" + size_of(len(compression)) + compression
            body += b"\x6d\x80" + size_of(len(encoding)) + encoding
        elif ident in (b"\xa3", b"\xa1"):
            frame = body[4:]
            if algorithm == "strip":
                assert frame[:1] == STRIPPED, frame[:1]
                frame = frame[1:]
            else: frame = zlib.compress(frame)
            body = body[:4] + frame
        elif ident in (b"\x11\x4d\x9b\x74", b"\x1c\x53\xbb\x6b", b"\xec"): p = start + value; continue
        out += ident + size_of(len(body)) + body; p = start + value
    return out

# The first byte of every MPEG audio frame.
STRIPPED = b"\xff"

def tar(target, *sources):
    import tarfile
    with tarfile.open(target, "w") as f:
        for source in sources: f.add(source, os.path.basename(source))

def zip_(target, *sources):
    import zipfile
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as f:
        for source in sources: f.write(source, os.path.basename(source))

def m2ts(source, target):
    """TS packets with a time of four bytes in front, as Blu-ray and cameras write them."""
    b = read(source); write(target, b"".join(b"\0\0\0\0" + b[i:i + 188] for i in range(0, len(b), 188)))

if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    convert = lambda x: float(x) if x.replace(".", "", 1).isdigit() and "." in x else int(x, 0) if x.isdigit() or x.startswith("0x") else x
    globals()[name](*[convert(x) for x in rest])
PY
py() { python3 "$T" "$@"; }
cd "$OUT"
PICTURE="-f lavfi -t 9 -i testsrc=s=160x120:r=25"

# Foreign containers around MPEG audio and AAC, which a careless search takes for bare streams.
ff $PICTURE -i "$W" -map 0 -map 1 -ar 44100 -c:v mpeg4 -c:a libmp3lame -b:a 64k g01_mp3.avi
ff $PICTURE -i "$W" -map 0 -map 1 -ar 48000 -c:v mpeg2video -c:a mp2 -b:a 128k -f vob g02_mp2.vob
ff $PICTURE -i "$W" -map 0 -map 1 -ar 44100 -c:v mpeg1video -c:a mp2 -b:a 64k -f mpeg g03_mp2.mpg
ff -i "$W" -ar 44100 -c:a mp2 -b:a 32k -ac 1 -f mpegts g04_mp2_32k.ts
ff -i "$W" -ar 48000 -c:a aac -f mpegts g05_aac_alone.ts
ff $PICTURE -i "$W" -map 0 -map 1 -ar 48000 -c:v mpeg2video -c:a ac3 -f mpegts g06_ac3.ts
py m2ts g06_ac3.ts g06_camera.m2ts
ff $PICTURE -i "$W" -map 0 -map 1 -ar 44100 -c:v flv -c:a libmp3lame g07_mp3.flv
ff -i "$W" -ar 44100 -c:a aac g08_aac.flv
ff $PICTURE -i "$W" -map 0 -map 1 -ar 44100 -c:v wmv2 -c:a wmav2 g09_film.wmv
ff -i "$W" -ar 44100 -c:a wmav1 g10_v1.wma
ff -i "$W" -c:a wavpack g11_wavpack.wv
ff -i "$W" -c:a tta g12_true_audio.tta
ff -i "$W" -ar 48000 -c:a ac3 g13_alone.ac3
ff -i "$W" -ar 48000 -c:a eac3 g14_alone.eac3
ff -i "$W" -ar 48000 -strict -2 -c:a dca g15_alone.dts
ff -i "$W" -ar 44100 -c:a mp2 g16_alone.mp2
ff -i "$W" -ar 8000 -c:a pcm_u8 g17_voice.voc
ff -i "$W" -c:a pcm_mulaw -ar 8000 g18_sun.au
ff $PICTURE -i "$W" -map 0 -map 1 -ar 48000 -c:v mpeg2video -c:a pcm_s16le g19_professional.mxf

# MP4 and QuickTime.
ff $PICTURE -i "$W" -map 0 -map 1 -c:v mpeg4 -c:a pcm_s16le g20_pcm.mov
ff -i "$W" -c:a alac g21_alac.m4a
ff -i "$W" -ar 44100 -c:a libmp3lame g22_mp3.mp4
ff -i "$W" -ar 48000 -c:a libopus -strict -2 g23_opus.mp4
ff -i "$W" -c:a flac -strict -2 g24_flac.mp4
ff -i "$W" -c:a aac -movflags +faststart g25_faststart.m4a
py mdat_zero g25_faststart.m4a g26_mdat_zero.m4a
ff -i "$W" -c:a aac -movflags +frag_keyframe+empty_moov -frag_duration 500000 g27_fragments.mp4
py cut g25_faststart.m4a g28_cut.m4a 0.6
ff -itsoffset 3 -i "$W" -f lavfi -t 12 -i color=c=black:s=64x64:r=5 -map 1 -map 0 -c:v mpeg4 -c:a aac g29_late.mov
ff -i "$W" -ar 8000 -c:a pcm_mulaw g30_mulaw.mov
ff -i "$W" -ar 16000 -c:a aac -f 3gp g31_phone.3gp

# Matroska and WebM.
ff -i "$W" -ar 44100 -c:a libmp3lame g32_mp3.mkv
ff -i "$W" -c:a aac g33_aac.mkv
ff -i "$W" -c:a flac g34_flac.mka
ff -i "$W" -ar 44100 -c:a libvorbis g35_vorbis.webm
ff -i "$W" -c:a pcm_s16le g36_pcm.mkv
ff -i "$W" -ar 48000 -c:a libopus -b:a 32k g37_opus.mkv
py compress g37_opus.mkv g38_opus_zlib.mkv zlib
py compress g32_mp3.mkv g39_mp3_stripped.mkv strip
py compress g33_aac.mkv g40_aac_zlib.mkv zlib
py compress g32_mp3.mkv g41_mp3_zlib.mkv zlib
ff -i "$W" -ar 48000 -c:a libopus -b:a 32k g42_opus.webm
py behind g42_opus.webm g42_junk_behind.webm junk
py cut g42_opus.webm g43_cut.webm 0.6
py blank g42_opus.webm g44_hole.webm 0.5 3000
ff -i "$W" -ar 48000 -c:a libopus -output_ts_offset 10800 g45_from_three_hours.mkv
ff -i "$W" -ar 48000 -c:a ac3 g46_ac3.mkv

# Ogg.
ff -i "$W" -c:a flac g47_flac.oga
ff -i "$W" -ar 16000 -c:a libspeex g48_speex.spx
ff -i "$W" -ar 48000 -ac 2 -c:a libopus g49_stereo.opus
cat g49_stereo.opus "$FIX/welcome.ogg" > g50_chain_of_codecs.ogg
ff -i "$W" -ar 44100 -c:a libvorbis g51_p44.ogg; ff -i "$W" -ar 16000 -c:a libvorbis g51_p16.ogg
cat g51_p44.ogg g51_p16.ogg > g51_chain_of_rates.ogg
cat "$FIX/spanish.opus" "$FIX/spanish.opus" > g52_chain.opus
py remove g49_stereo.opus g53_bytes_lost.opus 0.5 8000
py cut g51_p44.ogg g54_cut.ogg 0.6
ff $PICTURE -i "$W" -map 0 -map 1 -c:v libtheora -ar 44100 -c:a libvorbis g55_film.ogv

# FLAC.
ff -i "$W" -c:a flac g56_p.flac
py behind g56_p.flac g56_id3v1_behind.flac id3v1
py behind g56_p.flac g57_ape_behind.flac ape
py behind g56_p.flac g58_junk_behind.flac junk
py in_front g56_p.flac g59_id3_in_front.flac id3
cat g56_p.flac g56_p.flac > g60_joined.flac
py cut g56_p.flac g61_cut.flac 0.6
py blank g56_p.flac g62_hole.flac 0.5 4000
ff -i "$W" -ac 2 -ar 44100 -c:a flac g63_p.flac; cat g56_p.flac g63_p.flac > g63_joined_of_two_rates.flac

# WAV.
ff -i "$W" -ar 8000 -c:a pcm_mulaw -f wav g64_p.wav
py wav_size g64_p.wav g64_mulaw_7ffff000.wav 0x7FFFF000
py wav_size g64_p.wav g65_mulaw_80000000.wav 0x80000000
ff -i "$W" -ar 8000 -c:a adpcm_ms -f wav g66_p.wav; py wav_size g66_p.wav g66_adpcm_ffffffff.wav 0xFFFFFFFF
py wav_size "$W" g67_header_shorter.wav 90000
py wav_size "$W" g68_header_longer.wav 600000
py second_data "$W" g69_two_data_chunks.wav
for n in 3 4 6 8; do py microphones "$W" g70_microphone_3_of_$n.wav $n 2 0; done
py microphones "$W" g71_microphone_4_of_6.wav 6 3 0
ff -i "$W" -c:a pcm_f32le -ar 48000 g72_float.wav
ff -i "$W" -c:a pcm_s16le -rf64 always g73_rf64.wav
ff -i "$W" -c:a pcm_s16le g74_p.w64; py cut g74_p.w64 g74_cut.w64 0.6
py cut "$W" g75_cut.wav 0.6
ff -i "$W" -ar 44100 -c:a libmp3lame -b:a 64k -f wav g76_mp3_inside.wav

# Cut files that only ffmpeg reads, or symphonia's own readers.
ff -i "$W" -c:a pcm_s16le g77_p.caf; py cut g77_p.caf g77_cut.caf 0.6
py cut g17_voice.voc g78_cut.voc 0.6
py cut g10_v1.wma g79_cut.wma 0.6
py cut g01_mp3.avi g80_cut.avi 0.6
ff -i "$W" -c:a alac g81_alac.caf
ff -i "$W" -c:a pcm_s16be g82_p.aiff; py cut g82_p.aiff g82_cut.aiff 0.6

# MP3 and AAC without a container.
ff -i "$W" -ar 22050 -c:a libmp3lame -b:a 32k -ac 1 g83_mpeg2.mp3
ff -i "$W" -ar 8000 -c:a libmp3lame -b:a 16k -ac 1 g84_mpeg25.mp3
ff -i "$W" -ar 44100 -c:a libmp3lame -q:a 5 g85_vbr.mp3
ff -i "$W" -ar 44100 -c:a libmp3lame -b:a 64k -ac 1 -write_xing 0 g86_p.mp3
py behind g86_p.mp3 g86_ape_behind.mp3 ape
py in_front g86_p.mp3 g87_zeros_in_front.mp3 zeros
(cat g86_p.mp3; py behind g86_p.mp3 g88_p.mp3 id3v1; cat g88_p.mp3 g86_p.mp3) > g88_tags_in_the_middle.mp3
ff -i "$W" -ar 44100 -c:a aac -f adts g89_bare.aac
py blank g89_bare.aac g90_hole.aac 0.5 3000
ff -i "$W" -ar 22050 -c:a aac -f adts g91_p.aac; cat g89_bare.aac g91_p.aac > g91_changes_rate.aac
py in_front g89_bare.aac g92_id3_in_front.aac id3
py cut g89_bare.aac g93_cut.aac 0.6
ff -i "$W" -ar 48000 -c:a aac -f latm g94_latm.loas

# Streams whose beginning is destroyed.
py lose_head g86_p.mp3 g100_lost_head.mp3 0.3 zeros
py lose_head g89_bare.aac g101_lost_head.aac 0.3 junk
py lose_head g56_p.flac g102_lost_head.flac 0.3 junk
py lose_head g13_alone.ac3 g103_lost_head.ac3 0.3 junk
py lose_head g06_ac3.ts g104_lost_head.ts 0.3 junk

# Inputs without a recording.
py tar g95_two.tar "$W" g86_p.mp3
py zip_ g96_stored.zip "$W"
printf '#EXTM3U\n#EXTINF:9,\n%s\n' "$W" > g97_playlist.wav
printf 'ffconcat version 1.0\nfile %s\n' "$W" > g98_list.mp3
ff -f lavfi -i testsrc=s=64x64:d=0.04 -frames:v 1 g99_picture.png
cp g99_picture.png g99_picture.mp3
rm -f g*_p.* g51_p44.ogg g51_p16.ogg g99_picture.png
echo "further inputs are in $OUT"
