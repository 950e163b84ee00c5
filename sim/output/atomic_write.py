"""A file that has its name only once it is whole."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes | str) -> None:
    """Write under a temporary name, then rename; text is written as UTF-8.

    Raises OSError, and then leaves the file that was there.
    """
    data = content.encode() if isinstance(content, str) else content
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
