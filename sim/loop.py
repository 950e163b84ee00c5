"""Time: the systems in their order, and the two ways to run them, tick by tick or in blocks."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from entities.components import Person, Thing
from entities.scene import Event, Scene
from entities.units import DT
from ml.motion.runtime import MotionModel, choose_motion
from sim.animation.attention import attend
from sim.animation.learned import LearnedMotion
from sim.animation.locomotion import advance, drive
from sim.build import build_world
from sim.events import EventQueue
from sim.frame import Cast, Frame
from sim.interaction.catching import set_balls_at_feet
from sim.interaction.handling import handle_objects
from sim.interaction.knockdown import react_to_hits
from sim.interaction.limb_targets import reach_for_targets, step_into_reach
from sim.interaction.partners import join_partners
from sim.interaction.seating import seat_at_start, take_seats
from sim.navigation.steering import Steering, run_script
from sim.physics.space import Physics
from sim.snapshots import Block, SnapshotBuffer, block_ticks
from sim.trace import Overlay, Trace, check_size
from sim.world import World


class Simulation:
    """One run of a Scene. ``scene`` grows by the events of a live run, so it replays exactly."""

    def __init__(
        self,
        scene: Scene,
        seed: int | None = None,
        motion: str | None = None,
        model: Path | MotionModel | None = None,
    ) -> None:
        """motion: learned or procedural; None prefers learned. model: the one to use for it,
        or its file.

        Raises ValueError, naming the field, if the scene cannot be built or a model that is asked
        for cannot be used.
        """
        self.motion, self.model = motion, model
        chosen = choose_motion(motion, model)
        self.model_hash = "" if chosen is None else chosen.hash
        self.scene = scene.model_copy(update={"seed": scene.seed if seed is None else seed})
        self.scene.events = list(scene.events)
        self.world, things = build_world(self.scene, learned=chosen is not None)
        seat_at_start(self.world)
        set_balls_at_feet(self.world)
        self.event_queue = EventQueue(self.scene)
        self.cast = _cast(self.scene, self.world, [str(item.id) for item in things])
        self.watchers: list[Callable[[Block], None]] = []  # they see every tick that is looked at
        self.systems: list[Callable[[World, float], None]] = [
            self.event_queue.update,
            run_script,
            attend,
            Steering(self.world).update,
            drive,
            take_seats,
            join_partners,
            step_into_reach,
            handle_objects,
            Physics(self.world).update,
            react_to_hits,
            advance,
            reach_for_targets,
        ]
        if chosen is not None:
            learned = LearnedMotion(self.world, self.scene, chosen)
            self.systems.insert(self.systems.index(drive) + 1, learned.drive)
            self.systems.insert(self.systems.index(advance) + 1, learned.advance)

    def step(self) -> None:
        """Advance by one tick."""
        for system in self.systems:
            system(self.world, DT)
        self.world.end_tick()

    def add_event(self, text: str, actor: str | None = None) -> None:
        """A later sentence, in force from the next tick. Raises ValueError if it says nothing."""
        self.event_queue.add(Event(t=self.world.time, actor=actor, text=text), self.world)

    def frame(self) -> Frame:
        """What can be seen now."""
        buffer = self._buffer(1)
        buffer.record(self.event_queue.speech(self.world.tick))
        return _frames(self._evaluate(buffer))[0]

    def frames(self, n_ticks: int) -> Iterator[Frame]:
        """Frames of this tick and the ``n_ticks`` after it, worked out in blocks."""
        for block in self.blocks(n_ticks + 1):
            yield from _frames(block)

    def blocks(self, n_rows: int) -> Iterator[Block]:
        """``n_rows`` states, from this tick on, stacked in blocks."""
        most = block_ticks(len(self.cast.actor_ids))
        for first in range(0, n_rows, most):
            buffer = self._buffer(min(most, n_rows - first))
            for k in range(first, min(first + most, n_rows)):
                if k:
                    self.step()
                buffer.record(self.event_queue.speech(self.world.tick))
            yield self._evaluate(buffer)

    def _evaluate(self, buffer: SnapshotBuffer) -> Block:
        block = buffer.evaluate()
        for watch in self.watchers:
            watch(block)
        return block

    def _buffer(self, n_ticks: int) -> SnapshotBuffer:
        return SnapshotBuffer(self.world, len(self.cast.actor_ids), n_ticks)


def _frames(block: Block) -> list[Frame]:
    pose = block.pose
    return [
        Frame(
            time=tick * DT,
            root=block.root[k],
            heading=block.heading[k],
            velocity=block.velocity[k],
            action=block.action[k],
            joints=pose.joints[k],
            lateral=pose.lateral[k],
            roll=pose.roll[k],
            gaze=pose.gaze[k],
            face=pose.face[k],
            mouth=pose.mouth[k],
            contact=pose.contact[k],
            object_position=block.object_position[k],
            object_heading=block.object_heading[k],
            object_spin=block.object_spin[k],
            object_holder=block.object_holder[k],
            object_hand=block.object_hand[k],
            speech=block.speech[k],
            marks=block.marks[k],
        )
        for k, tick in enumerate(block.tick.tolist())
    ]


def _cast(scene: Scene, world: World, object_ids: list[str]) -> Cast:
    person, thing = world[Person], world[Thing]
    return Cast(
        theme=scene.theme,
        weather=scene.weather.value,
        time_of_day=scene.time_of_day.value,
        seed=scene.seed,
        gravity=scene.gravity,
        actor_ids=[actor.id for actor in scene.actors],
        actor_kind=person.kind,
        actor_scale=person.scale,
        actor_bones=person.bones,
        actor_color=person.color,
        object_ids=object_ids,
        object_kind=thing.kind,
        object_scale=thing.scale,
        object_color=thing.color,
    )


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
    for block in simulation.blocks(ticks):
        for source, names in ((block, _STATE_COLUMNS), (block.pose, _POSE_COLUMNS)):
            for name in names:
                column = getattr(source, name)
                if column.dtype == np.float64:
                    column = column.astype(np.float32)
                columns.setdefault(name, []).append(column)
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Trace(
        time=(np.arange(ticks) * DT).astype(np.float32),
        actor_ids=simulation.cast.actor_ids,
        pose=joined.pop("joints"),
        overlay=Overlay(**{field.name: joined.pop(field.name) for field in fields(Overlay)}),
        model_hash=simulation.model_hash,
        object_ids=simulation.cast.object_ids,
        **joined,
    )


_STATE_COLUMNS = ("root", "heading", "action", "source", "off_path", "object_position")
_POSE_COLUMNS = ("joints", "lateral", "roll", "gaze", "face", "mouth", "contact")
