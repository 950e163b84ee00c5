"""Several files changed as one: what is staged is seen whole or not at all, whatever gets killed.

Parts are written under ``.staging``, under names nobody globs. Renaming the journal commits them;
the renames it lists then put them in place, and whoever comes next finishes those if a kill came
in between. One process writes at a time.
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
    """The right to write, until it is closed; the system takes it back from whoever dies.

    Raises ValueError if another process has it.
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
def written_in(folder: Path) -> Iterator[None]:
    """An OSError that does not say where it happened, as of a full disk, happened there."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(folder)
        raise


def part(root: Path, final: str) -> Path:
    """Where the next version of a file, or what is to be appended to it, is written."""
    return root / STAGING / (final.replace("/", "--") + SUFFIX)


def commit(root: Path, finals: list[str], append: tuple[str, int]) -> None:
    """Put the parts of ``finals`` in place, in this order, for good.

    append: a file that only grows, and its length so far in bytes; its part goes after that.
    """
    grows, length = append
    for final in (*finals, grows):
        sync(part(root, final))
    journal = root / STAGING / JOURNAL
    draft = journal.with_name(JOURNAL + SUFFIX)
    order = {"moves": finals, "grows": grows, "length": length}
    draft.write_text(json.dumps(order), encoding="utf-8")
    sync(draft)
    draft.rename(journal)
    sync(journal.parent)
    finish(root)


def finish(root: Path) -> None:
    """Carry out the journal, as often as need be; drop what no journal speaks of."""
    journal = root / STAGING / JOURNAL
    if journal.is_file():
        order = json.loads(journal.read_text(encoding="utf-8"))
        added = part(root, order["grows"])
        if added.is_file():
            (root / order["grows"]).parent.mkdir(parents=True, exist_ok=True)
            with (root / order["grows"]).open("ab") as file:
                file.truncate(order["length"])
                file.write(added.read_bytes())
            sync(root / order["grows"])
        for final in order["moves"]:
            if part(root, final).is_file():
                (root / final).parent.mkdir(parents=True, exist_ok=True)
                part(root, final).replace(root / final)
        for folder in {(root / final).parent for final in order["moves"]}:
            sync(folder)
        journal.unlink()
    drop(root)


def drop(root: Path) -> None:
    """Delete everything that is not committed."""
    if not (root / STAGING / JOURNAL).is_file():
        for left in (root / STAGING).iterdir():
            left.unlink()


def settle(root: Path) -> None:
    """For readers: finish a commit that was cut short, unless somebody is at it or we may not."""
    if not (root / STAGING / JOURNAL).is_file() or not os.access(root / STAGING, os.W_OK):
        return
    try:
        held = lock(root)
    except ValueError:
        return  # the writer is alive and finishes it itself
    with held:
        finish(root)


def sync(path: Path) -> None:
    """Have the system write a file, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
