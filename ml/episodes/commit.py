"""Atomic commits of several files: readers see all changes or none, even after a kill.

Staged files are written under ``.staging``, with names that no reader globs. Renaming the journal
commits them; the renames it lists then put them in place. If the process is killed in between, the
next process that opens the dataset finishes those. One process writes at a time.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

STAGING, LOCK, JOURNAL, SUFFIX = ".staging", ".lock", "commit.json", ".part"


def lock(root: Path) -> IO[str]:
    """Take the right to write, held until the file is closed; the system frees a dead process's.

    Raises ValueError if another process holds it.
    """
    file = (root / LOCK).open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise ValueError(
            f"{root}: process {owner} is writing this dataset; wait for it, or name another folder"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


@contextmanager
def naming_folder(folder: Path) -> Iterator[None]:
    """Name the folder in an OSError that names no file, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(folder)
        raise


def staged(root: Path, final: str) -> Path:
    """The path where a file's next version, or what is to be appended to it, is staged."""
    return root / STAGING / (final.replace("/", "--") + SUFFIX)


def commit(root: Path, finals: list[str], append: tuple[str, int]) -> None:
    """Replace the files ``finals`` by their staged versions, in this order, durably.

    append: a file that only grows, and its committed length in bytes; what is staged for it is
    appended there.
    """
    growing, length = append
    for final in (*finals, growing):
        sync(staged(root, final))
    journal = root / STAGING / JOURNAL
    draft = journal.with_name(JOURNAL + SUFFIX)
    entry = {"moves": finals, "grows": growing, "length": length}
    draft.write_text(json.dumps(entry), encoding="utf-8")
    sync(draft)
    draft.rename(journal)
    sync(journal.parent)
    replay_journal(root)


def replay_journal(root: Path) -> None:
    """Carry out a committed journal, if there is one; safe to repeat. Then discard the rest."""
    journal = root / STAGING / JOURNAL
    if journal.is_file():
        entry = json.loads(journal.read_text(encoding="utf-8"))
        added = staged(root, entry["grows"])
        if added.is_file():
            (root / entry["grows"]).parent.mkdir(parents=True, exist_ok=True)
            with (root / entry["grows"]).open("ab") as file:
                file.truncate(entry["length"])
                file.write(added.read_bytes())
            sync(root / entry["grows"])
        for final in entry["moves"]:
            if staged(root, final).is_file():
                (root / final).parent.mkdir(parents=True, exist_ok=True)
                staged(root, final).replace(root / final)
        for folder in {(root / final).parent for final in entry["moves"]}:
            sync(folder)
        journal.unlink()
    discard_staged(root)


def discard_staged(root: Path) -> None:
    """Delete staged files, unless a committed journal needs them."""
    if not (root / STAGING / JOURNAL).is_file():
        for path in (root / STAGING).iterdir():
            path.unlink()


def recover(root: Path) -> None:
    """For readers: finish an interrupted commit, if no writer is alive and we may write."""
    if not (root / STAGING / JOURNAL).is_file() or not os.access(root / STAGING, os.W_OK):
        return
    try:
        held_lock = lock(root)
    except ValueError:
        return  # the writer is alive and finishes it itself
    with held_lock:
        replay_journal(root)


def sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
