"""The shots of a batch: sentences of a list (txt, JSONL, CSV), or scenes of a dataset.

A shot holds everything that its film depends on, so it can be made in any process, and again.
"""

import csv
import hashlib
import io
import json
import math
import os
import re
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import av

from entities.files import (
    byte_lines,
    decode_text,
    media_url,
    parse_json,
    read_text,
    shortened,
)
from entities.scene import MAX_SCENE_BYTES, Scene, parse_scene
from ml.episodes.committed import Damaged
from ml.episodes.layout import FPS
from ml.episodes.reader import EMPTY, Episode, SceneRecord, open_dataset
from sim.output.encoder import CODECS
from sim.output.replay import Replay
from sim.output.video import Clip, prepare_video
from sim.story import parse_prompt

SLUG_LETTERS = 40
MAX_SHOTS = 100_000
MAX_SEED = 2**63 - 1
MAX_NAME_BYTES = 240
"""Of a film's name in UTF-8: file systems take 255 bytes, the suffix among them."""
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d) *(\..*)?", re.IGNORECASE)
"""What Windows takes for a device whatever the suffix."""
FIELDS = ("prompt", "scene", "seed", "seconds", "motion", "name")
"""Fields of a line of a JSONL or CSV list; a scene is an object, or the path of a file."""


@dataclass(frozen=True, slots=True)
class Look:
    """What all films of a batch share. Raises ValueError for a value outside its range."""

    fps: int = 30
    size: tuple[int, int] = (1280, 720)
    kind: str = ".mp4"

    def __post_init__(self) -> None:
        Clip(Scene(), self.fps, self.size)
        if self.kind not in CODECS:
            raise ValueError(
                f"kind: {self.kind[1:]!r}; expected {', '.join(k[1:] for k in CODECS)}"
            )


@dataclass(frozen=True, slots=True)
class Shot:
    """One film to make of a sentence, of a scene's JSON, or of a recorded scene."""

    name: str  # of its file, without suffix
    where: str  # in the list, for people
    prompt: str
    scene: str | None
    seed: int | None  # None keeps the scene's own
    seconds: float | None
    motion: str | None
    recorded: str | None = None  # hash that tells the recording of ``scene`` from any other

    def key(self, look: Look) -> str:
        """Hash of everything the film depends on: the same key, the same film."""
        depends_on = {**asdict(self), **asdict(look)}
        del depends_on["where"]
        return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:16]

    def parse(self) -> Scene:
        """The scene. Raises ValueError for a sentence or scene that cannot be understood."""
        if self.scene is not None:
            return parse_scene(self.scene)
        return parse_prompt(self.prompt, self.seed or 0)


@dataclass(frozen=True, slots=True)
class ShotJob:
    """A shot to film. folder: where the file goes; None asks for the file's bytes instead."""

    shot: Shot
    look: Look
    folder: str | None
    recording: tuple[SceneRecord, list[Episode]] | None = None
    damage: str | None = None  # why there is no recording

    def clip(self) -> Clip:
        """The clip to make. Raises ValueError for a shot that cannot be filmed."""
        shot, look = self.shot, self.look
        if self.damage is not None:
            raise ValueError(self.damage)
        scene = shot.parse()
        if self.recording is None:
            return Clip(scene, look.fps, look.size, shot.seconds, shot.seed, shot.motion)
        record, tracks = self.recording
        seconds = max(track.first_frame + len(track) for track in tracks) / FPS
        if shot.seconds is not None:
            seconds = min(seconds, shot.seconds)
        run = partial(Replay, record, tracks, scene.camera)
        return Clip(scene, look.fps, look.size, seconds, run=run)


@dataclass(frozen=True, slots=True)
class Film:
    """A finished film and its figures."""

    seconds: float
    frames: int
    size: int  # bytes
    sha256: str
    took_s: float
    prompt: str
    seed: int
    data: bytes | None


def film(job: ShotJob) -> Film:
    """Make a film.

    Raises ValueError for a shot that cannot be filmed, OSError if the film cannot be written.
    """
    start = time.perf_counter()
    shot, clip = job.shot, job.clip()
    with tempfile.TemporaryDirectory() as spare:
        path = Path(job.folder or spare, shot.name + job.look.kind)
        prepare_video(clip, path)(None)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Film(
            seconds=clip.frames / clip.fps,
            frames=_count(path),
            size=path.stat().st_size,
            sha256=digest,
            took_s=time.perf_counter() - start,
            prompt=shot.prompt or clip.scene.prompt,
            seed=clip.scene.seed if shot.seed is None else shot.seed,
            data=path.read_bytes() if job.folder is None else None,
        )


def _count(path: Path) -> int:
    """Pictures in a film file: a gif's rate is rounded, so it may differ from the number asked."""
    with av.open(media_url(path)) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


class RecordedScenes:
    """The scenes of a dataset as shots, and their recordings, read when they are filmed."""

    def __init__(self, path: Path, seconds: float | None) -> None:
        """Raises ValueError if there is no dataset, or nothing in it."""
        self._dataset = open_dataset(path)
        recorded = set(self._dataset.column("scene_index"))
        self.refused = list(self._dataset.damage)
        """A line for each scene that is too damaged to be listed."""
        self.shots: list[Shot] = []
        self._scenes: dict[str, int] = {}
        digits = max(4, len(str(self._dataset.n_scenes)))
        for number in sorted(recorded):  # of some, no actor was kept
            try:
                record = self._dataset.scene(number)
            except Damaged as error:
                self.refused.append(str(error))
                continue
            words = record.scene.prompt or record.scene.actors[0].caption or "scene"
            name = f"{number:0{digits}d}-{slug(words)}"
            self._scenes[name] = number
            self.shots.append(
                Shot(
                    name=name,
                    where=f"{path.name}:{number}",
                    prompt=words,
                    scene=record.scene.model_dump_json(),
                    seed=None,
                    seconds=seconds,
                    motion=None,
                    recorded=hashlib.sha256(record.line(number).encode()).hexdigest(),
                )
            )
        if not self.shots:
            if self.refused:
                raise ValueError(self.refused[0])
            raise ValueError(f"{path}: {EMPTY}")

    def recording(self, shot: Shot) -> tuple[SceneRecord, list[Episode]]:
        """What was recorded of a shot's scene. Raises ValueError if it is damaged."""
        return self._dataset.recording(self._scenes[shot.name])


def read_shots(
    path: Path, seed: int | None, seconds: float | None, motion: str | None
) -> tuple[list[Shot], list[str]]:
    """The shots of a list, in its order, and a line for each of its lines that is none.

    A line's own fields take precedence over the arguments. seed: sentence i (from 0) has the seed
    ``seed + i``. Raises ValueError for a list without a usable line, or with two films of the same
    name, OSError if it cannot be read.
    """
    readers = {".txt": _text, ".jsonl": _json_lines, ".csv": _csv}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: expected a list (.txt, .jsonl, .csv) or a dataset's folder")
    rows = list(islice(readers[path.suffix.lower()](path), MAX_SHOTS + 1))
    if not rows:
        raise ValueError(f"{path}: nothing to film; expected a sentence a line")
    if len(rows) > MAX_SHOTS:
        raise ValueError(f"{path}: expected {MAX_SHOTS} sentences at most")
    if seed is not None and seed + len(rows) > MAX_SEED:
        raise ValueError(f"--seed: {seed}; expected {MAX_SEED - len(rows)} at most")
    digits = max(4, len(str(len(rows) - 1)))
    folder = _SceneFiles(path.parent)
    shots, refused = [], []
    for i, (line, row) in enumerate(rows):
        where = f"{path.name}:{line}"
        try:
            if isinstance(row, ValueError):
                raise row
            shots.append(_shot(row, where, f"{i:0{digits}d}", folder, (seed, i), seconds, motion))
        except ValueError as error:
            refused.append(" ".join(str(error).split()))
    if not shots:
        raise ValueError(refused[0])
    _check_names(shots)
    return shots, refused


def _check_names(shots: list[Shot]) -> None:
    """Raises ValueError for names that are the same file on some system."""
    names: dict[str, Shot] = {}
    for shot in shots:
        first = names.setdefault(unicodedata.normalize("NFKC", shot.name).casefold(), shot)
        if first is not shot:
            same = (
                "" if first.name == shot.name else f", as {first.name!r}: one file on some systems"
            )
            raise ValueError(
                f"{shot.where}: name {shot.name!r} is also that of {first.where}{same}"
            )


def slug(text: str) -> str:
    """A sentence as part of a file name."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(words) > SLUG_LETTERS:
        words = words[: SLUG_LETTERS + 1].rsplit("-", 1)[0][:SLUG_LETTERS]
    return words or "scene"


Row = tuple[int, dict[str, Any] | ValueError]
"""A line's number, and what it says or why it cannot be read."""


def _text(path: Path) -> Iterator[Row]:
    for number, line in byte_lines(path):
        try:
            text = decode_text(line, f"{path.name}:{number}")
        except ValueError as error:
            yield number, error
            continue
        for sentence in text.split("\r"):
            if sentence.strip() and not sentence.lstrip().startswith("#"):
                yield number, {"prompt": sentence.strip()}


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in byte_lines(path):
        where = f"{path.name}:{number}"
        try:
            row = parse_json(decode_text(line, where), where)
        except ValueError as error:
            yield number, error
            continue
        if isinstance(row, str):
            row = {"prompt": row}
        if not isinstance(row, dict):
            row = ValueError(f"{where}: expected an object such as {{'prompt': …}}")
        yield number, row


def _csv(path: Path) -> Iterator[Row]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restkey="", strict=True)
    try:
        twice = [name for name, n in Counter(reader.fieldnames or ()).items() if n > 1]
        if twice:
            raise ValueError(f"{path.name}:1: column {shortened(twice[0])} comes twice")
        for row in reader:
            number = reader.line_num
            if "" in row:
                yield number, ValueError(f"{path.name}:{number}: more cells than the header")
                continue
            yield number, {name: cell for name, cell in row.items() if cell not in (None, "")}
    except csv.Error as error:
        raise ValueError(f"{path.name}:{reader.line_num}: {error}") from None


def _shot(
    row: dict[str, Any],
    where: str,
    number: str,
    folder: "_SceneFiles",
    seed: tuple[int | None, int],
    seconds: float | None,
    motion: str | None,
) -> Shot:
    unknown = sorted(set(row) - set(FIELDS))
    if unknown:
        raise ValueError(f"{where}: unknown {shortened(unknown[0])}; expected {', '.join(FIELDS)}")
    prompt, scene = row.get("prompt"), row.get("scene")
    if (prompt is None) == (scene is None):
        raise ValueError(f"{where}: expected either a prompt or a scene")
    motion = row.get("motion", motion)
    for field, value in (("prompt", prompt), ("motion", motion)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{where}: {field}: {shortened(str(value))}; expected text")
    first, place = seed
    own = _number(where, "seed", row.get("seed"), int)
    if own is None and first is not None:
        own = first + place
    elif own is None and scene is None:
        own = place
    if scene is not None:
        scene = folder.text(scene, where)
    name = row.get("name")
    return Shot(
        name=f"{number}-{slug(prompt or 'scene')}" if name is None else _name(name, where),
        where=where,
        prompt=prompt or "",
        scene=scene,
        seed=own,
        seconds=_number(where, "seconds", row.get("seconds", seconds), float),
        motion=motion,
    )


def _name(name: Any, where: str) -> str:
    """A film's name that is a file's name on every system. Raises ValueError."""
    name = unicodedata.normalize("NFC", str(name))
    if not re.fullmatch(r"\w[\w. -]{0,99}", name) or name[-1] in ". ":
        raise ValueError(
            f"{where}: name: {shortened(name)}; expected up to 100 letters, digits, '.', '-' and "
            "'_', a letter or digit first and no '.' last"
        )
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(
            f"{where}: name: {shortened(name)}; expected {MAX_NAME_BYTES} bytes at most"
        )
    if DEVICES.fullmatch(name):
        raise ValueError(f"{where}: name: {name!r} is a device of Windows; expected another")
    return name


def _number(where: str, name: str, value: Any, kind: type) -> Any:
    if value is None:
        return None
    try:
        number = kind(value)
        if isinstance(value, bool) or (kind is int and number != float(value)) or number < 0:
            raise ValueError
        if not math.isfinite(number) or number > MAX_SEED:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        wanted = "a whole number" if kind is int else "a number"
        shown = shortened(value) if isinstance(value, str) else shortened(str(value)).strip("'")
        raise ValueError(f"{where}: {name}: {shown}; expected {wanted}, 0 or more") from None
    return number


class _SceneFiles:
    """Texts of the scene files that a list names, each read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts: dict[Path, str] = {}

    def text(self, scene: Any, where: str) -> str:
        """A scene's JSON: of an object, or of the file at a path. Raises ValueError."""
        if isinstance(scene, dict):
            return json.dumps(scene)
        if not isinstance(scene, str):
            shown = shortened(str(scene))
            raise ValueError(f"{where}: scene: {shown}; expected an object or a file's path")
        path = self._folder / scene
        if path not in self._texts:
            try:
                self._texts[path] = read_text(path, MAX_SCENE_BYTES)
            except OSError as error:
                reason = os.strerror(error.errno)
                raise ValueError(f"{where}: scene: {path}: {reason}") from None
            except ValueError as error:
                raise ValueError(f"{where}: scene: {error}") from None
        return self._texts[path]
