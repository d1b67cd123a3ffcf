"""The plain greedy loop over Moonshine's networks, for comparison with the engine `onnx`.

    python -m venv v && v/bin/pip install numpy==2.* onnxruntime==1.32.0 soundfile
    v/bin/python tests/tools/moonshine_reference.py MODEL RECORDING START-END... > TOKENS.json    # parts in seconds
    v/bin/python tests/tools/moonshine_reference.py MODEL RECORDING --every 15                    # the time of the whole, on 2 threads

MODEL is a folder with `encoder_model.ort` and `decoder_model_merged.ort`; RECORDING is 16 kHz mono.
"""

import json
import sys
import time

import numpy as np
import onnxruntime
import soundfile


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def tokens_of(encoder, decoder, samples):
    hidden = encoder.run(None, {"input_values": samples[None]})[0]
    inputs = {item.name: item.shape for item in decoder.get_inputs()}
    past = {name: np.zeros((1, shape[1], 0, shape[3]), np.float32) for name, shape in inputs.items() if "past" in name}
    names = [item.name for item in decoder.get_outputs()]
    tokens = [1]
    for step in range(int(np.ceil(len(samples) / 16_000 * 6.5)) + 2):
        given = {
            "input_ids": np.array([[tokens[-1]]]),
            "encoder_hidden_states": hidden,
            "use_cache_branch": np.array([step > 0]),
            **past,
        }
        found = dict(zip(names, decoder.run(None, given)))
        token = int(found["logits"][0, -1].argmax())
        if token == 2:
            break
        tokens.append(token)
        for name in past:
            if step == 0 or ".decoder." in name:
                past[name] = found[name.replace("past_key_values", "present")]
    return tokens[1:]


def main(model, recording, *parts):
    samples, rate = soundfile.read(recording, dtype="float32")
    assert rate == 16_000 and samples.ndim == 1
    encoder, decoder = (session(f"{model}/{name}.ort") for name in ("encoder_model", "decoder_model_merged"))
    if parts[0] == "--every":
        seconds = float(parts[1])
        begin = time.monotonic()
        step = int(seconds * rate)
        count = sum(len(tokens_of(encoder, decoder, samples[at : at + step])) for at in range(0, len(samples), step))
        print(f"{count} tokens in {time.monotonic() - begin:.1f} s")
        return
    bounds = [tuple(float(bound) for bound in part.split("-")) for part in parts]
    found = [tokens_of(encoder, decoder, samples[int(a * rate) : int(b * rate)]) for a, b in bounds]
    print(json.dumps([{"part": list(part), "tokens": tokens} for part, tokens in zip(bounds, found)]))


if __name__ == "__main__":
    main(*sys.argv[1:])
