"""Playback of a running simulation: real time in, frames out, and 30 s of them to go back over.

The simulation only advances by whole ticks, so neither the pace nor a pause nor a slow machine
changes what happens, only when it is seen.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from entities.units import DT
from sim.frame import Frame, interpolate
from sim.loop import Simulation

HISTORY_TICKS = round(30.0 / DT)
"""Ticks of the buffer."""
HISTORY_BYTES = 200_000_000
"""Most memory of the buffer: with hundreds of actors it holds less than 30 s (choice)."""
MAX_CATCH_UP_TICKS = 8
"""Ticks one picture may make up for; a machine that needs more shows slow motion instead."""
PACES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Simulated seconds per second."""
AT_TICK_S = DT * (1.0 - 1e-9)
"""Seconds into the current tick at which the tick itself is shown and the next one is due."""


class Playback:
    """A simulation shown at any pace, paused, stepped or rewound."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.paused = False
        self.pace = 1.0
        self.ticks_behind = 0  # how far the shown tick is behind the newest
        self._buffer = _history([simulation.frame()])
        self._since_tick_s = AT_TICK_S

    def advance(self, elapsed_s: float) -> None:
        """Let real time pass: run as many ticks as it amounts to at this pace."""
        if self.paused:
            return
        since_tick_s = self._since_tick_s + elapsed_s * self.pace
        self._since_tick_s = min(since_tick_s, MAX_CATCH_UP_TICKS * DT)
        while self._since_tick_s >= DT:
            self._since_tick_s -= DT
            self.forward()

    def forward(self) -> None:
        """Advance one tick: from the buffer if it holds one, else from the simulation."""
        if self.ticks_behind:
            self.ticks_behind -= 1
            return
        self.simulation.step()
        frame = self.simulation.frame()
        grown = frame.cast is not self._buffer[-1].cast
        self._buffer.append(frame)
        if grown:  # larger frames from now on
            self._buffer = _history(self._buffer)

    def back(self) -> None:
        """Go back one tick, as far as the buffer reaches."""
        self.ticks_behind = min(self.ticks_behind + 1, len(self._buffer) - 1)

    def to_newest(self) -> None:
        """Go to the newest tick."""
        self.ticks_behind = 0

    def toggle_pause(self) -> None:
        """Pause at the tick shown, or go on from it."""
        self.paused = not self.paused
        self._since_tick_s = AT_TICK_S

    def change_pace(self, steps: int) -> None:
        """Move ``steps`` along PACES, as far as they go."""
        at = PACES.index(self.pace) + steps
        self.pace = PACES[min(max(at, 0), len(PACES) - 1)]

    def frame(self) -> Frame:
        """The frame to show now, interpolated between two ticks by the time since the last."""
        newest = len(self._buffer) - 1 - self.ticks_behind
        if newest == 0:
            return self._buffer[0]
        return interpolate(self._buffer[newest - 1], self._buffer[newest], self._since_tick_s / DT)


def _history(frames: Iterable[Frame]) -> deque[Frame]:
    """A buffer of as many frames like the last of these as there is memory for."""
    frames = list(frames)
    capacity = int(HISTORY_BYTES / _size(frames[-1]))
    return deque(frames, maxlen=max(2, min(HISTORY_TICKS + 1, capacity)))


def _size(frame: Frame) -> int:
    """Bytes of a frame's arrays, at least 1."""
    columns = (getattr(frame, field.name) for field in fields(frame))
    return 1 + sum(column.nbytes for column in columns if isinstance(column, np.ndarray))
