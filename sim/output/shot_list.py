"""The shots of a batch: sentences of a list (txt, JSONL, CSV), or scenes of a dataset.

A shot holds everything that its film depends on, so it can be made in any process, and again.
"""

import csv
import hashlib
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av

from entities.scene import Scene, parse_scene
from ml.episodes.layout import FPS
from ml.episodes.reader import Episode, SceneRecord, open_dataset
from sim.output.encoder import CODECS
from sim.output.replay import Replay
from sim.output.video import Clip, prepare_video
from sim.story import parse_prompt

SLUG_LETTERS = 40
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

    def clip(self) -> Clip:
        """The clip to make. Raises ValueError for a shot that cannot be filmed."""
        shot, look = self.shot, self.look
        scene = shot.parse()
        if self.recording is None:
            return Clip(scene, look.fps, look.size, shot.seconds, shot.seed, shot.motion)
        record, tracks = self.recording
        seconds = max(len(track) for track in tracks) / FPS
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
    with av.open(str(path)) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


class RecordedScenes:
    """The scenes of a dataset as shots, and their recordings, read when they are filmed."""

    def __init__(self, path: Path, seconds: float | None) -> None:
        """Raises ValueError if there is no dataset, or nothing in it."""
        self._dataset = open_dataset(path)
        self._episodes: dict[int, list[int]] = {}
        for episode, scene in enumerate(self._dataset.column("scene_index")):
            self._episodes.setdefault(scene, []).append(episode)
        self.shots: list[Shot] = []
        self._scenes: dict[str, int] = {}
        digits = max(4, len(str(self._dataset.n_scenes)))
        for number, record in enumerate(self._dataset.scenes()):
            if number not in self._episodes:
                continue  # no actor of it was kept
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
            raise ValueError(f"{path}: nothing to film; expected a dataset with episodes")

    def recording(self, shot: Shot) -> tuple[SceneRecord, list[Episode]]:
        """What was recorded of a shot's scene."""
        number = self._scenes[shot.name]
        return (
            self._dataset.scene(number),
            [self._dataset.episode(i) for i in self._episodes[number]],
        )


def read_shots(
    path: Path, seed: int | None, seconds: float | None, motion: str | None
) -> list[Shot]:
    """All shots of a list, in its order; a line's own fields take precedence over the arguments.

    seed: sentence i (from 0) has the seed ``seed + i``. Raises ValueError naming the line, OSError
    if the list cannot be read.
    """
    readers = {".txt": _text, ".jsonl": _json_lines, ".csv": _csv}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: expected a list (.txt, .jsonl, .csv) or a dataset's folder")
    try:
        rows = list(readers[path.suffix.lower()](path))
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8 text") from None
    if not rows:
        raise ValueError(f"{path}: nothing to film; expected a sentence a line")
    digits = max(4, len(str(len(rows) - 1)))
    shots = []
    for i, (line, row) in enumerate(rows):
        where = f"{path.name}:{line}"
        shots.append(_shot(row, where, f"{i:0{digits}d}", path.parent, (seed, i), seconds, motion))
    names: dict[str, str] = {}
    for shot in shots:
        if shot.name in names:
            raise ValueError(f"{shot.where}: name {shot.name!r} is also that of {names[shot.name]}")
        names[shot.name] = shot.where
    return shots


def slug(text: str) -> str:
    """A sentence as part of a file name."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(words) > SLUG_LETTERS:
        words = words[: SLUG_LETTERS + 1].rsplit("-", 1)[0][:SLUG_LETTERS]
    return words or "scene"


def _text(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, {"prompt": line.strip()}


def _json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path.name}:{number}: not JSON: {error.msg}") from None
        if isinstance(row, str):
            row = {"prompt": row}
        if not isinstance(row, dict):
            raise ValueError(f"{path.name}:{number}: expected an object such as {{'prompt': …}}")
        yield number, row


def _csv(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restkey="", strict=True)
        try:
            for row in reader:
                if "" in row:
                    raise ValueError(f"{path.name}:{reader.line_num}: more cells than the header")
                cells = {name: cell for name, cell in row.items() if cell not in (None, "")}
                yield reader.line_num, cells
        except csv.Error as error:
            raise ValueError(f"{path.name}:{reader.line_num}: {error}") from None


def _shot(
    row: dict[str, Any],
    where: str,
    number: str,
    folder: Path,
    seed: tuple[int | None, int],
    seconds: float | None,
    motion: str | None,
) -> Shot:
    unknown = sorted(set(row) - set(FIELDS))
    if unknown:
        raise ValueError(f"{where}: unknown {unknown[0]!r}; expected {', '.join(FIELDS)}")
    prompt, scene = row.get("prompt"), row.get("scene")
    if (prompt is None) == (scene is None):
        raise ValueError(f"{where}: expected either a prompt or a scene")
    if prompt is not None and not isinstance(prompt, str):
        raise ValueError(f"{where}: prompt: {prompt!r}; expected text")
    first, place = seed
    own = _number(where, "seed", row.get("seed"), int)
    if own is None and first is not None:
        own = first + place
    elif own is None and scene is None:
        own = place
    if scene is not None:
        scene = _scene_text(scene, where, folder)
    name = row.get("name")
    if name is not None and not re.fullmatch(r"[\w][\w. -]{0,99}", str(name)):
        raise ValueError(f"{where}: name: {name!r}; expected letters, digits, '.', '-' and '_'")
    return Shot(
        name=str(name) if name is not None else f"{number}-{slug(prompt or 'scene')}",
        where=where,
        prompt=prompt or "",
        scene=scene,
        seed=own,
        seconds=_number(where, "seconds", row.get("seconds", seconds), float),
        motion=row.get("motion", motion),
    )


def _number(where: str, name: str, value: Any, kind: type) -> Any:
    if value is None:
        return None
    try:
        number = kind(value)
        if isinstance(value, bool) or (kind is int and number != float(value)) or number < 0:
            raise ValueError
        if not math.isfinite(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"{where}: {name}: {value!r}; expected {wanted}, 0 or more") from None
    return number


def _scene_text(scene: Any, where: str, folder: Path) -> str:
    if isinstance(scene, dict):
        return json.dumps(scene)
    if not isinstance(scene, str):
        raise ValueError(f"{where}: scene: {scene!r}; expected an object or a file's path")
    path = folder / scene
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{where}: scene: {path}: {os.strerror(error.errno)}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{where}: scene: {path}: not UTF-8 text") from None
