"""Damaged, foreign and malicious motion model files by seed, and the trial of one.

A model file plays, or it is refused in one line; either within LIMIT_S. The files are made of the
model that is shipped, or of a small one that stands still, with the onnx package of the train
extra.
"""

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml.motion.runtime import COMPATIBILITY, default_model
from sim.robustness.campaign import Outcome
from sim.robustness.isolation import command, isolated

if TYPE_CHECKING:
    import onnx

LIMIT_S = 10.0
"""For the whole command: a refusal, or two seconds of motion."""
HISTORY, CHUNK, TEXT, FEATURES = 20, 40, 384, 22
SIZES = (0, 1, 2, 3, 19, 21, 39, 41, 64, 383, 2**20, 2**31 - 1, 2**40)
HOSTILE_TEXTS = (
    "", "0", "-1", "1e999", "NaN", "None", "[]", "{}", "null", "true", "\x00", "\ufeff1", "é" * 9,
    "../../etc/passwd", "%s%n", "x" * 100_000, "1\n2\n3", "\u2028", "gemini", "qwen3-8b=/tmp",
)  # fmt: skip
HOSTILE_NUMBERS = (
    "0", "-1", "1", "1e3", "20.0", "true", "null", '"20"', "[20]", "{}", "NaN", "Infinity", "1e999",
    "9" * 50, "9" * 5000, "100000000",
)  # fmt: skip

Rng = np.random.Generator


def damage(seed: int, path: Path) -> str:
    """Make a damaged model file there; in a word, how."""
    rng = np.random.default_rng((seed, 0xDA3A6E))
    name = list(DAMAGES)[seed % len(DAMAGES)]
    DAMAGES[name](rng, path)
    return name


def attempt(seed: int, folder: Path) -> Outcome:
    """Give a damaged model to the command that plays a scene."""
    path = folder / "model.onnx"
    name = damage(seed, path)
    order = ("--prompt", "a man walks", "--seconds", 2, "--headless", "--quiet", "--model", path)
    ended = isolated(command("run_sim", *order), 2.0 * LIMIT_S, folder)
    outcome = Outcome(runs=1, refused=int(ended.code == 2), slowest_s=ended.seconds)
    lines = ended.err.strip().splitlines()
    if ended.hung or ended.seconds > LIMIT_S:
        outcome.failures.append(f"hangs: {name}: {ended.seconds:.1f} s")
    elif ended.code not in (0, 2) or len(lines) != (ended.code == 2):
        outcome.failures.append(f"{name}: {ended.what()}\n{ended.err}")
    return outcome


# Bytes.


@cache
def _shipped() -> bytes:
    return default_model().read_bytes()


def _some_file(rng: Rng) -> bytearray:
    return bytearray(_shipped() if rng.random() < 0.5 else still_model().SerializeToString())


def _flip_bits(rng: Rng, path: Path) -> None:
    content = _some_file(rng)
    for at in rng.integers(len(content), size=int(10 ** rng.uniform(0.0, 4.0))).tolist():
        content[at] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def _flip_bits_of_the_graph(rng: Rng, path: Path) -> None:
    """Those between the weights: names, shapes, operators, metadata."""
    content = bytearray(still_model().SerializeToString())
    for at in rng.integers(len(content), size=int(rng.integers(1, 4))).tolist():
        content[at] ^= 1 << int(rng.integers(8))
    path.write_bytes(content)


def _truncate(rng: Rng, path: Path) -> None:
    content = _some_file(rng)
    path.write_bytes(content[: int(rng.integers(len(content)))])


def _overwrite_a_stretch(rng: Rng, path: Path) -> None:
    content = _some_file(rng)
    at, size = int(rng.integers(len(content))), int(10 ** rng.uniform(0.0, 6.0))
    filling = rng.bytes(size) if rng.random() < 0.5 else bytes([int(rng.integers(256))]) * size
    content[at : at + size] = filling[: len(content) - at]
    path.write_bytes(content)


def _insert_or_remove(rng: Rng, path: Path) -> None:
    content = _some_file(rng)
    at, size = int(rng.integers(len(content))), int(rng.integers(1, 4096))
    content[at : at + size * int(rng.integers(2))] = rng.bytes(size * int(rng.integers(2)))
    path.write_bytes(content)


def _no_model_at_all(rng: Rng, path: Path) -> None:
    kind = int(rng.integers(9))
    if kind == 0:
        path.write_bytes(b"")
    elif kind == 1:
        path.mkdir()
    elif kind == 2:
        path.write_text("people walk to and fro\n" * 1000, encoding="utf-8")
    elif kind == 3:
        path.write_bytes(rng.bytes(int(rng.integers(1, 100_000))))
    elif kind == 4:
        path.symlink_to(path)
    elif kind == 5:
        os.mkfifo(path)
    elif kind == 6:
        path.symlink_to("/dev/zero")
    elif kind == 7:
        with path.open("wb") as file:
            file.truncate(3 << 30)
    else:
        path.write_bytes(b"\x14\x00\x00\x00ORTM" + rng.bytes(4096))


# Metadata.


def _metadata(rng: Rng, path: Path) -> None:
    model = still_model()
    prop = model.metadata_props[int(rng.integers(len(model.metadata_props)))]
    kind = int(rng.integers(5))
    if kind == 0:
        model.metadata_props.remove(prop)
    elif kind == 1:
        prop.value = HOSTILE_TEXTS[int(rng.integers(len(HOSTILE_TEXTS)))]
    elif kind == 2:
        prop.value = prop.value * int(10 ** rng.uniform(0.0, 5.0))
    elif kind == 3:
        model.metadata_props.add(key=prop.key, value=str(rng.integers(100)))
    else:
        prop.key = prop.key.upper()
    _save(model, path)


def _config(rng: Rng, path: Path) -> None:
    model = still_model()
    (prop,) = (one for one in model.metadata_props if one.key == "config")
    config = json.loads(prop.value)
    name = str(rng.choice(["history", "chunk", "text"]))
    kind = int(rng.integers(4))
    if kind == 0:
        del config[name]
        prop.value = json.dumps(config)
    elif kind == 1:
        value = HOSTILE_NUMBERS[int(rng.integers(len(HOSTILE_NUMBERS)))]
        prop.value = json.dumps(config | {name: "VALUE"}).replace('"VALUE"', value)
    elif kind == 2:
        prop.value = "[" * 100_000
    else:
        config[name] += int(rng.choice([-17, -1, 1, 60]))
        prop.value = json.dumps(config)
    _save(model, path)


# The graph.


def still_model() -> "onnx.ModelProto":
    """A whole model whose people stay as they are."""
    from onnx import TensorProto, helper, numpy_helper

    def floats(name: str, *shape: int) -> "onnx.ValueInfoProto":
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    def stored(name: str, value: object) -> "onnx.TensorProto":
        return numpy_helper.from_array(np.array(value), name)

    hold = np.ones((1, CHUNK, FEATURES), np.float32)
    hold[..., -2:] = 0.0
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["history", "last", "end", "frames"], ["now"]),
            helper.make_node("Mul", ["now", "hold"], ["posed"]),
            helper.make_node("Mul", ["noise", "little"], ["waver"]),
            helper.make_node("Add", ["posed", "waver"], ["chunk"]),
            helper.make_node("Slice", ["noise", "first", "two", "features"], ["free"]),
            helper.make_node("Sigmoid", ["free"], ["contact"]),
        ],
        "still",
        [
            floats("history", HISTORY, FEATURES),
            floats("text", TEXT),
            floats("style", TEXT),
            floats("asked", CHUNK, 3),
            floats("given", 1),
            floats("noise", CHUNK, FEATURES),
        ],
        [floats("chunk", CHUNK, FEATURES), floats("contact", CHUNK, 2)],
        [
            stored("last", [-1]), stored("end", [HISTORY]), stored("frames", [1]),
            stored("hold", hold), stored("little", np.float32(0.01)),
            stored("first", [0]), stored("two", [2]), stored("features", [2]),
        ],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    config = json.dumps({"history": HISTORY, "chunk": CHUNK, "text": TEXT})
    about = {**COMPATIBILITY, "config": config, "encoder": "minilm", "actions": ""}
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value)
    return model


def _save(model: "onnx.ModelProto", path: Path) -> None:
    path.write_bytes(model.SerializeToString())


def _value_of(rng: Rng, model: "onnx.ModelProto") -> "onnx.ValueInfoProto":
    values = [*model.graph.input, *model.graph.output]
    return values[int(rng.integers(len(values)))]


def _shapes(rng: Rng, path: Path) -> None:
    """Declared sizes that are wrong, dynamic, fixed or not given."""
    model = still_model()
    shape = _value_of(rng, model).type.tensor_type.shape
    dim = shape.dim[int(rng.integers(len(shape.dim)))]
    kind = int(rng.integers(5))
    if kind == 0:
        dim.dim_value = SIZES[int(rng.integers(len(SIZES)))]
    elif kind == 1:
        dim.dim_param = str(rng.choice(["batch", "n", "", "x" * 1000]))
    elif kind == 2:
        shape.dim.add().dim_value = 1
    elif kind == 3:
        del shape.dim[:]
    else:
        for value in (*model.graph.input, *model.graph.output):
            for number, each in enumerate(value.type.tensor_type.shape.dim):
                each.dim_param = f"{value.name}{number}"
    _save(model, path)


def _names(rng: Rng, path: Path) -> None:
    """Inputs and outputs that are renamed, absent, or one too many."""
    from onnx import TensorProto, helper

    model = still_model()
    graph = model.graph
    kind = int(rng.integers(5))
    if kind < 2:
        side = ("input", "output")[kind]
        renamed = getattr(graph, side)
        one = renamed[int(rng.integers(len(renamed)))]
        for node in graph.node:
            names = getattr(node, side)
            names[:] = [f"{name}_1" if name == one.name else name for name in names]
        one.name += "_1"
    elif kind == 2:
        del graph.output[int(rng.integers(len(graph.output)))]
    elif kind == 3:
        del graph.input[int(rng.integers(len(graph.input)))]
    else:
        extra = helper.make_tensor_value_info("more", TensorProto.FLOAT, ["batch", 3])
        graph.input.append(extra)
    _save(model, path)


def _types(rng: Rng, path: Path) -> None:
    """Inputs and outputs of another type than 32-bit floats."""
    model = still_model()
    _value_of(rng, model).type.tensor_type.elem_type = int(rng.integers(30))
    _save(model, path)


def _weights(rng: Rng, path: Path) -> None:
    """Weights that are not finite, or huge."""
    from onnx import numpy_helper

    model = still_model()
    (hold,) = (one for one in model.graph.initializer if one.name == "hold")
    value = numpy_helper.to_array(hold).copy()
    wrong = rng.choice([np.nan, np.inf, -np.inf, 3e38, 1e20, 1e6, 40.0])
    value.reshape(-1)[rng.integers(value.size, size=int(10 ** rng.uniform(0.0, 3.0)))] = wrong
    hold.CopyFrom(numpy_helper.from_array(value, "hold"))
    _save(model, path)


def _operators(rng: Rng, path: Path) -> None:
    """Operators and versions that there are not, or not here."""
    model = still_model()
    node = model.graph.node[int(rng.integers(len(model.graph.node)))]
    kind = int(rng.integers(5))
    if kind == 0:
        node.domain = str(rng.choice(["my.company", "ai.onnx.ml", "com.microsoft", "x" * 5000]))
        model.opset_import.add(domain=node.domain, version=1)
    elif kind == 1:
        node.op_type = str(rng.choice(["Nothing", "", "Loop", "Gemm", "Conv", "RNN", "NonZero"]))
    elif kind == 2:
        model.opset_import[0].version = int(rng.choice([-1, 0, 1, 7, 99, 2**40]))
    elif kind == 3:
        model.ir_version = int(rng.choice([-1, 0, 1, 99, 2**60]))
    else:
        del model.graph.node[int(rng.integers(len(model.graph.node)))]
    _save(model, path)


def _elsewhere(rng: Rng, path: Path) -> None:
    """Weights that are to be read from other files."""
    from onnx import TensorProto

    model = still_model()
    (hold,) = (one for one in model.graph.initializer if one.name == "hold")
    hold.ClearField("raw_data")
    hold.data_location = TensorProto.EXTERNAL
    where = ["/etc/passwd", "../../../etc/passwd", "weights.bin", "/dev/zero", "", "x" * 5000]
    for key, value in (("location", where[int(rng.integers(len(where)))]), ("offset", "0")):
        hold.external_data.add(key=key, value=value)
    (path.parent / "weights.bin").write_bytes(bytes(4 * CHUNK * FEATURES))
    _save(model, path)


def _after(model: "onnx.ModelProto", nodes: list["onnx.NodeProto"]) -> None:
    """Let the chunk be what ``nodes`` make of ``plain``, the present one, as ``chunk``."""
    for node in model.graph.node:
        for k, name in enumerate(node.output):
            node.output[k] = "plain" if name == "chunk" else name
    model.graph.node.extend(nodes)


def _slow(rng: Rng, path: Path) -> None:
    """A loop that takes seconds, hours or years."""
    from onnx import TensorProto, helper, numpy_helper

    model = still_model()
    turn = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["on"]),
            helper.make_node("Mul", ["state", "one"], ["next"]),
        ],
        "turn",
        [
            helper.make_tensor_value_info("k", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, None),
        ],
        [numpy_helper.from_array(np.float32(1.0), "one")],
    )
    _after(model, [helper.make_node("Loop", ["turns", "yes", "plain"], ["chunk"], body=turn)])
    turns = int(10 ** rng.uniform(3.0, 15.0))
    model.graph.initializer.append(numpy_helper.from_array(np.array(turns), "turns"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    _save(model, path)


def _huge(rng: Rng, path: Path) -> None:
    """Results that take gigabytes on the way, or as they come."""
    from onnx import helper, numpy_helper

    model = still_model()
    size = int(10 ** rng.uniform(6.0, 13.0))
    if rng.random() < 0.5:
        nodes = [
            helper.make_node("ConstantOfShape", ["size"], ["much"]),
            helper.make_node("ReduceMax", ["much"], ["most"], keepdims=0),
            helper.make_node("Add", ["plain", "most"], ["chunk"]),
        ]
        value = np.array([size])
    else:
        nodes = [helper.make_node("Tile", ["plain", "size"], ["chunk"])]
        value = np.array([1, size // 1000, 1])
    _after(model, nodes)
    model.graph.initializer.append(numpy_helper.from_array(value, "size"))
    _save(model, path)


def _results(rng: Rng, path: Path) -> None:
    """Chunks of another length than is declared, random ones, or none."""
    from onnx import helper, numpy_helper

    model = still_model()
    kind = int(rng.integers(4))
    if kind == 0:
        nodes = [helper.make_node("Slice", ["plain", "zero", "some", "one"], ["chunk"])]
        value = np.array([int(rng.integers(CHUNK))])
    elif kind == 1:
        nodes = [helper.make_node("Concat", ["plain", "plain"], ["chunk"], axis=1)]
        value = np.array([0])
    elif kind == 2:
        nodes = [
            helper.make_node("RandomNormalLike", ["plain"], ["random"], scale=0.1),
            helper.make_node("Add", ["plain", "random"], ["chunk"]),
        ]
        value = np.array([0])
    else:
        nodes = [helper.make_node("Reshape", ["plain", "some"], ["chunk"])]
        value = np.array([[-1], [1, CHUNK, FEATURES], [0, FEATURES, CHUNK]][int(rng.integers(3))])
    _after(model, nodes)
    for name, stored in (("some", value), ("zero", np.array([0])), ("one", np.array([1]))):
        model.graph.initializer.append(numpy_helper.from_array(stored, name))
    if rng.random() < 0.5:  # nothing declared: only a trial shows it
        model.graph.output[0].type.tensor_type.ClearField("shape")
    _save(model, path)


def _runaway(rng: Rng, path: Path) -> None:
    """Plausible at first; what it makes of its own motion grows without end."""
    from onnx import helper, numpy_helper

    model = still_model()
    _after(model, [helper.make_node("Mul", ["plain", "more"], ["chunk"])])
    factor = np.float32(1.0 + 10 ** rng.uniform(-1.5, 0.5))
    model.graph.initializer.append(numpy_helper.from_array(factor, "more"))
    _save(model, path)


DAMAGES: dict[str, Callable[[Rng, Path], None]] = {
    "bits": _flip_bits,
    "bits of the graph": _flip_bits_of_the_graph,
    "truncated": _truncate,
    "overwritten": _overwrite_a_stretch,
    "inserted": _insert_or_remove,
    "no model": _no_model_at_all,
    "metadata": _metadata,
    "config": _config,
    "shapes": _shapes,
    "names": _names,
    "types": _types,
    "weights": _weights,
    "operators": _operators,
    "elsewhere": _elsewhere,
    "slow": _slow,
    "huge": _huge,
    "results": _results,
    "runaway": _runaway,
}
"""Each seed does one of these, in turn."""
