"""Where everybody starts: a crowd is placed in linear time, and never in a heap."""

from dataclasses import dataclass
from math import hypot

from sim.story.staging.grid import Grid
from sim.story.staging.timing import Spot

LANE_M = 1.2
"""Metres between players side by side."""
QUEUE = 40
"""How many stand behind one another before the next stand beside them (choice)."""
HEAP, HEAP_M = 30, 0.3
"""How many may start within so many metres of a spot; further ones start behind it (choice)."""


class Starts:
    """The spots at which players start."""

    def __init__(self) -> None:
        self._grid: Grid[object] = Grid()
        self._queues: dict[Spot, _Queue] = {}  # by the first spot

    def put(self, player: object, spot: Spot) -> Spot:
        """Have a player start at a spot, or behind it where there is a heap; returns where."""
        near = [p for p in self._grid.near(spot, HEAP_M) if p is not player]
        if len(near) >= HEAP and sum(self._gap(p, spot) < HEAP_M for p in near) >= HEAP:
            # Heaps that touch share a queue.
            spot = self.behind((round(spot[0], 0), round(spot[1], 0)))
        self._grid.put(player, spot)
        return spot

    def taken(self, spot: Spot) -> bool:
        """Whether somebody starts at that very spot."""
        return any(self._grid.spots[p] == spot for p in self._grid.near(spot, 0.0))

    def behind(self, at: Spot) -> Spot:
        """The spot, or the nearest one behind it where nobody starts."""
        queue = self._queues.get(at)
        if queue is None or queue.has_gap(self._grid.left):
            queue = self._queues[at] = _Queue(at, len(self._grid.left), at)
        while any(self._gap(p, queue.end) < LANE_M for p in self._grid.near(queue.end, LANE_M)):
            queue.grow()
        return queue.end

    def _gap(self, player: object, spot: Spot) -> float:
        """Metres from a spot to where a player starts."""
        x, y = self._grid.spots[player]
        return hypot(spot[0] - x, spot[1] - y)


@dataclass(slots=True)
class _Queue:
    """Spots behind one another that are taken, and the ``end`` after them.

    A queue that has become QUEUE long goes on beside the first, so that a crowd is a block.
    """

    first: Spot
    known: int  # spots that had been left when the queue was last looked at
    end: Spot
    length: int = 0

    def grow(self) -> None:
        """Go on to the next spot."""
        self.length += 1
        lane, row = divmod(self.length, QUEUE)
        x, y = self.first[0], self.end[1] + LANE_M
        if lane:
            x += LANE_M * ((lane + 1) // 2) * (1.0 if lane % 2 else -1.0)
            y = y if row else self.first[1]
        self.end = x, y

    def has_gap(self, left: list[Spot]) -> bool:
        """Whether somebody has left a spot of the queue since this was last asked."""
        fresh, self.known = left[self.known :], len(left)
        wide = LANE_M * (self.length // QUEUE // 2 + 2)
        back = self.first[1] + LANE_M * (min(self.length, QUEUE) + 1)
        return any(
            abs(x - self.first[0]) < wide and self.first[1] - LANE_M < y < back for x, y in fresh
        )
