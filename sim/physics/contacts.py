"""The contacts of a tick, tallied over the steps it took; and how long there can be none.

There are seldom more than a few, so they are counted one by one rather than in columns.
"""

from dataclasses import dataclass, field

import numpy as np

from entities.components import Contacts, Name
from sim.world import World, on_ground

FEW_BODIES = 48
"""Of more bodies some are always close: no use in looking."""
LOOK_AGAIN_TICKS = 8
"""Where bodies are close it takes this long to look whether they still are."""


@dataclass(slots=True, eq=False)
class Touch:
    """What happened between two bodies during a tick."""

    normal: tuple[float, float]  # from the lower row to the higher
    point: tuple[float, float]  # m
    impulse: float = 0.0  # N s
    closing: float = 0.0  # m/s
    fresh: bool = False  # they were apart before


@dataclass(slots=True, eq=False)
class Tally:
    """All touches of a tick, by rows of Body, the lower first."""

    touches: dict[tuple[int, int], Touch] = field(default_factory=dict)

    def add(
        self,
        row_of: dict[int, int],
        met: list[list[int]],
        numbers: list[list[float]],
        before: np.ndarray,
        steps: int,
    ) -> None:
        """Count one of ``steps`` steps, as pymunk lists it.

        met: body ids, whether it is their first contact, number of points; numbers: impulse,
        normal, point, 2 each; before (N, 3) m/s, velocities as they met.
        """
        for (one, other, first, points), (jx, jy, nx, ny, x, y) in zip(met, numbers, strict=True):
            if points == 0:
                continue
            a, b = row_of[one], row_of[other]
            if a > b:
                a, b, nx, ny = b, a, -nx, -ny
            touch = self.touches.get((a, b))
            if touch is None:
                touch = self.touches[a, b] = Touch((nx, ny), (x, y))
            apart = before[a] - before[b]
            touch.impulse += steps * float(np.hypot(jx, jy))
            touch.closing = max(touch.closing, float(apart[0]) * nx + float(apart[1]) * ny)
            touch.fresh |= first > 0

    def blows(self, n_actors: int) -> dict[int, complex]:
        """N s, x + iy, with which each actor's row was pushed."""
        blows: dict[int, complex] = {}
        for pair, touch in sorted(self.touches.items()):
            for row in pair:
                if row < n_actors and touch.impulse > 0.0:
                    away = complex(*touch.normal) * (1.0 if row == pair[0] else -1.0)
                    blows[row] = blows.get(row, 0.0) + touch.impulse * away
        return blows

    def contacts(self, ids: np.ndarray, low: np.ndarray, high: np.ndarray) -> Contacts:
        """As a table; ids, low, high (N,): entities, and the heights in m they extend between."""
        # pymunk lists contacts in the order of addresses: sort, or two runs would differ.
        pairs = sorted(self.touches)
        touches = [self.touches[pair] for pair in pairs]
        first, second = np.array(pairs, np.int64).T
        middle = np.maximum(low[first], low[second]) + np.minimum(high[first], high[second])
        return Contacts(
            first=ids[first],
            second=ids[second],
            point=np.column_stack([[touch.point for touch in touches], middle / 2.0]),
            normal=np.array([touch.normal for touch in touches]),
            impulse=np.array([touch.impulse for touch in touches]),
            closing=np.array([touch.closing for touch in touches]),
        )


class Leeway:
    """How far bodies may still go before any two could touch: so long nothing is to be solved."""

    def __init__(self, rows: np.ndarray, reach: np.ndarray, moves: np.ndarray) -> None:
        """rows: (S,) of the solid bodies. reach: (S,) m, circles round them. moves: (S,) bool."""
        self._rows = rows
        together = reach[:, None] + reach
        together[~(moves[:, None] | moves) | np.eye(len(rows), dtype=bool)] = -np.inf
        self._together = together
        self._left, self._look_at = 0.0, 0
        self._known = b""

    def covers(self, tick: int, position: np.ndarray, most: float) -> bool:
        """Whether no two bodies touch now, and how far that goes is told from positions (N, 3) m.

        most: m, no body goes further in this tick.
        """
        if position.tobytes() != self._known:  # somebody else has put something somewhere
            self._left = 0.0
        if self._left <= 0.0 and tick >= self._look_at and len(self._rows) <= FEW_BODIES:
            place = on_ground(position)[self._rows]
            apart = np.abs(place[:, None] - place) - self._together
            self._left = float(apart.min(initial=np.inf))
            self._look_at = tick + (LOOK_AGAIN_TICKS if self._left <= 4.0 * most else 0)
        free = self._left > 0.0
        self._left -= 2.0 * most
        return free

    def leave(self, position: np.ndarray) -> None:
        """Take note of where everything is left at the end of the tick."""
        self._known = position.tobytes()


def refuse(world: World, column: np.ndarray, what: str) -> None:
    """Raises FloatingPointError, naming the first entity whose row of a column is not finite."""
    row = int(np.flatnonzero(~np.isfinite(column).all(axis=1))[0])
    raise FloatingPointError(
        f"physics: {world[Name].text[row]!r} {what} {column[row].tolist()} "
        f"at tick {world.tick}; expected finite numbers"
    )
