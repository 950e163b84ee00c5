"""Embeddings of a dataset's texts, kept in it: ``meta/embeddings/ENCODER/part-000.parquet``, ….

A part has the columns text and embedding and is written atomically, so that interrupted encoding
goes on with the next part. The texts are all captions, their paraphrases, and all clauses.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ml.episodes.commit import lock
from ml.episodes.reader import EpisodeDataset
from ml.text.encoders import TextEncoder

PART_TEXTS = 1024
"""Texts per file. A kill loses at most these, and most of them are in the encoder's cache."""


def texts_of(dataset: EpisodeDataset) -> list[str]:
    """The different texts of a dataset: captions, clauses, then paraphrases, in their order."""
    abouts = (json.loads(about) for about in dataset.column("about"))
    paraphrases = [text for about in abouts for text in about.get("paraphrases", [])]
    return list(dict.fromkeys([*dataset.tasks, *dataset.subtasks, *paraphrases]))


def embed(
    dataset: EpisodeDataset,
    encoder: TextEncoder,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Encode the texts without an embedding and write those; gives the number of these texts.

    progress: called after each part with the number of texts that have one, and of all texts.
    Raises ValueError if another process writes the dataset, or it has embeddings by another model
    of this name; EncoderError if the encoder fails.
    """
    folder = dataset.root / "meta" / "embeddings" / encoder.name.replace("/", "-")
    with lock(dataset.root):
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()
        parts = sorted(folder.glob("part-*.parquet"))
        for path in parts:
            came = pq.read_schema(path).metadata[b"identity"].decode()
            if came != encoder.model.identity:
                raise ValueError(f"{path}: encoded by {came}; expected {encoder.model.identity}")
        known = {text for path in parts for text in pq.read_table(path)["text"].to_pylist()}
        texts = texts_of(dataset)
        missing = [text for text in texts if text not in known]
        for first in range(0, len(missing), PART_TEXTS):
            part = missing[first : first + PART_TEXTS]
            _write(folder / f"part-{len(parts) + first // PART_TEXTS:03d}.parquet", part, encoder)
            if progress is not None:
                progress(len(texts) - len(missing) + first + len(part), len(texts))
    return len(missing)


def _write(path: Path, texts: list[str], encoder: TextEncoder) -> None:
    """Encode texts and write them with their vectors, atomically."""
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
