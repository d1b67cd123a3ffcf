#!/usr/bin/env python3
"""Transcripts by pywhispercpp: whisper.cpp as others package it, beside the reference of Cesar's `whisper-cpp` plugin.

    pywhispercpp_reference.py run                  one job a line on standard input, one answer a line on standard output

A job is a JSON object: `audio` (WAV, 16 kHz, mono, 16 bits), `model` (a file), `threads`, and `parameters`, which are those of
`pywhispercpp.model.Model`. An answer has `language`, `segments` (times in seconds, text, tokens) and the `seconds` it took without
loading; or `error`.

Needs pywhispercpp==1.5.1; made for `cargo xtask measure parity --reference pywhispercpp`.
"""
import json
import os
import sys
import time
import wave

import _pywhispercpp as pw
import numpy as np
from pywhispercpp.model import Model


def read(path):
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768.0


def transcribe(job):
    # A model for each job: what is drawn depends on what was drawn before, and parameters stay.
    context = {"flash_attn": True, "use_gpu": False}
    model = Model(job["model"], context_params=context, n_threads=job["threads"], print_progress=False, **job["parameters"])
    samples = read(job["audio"])
    began = time.monotonic()
    segments = model.transcribe(samples)
    seconds = time.monotonic() - began
    inside = model._ctx  # the only way to the tokens and the language
    tokens = [[pw.whisper_full_get_token_id(inside, i, j) for j in range(pw.whisper_full_n_tokens(inside, i))] for i in range(len(segments))]
    return {
        "language": pw.whisper_lang_str(pw.whisper_full_lang_id(inside)),
        "segments": [
            {"start": segment.t0 / 100, "end": segment.t1 / 100, "text": segment.text, "tokens": ids}
            for segment, ids in zip(segments, tokens)
        ],
        "seconds": seconds,
    }


def run(answers):
    for line in sys.stdin:
        try:
            answer = transcribe(json.loads(line))
        except Exception as error:  # told for this job; the others go on
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer, ensure_ascii=False), file=answers, flush=True)


if __name__ == "__main__":
    if sys.argv[1:] != ["run"]:
        sys.exit(__doc__)
    # whisper.cpp may print; only answers go to standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    run(answers)
