"""The model files that come with the package: where they are, and whether they are as they came."""

import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path

from entities.errors import UserError

MODELS = Path(str(resources.files("assets"))) / "models"
CHECKSUMS = MODELS / "checksums.json"
"""SHA-256 of each file: what was tried out before it was shipped is not tried out by each user."""


def is_shipped(digest: str) -> bool:
    """Whether the file of this SHA-256 came with the package."""
    return digest in _checksums()


def read_shipped(name: str) -> bytes:
    """The content of a file of MODELS.

    Raises UserError if it is missing, or damaged: an operator's native code may crash on that.
    """
    path = MODELS / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; it comes with the package") from None
    if not is_shipped(hashlib.sha256(content).hexdigest()):
        raise UserError(f"{path}: not as it came with the package; install it again")
    return content


def write_checksums(folder: Path = MODELS) -> None:
    """Take the present files of the folder for those that are shipped."""
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".json", ".npz", ".onnx") and path.name != CHECKSUMS.name
    )
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    target = folder / CHECKSUMS.name
    target.write_text(json.dumps(sums, indent=2) + "\n", encoding="utf-8")


@cache
def _checksums() -> frozenset[str]:
    """The checksums; without its file nothing is known to be shipped, and all is tried out."""
    try:
        return frozenset(json.loads(CHECKSUMS.read_text(encoding="utf-8")).values())
    except (OSError, ValueError, AttributeError, TypeError):
        return frozenset()
