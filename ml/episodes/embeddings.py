"""Embeddings of a dataset's texts, kept in it: ``meta/embeddings/ENCODER/part-000.parquet``, ….

A part has the columns text and embedding and is written atomically, so that interrupted encoding
goes on with the next part. The texts are all captions, their paraphrases, and all clauses.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entities.files import shortened
from ml.episodes.commit import link_on_the_way, lock
from ml.episodes.committed import Damaged
from ml.episodes.layout import MAX_EPISODES
from ml.episodes.reader import EMPTY, EpisodeDataset
from ml.text.encoders import TextEncoder

PART_TEXTS = 1024
"""Texts per file. A kill loses at most these, and most of them are in the encoder's cache."""


def texts_of(dataset: EpisodeDataset, damage: list[str] | None = None) -> list[str]:
    """The different texts of a dataset: captions, clauses, then paraphrases, in their order.

    damage: gets a line for each episode whose paraphrases cannot be read; without it the first one
    raises Damaged.
    """
    paraphrases = [
        text for about in dataset.abouts(damage) for text in about.get("paraphrases", [])
    ]
    return list(dict.fromkeys([*dataset.tasks, *dataset.subtasks, *paraphrases]))


def embed(
    dataset: EpisodeDataset,
    encoder: TextEncoder,
    progress: Callable[[int, int], None] | None = None,
    damage: list[str] | None = None,
) -> int:
    """Encode the texts without an embedding and write those; gives the number of these texts.

    progress: called after each part with the number of texts that have one, and of all texts.
    damage: see ``texts_of``. Raises ValueError if another process writes the dataset, it has no
    texts, or it has embeddings by another model of this name or damaged ones; EncoderError if the
    encoder fails.
    """
    texts = texts_of(dataset, damage)
    if not texts:
        raise ValueError(f"{dataset.root}: {EMPTY}")
    inside = f"meta/embeddings/{encoder.name.replace('/', '-')}"
    folder = dataset.root / inside
    with lock(dataset.root):
        link = link_on_the_way(dataset.root, inside)
        if link is not None:
            raise ValueError(f"{link}: a link; expected a folder of the dataset itself")
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("part-*.part"):
            unfinished.unlink()
        numbers = [
            int(found[1])
            for path in folder.iterdir()
            if (found := re.fullmatch(r"part-(\d{3,6})\.parquet", path.name, re.ASCII))
        ]
        known: set[str] = set()
        for number in sorted(numbers):
            name = f"{inside}/{_part(number)}"
            table = dataset.files.table(name, {"text": str}, MAX_EPISODES)
            came = table.metadata.get(b"identity", b"").decode(errors="replace")
            if not came:
                raise Damaged(f"{table.path}: does not say which model encoded it")
            if came != encoder.model.identity:
                raise ValueError(
                    f"{table.path}: encoded by {shortened(came)[1:-1]}; "
                    f"expected {encoder.model.identity}"
                )
            known |= set(table.columns["text"])
        following = max(numbers, default=-1) + 1
        missing = [text for text in texts if text not in known]
        for first in range(0, len(missing), PART_TEXTS):
            part = missing[first : first + PART_TEXTS]
            _write(folder / _part(following + first // PART_TEXTS), part, encoder)
            if progress is not None:
                progress(len(texts) - len(missing) + first + len(part), len(texts))
    return len(missing)


def _part(number: int) -> str:
    """The name of a file."""
    return f"part-{number:03d}.parquet"


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
