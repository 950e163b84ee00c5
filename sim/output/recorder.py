"""Records runs into a dataset: every second tick of a simulation, one episode an actor.

A ``Take`` collects the frames of one run, in memory up to a few dozen megabytes and then on disk;
``Recorder`` keeps a dataset open and adds takes to it. Recording changes nothing in the run.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from io import SEEK_END
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO, Any

import numpy as np

from entities.components import Pose
from entities.scene import Scene
from entities.skeleton import ACTOR_TYPES, N_JOINTS
from entities.units import DT, TICKS_PER_MOTION_FRAME
from ml.episodes.commit import STAGING, naming_folder
from ml.episodes.features import encode
from ml.episodes.layout import COLUMNS, FPS, INFO
from ml.episodes.reader import (
    Episode,
    EpisodeDataset,
    SceneRecord,
    made_with,
    open_dataset,
)
from ml.episodes.writer import EpisodeWriter
from ml.measure.metrics import world_to_body
from ml.motion.runtime import MotionModel
from sim.loop import Simulation
from sim.output.video import Clip, check_size, prepare_video
from sim.snapshots import Block
from sim.story.captions import Clauses, clauses_in_force, tasks_of

log = logging.getLogger(__name__)

TILE_FRAMES = 256
TILE_BYTES = 32_000_000
"""A tile is this many frames of all actors; then it goes to the disk."""
_WIDTHS = {
    "root": 3,
    "heading": 1,
    "velocity": 3,
    "wanted": 2,
    "joints": 2 * N_JOINTS,
    "lateral": N_JOINTS,
    "roll": 1,
    "gaze": 2,
    "face": 1,
    "mouth": 1,
    "contact": 2,
    "action": 1,
    "source": 1,
    "off_path": 1,
}
_OF_POSE = {field.name for field in fields(Pose)}
_ENDS = np.cumsum(list(_WIDTHS.values())).tolist()
_SLICES = {
    name: slice(end - width, end) for (name, width), end in zip(_WIDTHS.items(), _ENDS, strict=True)
}


@dataclass(frozen=True, slots=True)
class _Spilled:
    """Where a tile of frames, that of one cast, lies on the disk."""

    offset: int  # bytes
    n_actors: int
    n_frames: int


class Take:
    """A recording of one run, from the next even tick on, made of the simulation's own blocks.

    Whoever comes on stage later has a shorter track, from the first even tick on stage.
    """

    def __init__(
        self,
        simulation: Simulation,
        clauses: list[Clauses] | None = None,
        folder: Path | None = None,
    ) -> None:
        """clauses: of each actor; by default those of its caption and later sentences.

        folder: for frames that do not fit in memory.
        """
        self.simulation, self._clauses, self._folder = simulation, clauses, folder
        self.first_tick = self._next = simulation.world.tick + simulation.world.tick % 2
        self._tile, self._filled = _new_tile(len(simulation.cast.actor_ids)), 0
        self._spilled: list[_Spilled] = []
        self._spool: IO[bytes] | None = None
        simulation.watchers.append(self._take)
        if simulation.world.tick == self.first_tick:
            simulation.frame()  # this tick may have been evaluated before the watcher was there

    @property
    def n_frames(self) -> int:
        """Frames an episode would have now; the row after the last gives its displacement."""
        return max(0, sum(tile.n_frames for tile in self._spilled) + self._filled - 1)

    def close(self) -> None:
        """Stop watching the run and drop the frames."""
        self.simulation.watchers.remove(self._take)
        if self._spool is not None:
            self._spool.close()

    def run_until(self, tick: int) -> None:
        """Continue the run until the frame at ``tick`` is recorded."""
        missing = tick - self.simulation.world.tick
        if missing > 0:
            for _ in self.simulation.blocks(missing + 1):
                pass

    def record(self, reason: str) -> SceneRecord:
        """The scene's record. reason: why the take ended."""
        scene = Scene.model_validate(self.simulation.scene.model_dump())
        ticks = self.n_frames * TICKS_PER_MOTION_FRAME
        model_hash = self.simulation.model_hash
        return SceneRecord(scene, ticks, reason, self.first_tick, model_hash)

    def episodes(self) -> Iterator[Episode]:
        """The track of every actor that was on stage for a whole frame."""
        scene, cast = self.simulation.scene, self.simulation.cast
        given = clauses_in_force(scene) if self._clauses is None else self._clauses
        tasks = tasks_of(scene)
        for row, actor in enumerate(scene.actors):
            track = self._track(row)
            length = len(track) - 1
            if length < 1:
                continue
            first_frame = self.n_frames - length
            yield Episode(
                **_columns(track, float(cast.actor_scale[row])),
                **self._words(given[row], first_frame, length),
                task=tasks[row],
                actor_id=actor.id,
                actor_index=row,
                actor_type=ACTOR_TYPES[cast.actor_kind[row]].value,
                scale=float(cast.actor_scale[row]),
                style=actor.style or "",
                first_frame=first_frame,
            )

    def _words(self, clauses: Clauses, first_frame: int, length: int) -> dict[str, object]:
        ticks = self.first_tick + (first_frame + np.arange(length)) * TICKS_PER_MOTION_FRAME
        starts = np.array([round(t / DT) for t, _ in clauses])
        index = np.maximum(np.searchsorted(starts, ticks, side="right") - 1, 0)
        return {"subtasks": [text for _, text in clauses], "subtask_index": index}

    def _take(self, block: Block) -> None:
        first, last = int(block.tick[0]), int(block.tick[-1])
        if first > self._next:
            raise RuntimeError(f"record: tick {self._next} was never looked at")
        if last < self._next:
            return
        n = len(block.cast.actor_ids)
        which = np.arange(self._next - first, last - first + 1, TICKS_PER_MOTION_FRAME)
        self._next = first + int(which[-1]) + TICKS_PER_MOTION_FRAME
        rows = np.empty((n, len(which), _ENDS[-1]))
        for name, columns in _SLICES.items():
            source = block.pose if name in _OF_POSE else block
            width = columns.stop - columns.start
            values = getattr(source, name)[which].reshape(len(which), n, width)
            rows[:, :, columns] = values.swapaxes(0, 1)
        if n > len(self._tile):
            self._spill()
            self._tile = _new_tile(n)
        while rows.shape[1]:
            if self._filled == self._tile.shape[1]:
                self._spill()
            fits = rows[:, : self._tile.shape[1] - self._filled]
            self._tile[:, self._filled : self._filled + fits.shape[1]] = fits
            self._filled += fits.shape[1]
            rows = rows[:, fits.shape[1] :]

    def _spill(self) -> None:
        """Move what the tile holds to the disk."""
        if self._spool is None:
            self._spool = TemporaryFile(dir=self._folder)  # noqa: SIM115, as long as the take
        with naming_folder(self._folder or Path(gettempdir())):
            offset = self._spool.seek(0, SEEK_END)
            self._spool.write(np.ascontiguousarray(self._tile[:, : self._filled]))
        self._spilled.append(_Spilled(offset, len(self._tile), self._filled))
        self._filled = 0

    def _track(self, row: int) -> np.ndarray:
        """(T + 1, W) of one actor."""
        parts = []
        for tile in self._spilled:
            if row < tile.n_actors:
                size = tile.n_frames * _ENDS[-1] * self._tile.itemsize
                self._spool.seek(tile.offset + row * size)
                parts.append(np.frombuffer(self._spool.read(size)).reshape(-1, _ENDS[-1]))
        if row < len(self._tile):
            parts.append(self._tile[row, : self._filled])
        return np.concatenate(parts) if parts else np.zeros((0, _ENDS[-1]))


def _new_tile(n_actors: int) -> np.ndarray:
    """Room (A, K, W) for frames; an actor's lie together, to be read back in few pieces."""
    room = max(2, TILE_BYTES // (8 * max(n_actors, 1) * _ENDS[-1]))
    return np.empty((n_actors, min(TILE_FRAMES, room), _ENDS[-1]))


def _columns(track: np.ndarray, scale: float) -> dict[str, np.ndarray]:
    """The columns of an Episode of T frames from T + 1 rows."""
    part = {name: track[:, columns] for name, columns in _SLICES.items()}
    heading = part["heading"][:, 0]
    pose = part["joints"].reshape(-1, N_JOINTS, 2)
    # The velocity wanted during a frame is known when the frame is over.
    wanted = world_to_body(part["wanted"][1:], heading[:-1])
    turn = np.diff(heading)[:, None] * FPS
    floats = {
        "state": encode(part["root"], heading, pose, scale)[:-1],
        "action": np.concatenate([wanted, turn], axis=1),
        **{name: part[name][:-1] for name in ("root", "velocity", "lateral", "gaze")},
        **{name: part[name][:-1, 0] for name in ("heading", "roll", "mouth")},
    }
    return {
        **{name: values.astype(np.float32) for name, values in floats.items()},
        "contact": part["contact"][:-1] > 0.5,
        "off_path": part["off_path"][:-1, 0] > 0.5,
        "face": part["face"][:-1, 0].astype(np.int64),
        "action_id": part["action"][:-1, 0].astype(np.int64),
        "source": part["source"][:-1, 0].astype(np.int64),
    }


class Recorder:
    """A dataset kept open for takes: one at a time, each committed when it ends."""

    def __init__(self, path: Path, film_size: tuple[int, int] | None = None) -> None:
        """film_size: px, for a new dataset with films; an existing one keeps its own choice.

        Raises ValueError for a folder that is no dataset, or that another process writes, or if
        films are asked for and the dataset was created without; OSError if it cannot be written.
        """
        if film_size is None and (path / INFO).is_file():
            film_size = open_dataset(path).video_size
        if film_size is not None:
            check_size(film_size)
        self.path = path
        self._writer = EpisodeWriter(path, video_size=film_size)
        self._take: Take | None = None

    @property
    def recording(self) -> bool:
        """Whether a take is running."""
        return self._take is not None

    def watch(self, run: Callable[[], Simulation]) -> Simulation:
        """A new run; the first one asked for becomes the take."""
        simulation = run()
        if not self.recording:
            self.start(simulation)
        return simulation

    def start(self, simulation: Simulation) -> None:
        """Begin a take."""
        self._take = Take(simulation, folder=self.path / STAGING)

    def stop(self, reason: str, until: int | None = None) -> str:
        """End the take and commit it; returns a line that says what was recorded.

        until: tick to which the run continues first, so that the frame before it is whole.
        """
        take, self._take = self._take, None
        try:
            if until is not None:
                take.run_until(until)
            if take.n_frames == 0:
                return f"nothing recorded to {self.path}: shorter than a frame"
            record = take.record(reason)
            before = self._writer.n_episodes
            model = take.simulation.model
            film = None if self._writer.video_size is None else self._film(record, model)
            self._writer.add(record, take.episodes(), film)
            n = self._writer.n_episodes - before
            self._writer.commit()
            return f"recorded {n} episodes of {take.n_frames / FPS:.1f} s to {self.path}"
        finally:
            take.close()

    @contextmanager
    def committing(self, end: int) -> Iterator[None]:
        """Commit what is recorded inside: up to tick ``end``, or as far as it came."""
        try:
            yield
            log.warning(self.stop("complete", end))
        except (KeyboardInterrupt, SystemExit):
            log.warning(self.stop("interrupted"))
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Close the dataset; a take that is running is dropped."""
        if self._take is not None:
            self._take.close()
        self._writer.close()

    def _film(self, record: SceneRecord, model: Path | MotionModel | None) -> Path:
        """A film of the scene run once more, with a picture for every recorded frame."""
        path = self.path / STAGING / "film.mp4"
        seconds = record.ticks * DT
        run = partial(rerun, record, model)
        clip = Clip(record.scene, FPS, self._writer.video_size, seconds, run=run)
        prepare_video(clip, path)(None)
        return path


def motion_arguments(
    record: SceneRecord, model: Path | MotionModel | None = None
) -> dict[str, str | Path | MotionModel | None]:
    """Simulation's arguments that move a recorded scene as it was moved.

    model: the model that moved it, where that is not the package's own.
    """
    if not record.model_hash:
        return {"motion": "procedural"}
    return {"motion": None if model is None else "learned", "model": model}


def rerun(record: SceneRecord, model: Path | MotionModel | None = None) -> Simulation:
    """The recorded run once more, at the tick where its recording began.

    model: see ``motion_arguments``.
    """
    simulation = Simulation(record.scene, **motion_arguments(record, model))
    for _ in range(record.first_tick):
        simulation.step()
    return simulation


def differences(dataset: EpisodeDataset, index: int, model: Path | None = None) -> list[str]:
    """A line for everything that is not the same, to the last bit, when a scene is run once more.

    model: see ``motion_arguments``. Raises ValueError for a scene that was never simulated, or a
    model that cannot be used.
    """
    record, tracks = dataset.recording(index)
    if record.ticks == 0:
        raise ValueError(f"scene {index}: was not simulated, so it cannot be run again")
    simulation = rerun(record, model)
    take = Take(simulation)
    take.run_until(record.first_tick + record.ticks)
    again = {episode.actor_id: episode for episode in take.episodes()}
    take.close()
    lines = []
    for recorded in tracks:
        new = again.get(recorded.actor_id)
        if new is None or len(new) != len(recorded):
            lines.append(f"{recorded.actor_id}: on stage for {len(recorded)} frames; here for ")
            lines[-1] += str(0 if new is None else len(new))
            continue
        for column in COLUMNS:
            old, now = getattr(recorded, column.field), getattr(new, column.field)
            differs = (old != now).reshape(len(old), -1).any(axis=1)
            if column.field != "subtask_index" and differs.any():
                most = np.abs(old.astype(np.float64) - now).max()
                first = int(differs.argmax())
                lines.append(
                    f"{recorded.actor_id}: {column.field} from frame {first} on, by up to {most:g}"
                )
    if lines and simulation.model_hash != record.model_hash:
        was, now = (each or "none" for each in (record.model_hash, simulation.model_hash))
        lines.append(f"moved by model {was}; here {now}")
    if lines:
        lines += _version_changes(record.made_with, made_with())
    return lines


def _version_changes(old: dict[str, Any], new: dict[str, Any], where: str = "") -> list[str]:
    lines = []
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if isinstance(was, dict) and isinstance(now, dict):
            lines += _version_changes(was, now, f"{where}{name} ")
        elif was != now:
            lines.append(f"made with {where}{name} {was}; here {now}")
    return lines
