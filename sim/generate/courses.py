"""Courses: paths laid out by a point that speeds up, turns and halts, then cut into waypoints."""

import math
from collections.abc import Callable

import numpy as np

from entities.units import DT

KNOT_S = 0.5
"""s between waypoints."""
SPEED_UP, SLOW_DOWN = 2.4, 3.0
"""m/s², choice: how hard an actor on a course starts and stops."""
SIDEWAYS = 4.0
"""m/s², the sharpest turn at speed."""
TURN_RADPS = 2.4
"""The fastest turn."""

TURNS_RAD = {
    "circle_left": 2.1 * math.pi,
    "circle_right": 2.1 * math.pi,
    "eight": 4.0 * math.pi,
    "spiral": 2.0 * math.pi,
    "square": 2.0 * math.pi,
}
"""How far an actor turns, at least, on a whole course of such a shape."""

Turning = Callable[[float, float], float]
"""(s into the leg, m/s) -> rad/s, to the left."""


class Course:
    """A course being laid out by a point that speeds up, turns and halts."""

    def __init__(self, heading: float, speed: float | None) -> None:
        self.heading, self.t = heading, 0.0
        self.speed = 0.0 if speed is None else speed
        self._x = self._y = 0.0
        self._track = [(0.0, 0.0, 0.0)]

    def go(self, seconds: float, speed: float, turning: Turning) -> None:
        """Go on for so long, speeding up or down to a speed, turning all the while."""
        for k in range(round(seconds / DT)):
            change = speed - self.speed
            self.speed += max(-SLOW_DOWN * DT, min(change, SPEED_UP * DT))
            self.heading += turning(k * DT, self.speed) * DT
            self._step()

    def halt(self) -> None:
        """Slow down to a stand, and stand until the next waypoint is due."""
        while self.speed > 0.0:
            self.speed = max(0.0, self.speed - SLOW_DOWN * DT)
            self._step()
        self.rest(math.ceil(self.t / KNOT_S - 1e-9) * KNOT_S - self.t)

    def rest(self, seconds: float) -> None:
        """Stand still."""
        self.speed = 0.0
        for _ in range(round(seconds / DT)):
            self._step()

    def _step(self) -> None:
        self._x += self.speed * math.cos(self.heading) * DT
        self._y += self.speed * math.sin(self.heading) * DT
        self.t = round(self.t / DT + 1.0) * DT
        self._track.append((self.t, self._x, self._y))

    def length(self, seconds: float) -> float:
        """Length in m of the first ``seconds``."""
        track = np.array(self._track[: round(seconds / DT) + 1])
        return float(np.hypot(*np.diff(track[:, 1:], axis=0).T).sum())

    def knots(self, seconds: float) -> list[tuple[float, float, float]]:
        """Waypoints (t, x, y) of the first ``seconds``, every KNOT_S."""
        every = round(KNOT_S / DT)
        track = self._track[: round(seconds / DT) + 1 : every]
        return [(round(t, 6), round(x, 4), round(y, 4)) for t, x, y in track]


def fastest(shape: str, seconds: float) -> float:
    """The highest speed, m/s, at which a whole course of this shape fits into ``seconds``."""
    turns = TURNS_RAD.get(shape)
    return math.inf if turns is None else 0.95 * SIDEWAYS * seconds / turns


def turning(shape: str, speed: float, seconds: float, rng: np.random.Generator) -> Turning:
    """How a course of this shape turns. seconds: how long it is; rng: draws sides and corners."""
    most = min(TURN_RADPS, SIDEWAYS / max(speed, 0.1))
    sign = float(rng.choice([-1.0, 1.0]))
    if shape in ("circle_left", "circle_right"):
        rate = max(min(most, 2.0 * math.pi / seconds * float(rng.uniform(1.0, 2.0))), 0.2)
        return lambda s, v: rate if shape == "circle_left" else -rate
    if shape == "eight":
        rate = min(most, 4.0 * math.pi / seconds)
        half = 2.0 * math.pi / rate
        return lambda s, v: sign * rate * (1.0 if s % (2.0 * half) < half else -1.0)
    if shape in ("square", "diamond"):
        corner = 0.5 * math.pi / most
        side = max(float(rng.uniform(0.6, 1.6)), corner)
        return lambda s, v: most * sign if s % (side + corner) > side else 0.0
    if shape == "zigzag":
        corner = float(rng.uniform(0.8, 1.4)) / most
        side = float(rng.uniform(0.7, 1.3))

        def zigzag(s: float, v: float) -> float:
            leg, within = divmod(s, side + corner)
            return 0.0 if within < side else most * (1.0 if leg % 2 else -1.0)

        return zigzag
    if shape == "spiral":
        return lambda s, v: sign * most / (1.0 + 0.35 * s)
    if shape in ("curve_left", "curve_right"):
        rate = min(most, float(rng.uniform(0.6, 2.4)) / seconds)
        return lambda s, v: rate if shape == "curve_left" else -rate
    if shape in ("turn_left", "turn_right", "back"):
        angle = math.pi if shape == "back" else 0.5 * math.pi
        side = sign if shape == "back" else 1.0 if shape == "turn_left" else -1.0
        start, spell = 0.4 * seconds, angle / most
        return lambda s, v: side * most if start <= s < start + spell else 0.0
    if shape == "weave":
        beats, phases = rng.uniform(0.5, 1.6, 3), rng.uniform(0.0, 2.0 * math.pi, 3)
        size = most / 2.2

        def weave(s: float, v: float) -> float:
            return size * sum(
                math.sin(b * s + p) for b, p in zip(beats.tolist(), phases.tolist(), strict=True)
            )

        return weave
    return lambda s, v: 0.0
