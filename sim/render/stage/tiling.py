"""Endless random scenery: square cells of the ground, and random numbers hashed from each.

As the numbers depend only on the cell and the seed, a place looks the same whenever the camera
comes back to it.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


def cell_uniforms(ix: np.ndarray, iy: np.ndarray, seed: int, n: int) -> np.ndarray:
    """(..., n) uniform numbers in [0, 1) of cells (...): splitmix64 of the cells' indices.

    https://prng.di.unimi.it/splitmix64.c
    """
    start = np.asarray(seed % 2**63, np.uint64).reshape(1) * _GOLDEN
    x = np.asarray(ix, np.int64).astype(np.uint64) * _MIX_B
    y = np.asarray(iy, np.int64).astype(np.uint64) * _MIX_A
    state = (_mixed(_mixed(x + start) + y))[..., None] + _GOLDEN * np.arange(1, n + 1, dtype="u8")
    return (_mixed(state) >> np.uint64(11)).astype(float) * 2.0**-53


def _mixed(z: np.ndarray) -> np.ndarray:
    """The output function of splitmix64."""
    z = (z ^ (z >> np.uint64(30))) * _MIX_A
    z = (z ^ (z >> np.uint64(27))) * _MIX_B
    return z ^ (z >> np.uint64(31))


def cells_around(centre: np.ndarray, cell: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices (K,), (K,) of the cells of side ``cell`` m within ``reach`` m of a centre, sorted."""
    first = np.floor((centre - reach) / cell).astype(int)
    last = np.floor((centre + reach) / cell).astype(int)
    ix, iy = np.meshgrid(
        np.arange(first[0], last[0] + 1), np.arange(first[1], last[1] + 1), indexing="ij"
    )
    ix, iy = ix.ravel(), iy.ravel()
    away = np.hypot((ix + 0.5) * cell - centre[0], (iy + 0.5) * cell - centre[1])
    near = away < reach + cell
    return ix[near], iy[near]


class TileCache(Generic[T]):
    """Caches ``build(centre)``, the surroundings of a tile's centre, until another tile is entered.

    ``build`` must cover ``MARGIN * tile`` m more than is ever seen from the centre, so that what is
    seen does not depend on the tile.
    """

    MARGIN = 0.75

    def __init__(self, tile: float, build: Callable[[np.ndarray], T]) -> None:
        self.tile = tile
        self._build = build
        self._key: tuple[int, int] | None = None
        self._cached: T

    def at(self, x: float, y: float) -> T:
        """The surroundings of the tile that holds the point x, y (m)."""
        key = int(np.floor(x / self.tile)), int(np.floor(y / self.tile))
        if key != self._key:
            self._cached = self._build((np.array(key) + 0.5) * self.tile)
            self._key = key
        return self._cached
