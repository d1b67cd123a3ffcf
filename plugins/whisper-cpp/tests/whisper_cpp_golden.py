#!/usr/bin/env python3
"""Writes whisper_cpp_golden.json: what whisper.cpp makes of the bundled meeting, called as whisper-cli calls it.

    whisper_cpp_golden.py REFERENCE MODELS_DIR      REFERENCE is the built example `reference` of this crate; ffmpeg decodes the recordings
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [
    ("greedy", {"beam_size": 1}),
    ("beam search", {"beam_size": 5}),
    ("words by alignment", {"beam_size": 1, "word_timestamps": True}),
    ("words by tokens", {"beam_size": 1, "word_timestamps": True, "dtw": False}),
    ("short lines", {"beam_size": 1, "max_len": 20, "split_on_word": True}),
    ("no timestamps", {"beam_size": 1, "without_timestamps": True}),
    ("prompt", {"beam_size": 1, "initial_prompt": "A meeting about the harbour, with Dr. Müller."}),
]


def answer(reference, models, wav, options):
    options = dict(options, language="en")
    if options.pop("dtw", True) and options.pop("word_timestamps", False):
        options.update(dtw="tiny.en", flash_attention=False)
    job = {"audio": wav, "model": os.path.join(models, "ggml-tiny.en.bin"), "threads": 1, "options": options}
    finished = subprocess.run([reference, "run"], input=json.dumps(job) + "\n", capture_output=True, text=True, check=True)
    answer = json.loads(finished.stdout)
    return [{name: segment[name] for name in ("start", "end", "text", "tokens", "words")} for segment in answer["segments"]]


def main():
    reference, models = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        recording = os.path.join(HERE, "../../../tests/fixtures/meeting.flac")
        wav = os.path.join(folder, "meeting.wav")
        decode = ["ffmpeg", "-nostdin", "-v", "error", "-i", recording, "-ac", "1", "-ar", "16000", "-c:a", "pcm_s16le", "-bitexact", wav]
        subprocess.run(decode, check=True)
        cases = []
        for name, options in CASES:
            segments = answer(reference, models, wav, options)
            if not options.get("word_timestamps"):
                for segment in segments:
                    del segment["words"]
            cases.append({"name": name, "options": options, "segments": segments})
            print(name, len(segments), "segments", flush=True)
    with open(os.path.join(HERE, "whisper_cpp_golden.json"), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
