"""``python -m tools.render_batch``: a list of sentences, or a dataset, becomes a folder of films.

Run it again and it makes what is missing. A film has its name only once it is whole, and
``manifest.jsonl`` says of every film what it shows, from which seed, and what its bytes are.
"""

import errno
import fcntl
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Annotated, Any

import av
import pygame
import typer
from pydantic import ValidationError

from entities.scene import explain
from run_sim import (
    UserError,
    parse_size,
    progress_bar,
    refused_by_system,
    run_command,
    users_fault,
)
from sim.output.jobs import Answer, Engine, WorkerDied, do_all
from sim.output.shot_list import Film, Look, RecordedScenes, Shot, ShotJob, film, read_shots
from sim.output.whole import write_whole
from tools.contact_sheet import sheet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
MANIFEST = "manifest.jsonl"
SHEET_PAGE = 60
SHEET_COLUMNS = 4
SHEET_WIDTH_PX = 400
SHEET_LETTERS = 56
Flag = typer.Option


@app.command(help=__doc__)
def render_batch(
    source: Annotated[Path, typer.Argument(help="A .txt, .jsonl or .csv list, or a dataset.")],
    out: Annotated[Path, typer.Argument(help="Folder for the films; made where it is missing.")],
    fps: Annotated[int, Flag(help="Pictures a second, 10 to 120.")] = 30,
    size: Annotated[str, Flag(metavar="WxH", help="Of the picture, in pixels.")] = "1280x720",
    seconds: Annotated[float | None, Flag(help="How long every film is.")] = None,
    seed: Annotated[int | None, Flag(min=0, help="Of the first film; film i has i more.")] = None,
    motion: Annotated[str | None, Flag(help="How bodies are moved; as for run_sim.py.")] = None,
    kind: Annotated[str, Flag(help="mp4, webm or gif.")] = "mp4",
    engine: Annotated[Engine, Flag(help="Processes here, or a Ray cluster.")] = Engine.LOCAL,
    workers: Annotated[int | None, Flag(help="Processes; one per core by default.")] = None,
    address: Annotated[str | None, Flag(help="The Ray cluster's; auto by default.")] = None,
    quiet: Annotated[bool, Flag("--quiet", help="No progress.")] = False,
) -> int:
    """Film everything that is not filmed yet; 0 if all of it is there at the end, else 1."""
    with users_fault():
        look = Look(fps, parse_size(size), f".{kind}")
        dataset = None
        if source.is_dir():
            for name, value in (("seed", seed), ("motion", motion)):
                if value is not None:
                    raise ValueError(f"--{name}: not with a dataset, whose scenes have theirs")
            dataset = RecordedScenes(source, seconds)
        shots = dataset.shots if dataset else read_shots(source, seed, seconds, motion)
        out.mkdir(parents=True, exist_ok=True)
    with _sole_owner(out):
        with users_fault():
            batch = Batch(out, look)
            missing = [shot for shot in shots if not batch.has(shot)]
            folder = None if engine is Engine.RAY else str(out)
            orders = (
                ShotJob(shot, look, folder, dataset.recording(shot) if dataset else None)
                for shot in missing
            )
            answers = do_all(film, orders, engine=engine, workers=workers, address=address)
        failures = []
        there = len(shots) - len(missing)
        with progress_bar(quiet) as progress, closing(answers), refused_by_system():
            for done, answer in enumerate(answers, start=there + 1):
                shot = missing[answer.index]
                if answer.error is None:
                    batch.add(shot, answer.value)
                elif isinstance(answer.error, OSError):
                    where = answer.error.filename or out
                    raise UserError(
                        f"{where}: {answer.error.strerror}; "
                        "the films that are there are whole, run it again for the rest"
                    )
                else:
                    failures.append((shot, answer))
                if progress is not None:
                    progress(done, len(shots))
        with refused_by_system():
            batch.close(shots)
    made = len(missing) - len(failures)
    print(f"{made} made, {there} already there, {len(failures)} failed", file=sys.stderr)
    for shot, answer in sorted(failures, key=lambda failure: failure[1].index):
        _tell(shot, answer)
    return 1 if failures else 0


def _tell(shot: Shot, answer: Answer) -> None:
    """A line about a film that could not be made; a bug brings its traceback."""
    error = answer.error
    if isinstance(error, ValueError | WorkerDied):
        line = explain(error) if isinstance(error, ValidationError) else str(error)
        print(f"{shot.where}: {' '.join(line.split())}", file=sys.stderr)
    else:
        print(
            "\n".join([f"{shot.where}:", *getattr(error, "__notes__", [repr(error)])]),
            file=sys.stderr,
        )


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

    def add(self, shot: Shot, made: Film) -> None:
        """A film is finished. Raises OSError if that cannot be written down."""
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


def _as_line(line: dict[str, Any]) -> bytes:
    return (json.dumps(line, ensure_ascii=False) + "\n").encode()


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a manifest, but for one that a kill cut short at its end."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    try:
        return [json.loads(line) for line in lines]
    except ValueError:
        raise ValueError(f"{path}: not a manifest of films; expected another folder") from None


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
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        middle = (container.duration or 0) // 2  # µs
        container.seek(middle)
        for picture in container.decode(stream):
            if picture.time is None or picture.time * 1e6 >= middle:
                break
        height = round(SHEET_WIDTH_PX * picture.height / picture.width)
        pixels = picture.to_ndarray(format="rgb24", width=SHEET_WIDTH_PX, height=height)
    return pygame.image.frombuffer(pixels.tobytes(), (SHEET_WIDTH_PX, height), "RGB")


@contextmanager
def _sole_owner(folder: Path) -> Iterator[None]:
    """Raises UserError while another batch writes to the folder; a killed one lets go of it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UserError(f"{folder}: another batch is being filmed here") from None
    finally:
        os.close(handle)


if __name__ == "__main__":
    run_command(app)
