"""Watching a simulation: real time in, frames out, with half a minute to look back on.

The simulation only ever advances by whole ticks, so neither the pace nor a pause nor a slow
machine changes what happens, only when it is seen.
"""

from collections import deque
from dataclasses import fields

import numpy as np

from entities.units import DT
from sim.frame import Frame, interpolate
from sim.loop import Simulation

HISTORY_TICKS = round(30.0 / DT)
HISTORY_BYTES = 200_000_000
"""A crowd of hundreds is remembered for less than 30 s rather than fill the memory."""
MAX_CATCH_UP_TICKS = 8
"""Ticks one picture may make up for; a machine that needs more shows slow motion instead."""
PACES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
JUST_ARRIVED = DT * (1.0 - 1e-9)
"""Time owed when the newest tick is the one to be seen, and the next one due at once."""


class Playback:
    """A simulation seen at any pace, paused, stepped, or gone back over."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.paused = False
        self.pace = 1.0
        self.behind = 0  # ticks between what is seen and the newest
        first = simulation.frame()
        room = int(HISTORY_BYTES / _size(first))
        self._seen: deque[Frame] = deque([first], maxlen=max(2, min(HISTORY_TICKS + 1, room)))
        self._owed_s = JUST_ARRIVED

    def advance(self, elapsed_s: float) -> None:
        """Let real time pass: as many ticks as it is worth at this pace."""
        if self.paused:
            return
        self._owed_s = min(self._owed_s + elapsed_s * self.pace, MAX_CATCH_UP_TICKS * DT)
        while self._owed_s >= DT:
            self._owed_s -= DT
            self.forward()

    def forward(self) -> None:
        """One tick on: out of the buffer if there is one, else out of the simulation."""
        if self.behind:
            self.behind -= 1
            return
        self.simulation.step()
        self._seen.append(self.simulation.frame())

    def back(self) -> None:
        """One tick back, as far as the buffer goes."""
        self.behind = min(self.behind + 1, len(self._seen) - 1)

    def to_newest(self) -> None:
        """Leave the past."""
        self.behind = 0

    def toggle_pause(self) -> None:
        """Stop at the newest tick seen, or go on from it."""
        self.paused = not self.paused
        self._owed_s = JUST_ARRIVED

    def change_pace(self, steps: int) -> None:
        """``steps`` along PACES."""
        at = PACES.index(self.pace) + steps
        self.pace = PACES[min(max(at, 0), len(PACES) - 1)]

    def frame(self) -> Frame:
        """What is to be seen now: between the last two ticks, by the time owed."""
        newest = len(self._seen) - 1 - self.behind
        if newest == 0:
            return self._seen[0]
        return interpolate(self._seen[newest - 1], self._seen[newest], self._owed_s / DT)


def _size(frame: Frame) -> int:
    columns = (getattr(frame, field.name) for field in fields(frame))
    return 1 + sum(column.nbytes for column in columns if isinstance(column, np.ndarray))
