"""The episode dataset: actors' tracks in, a folder in the LeRobot v3.0 layout out, and back.

``writer`` and ``reader`` are its two ends; ``layout`` has its files and columns, ``commit`` makes
writing atomic, ``committed`` reads files within bounds and writes nothing, ``histograms`` count
what came for the quantiles, ``features`` has the 22 numbers of a frame, ``embeddings`` the vectors
of its texts. Nothing here simulates or judges: what is stored is what was given.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.episodes.reader import open_dataset

__all__ = ["open_dataset"]


def __getattr__(name: str) -> Any:
    """Load the reader, and pyarrow with it, only when a dataset is to be opened."""
    if name not in __all__:
        raise AttributeError(f"module 'ml.episodes' has no attribute {name!r}")
    from ml.episodes import reader

    return getattr(reader, name)
