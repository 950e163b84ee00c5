"""Time: a run of a scene, tick by tick or in blocks; ``systems`` says what a tick does."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from entities.components import Name
from entities.scene import Event, Scene, explain
from entities.units import DT
from ml.motion.runtime import MotionModel, choose_motion
from sim.animation.learned import LearnedMotion
from sim.build import build_world, cast_of
from sim.events import EventQueue
from sim.frame import Frame
from sim.interaction.handling import set_balls_at_feet
from sim.interaction.seating import seat_at_start
from sim.snapshots import Block, SnapshotBuffer, block_ticks
from sim.systems import systems
from sim.trace import Overlay, Trace, check_size


class Simulation:
    """One run of a Scene.

    ``scene`` grows by the events of a live run, and by whom and what they bring on stage, so it
    replays exactly. ``cast`` is replaced by a longer one then.
    """

    def __init__(
        self,
        scene: Scene,
        seed: int | None = None,
        motion: str | None = None,
        model: Path | MotionModel | None = None,
    ) -> None:
        """seed: instead of the scene's own. motion: learned or procedural; None prefers learned.
        model: the motion model, or its file; None is the package's own.

        Raises ValueError, naming the field, if the scene cannot be built or a model that is asked
        for cannot be used.
        """
        self.motion, self.model = motion, model
        chosen = choose_motion(motion, model)
        self.model_hash = "" if chosen is None else chosen.hash
        self.scene = scene.model_copy(
            update={
                "seed": scene.seed if seed is None else seed,
                "events": list(scene.events),
                # Whom an event brings it makes anew.
                "actors": [actor for actor in scene.actors if actor.brought_by is None],
                "objects": [item for item in scene.objects if item.brought_by is None],
            }
        )
        self.world = build_world(self.scene, learned=chosen is not None)
        seat_at_start(self.world)
        set_balls_at_feet(self.world)
        self.cast = cast_of(self.scene, self.world)
        self.watchers: list[Callable[[Block], None]] = []  # called with every block evaluated
        self._events = EventQueue(self.scene)
        self._told = 0
        learned = LearnedMotion(self.world, self.scene, chosen)
        self.systems = systems(self.world, self._events, learned)

    @property
    def notices(self) -> list[str]:
        """What later sentences brought on stage, and what of them could not be done, so far."""
        return self._events.notices

    def new_notices(self) -> list[str]:
        """Those of ``notices`` that have come since the last call."""
        new = self.notices[self._told :]
        self._told += len(new)
        return new

    def step(self) -> None:
        """Advance by one tick."""
        for system in self.systems:
            system(self.world, DT)
        self.world.end_tick()
        if len(self.world[Name]) != len(self.cast.actor_ids) + len(self.cast.object_ids):
            self.cast = cast_of(self.scene, self.world)

    def add_event(self, text: str, actor: str | None = None) -> None:
        """A later sentence, in force from the next tick. Raises ValueError if it says nothing."""
        try:
            event = Event(t=self.world.time, actor=actor, text=text)
        except ValidationError as error:
            raise ValueError(explain(error)) from None
        self._events.add(event, self.world)

    def frame(self) -> Frame:
        """What is visible now."""
        buffer = self._buffer(1)
        self._record(buffer)
        return self._evaluate(buffer).frames()[0]

    def frames(self, n_ticks: int) -> Iterator[Frame]:
        """Frames of this tick and the ``n_ticks`` after it, evaluated in blocks."""
        for block in self.blocks(n_ticks + 1):
            yield from block.frames()

    def blocks(self, n_rows: int) -> Iterator[Block]:
        """``n_rows`` states, from this tick on, stacked in blocks of one cast each."""
        buffer = self._buffer(min(block_ticks(len(self.cast.actor_ids)), n_rows))
        for row in range(n_rows):
            if row:
                self.step()
            if len(buffer) == buffer.n_ticks or buffer.cast is not self.cast:
                yield self._evaluate(buffer)
                buffer = self._buffer(min(block_ticks(len(self.cast.actor_ids)), n_rows - row))
            self._record(buffer)
        if n_rows > 0:
            yield self._evaluate(buffer)

    def _buffer(self, n_ticks: int) -> SnapshotBuffer:
        return SnapshotBuffer(self.world, self.cast, n_ticks)

    def _record(self, buffer: SnapshotBuffer) -> None:
        buffer.record(self._events.speech(self.world.tick))

    def _evaluate(self, buffer: SnapshotBuffer) -> Block:
        block = buffer.evaluate()
        for watch in self.watchers:
            watch(block)
        return block


def simulate(
    scene: Scene,
    seconds: float | None = None,
    seed: int | None = None,
    motion: str | None = None,
    model: Path | MotionModel | None = None,
) -> Trace:
    """Run a scene headless: ``round(seconds / DT)`` rows, row k the state at t = k DT.

    seconds: the scene's duration by default. seed: instead of the scene's own. motion, model: see
    Simulation. Raises ValueError for a run too large for memory, a scene that cannot be built, or
    a model that is asked for and cannot be used.
    """
    ticks = round((scene.duration if seconds is None else seconds) / DT)
    if ticks < 1:
        raise ValueError(f"seconds: {seconds}; expected at least one tick of {DT:.4f} s")
    check_size(ticks, len(scene.actors))
    simulation = Simulation(scene, seed, motion, model)
    columns: dict[str, list[np.ndarray]] = {}
    enters: tuple[list[int], list[int]] = [], []
    for block in simulation.blocks(ticks):
        for here, names in zip(enters, (block.cast.actor_ids, block.cast.object_ids), strict=True):
            here += [int(block.tick[0])] * (len(names) - len(here))
        check_size(ticks, len(enters[0]))
        for source, names in ((block, _STATE_COLUMNS), (block.pose, _POSE_COLUMNS)):
            for name in names:
                column = getattr(source, name)
                if column.dtype == np.float64:
                    column = column.astype(np.float32)
                columns.setdefault(name, []).append(column)
    joined = {name: _joined(parts) for name, parts in columns.items()}
    return Trace(
        time=(np.arange(ticks) * DT).astype(np.float32),
        actor_ids=simulation.cast.actor_ids[: len(enters[0])],
        pose=joined.pop("joints"),
        overlay=Overlay(**{field.name: joined.pop(field.name) for field in fields(Overlay)}),
        model_hash=simulation.model_hash,
        object_ids=simulation.cast.object_ids[: len(enters[1])],
        actor_enters=np.array(enters[0], np.int64),
        object_enters=np.array(enters[1], np.int64),
        notices=simulation.notices,
        **joined,
    )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Columns (K, A, ...) one after the other; A grows, and what is missing is the first state."""
    whole = [parts[-1]]
    for part in reversed(parts[:-1]):
        after = whole[-1]
        missing = after[:1, part.shape[1] :]
        if missing.shape[1]:
            part = np.concatenate([part, np.repeat(missing, len(part), axis=0)], axis=1)
        whole.append(part)
    return np.concatenate(whole[::-1])


_STATE_COLUMNS = ("root", "heading", "action", "source", "off_path", "object_position")
_POSE_COLUMNS = ("joints", "lateral", "roll", "gaze", "face", "mouth", "contact")
