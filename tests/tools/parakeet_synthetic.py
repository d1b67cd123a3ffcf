"""A small Parakeet with random weights, and the answers of the Python package `onnx-asr` to it.

The graphs have the inputs, outputs and shapes of NeMo's exports: an encoder (subsampling by 8), a joint network with durations, one with
CTC. All weights are drawn with a fixed seed, so that blanks, durations of 0 to 4 and several tokens a frame occur.

    python -m venv v && v/bin/pip install numpy==2.* onnx==1.23.2 onnxruntime==1.32.0 onnx-asr==0.12.0 soundfile
    v/bin/python tests/tools/parakeet_synthetic.py FOLDER RECORDING ANSWERS.json

Writes FOLDER/tdt, FOLDER/ctc, FOLDER/broken, and ANSWERS.json: tokens, times and log-probabilities by `onnx-asr`, and NeMo's features of the
recording by its numpy front end, for both numbers of bands (every 211th value).
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BANDS, WIDTH, STATE, TOKENS, DURATIONS = 80, 24, 16, 40, 5
rng = np.random.default_rng(26)


def tensor(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def weights(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale / np.sqrt(shape[-1])).astype(np.float32)


def save(path, nodes, inputs, outputs, initializers):
    value = lambda item: helper.make_tensor_value_info(*item)
    graph = helper.make_graph(nodes, path.stem, [value(i) for i in inputs], [value(o) for o in outputs], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def subsampled(output):
    """audio_signal [b, bands, t] to [b, width, (t - 1) / 8 + 1]: one convolution of 9 frames in steps of 8, and tanh."""
    return [
        helper.make_node("Conv", ["audio_signal", "kernel", "bias"], ["hidden"], kernel_shape=[9], strides=[8], pads=[4, 4]),
        helper.make_node("Tanh", ["hidden"], [output]),
    ]


def kernel():
    return [tensor("kernel", weights(WIDTH, BANDS, 9, scale=0.5)), tensor("bias", weights(WIDTH))]


SIGNAL = [("audio_signal", TensorProto.FLOAT, ["b", BANDS, "t"]), ("length", TensorProto.INT64, ["b"])]


def encoder(path):
    nodes = subsampled("outputs") + [
        helper.make_node("Sub", ["length", "one"], ["before"]),
        helper.make_node("Div", ["before", "eight"], ["steps"]),
        helper.make_node("Add", ["steps", "one"], ["encoded_lengths"]),
    ]
    outputs = [("outputs", TensorProto.FLOAT, ["b", WIDTH, "f"]), ("encoded_lengths", TensorProto.INT64, ["b"])]
    numbers = [tensor("one", np.array(1)), tensor("eight", np.array(8))]
    save(path, nodes, SIGNAL, outputs, kernel() + numbers)


def joint(path):
    """A recurrent cell over the last token, added to the encoder's frame; the second state counts the tokens."""
    nodes = [
        helper.make_node("Gather", ["embedding", "targets"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["time_first"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["input_states_1", "recurrent"], ["recalled"]),
        helper.make_node("Add", ["time_first", "recalled"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["output_states_1"]),
        helper.make_node("Add", ["input_states_2", "tenth"], ["output_states_2"]),
        helper.make_node("Transpose", ["output_states_1"], ["predicted"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["predicted", "of_state"], ["from_state"]),
        helper.make_node("Transpose", ["encoder_outputs"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames", "of_frame"], ["from_frame"]),
        helper.make_node("Add", ["from_frame", "from_state"], ["together"]),
        helper.make_node("Tanh", ["together"], ["mixed"]),
        helper.make_node("MatMul", ["mixed", "classes"], ["scores"]),
        helper.make_node("Add", ["scores", "prior"], ["biased"]),
        helper.make_node("Cast", ["target_length"], ["unused"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["unused"], ["zero_of_it"], keepdims=0),
        helper.make_node("Mul", ["zero_of_it", "zero"], ["nothing"]),
        helper.make_node("Add", ["biased", "nothing"], ["flat"]),
        helper.make_node("Unsqueeze", ["flat", "axis"], ["outputs"]),
    ]
    inputs = [
        ("encoder_outputs", TensorProto.FLOAT, ["b", WIDTH, "f"]),
        ("targets", TensorProto.INT32, ["b", "u"]),
        ("target_length", TensorProto.INT32, ["b"]),
        ("input_states_1", TensorProto.FLOAT, [1, "b", STATE]),
        ("input_states_2", TensorProto.FLOAT, [1, "b", STATE]),
    ]
    outputs = [
        ("outputs", TensorProto.FLOAT, ["b", "f", "u", TOKENS + DURATIONS]),
        ("output_states_1", TensorProto.FLOAT, [1, "b", STATE]),
        ("output_states_2", TensorProto.FLOAT, [1, "b", STATE]),
    ]
    prior = np.zeros(TOKENS + DURATIONS, np.float32)
    prior[TOKENS - 1] = 1.6
    initializers = [
        tensor("embedding", weights(TOKENS, STATE, scale=3)),
        tensor("recurrent", weights(STATE, STATE)),
        tensor("of_state", weights(STATE, WIDTH, scale=1.5)),
        tensor("of_frame", weights(WIDTH, WIDTH, scale=2)),
        tensor("classes", weights(WIDTH, TOKENS + DURATIONS, scale=5)),
        tensor("prior", prior),
        tensor("tenth", np.array(0.1, np.float32)),
        tensor("zero", np.array(0.0, np.float32)),
        tensor("axis", np.array([2])),
    ]
    save(path, nodes, inputs, outputs, initializers)


def ctc(path):
    nodes = subsampled("encoded") + [
        helper.make_node("Transpose", ["encoded"], ["frames"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames", "classes"], ["scores"]),
        helper.make_node("Add", ["scores", "prior"], ["biased"]),
        helper.make_node("LogSoftmax", ["biased"], ["logprobs"], axis=-1),
    ]
    prior = np.zeros(TOKENS, np.float32)
    prior[TOKENS - 1] = 2.0
    initializers = kernel() + [tensor("classes", weights(WIDTH, TOKENS, scale=5)), tensor("prior", prior)]
    save(path, nodes, SIGNAL, [("logprobs", TensorProto.FLOAT, ["b", "f", TOKENS])], initializers)


def vocabulary(folder):
    syllables = ["\u2581" * (number % 3 == 0) + "bdfgklmn"[number % 8] + "aeiou"[number // 8] for number in range(36)]
    tokens = ["<unk>", *syllables, ".", ",", "<blk>"]
    assert len(tokens) == TOKENS
    (folder / "vocab.txt").write_text("".join(f"{token} {number}\n" for number, token in enumerate(tokens)))


def broken(folder):
    """Networks that a runtime refuses: of a later opset, of a later format, without their data; and one that computes with halves."""
    folder.mkdir(parents=True, exist_ok=True)

    def model(kind=TensorProto.FLOAT, values=np.ones(256, np.float32)):
        item = lambda name: helper.make_tensor_value_info(name, kind, [256])
        nodes = [helper.make_node("Mul", ["audio_signal", "weights"], ["logprobs"])]
        graph = helper.make_graph(nodes, "broken", [item("audio_signal")], [item("logprobs")], [tensor("weights", values)])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    later = model()
    later.opset_import[0].version = 99
    onnx.save(later, folder / "opset.onnx")
    later = model()
    later.ir_version = 99
    onnx.save(later, folder / "format.onnx")
    onnx.save(model(), folder / "data.onnx", save_as_external_data=True, location="data.onnx.data", size_threshold=100)
    (folder / "data.onnx.data").unlink()
    onnx.save(model(TensorProto.FLOAT16, np.ones(256, np.float16)), folder / "half.onnx")


def main(folder, recording, answers):
    import onnx_asr
    import soundfile
    from onnx_asr.preprocessors.numpy_preprocessor import NemoPreprocessorNumpy

    samples, rate = soundfile.read(recording, dtype="float32")
    assert rate == 16_000 and samples.ndim == 1
    broken(folder / "broken")
    found = {}
    for kind in ("tdt", "ctc"):
        place = folder / kind
        place.mkdir(parents=True, exist_ok=True)
        vocabulary(place)
        names = {"tdt": "nemo-conformer-tdt", "ctc": "nemo-conformer-ctc"}
        (place / "config.json").write_text(json.dumps({"model_type": names[kind], "features_size": BANDS, "subsampling_factor": 8}))
        if kind == "tdt":
            encoder(place / "encoder-model.onnx")
            joint(place / "decoder_joint-model.onnx")
        else:
            ctc(place / "model.onnx")
        model = onnx_asr.load_model(names[kind], place, preprocessor_config={"use_numpy_preprocessors": True}).with_timestamps()
        result = model.recognize(samples)
        logprobs = [round(float(value), 6) for value in result.logprobs]
        found[kind] = {"tokens": result.tokens, "times": [round(float(t), 6) for t in result.timestamps], "logprobs": logprobs}
    for bands in (80, 128):
        features, lengths = NemoPreprocessorNumpy(f"nemo{bands}")(samples[None], np.array([len(samples)]))
        values = [round(float(value), 6) for value in features[0].ravel()[::211]]
        found[f"features{bands}"] = {"shape": list(features[0].shape), "valid": int(lengths[0]), "every211": values}
    Path(answers).write_text(json.dumps(found, ensure_ascii=False) + "\n")
    steps = np.diff([round(t / 0.08) for t in found["tdt"]["times"]])
    print(len(found["tdt"]["tokens"]), "tokens; steps between them:", np.unique(steps, return_counts=True))
    print(len(found["ctc"]["tokens"]), "tokens with CTC")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
