#!/usr/bin/env python3
"""Writes `faster_whisper_golden.json`: what faster-whisper 1.2.1 itself makes of a bundled recording, setting by setting.

    faster_whisper_golden.py MODELS_DIR > faster_whisper_golden.json      (float32, needs faster-whisper==1.2.1)

`tests/fixtures/meeting.flac` is 16 kHz and mono, so that no resampler stands between the two. The test `transcribe::golden` compares
times and words with a tolerance and texts exactly.
"""
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))
import faster_whisper_reference as reference  # noqa: E402

SETTINGS = [
    ("tiny.en", "beam 1", {"beam_size": 1}),
    ("tiny.en", "beam 5", {}),
    ("tiny.en", "words", {"word_timestamps": True, "hallucination_silence_threshold": 1.0}),
    ("tiny.en", "VAD", {"vad_filter": True, "vad_min_silence_duration_ms": 300, "word_timestamps": True}),
    ("tiny.en", "batched", {"batch_size": 4, "vad_filter": True, "chunk_length": 10, "vad_min_silence_duration_ms": 160}),
    ("tiny.en", "batched, words", {"batch_size": 3, "vad_filter": True, "word_timestamps": True, "without_timestamps": False}),
    ("tiny.en", "prompt", {"initial_prompt": "The harbour office.", "hotwords": "Cesar"}),
    ("tiny.en", "clips", {"clip_timestamps": [1.0, 9.5, 20.0], "prefix": "So", "max_initial_timestamp": 0.5}),
    ("base", "detected", {"word_timestamps": True, "multilingual": True, "language_detection_segments": 2}),
    ("base", "translated", {"task": "translate", "language": "es", "beam_size": 2, "patience": 2.0, "length_penalty": 0.5}),
]


def rounded(value):
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


def main(models):
    with tempfile.TemporaryDirectory() as folder:
        wav = os.path.join(folder, "meeting.wav")
        reference.write(os.path.join(ROOT, "tests", "fixtures", "meeting.flac"), wav)
        goldens = []
        for model, name, options in SETTINGS:
            options = {"temperature": [0.0], **options}
            job = {"audio": wav, "model": os.path.join(models, f"faster-whisper-{model}"), "options": options}
            answer = json.loads(json.dumps(reference.transcribe(job), default=reference.plain))
            goldens.append({"model": model, "name": name, "options": options, **rounded(answer)})
        parts = reference.speech({"audio": wav, "options": {"vad_min_silence_duration_ms": 300}})
        speech = {"parts": parts["parts"], "probabilities": rounded(parts["probabilities"][::16])}
    json.dump({"speech": speech, "transcripts": goldens}, sys.stdout, ensure_ascii=False, indent=None, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main(sys.argv[1])
