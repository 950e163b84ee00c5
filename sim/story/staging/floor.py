"""The ground of a running scene: what stands where, and where there is room."""

from math import cos, hypot, pi, sin

from sim.story.staging.grid import Grid
from sim.story.staging.timing import Spot

MOST_M = 60.0
"""Radius up to which a thing takes ground: beyond it, it is scenery (choice)."""
RING_M = 0.6
"""Metres between the rings on which room is looked for (choice)."""
RINGS = 90
WIDER = 1.04
"""Factor from one ring to the next, so that room is found round a crowd of any size."""


class Floor:
    """Discs on the ground, that of one taken after the other."""

    def __init__(self) -> None:
        self._grid: Grid[int] = Grid()
        self._discs: list[tuple[Spot, float]] = []

    def take(self, spot: Spot, radius: float) -> None:
        """Note that a disc of ``radius`` m at ``spot`` is taken."""
        radius = min(radius, MOST_M)
        self._grid.put(len(self._discs), spot, radius)
        self._discs.append((spot, radius))

    def clear(self, spot: Spot, radius: float) -> bool:
        """Whether a disc of ``radius`` m at ``spot`` touches nothing."""
        radius = min(radius, MOST_M)
        for key in self._grid.near(spot, radius):
            (x, y), other = self._discs[key]
            if hypot(spot[0] - x, spot[1] - y) < radius + other:
                return False
        return True

    def open_way(self, a: Spot, b: Spot, radius: float) -> bool:
        """Whether a disc of ``radius`` m can be moved straight from ``a`` to ``b``."""
        n = max(int(hypot(b[0] - a[0], b[1] - a[1])), 1)
        return all(
            self.clear((a[0] + k / n * (b[0] - a[0]), a[1] + k / n * (b[1] - a[1])), radius)
            for k in range(n + 1)
        )

    def nearest(self, spot: Spot, radius: float) -> Spot:
        """The spot, or the nearest one round it where a disc of ``radius`` m touches nothing.

        Among equally near ones the first is the one furthest off the viewer.
        """
        if self.clear(spot, radius):
            return spot
        away = RING_M
        for _ in range(RINGS):
            for k in range(12):
                turn = 0.5 * pi + (k + 1) // 2 * (1.0 if k % 2 else -1.0) * pi / 6.0
                found = (spot[0] + away * cos(turn), spot[1] + away * sin(turn))
                if self.clear(found, radius):
                    return found
            away = away * WIDER + RING_M
        return spot[0], spot[1] + away
