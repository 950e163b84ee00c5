"""Time: the systems in their order, and the two ways to run them, tick by tick or in blocks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from entities.components import Mark, Person, Pose, Route, Script, Thing, Transform, Velocity
from entities.scene import Event, Scene
from entities.units import DT
from sim.behavior import follow_route, run_script
from sim.build import build_world
from sim.events import Agenda
from sim.frame import Cast, Frame
from sim.motion import MotionRows, advance, animate, drive, motion_rows
from sim.physics import Physics
from sim.play import handle_objects, react
from sim.trace import Overlay, Trace, check_size
from sim.world import World

BLOCK_TICKS = 32
"""Ticks whose poses are worked out in one call when nobody watches."""


@dataclass(slots=True, eq=False)
class Block:
    """K consecutive ticks of a run, stacked; see Frame for units."""

    tick: np.ndarray  # (K,)
    root: np.ndarray  # (K, A, 3)
    heading: np.ndarray  # (K, A)
    velocity: np.ndarray  # (K, A, 3)
    action: np.ndarray  # (K, A)
    off_path: np.ndarray  # (K, A)
    pose: Pose  # columns (K, A, …)
    object_position: np.ndarray  # (K, O, 3)
    object_heading: np.ndarray  # (K, O)
    object_spin: np.ndarray  # (K, O)
    object_holder: np.ndarray  # (K, O)
    object_hand: np.ndarray  # (K, O)
    speech: list[dict[int, str]]
    marks: list[list[Mark]]


class Simulation:
    """One run of a Scene. ``scene`` grows by the events of a live run, so it replays exactly."""

    def __init__(self, scene: Scene, seed: int | None = None, motion: str | None = None) -> None:
        """Raises ValueError, naming the field, if the scene cannot be built."""
        if motion not in (None, "procedural"):
            raise ValueError(f"motion: unknown {motion!r}; expected procedural")
        self.scene = scene.model_copy(update={"seed": scene.seed if seed is None else seed})
        self.scene.events = list(scene.events)
        self.world, things = build_world(self.scene)
        self.agenda = Agenda(self.scene, self.world)
        self.cast = _cast(self.scene, self.world, [str(item.id) for item in things])
        self.systems: list[Callable[[World, float], None]] = [
            self.agenda.update,
            run_script,
            follow_route,
            drive,
            handle_objects,
            Physics(self.world).update,
            react,
            advance,
        ]

    def step(self) -> None:
        """Advance by one tick."""
        for system in self.systems:
            system(self.world, DT)
        self.world.end_tick()

    def add_event(self, text: str, actor: str | None = None) -> None:
        """A later sentence, in force from the next tick. Raises ValueError if it says nothing."""
        event = Event(t=self.world.time, actor=actor, text=text)
        self.agenda.check(event)
        self.scene.events.append(event)

    def frame(self) -> Frame:
        """What can be seen now."""
        return _frames(self._block([self._snapshot()]))[0]

    def frames(self, n_ticks: int) -> Iterator[Frame]:
        """Frames of this tick and the ``n_ticks`` after it, worked out in blocks."""
        for block in self.blocks(n_ticks + 1):
            yield from _frames(block)

    def blocks(self, n_rows: int) -> Iterator[Block]:
        """``n_rows`` states, from this tick on, stacked in blocks of up to BLOCK_TICKS."""
        snapshots = []
        for k in range(n_rows):
            if k:
                self.step()
            snapshots.append(self._snapshot())
            if len(snapshots) == BLOCK_TICKS or k == n_rows - 1:
                yield self._block(snapshots)
                snapshots = []

    def _snapshot(self) -> "_Snapshot":
        world, n_actors = self.world, len(self.cast.actor_ids)
        if n_actors:
            rows: MotionRows | None = motion_rows(world)
            off_path = world[Route].off_path.copy()
            action = world[Script].action.copy()
        else:
            rows, off_path, action = None, np.zeros(0, bool), np.zeros(0, np.int64)
        thing = world[Thing] if Thing in world else None
        if Transform in world:
            position, heading = world[Transform].position, world[Transform].heading
            velocity = world[Velocity].linear
        else:
            position, heading, velocity = np.zeros((0, 3)), np.zeros(0), np.zeros((0, 3))
        return _Snapshot(
            tick=world.tick,
            rows=rows,
            position=position.copy(),
            heading=heading.copy(),
            velocity=velocity[:n_actors].copy(),
            action=action,
            off_path=off_path,
            spin=thing.spin.copy() if thing else np.zeros(0),
            holder=thing.holder.copy() if thing else np.zeros(0, np.int64),
            hand=thing.hand.copy() if thing else np.zeros(0, np.int64),
            speech=self.agenda.speech(world.tick),
            marks=list(world.marks),
        )

    def _block(self, snapshots: list["_Snapshot"]) -> Block:
        k, n = len(snapshots), len(self.cast.actor_ids)
        if n:
            pose = animate(MotionRows.stack([shot.rows for shot in snapshots]))
        else:
            pose = Pose.rest(0)
        position = np.stack([shot.position for shot in snapshots])
        heading = np.stack([shot.heading for shot in snapshots])
        return Block(
            tick=np.array([shot.tick for shot in snapshots]),
            root=position[:, :n],
            heading=heading[:, :n],
            velocity=np.stack([shot.velocity for shot in snapshots]),
            action=np.stack([shot.action for shot in snapshots]),
            off_path=np.stack([shot.off_path for shot in snapshots]),
            pose=Pose(
                joints=pose.joints.reshape(k, n, -1, 2),
                lateral=pose.lateral.reshape(k, n, -1),
                roll=pose.roll.reshape(k, n),
                gaze=pose.gaze.reshape(k, n, 2),
                face=pose.face.reshape(k, n),
                mouth=pose.mouth.reshape(k, n),
                contact=pose.contact.reshape(k, n, 2),
            ),
            object_position=position[:, n:],
            object_heading=heading[:, n:],
            object_spin=np.stack([shot.spin for shot in snapshots]),
            object_holder=np.stack([shot.holder for shot in snapshots]),
            object_hand=np.stack([shot.hand for shot in snapshots]),
            speech=[shot.speech for shot in snapshots],
            marks=[shot.marks for shot in snapshots],
        )


@dataclass(slots=True, eq=False)
class _Snapshot:
    """Copies of what a tick's picture depends on, taken cheaply while the run goes on."""

    tick: int
    rows: MotionRows | None
    position: np.ndarray
    heading: np.ndarray
    velocity: np.ndarray
    action: np.ndarray
    off_path: np.ndarray
    spin: np.ndarray
    holder: np.ndarray
    hand: np.ndarray
    speech: dict[int, str]
    marks: list[Mark]


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
    person = world[Person] if Person in world else None
    thing = world[Thing] if Thing in world else None
    return Cast(
        theme=scene.theme,
        weather=scene.weather.value,
        time_of_day=scene.time_of_day.value,
        seed=scene.seed,
        gravity=scene.gravity,
        actor_ids=[actor.id for actor in scene.actors],
        actor_kind=person.kind if person else np.zeros(0, np.int64),
        actor_scale=person.scale if person else np.zeros(0),
        actor_bones=person.bones if person else np.zeros((0, 5)),
        actor_color=person.color if person else np.zeros((0, 3), np.uint8),
        object_ids=object_ids,
        object_kind=thing.kind if thing else np.zeros(0, np.int64),
        object_scale=thing.scale if thing else np.zeros(0),
        object_color=thing.color if thing else np.zeros((0, 3), np.int16),
    )


def simulate(
    scene: Scene,
    seconds: float | None = None,
    seed: int | None = None,
    motion: str | None = None,
) -> Trace:
    """Run a scene headless: ``round(seconds / DT)`` rows, row k the state at t = k DT.

    seconds: the scene's duration by default. seed: instead of the scene's own.
    Raises ValueError for a run too large for memory, or a scene that cannot be built.
    """
    ticks = round((scene.duration if seconds is None else seconds) / DT)
    if ticks < 1:
        raise ValueError(f"seconds: {seconds}; expected at least one tick of {DT:.4f} s")
    check_size(ticks, len(scene.actors))
    simulation = Simulation(scene, seed, motion)
    blocks = list(_float32(block) for block in simulation.blocks(ticks))

    def join(name: str) -> np.ndarray:
        return np.concatenate([getattr(block, name) for block in blocks])

    def join_pose(name: str) -> np.ndarray:
        return np.concatenate([getattr(block.pose, name) for block in blocks])

    shape = (ticks, len(scene.actors))
    return Trace(
        time=(np.arange(ticks) * DT).astype(np.float32),
        actor_ids=simulation.cast.actor_ids,
        root=join("root"),
        heading=join("heading"),
        pose=join_pose("joints"),
        overlay=Overlay(*(join_pose(k) for k in ("lateral", "roll", "gaze", "face", "mouth"))),
        action=join("action"),
        contact=join_pose("contact"),
        off_path=join("off_path"),
        source=np.zeros(shape, np.uint8),
        model_hash="",
        object_ids=simulation.cast.object_ids,
        object_position=join("object_position"),
    )
