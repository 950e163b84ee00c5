"""What every text encoder shares: the model's interface, its error and checks of what it needs."""

import hashlib
import importlib.util
from pathlib import Path
from typing import Protocol

import numpy as np

from entities.errors import UserError


class EncoderError(UserError):
    """An encoder is unavailable or failed; the message is one line."""


class EmbeddingModel(Protocol):
    """Turns text into vectors. Opening one checks what it needs; ``embed`` loads the weights.

    identity: everything the vectors depend on apart from the text; part of the cache's key.
    """

    identity: str
    dim: int
    batch: int

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        """(n, dim), of any length; n is at most ``batch``."""
        ...


def fingerprint(files: list[Path]) -> str:
    """A digest of names, sizes and modification times; the files are not read."""
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(sorted(stats)).encode()).hexdigest()[:16]


def require(module: str, extra: str, name: str) -> None:
    """Raises EncoderError if an optional package is not installed.

    module: what would be imported. extra: the extra of this package that has it. name: what needs
    it, for the message.
    """
    try:
        missing = importlib.util.find_spec(module) is None
    except ModuleNotFoundError:  # the package that contains the module
        missing = True
    if missing:
        package = module.replace(".", "-")
        raise EncoderError(
            f"{name} needs {package}, which is not installed; "
            f"expected: pip install 'stride-sim[{extra}]'"
        )
