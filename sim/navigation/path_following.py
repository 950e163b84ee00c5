"""Keeping to timed paths: many references sampled in blocks, and who is late on his."""

import numpy as np

from entities.units import DT
from sim.navigation.path import Path
from sim.world import on_ground, some

BLOCK_TICKS = 384
"""Ticks sampled at a time; the last LOOKING of them are only for looking ahead."""
LOOKING = 160
CATCH_UP = 1.2
"""How much faster than asked a late actor goes."""
OFF_PATH_M = 0.10
RETURN_S = 0.25
"""Time constant with which an actor returns to his reference (choice)."""
YIELD_S = 1.0
"""What is added to it while he makes way for somebody."""
LEAST_TOP = 1.0
"""m/s at which even an actor who is asked to stand may return to his place."""
PUSH_OFF = 15.0
"""m/s², no faster does an actor who was held up change his velocity (choice)."""
WAITS_M = (0.1, 0.5)
"""Between these distances behind his reference it slows down and waits for him."""
ASIDE_M = 0.5
"""Being this far beside the reference counts as not being behind it."""
SOON_TICKS = 60
MOST_TICKS = 8.0
"""A late reference skips at most this many ticks in one: it hurries through a stop."""


class PathTracking:
    """References of P actors, each with a cursor in ticks of path time that waits for the late."""

    def __init__(self, paths: dict[int, Path], tick: int, before: "PathTracking | None") -> None:
        """paths: those of the actor rows that have one. before: whose lateness is taken over."""
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
        self._renew_at = int(self._base.min(initial=tick)) + BLOCK_TICKS - LOOKING

    def of(self, row: int) -> tuple[Path, float] | None:
        """An actor's path and how many ticks of it he has done; None without a path."""
        k = self._index.get(row)
        return None if k is None else (self._paths[k], float(self.cursor[k]))

    def rejoin(self, row: int, cursor: float) -> None:
        """Let an actor go on from where his path is at ``cursor`` ticks."""
        k = self._index[row]
        self.cursor[k] = cursor
        self._late = True
        self._sample(k, int(cursor))

    def soon(self) -> np.ndarray:
        """(P, 2) m/s, the mean velocities of the references over the next moments."""
        k = self.cursor.astype(np.int64) - self._base
        then = np.minimum(k + SOON_TICKS, BLOCK_TICKS - 1)
        gone = self._block[self._each, then, :2] - self._block[self._each, k, :2]
        return gone / (np.maximum(then - k, 1) * DT)[:, None]

    def glance(self, rows: np.ndarray, ticks: int, legs: np.ndarray) -> None:
        """Put points of the references of ``rows`` over the next ``ticks`` into legs (G, 4, 2).

        The first point stays; rows without a path are left alone.
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
        """Velocities (P, 3) m/s that keep to the references, and who is off his path (P,).

        position: (P, 3) m. asked: (P,) m/s, the speeds of the actions. last: (P, 3) m/s, what was
        wanted a tick ago. aside: (P,) m/s, x + iy, to make way for others, or None.
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
        """(P,) ticks each cursor moves on."""
        size = np.sqrt((error**2).sum(axis=1))
        along = (error * reference).sum(axis=1) / np.maximum(reference_speed, 1e-9)
        behind = np.maximum(np.where(reference_speed > 0.05, along, 0.0), size - ASIDE_M)
        wait = np.clip((WAITS_M[1] - behind) / (WAITS_M[1] - WAITS_M[0]), 0.0, 1.0)
        hurry = CATCH_UP * np.maximum(reference_speed, asked) / np.maximum(reference_speed, 0.05)
        hurry = np.clip(hurry, 1.0, MOST_TICKS)
        return np.clip(tick + 1.0 - self.cursor, 0.0, wait * hurry)

    def _off(self, tick: int, position: np.ndarray) -> np.ndarray:
        k = tick - self._base
        known = (k >= 0) & (k < BLOCK_TICKS)
        gap = self._block[self._each, np.clip(k, 0, BLOCK_TICKS - 1)] - position
        gap *= self._counted
        return ~known | ((gap**2).sum(axis=1) > OFF_PATH_M**2)

    def _renew(self, whole: np.ndarray) -> None:
        for k in np.flatnonzero(whole - self._base >= BLOCK_TICKS - LOOKING).tolist():
            self._sample(k, int(whole[k]))
        self._renew_at = int(self._base.min()) + BLOCK_TICKS - LOOKING

    def _sample(self, k: int, base: int) -> None:
        self._base[k] = base
        self._block[k] = self._paths[k].at(np.arange(base, base + BLOCK_TICKS) * DT)
