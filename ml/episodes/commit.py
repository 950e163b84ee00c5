"""Atomic commits of several files: readers see all changes or none, even after a kill.

Staged files are written under ``.staging``, with names that no reader globs. Renaming the journal
commits them; the renames it lists then put them in place. If the process is killed in between, the
next writer finishes those. Until then our own readers see what is committed where it is staged (see
``ml.episodes.committed``), and other programs see the dataset before the commit: nobody who only
reads writes. One process writes at a time.

A dataset may come from a stranger. A journal is carried out only if it says what a commit of ours
says, and nothing is written, locked or deleted through a link.
"""

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from entities.atomic_write import take_lock
from entities.files import read_json, shortened
from ml.episodes.layout import SCENES, is_written

STAGING, LOCK, JOURNAL, SUFFIX = ".staging", ".lock", "commit.json", ".part"
FOLDERS = (STAGING, "meta", "meta/episodes", "data", "videos")
"""Folders that a writer makes in a dataset."""


@dataclass(frozen=True, slots=True)
class Journal:
    """A commit that has been decided: what is to be put in place, and the file that grows."""

    moves: tuple[str, ...]
    grows: str
    length: int  # bytes of the file that grows, without what is added


def lock(root: Path) -> IO[str]:
    """Take the right to write, held until the file is closed; the system frees a dead process's.

    Raises ValueError if another process holds it, OSError for a lock that is a link.
    """
    path = root / LOCK
    _refuse_links(root, LOCK)
    flags = os.O_RDWR | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):  # not on Windows
        flags |= getattr(os, name, 0)
    handle = os.open(path, flags, 0o666)
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        os.close(handle)
        raise _fault(path, "not a file of its own; delete it to go on")
    file = os.fdopen(handle, "r+", encoding="utf-8", errors="replace")
    try:
        if not take_lock(handle):
            owner = file.read(20).strip()
            raise ValueError(
                f"{root}: process {owner if owner.isdecimal() else 'unknown'} is writing this "
                "dataset; wait for it, or name another folder"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
    except BaseException:
        file.close()
        raise
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


def link_on_the_way(root: Path, name: str) -> Path | None:
    """The first link between a folder and a path inside it, if there is one."""
    path = root
    for part in Path(name).parts:
        path = path / part
        if path.is_symlink():
            return path
    return None


def check_folders(root: Path) -> None:
    """Raises OSError if a folder that a writer uses is a link, or not a folder."""
    for name in FOLDERS:
        _refuse_links(root, name)
        folder = root / name
        if not folder.exists():
            continue
        if not folder.is_dir():
            raise _fault(folder, "a file; expected a folder")
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink() and name != STAGING:
                    raise _fault(Path(entry.path), _LINK)


def commit(root: Path, finals: list[str], append: tuple[str, int]) -> None:
    """Replace the files ``finals`` by their staged versions, in this order, durably.

    append: a file that only grows, and its committed length in bytes; what is staged for it is
    appended there. Raises OSError, then nothing is committed.
    """
    growing, length = append
    entry = Journal(tuple(finals), growing, length)
    _check_possible(root, entry)
    for final in (*finals, growing):
        sync(staged(root, final))
    journal = root / STAGING / JOURNAL
    draft = journal.with_name(JOURNAL + SUFFIX)
    facts = {"moves": finals, "grows": growing, "length": length}
    draft.write_text(json.dumps(facts), encoding="utf-8")
    sync(draft)
    draft.rename(journal)
    sync(journal.parent)
    carry_out(root, entry)
    discard_staged(root)


def read_journal(root: Path) -> Journal | None:
    """The commit that has been decided and may not have been carried out, if there is one.

    Raises ValueError for a journal that no commit of ours wrote, OSError if it cannot be read.
    """
    path = root / STAGING / JOURNAL
    link = link_on_the_way(root, f"{STAGING}/{JOURNAL}")
    if link is not None:
        raise ValueError(f"{link}: {_LINK}")
    try:
        if not path.is_file():
            if path.exists():
                raise ValueError(f"{path}: not a file; expected the journal of a commit")
            return None
        entry = read_json(path)
    except FileNotFoundError:  # the writer has just carried it out
        return None
    if not isinstance(entry, dict) or entry.keys() != {"moves", "grows", "length"}:
        raise ValueError(f"{path}: expected an object of moves, grows and length")
    moves, grows, length = entry["moves"], entry["grows"], entry["length"]
    if not isinstance(moves, list):
        raise ValueError(f"{path}: moves: expected a list of files")
    for i, name in enumerate(moves):
        if not isinstance(name, str) or not is_written(name):
            raise ValueError(
                f"{path}: moves[{i}]: {shortened(str(name))}; expected a file of a dataset, such "
                "as data/chunk-000/file-000.parquet"
            )
    if len(set(moves)) < len(moves):
        raise ValueError(f"{path}: moves: names a file twice")
    if grows != SCENES:
        raise ValueError(f"{path}: grows: {shortened(str(grows))}; expected {SCENES}")
    if type(length) is not int or length < 0:
        raise ValueError(f"{path}: length: {shortened(str(length))}; expected a number of bytes")
    return Journal(tuple(moves), grows, length)


def finish(root: Path) -> None:
    """Carry out a committed journal, if there is one; safe to repeat.

    Raises ValueError for one that no commit of ours wrote, OSError if it cannot be carried out;
    then nothing is touched.
    """
    journal = read_journal(root)
    if journal is not None:
        _check_possible(root, journal)
        carry_out(root, journal)


def carry_out(root: Path, journal: Journal) -> None:
    """Put in place what a commit has decided and delete its journal."""
    added, growing = staged(root, journal.grows), root / journal.grows
    if added.is_file():
        growing.parent.mkdir(parents=True, exist_ok=True)
        with growing.open("ab") as file:
            file.truncate(journal.length)
            file.write(added.read_bytes())
        sync(growing)
    for final in journal.moves:
        if staged(root, final).is_file():
            (root / final).parent.mkdir(parents=True, exist_ok=True)
            staged(root, final).replace(root / final)
    for folder in {(root / final).parent for final in journal.moves}:
        sync(folder)
    (root / STAGING / JOURNAL).unlink()


def discard_staged(root: Path) -> None:
    """Delete staged files, unless a committed journal needs them."""
    if not (root / STAGING / JOURNAL).is_file():
        with os.scandir(root / STAGING) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry)


def sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_LINK = (
    "a link; expected what a dataset writes to, or reads, to be its own (cp -rL copies it whole)"
)


def _fault(path: Path, why: str) -> OSError:
    return OSError(errno.EINVAL, why, str(path))


def _refuse_links(root: Path, name: str) -> None:
    link = link_on_the_way(root, name)
    if link is not None:
        raise _fault(link, _LINK)


def _check_possible(root: Path, journal: Journal) -> None:
    """Raises OSError, naming the file, if a commit cannot be carried out inside the dataset."""
    for name in (*journal.moves, journal.grows):
        final, coming = root / name, staged(root, name)
        _refuse_links(root, name)
        if coming.is_symlink():
            raise _fault(coming, _LINK)
        if final.exists() and not final.is_file():
            raise _fault(final, "not a file; expected one")
        if not coming.is_file() and not (name != journal.grows and final.is_file()):
            raise _fault(coming, f"missing; expected what is to become {name}")
    growing = root / journal.grows
    if not growing.exists():
        there, n_links = 0, 1
    else:
        facts = growing.stat()
        there, n_links = facts.st_size, facts.st_nlink
    if n_links != 1:
        raise _fault(growing, f"also has {n_links - 1} other names; expected a file of its own")
    if journal.length > there:
        raise _fault(growing, f"{there} bytes; expected the {journal.length} already committed")
