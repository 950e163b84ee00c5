"""Timing of ways: knots of paths that start and end at rest with bounded acceleration."""

from functools import lru_cache
from itertools import pairwise
from math import acos, exp, hypot, sqrt

from entities.units import START_TAU_S

Spot = tuple[float, float]
Knot = tuple[float, float, float, float | None]  # t s, x, y, z m

BRAKING_PER_SPEED = 0.55
BRAKING = (1.2, 4.0)
"""Deceleration per speed (1/s), and its least and most in m/s²: a walker stops in a second, a
sprinter in two (choice)."""
SIDEWAYS = 3.5
"""m/s², lateral acceleration in a bend, above which it is taken slower (choice)."""
TURN_BACK_COS = -0.2
"""A corner whose cosine is below this is a halt and a new start."""
TURN_BACK_S = 0.4
"""Length of that halt."""
ROUND_COS = 0.87
"""A corner whose cosine is below this is rounded."""
ROUND_M = 2.2
"""The curve starts at most this far before the corner."""
STEP_M = 0.25
"""Step of the integration along a way with bends."""
BISECTIONS = 30


def braking(speed: float) -> float:
    """Deceleration in m/s² from ``speed`` m/s to rest."""
    return min(max(BRAKING_PER_SPEED * speed, BRAKING[0]), BRAKING[1])


def gone(t: float, speed: float) -> float:
    """Metres done in ``t`` s from rest with the speed v (1 - e^(-t/tau))."""
    return speed * (t - START_TAU_S * (1.0 - exp(-t / START_TAU_S)))


@lru_cache(maxsize=4096)
def turning_point(length: float, speed: float) -> tuple[float, float]:
    """Seconds after which to brake on a way of ``length`` m, and the speed reached by then."""
    rate = braking(speed)
    low, high = 0.0, length / speed + 2.0 * START_TAU_S + 1.0
    for _ in range(BISECTIONS):
        t = 0.5 * (low + high)
        reached = speed * (1.0 - exp(-t / START_TAU_S))
        if gone(t, speed) + reached**2 / (2.0 * rate) < length:
            low = t
        else:
            high = t
    return low, speed * (1.0 - exp(-low / START_TAU_S))


def travel_time(length: float, speed: float) -> float:
    """Seconds from rest over ``length`` m at ``speed`` m/s to rest."""
    return time_at(length, length, speed) if length > 0.0 else 0.0


def length_in(span: float, speed: float, *, stop: bool = True) -> float:
    """Metres done in ``span`` s from rest at ``speed`` m/s, to rest or at full speed."""
    if not stop:
        return gone(span, speed)
    low, high = 0.0, speed * span
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if travel_time(middle, speed) < span else (low, middle)
    return low


@lru_cache(maxsize=4096)
def time_at(distance: float, length: float, speed: float, *, stop: bool = True) -> float:
    """Seconds after which ``distance`` of a straight way of ``length`` m is done."""
    if stop:
        t, reached = turning_point(length, speed)
        before = gone(t, speed)
        if distance > before:
            rate = braking(speed)
            left = max(reached**2 - 2.0 * rate * (distance - before), 0.0)
            return t + (reached - sqrt(left)) / rate
    low, high = 0.0, distance / speed + START_TAU_S + 1.0
    for _ in range(BISECTIONS):
        t = 0.5 * (low + high)
        low, high = (t, high) if gone(t, speed) < distance else (low, t)
    return low


def timed_path(points: list[Spot], speed: float, start: float, *, stop: bool = True) -> list[Knot]:
    """Knots (t, x, y, None) along ``points`` from rest at ``start`` s, the first point included.

    speed: m/s once under way; bends are taken slower where they must be, and a turn back is a
    short halt. With ``stop`` it ends at rest, else at full speed.
    """
    knots: list[Knot] = []
    parts = _parts(points)
    for k, part in enumerate(parts):
        last = k + 1 == len(parts)
        knots += _timed_part(_rounded(part), speed, start, stop=stop or not last)
        start = knots[-1][0] + TURN_BACK_S
    return knots


def _timed_part(points: list[Spot], speed: float, start: float, *, stop: bool) -> list[Knot]:
    """Knots along a way without a turn back, from rest at ``start`` s."""
    lengths = [0.0]
    for a, b in pairwise(points):
        lengths.append(lengths[-1] + hypot(b[0] - a[0], b[1] - a[1]))
    total = lengths[-1]
    if total < 0.05:
        return [(start, *points[0], None)]
    limits = _limits(points, speed)
    bent = min(limits) < 0.98 * speed
    marks = {round(length, 6) for length in lengths[1:-1]}
    clear = max(0.08 * total, 0.4)
    extra = [gone(t, speed) for t in (1.0, 2.0)]
    if stop:
        extra.append(gone(turning_point(total, speed)[0], speed))
    for mark in extra:
        near = min(abs(mark - other) for other in (0.0, total, *marks))
        if near > clear and 0.0 < mark < total:
            marks.add(round(mark, 6))
    order = [*sorted(marks), total]
    if bent:
        times = _slowed(order, lengths, limits, speed, stop=stop)
    else:
        times = [time_at(mark, total, speed, stop=stop) for mark in order]
    knots: list[Knot] = [(start, *points[0], None)]
    for mark, t in zip(order, times, strict=True):
        knots.append((start + t, *_along(points, lengths, mark), None))
    return knots


def _slowed(
    marks: list[float], lengths: list[float], limits: list[float], speed: float, *, stop: bool
) -> list[float]:
    """Seconds at which marks (m along the way) are passed where bends limit the speed.

    lengths, limits: m along the way and greatest m/s, one for each point of the way.
    """
    total = lengths[-1]
    n = max(int(total / STEP_M), 8)
    step = total / n
    top = [speed] * (n + 1)
    for k, length in enumerate(lengths):
        at = length / step
        for i in range(max(int(at) - 2, 0), min(int(at) + 4, n + 1)):
            top[i] = min(top[i], limits[k])
    rate = braking(speed)
    if stop:
        top[n] = 0.0
    for i in range(n - 1, -1, -1):
        top[i] = min(top[i], sqrt(top[i + 1] ** 2 + 2.0 * rate * step))
    now, t, clock = 0.0, 0.0, [0.0]
    for i in range(1, n + 1):
        gain = (speed - now) / START_TAU_S
        then = min(sqrt(now**2 + 2.0 * max(gain, 0.0) * step), top[i])
        t += step / max(0.5 * (now + then), 0.05 * speed)
        now = then
        clock.append(t)
    times = []
    for mark in marks:
        at = min(mark / step, float(n))
        i = min(int(at), n - 1)
        times.append(clock[i] + (at - i) * (clock[i + 1] - clock[i]))
    return times


def _limits(points: list[Spot], speed: float) -> list[float]:
    """The greatest speed at each point that keeps the lateral acceleration within SIDEWAYS."""
    limits = [speed] * len(points)
    for k in range(1, len(points) - 1):
        a, b, c = points[k - 1], points[k], points[k + 1]
        ab, bc = hypot(b[0] - a[0], b[1] - a[1]), hypot(c[0] - b[0], c[1] - b[1])
        cos = ((b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])) / (ab * bc)
        turn = acos(min(max(cos, -1.0), 1.0))
        if turn > 1e-3:
            limits[k] = min(speed, sqrt(SIDEWAYS * min(ab, bc) / turn))
    return limits


def _parts(points: list[Spot]) -> list[list[Spot]]:
    """A way cut at its turns back."""
    parts, start = [], 0
    for k in range(1, len(points) - 1):
        if _cos(points, k) < TURN_BACK_COS:
            parts.append(points[start : k + 1])
            start = k
    return [*parts, points[start:]]


def _rounded(points: list[Spot]) -> list[Spot]:
    """Points with a curve in place of each sharp corner."""
    done = points[:1]
    for k in range(1, len(points) - 1):
        a, b, c = points[k - 1], points[k], points[k + 1]
        ab, bc = hypot(b[0] - a[0], b[1] - a[1]), hypot(c[0] - b[0], c[1] - b[1])
        if _cos(points, k) > ROUND_COS or min(ab, bc) < 0.8:
            done.append(b)
            continue
        cut = min(ROUND_M, 0.45 * ab, 0.45 * bc)
        before = (b[0] + cut * (a[0] - b[0]) / ab, b[1] + cut * (a[1] - b[1]) / ab)
        after = (b[0] + cut * (c[0] - b[0]) / bc, b[1] + cut * (c[1] - b[1]) / bc)
        middle = (
            0.25 * before[0] + 0.5 * b[0] + 0.25 * after[0],
            0.25 * before[1] + 0.5 * b[1] + 0.25 * after[1],
        )
        done += [before, middle, after]
    return [*done, *points[len(points) - 1 :]] if len(points) > 1 else done


def _cos(points: list[Spot], k: int) -> float:
    """Cosine of the change of direction at the k-th point."""
    a, b, c = points[k - 1], points[k], points[k + 1]
    ab, bc = hypot(b[0] - a[0], b[1] - a[1]), hypot(c[0] - b[0], c[1] - b[1])
    return ((b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])) / max(ab * bc, 1e-9)


def _along(points: list[Spot], lengths: list[float], mark: float) -> Spot:
    """The point ``mark`` m along a way."""
    for k in range(1, len(points)):
        if mark <= lengths[k] + 1e-6:
            span = lengths[k] - lengths[k - 1]
            share = (mark - lengths[k - 1]) / span if span > 0.0 else 0.0
            a, b = points[k - 1], points[k]
            return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
    return points[-1]
