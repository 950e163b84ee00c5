"""The motion state: everything poses are evaluated from, one row for each actor and tick."""

from dataclasses import dataclass, fields
from operator import attrgetter

import numpy as np

from entities.components import Attention, Blend, Gait, Person, StyleState, Transform, Velocity
from entities.skeleton import SHANK, THIGH
from entities.units import DT
from sim.animation.gait import LEG_M
from sim.world import World


@dataclass(slots=True, eq=False)
class MotionState:
    """N rows, each one actor at one tick; columns without a comment are those of the components.

    The columns from ``phase`` to ``size`` are those of Gait, in the same order of names.
    """

    position: np.ndarray  # (N, 2) m
    heading: np.ndarray  # (N,)
    turn: np.ndarray  # (N,)
    phase: np.ndarray  # (N,)
    run: np.ndarray  # (N,)
    moving: np.ndarray  # (N,)
    speed: np.ndarray  # (N,)
    side: np.ndarray  # (N,)
    acceleration: np.ndarray  # (N, 2)
    planted: np.ndarray  # (N, 2)
    plant: np.ndarray  # (N, 2, 2)
    swing: np.ndarray  # (N, 2)
    lift: np.ndarray  # (N, 2, 3)
    clock: np.ndarray  # (N,)
    action: np.ndarray  # (N,)
    seat: np.ndarray  # (N,)
    reach: np.ndarray  # (N, 4, 3)
    grip: np.ndarray  # (N, 4)
    stoop: np.ndarray  # (N, 2)
    paws: np.ndarray  # (N, 2, 6)
    right_phase: np.ndarray  # (N,)
    climbed: np.ndarray  # (N,)
    size: np.ndarray  # (N,) m per canonical metre
    blend_pose: np.ndarray  # (N, D)
    blend_rate: np.ndarray  # (N, D)
    blend_duration: np.ndarray  # (N,)
    style: np.ndarray  # (N, C), StyleState.now
    face: np.ndarray  # (N,), StyleState.face
    aim: np.ndarray  # (N, 3)
    voice: np.ndarray  # (N,)
    blend_age: np.ndarray  # (N,) s since the blend began
    bones: np.ndarray  # (N, 5) m, scaled
    stand: np.ndarray  # (N,) m, scaled
    kind: np.ndarray  # (N,)
    traits: np.ndarray  # (N, 6)

    def __len__(self) -> int:
        return len(self.heading)

    def take(self, rows: np.ndarray) -> "MotionState":
        """The rows at ``rows``, indices or a mask."""
        return MotionState(*(getattr(self, name)[rows] for name in _COLUMNS))

    @staticmethod
    def stack(parts: list["MotionState"]) -> "MotionState":
        """The rows of all ``parts``, one part after the other."""
        return MotionState(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
        )


_COLUMNS = tuple(field.name for field in fields(MotionState))
_gait_columns = attrgetter(*_COLUMNS[_COLUMNS.index("phase") : _COLUMNS.index("size") + 1])


def body_size(person: Person) -> np.ndarray:
    """(N,) size of each body relative to the human: its leg length over LEG_M."""
    return person.scale * (person.bones[:, THIGH] + person.bones[:, SHANK]) / LEG_M


def motion_columns(world: World) -> tuple[np.ndarray, ...]:
    """The columns of the actors' motion state that change with time, in the order of MotionState.

    The last one is not the age of the blend but the tick at which it began.
    """
    gait, blend, transform = world[Gait], world[Blend], world[Transform]
    style, attention = world[StyleState], world[Attention]
    n = len(gait.phase)
    return (
        transform.position[:n, :2],
        transform.heading[:n],
        world[Velocity].turn[:n],
        *_gait_columns(gait),
        blend.pose,
        blend.rate,
        blend.duration,
        style.now,
        style.face,
        attention.aim,
        attention.voice,
        blend.since,
    )


def motion_state(world: World, *, copy: bool = True) -> MotionState:
    """The actors' motion state now.

    copy: False gives views, valid only until a system changes the components.
    """
    *columns, since = motion_columns(world)
    if copy:
        columns = [column.copy() for column in columns]
    person = world[Person]
    return MotionState(
        *columns,
        blend_age=(world.tick - since) * DT,
        bones=person.bones * person.scale[:, None],
        stand=person.stand * person.scale,
        kind=person.kind,
        traits=person.traits,
    )


def states_over_time(columns: list[np.ndarray], tick: np.ndarray, person: Person) -> MotionState:
    """The motion state of N actors over K ticks, (K * N,) rows, tick by tick.

    columns: as in motion_columns, each (K, N, …). tick: (K,). person: the actors, the same all
    along.
    """
    *columns, since = columns
    fixed = (person.bones * person.scale[:, None], person.stand * person.scale)
    return MotionState(
        *[column.reshape(-1, *column.shape[2:]) for column in columns],
        ((tick[:, None] - since) * DT).reshape(-1),
        *[np.concatenate([each] * len(tick)) for each in (*fixed, person.kind, person.traits)],
    )
