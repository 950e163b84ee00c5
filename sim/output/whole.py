"""A file that has its name only once it is whole."""

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside the name, then rename. Raises OSError, and then leaves what was there."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
