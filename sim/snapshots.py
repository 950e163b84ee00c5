"""The state of ticks, copied while a run goes on, and the poses and Frames evaluated from it.

A pose is a pure function of the state, so many ticks' poses are evaluated at once: a call costs
much more than a row.
"""

from dataclasses import dataclass

import numpy as np

from entities.components import (
    Body,
    Intent,
    Learned,
    Mark,
    Person,
    Pose,
    Route,
    Script,
    Thing,
    Transform,
    Velocity,
)
from entities.skeleton import N_JOINTS
from entities.units import DT
from sim.animation.foot_lock import blend_learned
from sim.animation.motion_state import motion_columns, states_over_time
from sim.animation.pose import evaluate_poses
from sim.frame import Cast, Frame
from sim.interaction.handling import show_in_hand
from sim.world import World

BLOCK_ROWS = 1024
"""Actors times ticks whose poses are evaluated at once: arrays of this length stay in the cache,
and the cost of the calls hardly counts."""
LEAST_TICKS, MOST_TICKS = 4, 256


@dataclass(slots=True, eq=False)
class Block:
    """K consecutive ticks of a run, stacked; see Frame for units."""

    cast: Cast  # the A actors and O objects
    tick: np.ndarray  # (K,)
    root: np.ndarray  # (K, A, 3)
    heading: np.ndarray  # (K, A)
    velocity: np.ndarray  # (K, A, 3)
    wanted: np.ndarray  # (K, A, 2) m/s, what each actor wanted his velocity to be
    action: np.ndarray  # (K, A)
    source: np.ndarray  # (K, A) uint8, 0 procedural, 1 learned
    off_path: np.ndarray  # (K, A)
    pose: Pose  # columns (K, A, …)
    object_position: np.ndarray  # (K, O, 3)
    object_heading: np.ndarray  # (K, O)
    object_spin: np.ndarray  # (K, O)
    object_holder: np.ndarray  # (K, O)
    object_hand: np.ndarray  # (K, O)
    speech: list[dict[int, str]]
    marks: list[list[Mark]]

    def frames(self) -> list[Frame]:
        """Every tick as a Frame; their arrays are views of the block's."""
        pose = self.pose
        return [
            Frame(
                cast=self.cast,
                time=tick * DT,
                root=self.root[k],
                heading=self.heading[k],
                velocity=self.velocity[k],
                action=self.action[k],
                joints=pose.joints[k],
                lateral=pose.lateral[k],
                roll=pose.roll[k],
                gaze=pose.gaze[k],
                face=pose.face[k],
                mouth=pose.mouth[k],
                contact=pose.contact[k],
                object_position=self.object_position[k],
                object_heading=self.object_heading[k],
                object_spin=self.object_spin[k],
                object_holder=self.object_holder[k],
                object_hand=self.object_hand[k],
                speech=self.speech[k],
                marks=self.marks[k],
            )
            for k, tick in enumerate(self.tick.tolist())
        ]


def block_ticks(n_actors: int) -> int:
    """How many ticks of ``n_actors`` to evaluate at once."""
    return min(max(BLOCK_ROWS // max(n_actors, 1), LEAST_TICKS), MOST_TICKS)


class SnapshotBuffer:
    """The state of up to ``n_ticks`` ticks with the same cast, copied column by column."""

    def __init__(self, world: World, cast: Cast, n_ticks: int) -> None:
        self.cast, self.n_ticks = cast, n_ticks
        self._world, self._n = world, len(cast.actor_ids)
        # Those of the cast, even if the world has got more rows when the poses are evaluated.
        self._person, self._thing, self._size = world[Person], world[Thing], world[Body].size
        self._ticks: list[int] = []
        self._speech: list[dict[int, str]] = []
        self._marks: list[list[Mark]] = []
        self._columns = [np.empty((n_ticks, *column.shape), column.dtype) for column in self._now()]

    def __len__(self) -> int:
        return len(self._ticks)

    def _now(self) -> tuple[np.ndarray, ...]:
        world, n = self._world, self._n
        transform, thing = world[Transform], world[Thing]
        return (
            transform.position,
            transform.heading,
            world[Velocity].linear[:n],
            world[Intent].velocity,
            world[Script].action,
            world[Route].off_path,
            thing.spin,
            thing.holder,
            thing.hand,
            *motion_columns(world),
            *_learned_columns(world),
        )

    def record(self, speech: dict[int, str]) -> None:
        """Copy the present tick. speech: actor row -> the words being said."""
        k = len(self._ticks)
        for column, now in zip(self._columns, self._now(), strict=True):
            column[k] = now
        self._ticks.append(self._world.tick)
        self._speech.append(speech)
        self._marks.append(list(self._world.marks))

    def evaluate(self) -> Block:
        """The recorded ticks with their poses."""
        k, n = len(self._ticks), self._n
        tick = np.array(self._ticks)
        columns = [column[:k] for column in self._columns]
        position, heading, velocity, wanted, action, off_path, spin, *rest = columns
        holder, hand, *motion = rest
        source = np.zeros((k, n), np.uint8)
        if Learned in self._world:
            *motion, joints, aside, stands, share = motion
        rows = states_over_time(motion, tick, self._person)
        pose = evaluate_poses(rows)
        if Learned in self._world:
            source[share > 0.5] = 1
            flat = [each.reshape(k * n, *each.shape[2:]) for each in (joints, aside, stands, share)]
            blend_learned(pose, rows, tuple(flat))
        shaped = Pose(
            joints=pose.joints.reshape(k, n, N_JOINTS, 2),
            lateral=pose.lateral.reshape(k, n, N_JOINTS),
            roll=pose.roll.reshape(k, n),
            gaze=pose.gaze.reshape(k, n, 2),
            face=pose.face.reshape(k, n),
            mouth=pose.mouth.reshape(k, n),
            contact=pose.contact.reshape(k, n, 2),
        )
        root, facing = position[:, :n], heading[:, :n]
        show_in_hand(
            position[:, n:],
            self._thing,
            self._size[n:],
            (holder, hand),
            root,
            facing,
            shaped,
        )
        return Block(
            cast=self.cast,
            tick=tick,
            root=root,
            heading=facing,
            velocity=velocity,
            wanted=wanted,
            action=action,
            source=source,
            off_path=off_path,
            pose=shaped,
            object_position=position[:, n:],
            object_heading=heading[:, n:],
            object_spin=spin,
            object_holder=holder,
            object_hand=hand,
            speech=self._speech,
            marks=self._marks,
        )


def _learned_columns(world: World) -> tuple[np.ndarray, ...]:
    if Learned not in world:
        return ()
    learned = world[Learned]
    return learned.joints, learned.foot_lateral, learned.contact, learned.share
