"""Timed paths: the reference of an actor or object that has way points.

The curve is a centripetal Catmull-Rom spline (Yuksel, Schaefer & Keyser 2011,
"Parameterization and applications of Catmull-Rom curves"), parameterised by arc length; the
distance travelled at each time follows the speed profile of ``timetable``.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from entities.scene import MAX_PATH_ACCELERATION, MAX_PATH_SPEED
from sim.navigation.timetable import HALT_BEND, Timetable, needed_rate, schedule

Knot = tuple[float, float, float, float | None]
"""t s and x, y, z m of a way point; z None stays at the height before."""

SAMPLES = 16
"""Arc-length samples a piece; the curve between them is exact, its speed to about 0.1 %."""
SAME_PLACE_M = 1e-6
"""m; way points nearer than this are a stop."""
REVERSAL_COS = -0.9
"""Cosine of a turn (about 155 degrees) beyond which it is made on the spot, without a loop
(choice)."""
CORNER_COS = 0.5
"""Cosine of a corner of the curve itself beyond which it is passed at rest (choice)."""
STEADY_SHARE = 0.25
"""Two segments whose mean speeds differ by less than this share are one steady motion (choice)."""
RUN_OUT_RATE = 5.0
"""m/s² at which a path that ends at speed comes to rest beyond its last point (choice)."""
CORNER_TRIES = 6
"""Times that a corner with too much acceleration is tried at a lower speed."""
LONG = 500
"""Samples of a path from which it is worth looking where it stands still."""
SUSTAINED_S = 0.5
"""s over which the mean acceleration must stay within the limit (choice)."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A position for every time; at rest before the first way point and after the last.

    K way points, C curve pieces, M samples.
    """

    times: np.ndarray  # (K,) s, increasing
    lengths: np.ndarray  # (K,) m of curve up to each way point
    speeds: np.ndarray  # (K,) m/s at each way point
    cruise: np.ndarray  # (K-1,) m/s within each segment
    rates: np.ndarray  # (K-1,) m/s², rate at which speed changes there
    cubics: np.ndarray  # (C, 4, 3) curve pieces, polynomial coefficients from constant to cubic
    table: np.ndarray  # (4, M) arc length, piece + share of it, its slope (1/m) after and before

    @classmethod
    def through(
        cls,
        knots: list[Knot],
        where: str,
        from_rest: bool = True,
        max_speed: float = MAX_PATH_SPEED,
        first: int = 0,
    ) -> Self:
        """The path through knots with increasing times. Equal consecutive points are a stop.

        It starts and ends at rest, unless the first (last) two segments are one steady motion
        that leaves no time for that: then it starts at speed (comes to rest beyond its last
        point). from_rest False: it may start at any speed.

        Raises ValueError if it needs more than ``max_speed`` m/s or MAX_PATH_ACCELERATION
        sustained. The message starts with ``where`` and counts knots from ``first``: -1 if the
        first knot is one put before those of the scene.
        """
        if not knots:
            raise ValueError(f"{where}: has no way points; expected at least one")
        times = np.array([knot[0] for knot in knots], float)
        points = np.column_stack([[knot[1:3] for knot in knots], _heights(knots)]).astype(float)
        moved = np.abs(np.diff(points, axis=0)).max(axis=1, initial=0.0) > SAME_PLACE_M
        kept = np.append(True, moved)
        cubics, table, pieces = _curve(points[kept], ~np.append(moved, False)[kept])
        steps, bends = np.zeros(len(times) - 1), np.zeros(len(times))
        steps[moved] = pieces
        bends[kept] = _bend(cubics, table)
        lengths = np.append(0.0, np.cumsum(steps))
        task = Timetable(np.diff(times), steps, bends, max_speed, MAX_PATH_ACCELERATION)
        means = steps / task.span
        if (fast := np.flatnonzero(means > max_speed)).size:
            k = int(fast[0])
            raise ValueError(
                f"{where}[{first + k + 1}]: needs {means[k]:.1f} m/s to reach "
                f"{_spot(knots[k + 1])} from {_spot(knots[k])}; allowed is up to {max_speed:g} m/s"
            )
        rolling = from_rest and _steady(means[:2])
        running_out = _steady(means[-2:])
        for _ in range(CORNER_TRIES):
            law = schedule(task, from_rest, True)
            for start, stop in ((True, False), (False, True), (True, True)):
                if isinstance(law, int) and (rolling or not start) and (running_out or not stop):
                    law = schedule(task, from_rest and not start, not stop)
            if isinstance(law, int):
                rate = needed_rate(task)
                need = f"more than {max_speed:g} m/s" if rate is None else f"about {rate:.0f} m/s²"
                raise ValueError(
                    f"{where}[{first + law}]: needs {need} to be at {_spot(knots[law])} in time; "
                    f"allowed is up to {MAX_PATH_ACCELERATION:g} m/s² and {max_speed:g} m/s"
                )
            path = cls(times, lengths, *law, cubics, table)
            corner, need = path._hardest_turn()
            if need <= 1.01 * MAX_PATH_ACCELERATION:
                return path._run_out() if path.speeds[-1] > 0.0 else path
            bends[corner] = max(2.0 * bends[corner], 0.1)  # take it slower, if the times allow
        raise ValueError(
            f"{where}[{max(first + corner, 0)}]: needs {need:.1f} m/s² to turn at "
            f"{_spot(knots[corner])}; allowed is up to {MAX_PATH_ACCELERATION:g} m/s²"
        )

    @property
    def end(self) -> float:
        """The time, s, at which the path comes to rest."""
        return float(self.times[-1])

    @property
    def level(self) -> bool:
        """Whether the path stays at one height."""
        return not self.cubics[:, 1:, 2].any()

    def moved(self, x: float, y: float) -> Self:
        """The same path (x, y) m further."""
        cubics = self.cubics.copy()
        cubics[:, 0, :2] += x, y
        return replace(self, cubics=cubics)

    def at(self, t: np.ndarray) -> np.ndarray:
        """Positions at times t: (T,) s -> (T, 3) m."""
        return self._place(self._travel(t)[0])[0]

    def velocity(self, t: np.ndarray) -> np.ndarray:
        """Velocities at times t: (T,) s -> (T, 3) m/s."""
        travelled, speed = self._travel(t)
        tangent = self._place(travelled)[1]
        norm = np.sqrt(tangent[:, 0] ** 2 + tangent[:, 1] ** 2 + tangent[:, 2] ** 2)
        return tangent * (speed / np.maximum(norm, 1e-12))[:, None]

    def _travel(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance along the curve, m, and speed, m/s, at times t (T,) s."""
        if len(self.times) == 1:
            return np.zeros(len(t)), np.zeros(len(t))
        t = np.clip(t, self.times[0], self.times[-1])
        k = np.clip(np.searchsorted(self.times, t, side="right") - 1, 0, len(self.times) - 2)
        span = self.times[k + 1] - self.times[k]
        now = t - self.times[k]
        left = span - now
        first, last, cruise = self.speeds[k], self.speeds[k + 1], self.cruise[k]
        rise, fall = cruise - first, cruise - last
        early = np.minimum(now, np.abs(rise) / self.rates[k])
        late = np.minimum(left, np.abs(fall) / self.rates[k])
        # Measured from the nearer end, so that each way point is met exactly.
        lag_first = rise * early - 0.5 * np.sign(rise) * self.rates[k] * early**2
        lag_last = fall * late - 0.5 * np.sign(fall) * self.rates[k] * late**2
        ahead = self.lengths[k] + cruise * now - lag_first
        behind = self.lengths[k + 1] - cruise * left + lag_last
        speed_first = first + np.sign(rise) * self.rates[k] * early
        speed_last = last + np.sign(fall) * self.rates[k] * late
        closing = left < np.abs(fall) / self.rates[k]
        return np.where(closing, behind, ahead), np.where(closing, speed_last, speed_first)

    def _place(self, travelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (T, 3) m and unnormalised tangents (T, 3) at distances (T,) m along the curve."""
        length, share, after, before = self.table
        if len(length) == 1:
            return np.repeat(self.cubics[:1, 0], len(travelled), 0), np.zeros((len(travelled), 3))
        i = np.clip(np.searchsorted(length, travelled, side="right") - 1, 0, len(length) - 2)
        step = length[i + 1] - length[i]
        w = np.clip((travelled - length[i]) / step, 0.0, 1.0)
        a, b = after[i] * step, before[i + 1] * step
        rise = share[i + 1] - share[i]
        u = share[i] + w * (a + w * (3.0 * rise - 2.0 * a - b + w * (a + b - 2.0 * rise)))
        piece = np.clip(u.astype(np.int64), 0, len(self.cubics) - 1)
        u = (u - piece)[:, None]
        c = self.cubics[piece]
        point = c[:, 0] + u * (c[:, 1] + u * (c[:, 2] + u * c[:, 3]))
        return point, c[:, 1] + u * (2.0 * c[:, 2] + u * 3.0 * c[:, 3])

    def _velocity_under_way(self, t: np.ndarray) -> np.ndarray:
        """``velocity``, which costs nothing where the path stands still for long."""
        k = np.clip(np.searchsorted(self.times, t, side="right") - 1, 0, len(self.times) - 2)
        moving = self.lengths[k + 1] > self.lengths[k]
        velocity = np.zeros((len(t), 3))
        velocity[moving] = self.velocity(t[moving])
        return velocity

    def _run_out(self) -> Self:
        """This path with a straight piece added at its end, on which it comes to rest."""
        speed = self.speeds[-1]
        reach = speed**2 / (2.0 * RUN_OUT_RATE)
        end, tangent = self._place(self.lengths[-1:])
        tangent = tangent[0] * reach / np.sqrt((tangent**2).sum())
        piece = np.stack([end[0], tangent, np.zeros(3), np.zeros(3)])
        table = np.column_stack([self.table, [0.0, 0.0, 0.0, 1.0 / reach]])
        table[0, -1], table[1, -1] = table[0, -2] + reach, table[1, -2] + 1.0
        table[2, -2] = 1.0 / reach
        return type(self)(
            np.append(self.times, self.times[-1] + speed / RUN_OUT_RATE),
            np.append(self.lengths, table[0, -1]),
            np.append(self.speeds, 0.0),
            np.append(self.cruise, speed),
            np.append(self.rates, RUN_OUT_RATE),
            np.concatenate([self.cubics, piece[None]]),
            table,
        )

    def _hardest_turn(self) -> tuple[int, float]:
        """The greatest sustained acceleration, m/s², after the way point nearest to it."""
        step = SUSTAINED_S / 5.0
        t = np.arange(self.times[0], self.times[-1] + step, step)
        if len(t) <= 5:
            return 0, 0.0
        velocity = self.velocity(t) if len(t) <= LONG else self._velocity_under_way(t)
        change = velocity[5:] - velocity[:-5]
        need = np.sqrt((change**2).sum(axis=1)) / SUSTAINED_S
        worst = int(need.argmax())
        return int(np.argmin(np.abs(self.times - t[worst] - 0.5 * SUSTAINED_S))), float(need[worst])


def _heights(knots: list[Knot]) -> list[float]:
    """The height of each knot, m; one without a height has that of the knot before it."""
    heights: list[float] = []
    for knot in knots:
        before = heights[-1] if heights else 0.0
        heights.append(before if knot[3] is None else knot[3])
    return heights


def _spot(knot: Knot) -> str:
    return f"({knot[1]:g}, {knot[2]:g}) at {knot[0]:g} s"


def _steady(means: np.ndarray) -> bool:
    """Whether two mean speeds are close enough to be one steady motion."""
    low, high = means.min(initial=np.inf), means.max(initial=0.0)
    return len(means) == 2 and low > (1.0 - STEADY_SHARE) * high


def _curve(points: np.ndarray, halts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cubic pieces, arc-length table and piece lengths of the spline through points (P, 3).

    See Path for the first two. The spline is broken where ``halts`` (P,) is set and where it
    would turn straight back.
    """
    if len(points) == 1:
        return np.vstack([points, np.zeros((3, 3))])[None], np.zeros((4, 1)), np.zeros(0)
    chord = np.diff(points, axis=0)
    distance = np.sqrt((chord**2).sum(axis=1))
    back = (chord[1:] * chord[:-1]).sum(axis=1) < REVERSAL_COS * distance[1:] * distance[:-1]
    broken = halts[1:-1] | back
    u = np.sqrt(distance)[:, None]  # centripetal: the root of the distance
    slope = chord / u
    inner = slope[:-1] + slope[1:] - (points[2:] - points[:-2]) / (u[:-1] + u[1:])
    # Height must not overshoot its way points, or an actor would dip into the ground before a rise.
    rise, climb = slope[:-1, 2], slope[1:, 2]
    steepest = np.where(rise * climb > 0.0, 3.0 * np.minimum(np.abs(rise), np.abs(climb)), 0.0)
    inner[:, 2] = np.clip(inner[:, 2], -steepest, steepest)
    leaving = np.where(broken[:, None], slope[1:], inner)
    arriving = np.where(broken[:, None], slope[:-1], inner)
    start = np.concatenate([slope[:1], leaving]) * u
    finish = np.concatenate([arriving, slope[-1:]]) * u
    cubics = np.stack(
        [points[:-1], start, 3.0 * chord - 2.0 * start - finish, start + finish - 2.0 * chord], 1
    )
    w = np.linspace(0.0, 1.0, SAMPLES + 1)[None, :, None]
    c = cubics[:, :, None]
    place = c[:, 0] + w * (c[:, 1] + w * (c[:, 2] + w * c[:, 3]))
    steps = np.sqrt((np.diff(place, axis=1) ** 2).sum(axis=2))
    speed = np.sqrt(((c[:, 1] + w * (2.0 * c[:, 2] + w * 3.0 * c[:, 3])) ** 2).sum(axis=2))
    steps = _simpson(c, w, steps, speed)
    flat = steps.reshape(-1)
    length = np.append(0.0, np.cumsum(flat))
    steepest = 3.0 / (SAMPLES * flat)  # beyond it the cubic in the table would turn back
    after = np.minimum(1.0 / np.maximum(speed[:, :-1].reshape(-1), 1e-12), steepest)
    before = np.minimum(1.0 / np.maximum(speed[:, 1:].reshape(-1), 1e-12), steepest)
    share = np.arange(len(length)) / SAMPLES
    table = np.stack([length, share, np.append(after, 0.0), np.append(0.0, before)])
    return cubics, table, steps.sum(axis=1)


def _simpson(c: np.ndarray, w: np.ndarray, steps: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Arc length between samples by Simpson's rule, at least that of the chord."""
    middle = 0.5 * (w[:, :-1] + w[:, 1:])
    at_middle = c[:, 1] + middle * (2.0 * c[:, 2] + middle * 3.0 * c[:, 3])
    between = np.sqrt((at_middle**2).sum(axis=2))
    return np.maximum((speed[:, :-1] + 4.0 * between + speed[:, 1:]) / (6.0 * SAMPLES), steps)


def _bend(cubics: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Greatest curvature (P,) 1/m near each point of the curve."""
    if table.shape[1] == 1:
        return np.zeros(1)
    w = (np.arange(SAMPLES) + 0.5)[None, :, None] / SAMPLES
    c = cubics[:, :, None]
    tangent = c[:, 1] + w * (2.0 * c[:, 2] + w * 3.0 * c[:, 3])
    tangent = tangent.reshape(-1, 3)
    tangent /= np.maximum(np.sqrt((tangent**2).sum(axis=1)), 1e-12)[:, None]
    turn = np.sqrt((np.diff(tangent, axis=0) ** 2).sum(axis=1))  # chord of the angle
    span = 0.5 * (table[0, 2:] - table[0, :-2])
    sharp = np.concatenate([[0.0], turn / np.maximum(span, 0.02), [0.0]])
    ending, starting = cubics[:-1, 1:], cubics[1:, 1]
    ending = ending[:, 0] + 2.0 * ending[:, 1] + 3.0 * ending[:, 2]
    cos = (ending * starting).sum(axis=1)
    size = np.sqrt((ending**2).sum(axis=1) * (starting**2).sum(axis=1))
    near = np.full(len(cubics) + 1, 0.0)
    for offset in range(-SAMPLES // 4, SAMPLES // 4 + 1):
        i = np.clip(np.arange(len(near)) * SAMPLES + offset, 0, len(sharp) - 1)
        near = np.maximum(near, sharp[i])
    near[1:-1][cos < CORNER_COS * size] = 2.0 * HALT_BEND
    return near
