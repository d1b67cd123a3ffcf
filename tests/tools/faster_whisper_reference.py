#!/usr/bin/env python3
"""Transcripts by faster-whisper: the reference that Cesar's `ct2` plugin is compared with.

    faster_whisper_reference.py wav IN OUT.wav     a recording as faster-whisper decodes it: 16 kHz, mono, 16 bits
    faster_whisper_reference.py run                one job a line on standard input, one answer a line on standard output

A job is a JSON object: `audio` (a WAV file as made above), `model` (a folder), `compute_type`, `threads`, and `options` by the names
of the plugin's option table; options that faster-whisper spells otherwise (`batch_size`, `vad_…`) are translated here. An answer has
`language`, `language_probability`, `segments` with the fields of faster-whisper's, and the `seconds` it took without loading; or `error`. A job with `"speech": true` gives
the `parts` with speech (in samples) and the `probabilities` of the VAD instead.

Needs faster-whisper==1.2.1; made for `cargo xtask measure parity` and for the golden results under `plugins/ct2/tests`.
"""
import json
import sys
import time
import wave

import numpy as np

MODELS = {}


def read(path):
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768.0


def write(source, target):
    from faster_whisper.audio import decode_audio

    samples = decode_audio(source)
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.round(samples * 32768.0).clip(-32768, 32767).astype("<i2").tobytes())


def model(job):
    from faster_whisper import WhisperModel

    key = (job["model"], job.get("compute_type", "float32"), job.get("threads", 0))
    if key not in MODELS:
        MODELS.clear()
        MODELS[key] = WhisperModel(key[0], device="cpu", compute_type=key[1], cpu_threads=key[2])
    return MODELS[key]


def arguments(options):
    """Keyword arguments of `transcribe`, and the batch size (0 for window after window)."""
    given = {name: value for name, value in options.items() if not name.startswith("vad_") or name == "vad_filter"}
    vad = {name[4:]: value for name, value in options.items() if name.startswith("vad_") and name not in ("vad_filter", "vad_model")}
    batch = given.pop("batch_size", 0)
    if given.get("log_prob_threshold", 0) <= -1000:
        given["log_prob_threshold"] = None
    if batch > 1 and vad:
        vad.setdefault("min_silence_duration_ms", 160)  # faster-whisper's own, unless any other is set
    if vad:
        given["vad_parameters"] = vad
    if batch > 1:
        given["batch_size"] = batch
        clips = given.pop("clip_timestamps", None)
        if clips:
            given["clip_timestamps"] = [{"start": a, "end": b} for a, b in zip(clips[::2], clips[1::2])]
        given.setdefault("vad_filter", False)
    return given, batch


def transcribe(job):
    from faster_whisper import BatchedInferencePipeline

    samples = read(job["audio"])
    given, batch = arguments(job.get("options", {}))
    engine = BatchedInferencePipeline(model(job)) if batch > 1 else model(job)
    began = time.monotonic()
    if "chunk_length" in given:
        MODELS.clear()  # it stays set in the model
    segments, info = engine.transcribe(samples, **given)
    answer = [
        {
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
            "tokens": list(segment.tokens),
            "seek": segment.seek,
            "temperature": segment.temperature,
            "avg_logprob": segment.avg_logprob,
            "compression_ratio": segment.compression_ratio,
            "no_speech_prob": segment.no_speech_prob,
            "words": None
            if segment.words is None
            else [{"start": w.start, "end": w.end, "word": w.word, "probability": w.probability} for w in segment.words],
        }
        for segment in segments
    ]
    seconds = time.monotonic() - began
    return {"language": info.language, "language_probability": info.language_probability, "segments": answer, "seconds": seconds}


def speech(job):
    from faster_whisper.vad import VadOptions, get_speech_timestamps, get_vad_model

    samples = read(job["audio"])
    given, _ = arguments(job.get("options", {}))
    parts = get_speech_timestamps(samples, VadOptions(**given.get("vad_parameters", {})))
    probabilities = get_vad_model()(np.pad(samples, (0, 512 - len(samples) % 512)))
    return {"parts": [[part["start"], part["end"]] for part in parts], "probabilities": probabilities.tolist()}


def plain(value):
    return value.item() if isinstance(value, np.generic) else str(value)


def run():
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = speech(job) if job.get("speech") else transcribe(job)
        except Exception as error:  # told for this job; the others go on
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer, default=plain, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["wav"] and len(sys.argv) == 4:
        write(sys.argv[2], sys.argv[3])
    elif sys.argv[1:] == ["run"]:
        run()
    else:
        sys.exit(__doc__)
