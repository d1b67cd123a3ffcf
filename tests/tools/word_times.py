#!/usr/bin/env python3
"""Writes tests/fixtures/word_times.json: the times of the words in the bundled English recordings.

flite speaks each turn again, with the same voice, and knows when each word is spoken. Where the result lies in the recording is the maximum of their
cross-correlation, which has to be almost 1. Needs ffmpeg, numpy and `word_times` (word_times.c) in this folder.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

TOOLS = pathlib.Path(__file__).resolve().parent
FIXTURES = TOOLS.parent / "fixtures"
RATE = 16_000
# Seconds around a turn in which it is searched.
MARGIN = 1


def samples(path):
    command = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
    return numpy.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2").astype(float)


def place(recording, spoken, turn):
    """The first sample of the spoken text in the recording, and the correlation there."""
    first = max(0, int((turn["start"] - MARGIN) * RATE))
    part = recording[first : int((turn["end"] + MARGIN) * RATE)]
    size = 1 << (len(part) + len(spoken)).bit_length()
    spectrum = numpy.fft.rfft(part, size) * numpy.conj(numpy.fft.rfft(spoken, size))
    lag = int(numpy.argmax(numpy.fft.irfft(spectrum, size)))
    offset = first + (lag - size if lag > size // 2 else lag)
    begin, end = max(0, offset), min(len(recording), offset + len(spoken))
    one, other = recording[begin:end], spoken[begin - offset : end - offset]
    return offset, one @ other / numpy.sqrt((one @ one) * (other @ other))


def words_of(turn, recording, folder):
    wave = folder + "/turn.wav"
    command = [TOOLS / "word_times", turn["speaker"], turn["text"], wave]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    offset, correlation = place(recording, samples(wave), turn)
    tokens = turn["text"].split()
    if correlation < 0.98 or len(lines) != len(tokens):
        sys.exit(f"`{turn['text']}` is another recording: correlation {correlation:.3f}")
    for token, line in zip(tokens, lines):
        start, end = (round(float(time) + offset / RATE, 3) for time in line.split("\t")[:2])
        yield {"word": token, "start": start, "end": end}


def main():
    times = {}
    for path in sorted(FIXTURES.glob("*.json")):
        turns = path != FIXTURES / "word_times.json" and json.loads(path.read_text())
        if not turns or turns["language"] != "en":
            continue
        recording = samples(next(other for other in FIXTURES.glob(path.stem + ".*") if other.suffix not in (".json", ".txt", ".rttm")))
        with tempfile.TemporaryDirectory() as folder:
            times[path.stem] = [word for turn in turns["turns"] for word in words_of(turn, recording, folder)]
    lists = (f'  "{name}": [\n    ' + ",\n    ".join(map(json.dumps, words)) + "\n  ]" for name, words in times.items())
    (FIXTURES / "word_times.json").write_text("{\n" + ",\n".join(lists) + "\n}\n")


main()
