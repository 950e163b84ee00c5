"""The motion state that poses are made from, as rows: each one actor at one tick."""

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
    """Everything a pose depends on; N rows, each one actor at one tick. See the components."""

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
    apart: np.ndarray  # (N,)
    climbed: np.ndarray  # (N,)
    size: np.ndarray  # (N,) m per canonical metre
    old: np.ndarray  # (N, D)
    rate: np.ndarray  # (N, D)
    spell: np.ndarray  # (N,)
    manner: np.ndarray  # (N, C)
    face: np.ndarray  # (N,)
    aim: np.ndarray  # (N, 3)
    voice: np.ndarray  # (N,)
    age: np.ndarray  # (N,) s since the blend began
    bones: np.ndarray  # (N, 5) m, scaled
    stand: np.ndarray  # (N,) m, scaled
    kind: np.ndarray  # (N,)
    traits: np.ndarray  # (N, 6)

    def __len__(self) -> int:
        return len(self.heading)

    def take(self, rows: np.ndarray) -> "MotionState":
        """The rows at indices (or a mask) ``rows``."""
        return MotionState(*(getattr(self, name)[rows] for name in _COLUMNS))

    @staticmethod
    def stack(parts: list["MotionState"]) -> "MotionState":
        """All rows of ``parts``, one after the other."""
        return MotionState(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
        )


_COLUMNS = tuple(field.name for field in fields(MotionState))
_gait_columns = attrgetter(*_COLUMNS[_COLUMNS.index("phase") : _COLUMNS.index("size") + 1])


def body_size(person: Person) -> np.ndarray:
    """(N,) size of each body beside the human: its legs' length over LEG_M."""
    return person.scale * (person.bones[:, THIGH] + person.bones[:, SHANK]) / LEG_M


def motion_columns(world: World) -> tuple[np.ndarray, ...]:
    """What of the actors' motion state changes with time, in the order of MotionState.

    The last is not the age of the blend but the tick at which it began.
    """
    gait, blend, transform = world[Gait], world[Blend], world[Transform]
    manner, heed = world[StyleState], world[Attention]
    n = len(gait.phase)
    return (
        transform.position[:n, :2],
        transform.heading[:n],
        world[Velocity].turn[:n],
        *_gait_columns(gait),
        blend.pose,
        blend.rate,
        blend.spell,
        manner.now,
        manner.face,
        heed.aim,
        heed.voice,
        blend.since,
    )


def motion_state(world: World, *, copy: bool = True) -> MotionState:
    """The actors' motion state now; not copied it is only good until the state changes."""
    *columns, since = motion_columns(world)
    if copy:
        columns = [column.copy() for column in columns]
    person = world[Person]
    return MotionState(
        *columns,
        age=(world.tick - since) * DT,
        bones=person.bones * person.scale[:, None],
        stand=person.stand * person.scale,
        kind=person.kind,
        traits=person.traits,
    )


def states_over_time(columns: list[np.ndarray], tick: np.ndarray, person: Person) -> MotionState:
    """Rows of K ticks of N actors, tick by tick: (K, N, …) columns as in motion_columns, (K,)."""
    *columns, since = columns
    fixed = (person.bones * person.scale[:, None], person.stand * person.scale)
    return MotionState(
        *[column.reshape(-1, *column.shape[2:]) for column in columns],
        ((tick[:, None] - since) * DT).reshape(-1),
        *[np.concatenate([each] * len(tick)) for each in (*fixed, person.kind, person.traits)],
    )
