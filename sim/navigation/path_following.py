"""Following timed paths: references sampled in blocks, and actors that fall behind theirs."""

import numpy as np

from entities.units import DT
from sim.navigation.path import Path
from sim.world import on_ground, some

BLOCK_TICKS = 384
"""Ticks sampled at a time; the last LOOK_AHEAD_TICKS of them are only for looking ahead."""
LOOK_AHEAD_TICKS = 160
CATCH_UP = 1.2
"""Factor on the asked speed up to which an actor that is late may go."""
OFF_PATH_M = 0.10
"""m; an actor further than this from where its path is at this tick is off its path."""
RETURN_S = 0.25
"""s, time constant with which an actor returns to its reference (choice)."""
YIELD_S = 1.0
"""s added to that while the actor makes way for another."""
LEAST_TOP = 1.0
"""m/s at which even an actor that is asked to stand may return to its reference."""
PUSH_OFF = 15.0
"""m/s², greatest change of velocity of an actor that was held up (choice)."""
WAITS_M = (0.1, 0.5)
"""m; between these distances behind its reference an actor's cursor slows down to a halt."""
ASIDE_M = 0.5
"""m; being less than this far beside the reference does not count as being behind it."""
SOON_TICKS = 60
"""Ticks over which the mean velocity ahead is taken."""
MOST_TICKS = 8.0
"""Ticks of path time by which a late cursor moves on at most in one tick: it skips stops."""


class PathTracking:
    """The references of P actors, each with a cursor in ticks of path time.

    A cursor is at the present tick, or behind it where the actor was held up.
    """

    def __init__(self, paths: dict[int, Path], tick: int, before: "PathTracking | None") -> None:
        """paths: by row of the actor. before: its cursors are kept for paths still in use."""
        count = len(paths)
        self.rows = np.array(list(paths), np.int64)
        self._index = {row: k for k, row in enumerate(paths)}
        self._paths = list(paths.values())
        self.cursor = np.full(count, float(tick))
        self._late = False
        self._each = np.arange(count)
        self._base = np.zeros(count, np.int64)
        self._block = np.zeros((count, BLOCK_TICKS, 3))
        # Height does not count on level paths: a jump does not leave them.
        level = np.array([path.level for path in self._paths], bool)
        self._counted = np.where(level[:, None], (1.0, 1.0, 0.0), 1.0)
        for row, k in self._index.items():
            # Fresh blocks start at different places, so that they are not all renewed at once.
            base = tick - (k * 37) % (BLOCK_TICKS // 3)
            known = None if before is None else before.of(row)
            if known is not None and known[0] is paths[row] and known[1] != tick:
                self.cursor[k], self._late = known[1], True
                base = int(known[1])
            self._sample(k, base)
        self._renew_at = int(self._base.min(initial=tick)) + BLOCK_TICKS - LOOK_AHEAD_TICKS

    def of(self, row: int) -> tuple[Path, float] | None:
        """The path of an actor and its cursor; None without a path."""
        k = self._index.get(row)
        return None if k is None else (self._paths[k], float(self.cursor[k]))

    def rejoin(self, row: int, cursor: float) -> None:
        """Set the cursor of an actor that comes back to its path."""
        k = self._index[row]
        self.cursor[k] = cursor
        self._late = True
        self._sample(k, int(cursor))

    def mean_velocity(self) -> np.ndarray:
        """Mean velocities (P, 2) m/s of the references over the next SOON_TICKS."""
        k = self.cursor.astype(np.int64) - self._base
        then = np.minimum(k + SOON_TICKS, BLOCK_TICKS - 1)
        gone = self._block[self._each, then, :2] - self._block[self._each, k, :2]
        return gone / (np.maximum(then - k, 1) * DT)[:, None]

    def sample_ahead(self, rows: np.ndarray, ticks: int, legs: np.ndarray) -> None:
        """Write points of the references over the next ``ticks`` into legs (G, 4, 2) of ``rows``.

        The first point of each is left as it is, and so are rows without a path.
        """
        for i, row in enumerate(rows.tolist()):
            k = self._index.get(row)
            if k is not None:
                first = int(self.cursor[k] - self._base[k])
                at = np.minimum(first + np.arange(1, 4) * ticks // 3, BLOCK_TICKS - 1)
                legs[i, 1:] = self._block[k, at, :2]

    def velocity(
        self,
        tick: int,
        position: np.ndarray,
        asked: np.ndarray,
        last: np.ndarray,
        aside: np.ndarray | None,
        dt: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Velocities (P, 3) m/s that follow the references, and which actors are off their path.

        position: (P, 3) m. asked: (P,) m/s, the speeds of the actions. last: (P, 3) m/s, the
        velocities returned a tick ago. aside: (P,) m/s, x + iy, sidesteps, or None for none.
        Moves the cursors on.
        """
        whole = self.cursor.astype(np.int64)
        if self._late or tick >= self._renew_at:
            self._renew(whole)
        k = whole - self._base
        here, there = self._block[self._each, k], self._block[self._each, k + 1]
        if self._late:
            here = here + (self.cursor - whole)[:, None] * (there - here)
        error = (here - position) * self._counted
        far = float(np.abs(error).max())
        if not self._late and far < 0.5 * WAITS_M[0] and aside is None:
            self.cursor += 1.0
            if far < 1e-9:
                return (there - here) / dt, np.zeros(len(k), bool)
            return (there - here) / dt + error / RETURN_S, np.zeros(len(k), bool)
        off = self._off(tick, position)
        reference = (there - here) / dt
        if self._late:
            reference = (there - self._block[self._each, k]) / dt
        reference_speed = np.sqrt((reference**2).sum(axis=1))
        step = self._advance(tick, reference, reference_speed, error, asked)
        self.cursor += step
        self._late = some(self.cursor != tick + 1)
        whole = self.cursor.astype(np.int64)
        k = whole - self._base
        then, after = self._block[self._each, k], self._block[self._each, k + 1]
        then = then + (self.cursor - whole)[:, None] * (after - then)
        slack = np.full(len(k), RETURN_S)
        if aside is not None:
            slack += YIELD_S * np.minimum(np.abs(aside) / 0.3, 1.0)
        wanted = (then - here) / dt + error / slack[:, None]
        if aside is not None:
            on_ground(wanted)[:] += aside
        top = np.maximum(CATCH_UP * np.maximum(reference_speed, asked), LEAST_TOP)
        speed = np.sqrt((wanted**2).sum(axis=1))
        wanted *= np.minimum(1.0, top / np.maximum(speed, 1e-9))[:, None]
        astray = (np.abs(error).max(axis=1) > 0.02) | (step != 1.0)
        change = wanted - last
        sharp = np.sqrt((change**2).sum(axis=1))
        share = np.where(astray, np.minimum(1.0, PUSH_OFF * dt / np.maximum(sharp, 1e-9)), 1.0)
        return np.where(share[:, None] < 1.0, last + share[:, None] * change, wanted), off

    def _advance(
        self,
        tick: int,
        reference: np.ndarray,
        reference_speed: np.ndarray,
        error: np.ndarray,
        asked: np.ndarray,
    ) -> np.ndarray:
        """Ticks (P,) by which the cursors move on."""
        size = np.sqrt((error**2).sum(axis=1))
        along = (error * reference).sum(axis=1) / np.maximum(reference_speed, 1e-9)
        behind = np.maximum(np.where(reference_speed > 0.05, along, 0.0), size - ASIDE_M)
        wait = np.clip((WAITS_M[1] - behind) / (WAITS_M[1] - WAITS_M[0]), 0.0, 1.0)
        hurry = CATCH_UP * np.maximum(reference_speed, asked) / np.maximum(reference_speed, 0.05)
        hurry = np.clip(hurry, 1.0, MOST_TICKS)
        return np.clip(tick + 1.0 - self.cursor, 0.0, wait * hurry)

    def _off(self, tick: int, position: np.ndarray) -> np.ndarray:
        """(P,) bool, whether each actor is off its path."""
        k = tick - self._base
        known = (k >= 0) & (k < BLOCK_TICKS)
        gap = self._block[self._each, np.clip(k, 0, BLOCK_TICKS - 1)] - position
        gap *= self._counted
        return ~known | ((gap**2).sum(axis=1) > OFF_PATH_M**2)

    def _renew(self, whole: np.ndarray) -> None:
        """Sample new blocks for cursors, ``whole`` (P,) ticks, near the end of theirs."""
        for k in np.flatnonzero(whole - self._base >= BLOCK_TICKS - LOOK_AHEAD_TICKS).tolist():
            self._sample(k, int(whole[k]))
        self._renew_at = int(self._base.min()) + BLOCK_TICKS - LOOK_AHEAD_TICKS

    def _sample(self, k: int, base: int) -> None:
        """Sample a block of the ``k``-th reference from tick ``base`` on."""
        self._base[k] = base
        self._block[k] = self._paths[k].at(np.arange(base, base + BLOCK_TICKS) * DT)
