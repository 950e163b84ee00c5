"""``python -m ml.export WEIGHTS --out FILE.onnx``: a checkpoint -> ONNX, checked against torch.

``--int8`` stores the blocks' matrices as 8 bits a number, scaled per output channel, and works
with activations of 8 bits; what reads and writes motion itself stays float32, so that a speed
that is asked for comes out as it went in.
"""

import warnings
from pathlib import Path
from typing import Annotated

import numpy as np
import onnxruntime
import typer

from entities.actions import ActionType
from entities.atomic_write import check_target, whole
from entities.command import extra_imports, refused_by_system, run_command
from entities.errors import UserError
from ml.episodes.features import N_FEATURES
from ml.text.shipped import MODELS, write_checksums

with extra_imports("train", __name__):
    import onnx
    import onnxscript  # noqa: F401  (torch's exporter needs it, and says so in 40 lines)
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from ml.motion.model import ASKED, MotionConfig, Sampler
    from ml.motion.weights import load_model

OPSET = 20
INPUTS = ("history", "text", "style", "asked", "given", "noise")
OUTPUTS = ("chunk", "contact")
PARITY = 1e-4
"""Largest allowed difference of a float32 file from torch, in standard deviations."""


def export(
    weights: Path,
    out: Path,
    *,
    int8: bool = False,
    actions: tuple[ActionType, ...] = (),
) -> dict[str, float]:
    """Write ``out``, atomically; returns its size, "MB", and "apart", its ``parity`` with torch.

    int8: quantise the blocks' matrices. actions: those the model is to be used for, all by default.
    Raises UserError if the weights do not fit or a float32 file differs from torch by more than
    PARITY, OSError if the file cannot be written.
    """
    check_target(out)
    model, about = load_model(weights)
    sampler = Sampler(model).eval()
    config = model.config
    example = sample_inputs(config, 2, seed=0)
    batch = torch.export.Dim("batch", min=1, max=4096)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's, about its own code
        program = torch.onnx.export(
            sampler,
            tuple(torch.from_numpy(example[name]) for name in INPUTS),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_shapes=tuple({0: batch} for _ in INPUTS),
            verbose=False,
        )
    proto = program.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]  # source locations of the nodes: a megabyte
    transpose_weights(proto.graph)
    with whole(out) as part:
        if int8:
            onnx.save(proto, part)
            sizes = {tensor.name: min(tensor.dims, default=0) for tensor in proto.graph.initializer}
            kept = [
                node.name
                for node in proto.graph.node
                if max((sizes.get(name, 0) for name in node.input), default=0) < config.width
            ]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                quantize_dynamic(
                    part,
                    part,
                    per_channel=True,
                    # 7 bits: processors without VNNI add two products in 16 bits; 8 overflow.
                    reduce_range=True,
                    weight_type=QuantType.QInt8,
                    nodes_to_exclude=kept,
                )
            proto = onnx.load(part)
        del proto.metadata_props[:]
        about |= {"actions": ",".join(actions)}
        for key, value in sorted(about.items()):  # the same weights give the same bytes
            proto.metadata_props.add(key=key, value=value)
        onnx.save(proto, part)
        apart = parity(sampler, part)
        if not int8 and apart > PARITY:
            raise UserError(f"{out}: differs from torch by {apart:.2g}; allowed is {PARITY:g}")
    return {"MB": out.stat().st_size / 1e6, "apart": apart}


def transpose_weights(graph: onnx.GraphProto) -> None:
    """Store matrices transposed where the exporter transposes them at run time.

    The quantiser needs stored matrices, and this saves the transposition in every call.
    """
    stored = {tensor.name: tensor for tensor in graph.initializer}
    transposed: dict[str, str] = {}  # output of a Transpose -> name of the stored result
    for node in list(graph.node):
        if node.op_type == "Transpose" and node.input[0] in stored:
            source = stored[node.input[0]]
            name = f"{source.name}.turned"
            if name not in stored:
                matrix = onnx.numpy_helper.to_array(source).T
                stored[name] = onnx.numpy_helper.from_array(np.ascontiguousarray(matrix), name)
                graph.initializer.append(stored[name])
            transposed[node.output[0]] = name
            graph.node.remove(node)
    used = set()
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = transposed.get(name, name)
        used.update(node.input)
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def sample_inputs(config: MotionConfig, n: int, seed: int) -> dict[str, np.ndarray]:
    """A batch of ``n`` random but plausible inputs, by name. config: a MotionConfig."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    return {
        "history": 0.3 * normal(n, config.history, N_FEATURES),
        "text": normal(n, config.text) / config.text**0.5,
        "style": normal(n, config.text) / config.text**0.5,
        "asked": normal(n, config.chunk, ASKED),
        "given": np.ones((n, 1), np.float32),
        "noise": normal(n, config.chunk, N_FEATURES),
    }


def parity(sampler: Sampler, path: Path) -> float:
    """Largest difference between torch and the file over batches of 1, 3 and 16.

    Features are compared in standard deviations, contacts as they are.
    """
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    std, apart = sampler.model.std.numpy(), 0.0
    for n in (1, 3, 16):
        inputs = sample_inputs(sampler.model.config, n, seed=n)
        with torch.no_grad():
            wanted = sampler(*(torch.from_numpy(inputs[name]) for name in INPUTS))
        results = session.run(list(OUTPUTS), inputs)
        apart = max(
            apart,
            float(np.abs((results[0] - wanted[0].numpy()) / std).max()),
            float(np.abs(results[1] - wanted[1].numpy()).max()),
        )
    return apart


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def main(
    weights: Annotated[Path, typer.Argument(help="A .safetensors file, or a folder of shards.")],
    out: Annotated[Path, typer.Option(help="The .onnx file to write.")],
    int8: Annotated[bool, typer.Option("--int8", help="Eight bits a weight.")] = False,
    action: Annotated[
        list[ActionType] | None, typer.Option(help="What it is good at; all, unless given.")
    ] = None,
) -> None:
    """Export a checkpoint."""
    with refused_by_system():
        found = export(weights, out, int8=int8, actions=tuple(action or ()))
        if out.resolve().parent == MODELS.resolve():
            write_checksums()
    print(f"{out}: {found['MB']:.1f} MB, off by {found['apart']:.2g}")


if __name__ == "__main__":
    run_command(app)
