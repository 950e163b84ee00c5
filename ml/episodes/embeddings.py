"""A dataset's texts as vectors, kept beside it: ``meta/embeddings/ENCODER/part-000.parquet``, ….

Each part holds texts and their vectors and is there whole or not at all, so that encoding goes on
where it was cut short. The texts are every caption, every paraphrase of one, and every clause.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.episodes.commit import lock
from ml.episodes.reader import EpisodeDataset
from ml.text.encoders import TextEncoder

PART_TEXTS = 1024
"""Texts a file; a kill costs no more than these, and the encoder's own cache has most of them."""


def texts_of(dataset: EpisodeDataset) -> list[str]:
    """Every text of a dataset once: captions, clauses, paraphrases, in the order they come."""
    others = (json.loads(about).get("paraphrases", []) for about in dataset.column("about"))
    return list(
        dict.fromkeys([*dataset.tasks, *dataset.subtasks, *[t for some in others for t in some]])
    )


def embed(
    dataset: EpisodeDataset,
    encoder: TextEncoder,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Encode the texts that are not yet there; gives how many those were.

    Raises ValueError if another process writes the dataset, or the vectors that are there came
    from another model of this name; EncoderError if the encoder fails.
    """
    folder = _folder(dataset.root, encoder.name)
    with lock(dataset.root):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.part"):
            left.unlink()
        parts = list(_parts(folder))
        for path in parts:
            came = pq.read_schema(path).metadata[b"identity"].decode()
            if came != encoder.model.identity:
                raise ValueError(f"{path}: encoded by {came}; expected {encoder.model.identity}")
        known = {text for path in parts for text in pq.read_table(path)["text"].to_pylist()}
        texts = texts_of(dataset)
        missing = [text for text in texts if text not in known]
        for first in range(0, len(missing), PART_TEXTS):
            some = missing[first : first + PART_TEXTS]
            _write(folder / f"part-{len(parts):03d}.parquet", some, encoder)
            parts.append(folder)
            if progress is not None:
                progress(len(texts) - len(missing) + first + len(some), len(texts))
    return len(missing)


def vectors_of(root: Path, encoder: str, texts: list[str]) -> np.ndarray:
    """(N, E) float32 of texts of a dataset, as ``embed`` left them.

    Raises ValueError, naming the first text, if they have not all been encoded.
    """
    row, rows = {}, []
    for path in _parts(_folder(root, encoder)):
        table = pq.read_table(path)
        flat = [chunk.flatten().to_numpy() for chunk in table["embedding"].chunks]
        for text in table["text"].to_pylist():
            row[text] = len(row)
        rows.append(np.concatenate(flat).reshape(len(table), -1))
    for text in texts:
        if text not in row:
            raise ValueError(
                f"{root}: {text[:60]!r} is not encoded by {encoder}; "
                f"python -m tools.preprocess_embeddings {root} --encoder {encoder}"
            )
    return np.concatenate(rows)[[row[text] for text in texts]]


def _folder(root: Path, encoder: str) -> Path:
    return root / "meta" / "embeddings" / encoder.replace("/", "-")


def _parts(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob("part-*.parquet")))


def _write(path: Path, texts: list[str], encoder: TextEncoder) -> None:
    vectors = encoder.encode(texts)
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
    table = pa.table(
        {
            "text": pa.array(texts, pa.string()),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        }
    ).replace_schema_metadata({"encoder": encoder.name, "identity": encoder.model.identity})
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
    draft.rename(path)
