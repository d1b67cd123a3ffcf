"""Prints tests/log_mel_golden.json: log-mel values as openai-whisper computes them.

    pip install openai-whisper==20250625
    python log_mel_golden.py ../../../tests/fixtures/short.wav > log_mel_golden.json

The recording is 8 kHz and 16 bits; every sample is taken twice, which is 16 kHz without any resampler.
"""

import json
import sys
import wave

import numpy
from whisper.audio import log_mel_spectrogram

with wave.open(sys.argv[1]) as recording:
    assert (recording.getnchannels(), recording.getsampwidth()) == (1, 2)
    samples = numpy.frombuffer(recording.readframes(recording.getnframes()), "<i2")
samples = numpy.repeat(samples.astype(numpy.float32) / 32768, 2)

goldens = []
for n_mels, step in ((80, 61), (128, 97)):
    spectrogram = numpy.asarray(log_mel_spectrogram(samples, n_mels))
    values = [round(float(value), 6) for value in spectrogram.reshape(-1)[::step]]
    goldens.append({"n_mels": n_mels, "frames": spectrogram.shape[1], "step": step, "values": values})
print(json.dumps(goldens))
