"""A folder of films that a batch makes, with a manifest and sheets of the films' middle pictures.

A film has its name only once it is whole. ``manifest.jsonl`` has a line for each film: what it
shows, from which seed, and what its bytes are; so a batch that was cut short goes on where it was.
"""

import errno
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

import av
import pygame

from entities.atomic_write import take_lock, write_whole
from entities.errors import UserError
from entities.files import decode_text, media_url, parse_json, read_bytes
from ml.episodes.committed import Damaged
from sim.command import Progress
from sim.output.jobs import Answer
from sim.output.sheets import sheet
from sim.output.shot_list import Film, Look, RecordedScenes, Shot, ShotJob

MANIFEST = "manifest.jsonl"
SHEET_PAGE = 60
"""Films on a sheet."""
SHEET_COLUMNS = 4
SHEET_WIDTH_PX = 400
SHEET_LETTERS = 56
"""Letters of a film's label."""


class Batch:
    """The finished films of a folder and what the manifest says of them."""

    def __init__(self, folder: Path, look: Look) -> None:
        """Take up what an earlier run left. Raises OSError if the folder cannot be used."""
        self.folder, self.look = folder, look
        for part in folder.glob(".*.part"):  # of runs that were killed
            part.unlink(missing_ok=True)
        self._manifest = folder / MANIFEST
        self._lines = {line["file"]: line for line in _read_lines(self._manifest)}
        self._rewrite(list(self._lines.values()))  # so that the last line is a whole one again

    def has(self, shot: Shot) -> bool:
        """Whether this very film is there, whole."""
        path = self._path(shot)
        line = self._lines.get(path.name)
        if line is None or line["key"] != shot.key(self.look):
            return False
        return path.is_file() and path.stat().st_size == line["bytes"]

    def jobs(
        self, shots: Iterable[Shot], dataset: RecordedScenes | None, *, in_place: bool
    ) -> Iterator[ShotJob]:
        """The jobs that make the films of ``shots``.

        dataset: where the shots come from, if from a dataset. in_place: whether the workers write
        to the folder themselves; else they send the films' bytes.
        """
        folder = str(self.folder) if in_place else None
        for shot in shots:
            recording = damage = None
            if dataset is not None:
                try:
                    recording = dataset.recording(shot)
                except Damaged as error:
                    damage = str(error)
            yield ShotJob(shot, self.look, folder, recording, damage)

    def collect(
        self,
        answers: Iterator[Answer],
        missing: list[Shot],
        n_shots: int,
        progress: Progress | None,
    ) -> list[tuple[Shot, Answer]]:
        """Add the films of ``missing`` as they are answered; the shots that could not be filmed.

        n_shots: of the whole batch, for the progress. Raises UserError if a film could not be
        written, OSError if the manifest could not.
        """
        failures = []
        for done, answer in enumerate(answers, start=n_shots - len(missing) + 1):
            shot = missing[answer.index]
            if answer.error is None:
                self.add(shot, answer.value)
            elif isinstance(answer.error, OSError):
                where = answer.error.filename or self.folder
                raise UserError(
                    f"{where}: {answer.error.strerror}; "
                    "the films that are there are whole, run it again for the rest"
                )
            else:
                failures.append((shot, answer))
            if progress is not None:
                progress(done, n_shots)
        return sorted(failures, key=lambda failure: failure[1].index)

    def add(self, shot: Shot, made: Film) -> None:
        """Add a finished film. Raises OSError if it or its line cannot be written."""
        path = self._path(shot)
        if made.data is not None:
            write_whole(path, made.data)
        line = {
            "key": shot.key(self.look),
            "file": path.name,
            "prompt": made.prompt,
            "from": shot.where,
            "seed": made.seed,
            "seconds": made.seconds,
            "frames": made.frames,
            "fps": self.look.fps,
            "size": list(self.look.size),
            "motion": shot.motion,
            "bytes": made.size,
            "sha256": made.sha256,
            "took_s": round(made.took_s, 3),
        }
        text = _as_line(line)
        with self._manifest.open("ab", buffering=0) as log:
            if log.write(text) < len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._manifest))
        self._lines[path.name] = line

    def close(self, shots: list[Shot]) -> None:
        """Put the manifest in the list's order and draw the sheets."""
        names = [self._path(shot).name for shot in shots if self.has(shot)]
        rest = [name for name in self._lines if name not in set(names)]
        self._rewrite([self._lines[name] for name in names + rest])
        pages = list(_sheets(self.folder, [self._lines[name] for name in names]))
        for number, page in enumerate(pages, start=1):
            write_whole(self.folder / f"sheet-{number}.png", page)
        for old in self.folder.glob("sheet-[0-9]*.png"):
            if old.stem.removeprefix("sheet-") not in map(str, range(1, len(pages) + 1)):
                old.unlink()

    def _path(self, shot: Shot) -> Path:
        return self.folder / (shot.name + self.look.kind)

    def _rewrite(self, lines: list[dict[str, Any]]) -> None:
        write_whole(self._manifest, b"".join(map(_as_line, lines)))


@contextmanager
def sole_owner(folder: Path) -> Iterator[None]:
    """The right to write films to a folder; a process that is killed loses it.

    Raises UserError while another batch has it.
    """
    # Only POSIX opens a folder; elsewhere a file in it is locked in its place.
    posix = os.name == "posix"
    handle = os.open(folder if posix else folder / ".lock", os.O_RDONLY if posix else os.O_CREAT)
    try:
        if not take_lock(handle):
            raise UserError(f"{folder}: another batch is being filmed here")
        yield
    finally:
        os.close(handle)


def _as_line(line: dict[str, Any]) -> bytes:
    return (json.dumps(line, ensure_ascii=False) + "\n").encode()


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a manifest, but for one that a kill cut short at its end."""
    if not path.exists():
        return []
    lines = read_bytes(path).splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    return [_manifest_line(line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]


def _manifest_line(data: bytes, where: str) -> dict[str, Any]:
    """A line of a manifest. Raises ValueError for what no batch has written."""
    line = parse_json(decode_text(data, where), where)
    texts = ("file", "key", "prompt")
    if not (
        isinstance(line, dict)
        and all(isinstance(line.get(name), str) for name in texts)
        and isinstance(line.get("bytes"), int)
        and Path(line["file"]).name == line["file"]
    ):
        raise ValueError(f"{where}: not of a manifest of films; expected another folder")
    return line


def _sheets(folder: Path, lines: list[dict[str, Any]]) -> Iterator[bytes]:
    """PNG pages of the films' middle pictures."""
    for first in range(0, len(lines), SHEET_PAGE):
        page = lines[first : first + SHEET_PAGE]
        pictures = [_middle(folder / line["file"]) for line in page]
        labels = [
            shorten(
                f"{Path(line['file']).stem[:4]} {line['prompt']}", SHEET_LETTERS, placeholder=" …"
            )
            for line in page
        ]
        target = io.BytesIO()
        pygame.image.save(sheet(pictures, labels, min(SHEET_COLUMNS, len(page))), target, ".png")
        yield target.getvalue()


def _middle(path: Path) -> pygame.Surface:
    """The picture in the middle of a film, at the sheet's width."""
    with av.open(media_url(path)) as container:
        stream = container.streams.video[0]
        middle = (container.duration or 0) // 2  # µs
        container.seek(middle)
        for picture in container.decode(stream):
            if picture.time is None or picture.time * 1e6 >= middle:
                break
        height = round(SHEET_WIDTH_PX * picture.height / picture.width)
        pixels = picture.to_ndarray(format="rgb24", width=SHEET_WIDTH_PX, height=height)
    return pygame.image.frombuffer(pixels.tobytes(), (SHEET_WIDTH_PX, height), "RGB")
