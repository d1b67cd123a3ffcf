"""Drives a running `cesar serve` with OpenAI's own client, as published: every format, streaming, models and errors.

    python openai_client.py BASE_URL RECORDING HOUR_RECORDING

RECORDING is three seconds, HOUR_RECORDING longer than an hour; the server's engine is the echo of tests/third-party. Prints one line for
each check, and ends with the first that fails.
"""

import sys

import openai
from openai import OpenAI

base, recording, hour = sys.argv[1:4]
client = OpenAI(base_url=f"{base}/v1", api_key="local", timeout=120)
TEXT = "second 0 peaks at"


def check(what, fact, detail=""):
    if not fact:
        sys.exit(f"FAILED {what}: {detail}")
    print(f"ok {what}")


def transcribe(path=recording, model="echo", **more):
    with open(path, "rb") as file:
        return client.audio.transcriptions.create(model=model, file=file, **more)


def refused(what, error, call):
    try:
        call()
    except openai.APIStatusError as found:
        check(what, type(found) is error, f"{type(found).__name__} {found}")
        return found
    return check(what, False, "nothing was refused")


answer = transcribe()
check("json", answer.text.startswith(TEXT) and answer.usage.seconds == 3, answer)
text = answer.text
check("whisper-1 is the default", transcribe(model="whisper-1").text == text)
check("text", transcribe(response_format="text") == text + "\n")

srt = transcribe(response_format="srt")
check("srt", srt.startswith("1\n00:00:00,000 --> 00:00:01,000\nsecond 0"), srt)
vtt = transcribe(response_format="vtt")
check("vtt", vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nsecond 0"), vtt)

verbose = transcribe(response_format="verbose_json", language="en")
check("verbose_json", verbose.language == "english" and verbose.task == "transcribe" and verbose.duration == 3.0, verbose)
check("verbose_json text", verbose.text == text, verbose)
segment = verbose.segments[1]
check("verbose_json segments", len(verbose.segments) == 3 and segment.start == 1.0 and segment.text.startswith(" second 1"), segment)
numbers = [segment.seek, segment.temperature, segment.avg_logprob, segment.compression_ratio, segment.no_speech_prob]
check("verbose_json numbers", all(isinstance(number, (int, float)) for number in numbers) and segment.tokens == [], segment)
check("no words unless asked for", verbose.words is None, verbose)
check("segments are asked for by name", len(transcribe(response_format="verbose_json", timestamp_granularities=["segment"]).segments) == 3)

events = list(transcribe(stream=True))
deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
check("stream ends with the whole text", events[-1].type == "transcript.text.done" and events[-1].text == text, events)
check("deltas are the whole text", len(deltas) == 3 and "".join(deltas) == text, deltas)
fresh = list(transcribe(stream=True, prompt="anything", language="de"))
check("a fresh stream has the same deltas", "".join(e.delta for e in fresh if e.type == "transcript.text.delta") == text, fresh)

raw = client.audio.transcriptions.with_raw_response.create(model="echo", file=open(recording, "rb"))
check("headers", raw.headers["x-cesar-cache"] == "hit" and len(raw.headers["x-cesar-job"]) == 36, raw.headers)

models = [model.id for model in client.models.list()]
check("models", "echo" in models and "whisper-1" in models, models)
check("a model", client.models.retrieve("echo").owned_by == "echo")
check("a model of a plugin", all(client.models.retrieve(model).id == model for model in models if "/" in model), models)

long = transcribe(hour, response_format="srt")
last = long.strip().split("\n\n")[-1]
check("srt past one hour", "01:00:01,000 --> 01:00:02,000" in last, last)
last = transcribe(hour, response_format="vtt").strip().split("\n\n")[-1]
check("vtt past one hour", "01:00:01.000 --> 01:00:02.000" in last, last)

error = refused("an unknown model is 404", openai.NotFoundError, lambda: transcribe(model="gpt-9"))
check("model_not_found", error.code == "model_not_found" and error.param == "model", error.body)
error = refused("an unknown format is 400", openai.BadRequestError, lambda: transcribe(response_format="yaml"))
check("unsupported_value", error.param == "response_format" and error.type == "invalid_request_error", error.body)
refused("an unknown granularity is 400", openai.BadRequestError,
        lambda: transcribe(response_format="verbose_json", timestamp_granularities=["letter"]))
refused("a file that is none is 400", openai.BadRequestError,
        lambda: client.audio.transcriptions.create(model="echo", file=("a.wav", b"noise")))
refused("an unknown model to retrieve is 404", openai.NotFoundError, lambda: client.models.retrieve("nothing"))
refused("too large a file is 413", openai.APIStatusError,
        lambda: client.audio.transcriptions.create(model="echo", file=("a.wav", bytes(151_000_000))))
error = refused("translation needs an engine that can", openai.BadRequestError,
                lambda: client.audio.translations.create(model="echo", file=open(recording, "rb")))
check("an engine that cannot translate", "task" in error.message, error.body)
print("all")
