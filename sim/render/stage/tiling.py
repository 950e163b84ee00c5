"""An endless world from a seed: cells of the ground and what chance says of each.

Scenery is drawn from hashes of cell numbers, so it is the same whenever one comes back, and
there is always more of it.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


def chances(ix: np.ndarray, iy: np.ndarray, seed: int, n: int) -> np.ndarray:
    """(..., n) uniform numbers in [0, 1) for cells (...): splitmix64 of their numbers.

    https://prng.di.unimi.it/splitmix64.c
    """
    start = np.asarray(seed % 2**63, np.uint64).reshape(1) * _GOLDEN
    x = np.asarray(ix, np.int64).astype(np.uint64) * _MIX_B
    y = np.asarray(iy, np.int64).astype(np.uint64) * _MIX_A
    state = (_mixed(_mixed(x + start) + y))[..., None] + _GOLDEN * np.arange(1, n + 1, dtype="u8")
    return (_mixed(state) >> np.uint64(11)).astype(float) * 2.0**-53


def _mixed(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * _MIX_A
    z = (z ^ (z >> np.uint64(27))) * _MIX_B
    return z ^ (z >> np.uint64(31))


def cells_around(centre: np.ndarray, cell: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (K,) and (K,) of the square cells of side ``cell`` m within ``reach`` m, in order."""
    first = np.floor((centre - reach) / cell).astype(int)
    last = np.floor((centre + reach) / cell).astype(int)
    ix, iy = np.meshgrid(
        np.arange(first[0], last[0] + 1), np.arange(first[1], last[1] + 1), indexing="ij"
    )
    ix, iy = ix.ravel(), iy.ravel()
    away = np.hypot((ix + 0.5) * cell - centre[0], (iy + 0.5) * cell - centre[1])
    near = away < reach + cell
    return ix[near], iy[near]


class Around(Generic[T]):
    """Keeps what ``build(centre)`` says of the surroundings until one has left the tile.

    ``build`` must cover ``MARGIN * tile`` m more than is ever looked at, so that what is seen
    does not depend on where the tile was entered.
    """

    MARGIN = 0.75

    def __init__(self, tile: float, build: Callable[[np.ndarray], T]) -> None:
        self.tile = tile
        self._build = build
        self._key: tuple[int, int] | None = None
        self._kept: T

    def at(self, x: float, y: float) -> T:
        """The surroundings of a spot in metres."""
        key = int(np.floor(x / self.tile)), int(np.floor(y / self.tile))
        if key != self._key:
            self._kept = self._build((np.array(key) + 0.5) * self.tile)
            self._key = key
        return self._kept
