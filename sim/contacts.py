"""The contacts of a tick, tallied over the steps it took.

There are seldom more than a few, so they are counted one by one rather than in columns.
"""

from dataclasses import dataclass, field

import numpy as np

from entities.components import Contacts


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
