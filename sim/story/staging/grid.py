"""What lies where at the start of a story, in cells: asking costs the same in any crowd."""

from collections.abc import Hashable, Iterator
from math import floor
from typing import Generic, TypeVar

from sim.story.staging.timing import Spot

K = TypeVar("K", bound=Hashable)


class Grid(Generic[K]):
    """Discs on the ground by the cells that they touch.

    spots: m, where each is now. left: m, every spot from which one has gone.
    """

    def __init__(self, cell: float = 2.0) -> None:
        """cell: side of a cell in m, about the size of a disc and the space round it."""
        self.spots: dict[K, Spot] = {}
        self.left: list[Spot] = []
        self._cell = cell
        self._cells: dict[tuple[int, int], dict[K, None]] = {}
        self._reach: dict[K, float] = {}

    def put(self, key: K, spot: Spot, reach: float = 0.0) -> None:
        """Note that a disc of ``reach`` m is at ``spot``, and no longer where it was."""
        self.remove(key)
        self.spots[key], self._reach[key] = spot, reach
        for cell in self._touched(spot, reach):
            self._cells.setdefault(cell, {})[key] = None

    def remove(self, key: K) -> None:
        """Note that a disc is nowhere, if it was anywhere."""
        spot = self.spots.pop(key, None)
        if spot is None:
            return
        self.left.append(spot)
        for cell in self._touched(spot, self._reach.pop(key)):
            del self._cells[cell][key]

    def near(self, spot: Spot, reach: float) -> Iterator[K]:
        """All discs that may touch one of ``reach`` m at ``spot``; some more than once."""
        for cell in self._touched(spot, reach):
            yield from self._cells.get(cell, ())

    def _touched(self, spot: Spot, reach: float) -> list[tuple[int, int]]:
        """The cells that a disc may touch."""
        (x, y), cell = spot, self._cell
        rows = range(floor((y - reach) / cell), floor((y + reach) / cell) + 1)
        columns = range(floor((x - reach) / cell), floor((x + reach) / cell) + 1)
        return [(i, j) for i in columns for j in rows]
