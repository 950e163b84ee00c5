"""What is in a folder, to the last byte, before and after: what was changed that must not be."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

State = dict[str, tuple]
"""For each path below a folder what it is: a folder, where a link leads, or a file's size, time of
its last change and content."""


def state_of(folder: Path) -> State:
    """The state of all that is below a folder; links are not followed."""
    found: State = {}
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(here, name)
            key = str(path.relative_to(folder))
            if path.is_symlink():
                found[key] = ("link", os.readlink(path))
            elif path.is_dir():
                found[key] = ("folder",)
            elif path.is_file():
                facts = path.stat()
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[key] = ("file", facts.st_size, facts.st_mtime_ns, digest)
            else:
                found[key] = ("other",)  # such as a pipe
    return found


def changes(before: State, after: State, allowed: Iterable[str] = ()) -> list[str]:
    """A line for each path that came, went or changed. allowed: folders and files that may."""
    may = tuple(allowed)
    lines = []
    for path in sorted(before.keys() | after.keys()):
        if any(path == one or path.startswith(f"{one}/") for one in may):
            continue
        was, now = before.get(path), after.get(path)
        if was != now:
            how = "was made" if was is None else "is gone" if now is None else "was changed"
            lines.append(f"{path} {how}")
    return lines
