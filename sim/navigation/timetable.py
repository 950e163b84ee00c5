"""Speed profile that meets every way point on time with the gentlest changes of speed.

Within a segment speed changes at a constant rate at either end and is constant in between; the
speeds at the way points are chosen by dynamic programming over a grid of speeds.
"""

from dataclasses import dataclass, replace

import numpy as np

CORNER_COMFORT = 4.0
"""m/s², sideways acceleration in a corner above which the profile prefers to slow down (choice)."""
HALT_BEND = 40.0
"""1/m; a turn sharper than this is made at rest (choice)."""
PEAK_SHARE = 1.15
"""Cruising faster than this times a segment's mean speed has a cost (choice)."""
PEAK_PRICE = 40.0
"""Weight of that cost against the cost of changes of speed (choice)."""
SPEED_STEPS = 16
"""Speeds considered at each way point, beside the mean speeds next to it."""
AT_ONCE = 32
"""Segments that are worked out together: more would not fit in the cache."""
RATE_STEPS = (0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""Rates tried, as shares of the greatest: a stroller starts at 2 m/s², a runner at 5 m/s²."""


@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """What a schedule has to meet: S segments, and what the body can do."""

    span: np.ndarray  # (S,) s
    length: np.ndarray  # (S,) m
    bends: np.ndarray  # (S + 1,) 1/m, how sharply the curve turns at each way point
    max_speed: float  # m/s
    max_rate: float  # m/s²


def _cruise(
    span: np.ndarray, length: np.ndarray, first: np.ndarray, last: np.ndarray, rate: np.ndarray
) -> np.ndarray:
    """Cruising speed, m/s, that covers ``length`` in ``span``; nan where there is none.

    first, last: m/s at the ends of the segment. rate: m/s² of the changes of speed. Arrays whose
    shapes broadcast.
    """
    low, high = np.minimum(first, last), np.maximum(first, last)
    both, squares = first + last, 0.5 * (first**2 + last**2)
    gap = (high - low) ** 2 / (2.0 * rate)
    reach = rate * span
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt((reach + both) ** 2 - 4.0 * (squares + rate * length))
        faster = 0.5 * (reach + both - root)
        root = np.sqrt((reach - both) ** 2 - 4.0 * (squares - rate * length))
        slower = 0.5 * (both - reach + root)
        within = (length - both * (high - low) / (2.0 * rate)) / (span - (high - low) / rate)
    cruise = np.where(length > high * span - gap, faster, within)
    cruise = np.where(length < low * span + gap, slower, cruise)
    cruise = np.where((cruise < 0.0) & (cruise > -1e-9), 0.0, cruise)
    time = np.abs(cruise - first) + np.abs(cruise - last)
    return np.where((cruise >= 0.0) & (time <= reach * (1.0 + 1e-12)), cruise, np.nan)


def schedule(
    task: Timetable, from_rest: bool, stop_at_end: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | int:
    """The gentlest speed profile that keeps the times.

    Returns speeds at the way points (S + 1,) m/s, cruising speeds (S,) m/s and rates (S,) m/s²;
    or, if there is no such profile, the index of the first way point that cannot be reached.
    """
    span, length = task.span, task.length
    if len(span) == 0:
        return np.zeros(1), np.zeros(0), np.ones(0)
    choices = _speed_choices(task, from_rest, stop_at_end)
    parts = [slice(k, k + AT_ONCE) for k in range(0, len(span), AT_ONCE)]
    ways = [
        _gentlest(span[part], length[part], choices[:-1][part], choices[1:][part], task)
        for part in parts
    ]
    best, cruise, rates = (np.concatenate(those) for those in zip(*ways, strict=True))
    corner = choices**2 * task.bends[:, None]
    corner_cost = np.maximum(corner - CORNER_COMFORT, 0.0)
    total, came_from = corner_cost[0], np.zeros(choices.shape, np.int64)
    for k in range(len(span)):
        through = total[:, None] + best[k]
        came_from[k + 1] = through.argmin(axis=0)
        total = through.min(axis=0) + corner_cost[k + 1]
        if not np.isfinite(total).any():
            return k + 1
    picked = np.zeros(len(span) + 1, np.int64)
    picked[-1] = total.argmin()
    for k in range(len(span), 0, -1):
        picked[k - 1] = came_from[k, picked[k]]
    s, i, j = np.arange(len(span)), picked[:-1], picked[1:]
    return choices[np.arange(len(picked)), picked], cruise[s, i, j], rates[s, i, j]


def _gentlest(
    span: np.ndarray, length: np.ndarray, first: np.ndarray, last: np.ndarray, task: Timetable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of S segments, the least cost of each pair of speeds at its ends, and how it is driven.

    first, last: (S, G) m/s, speeds considered at the ends. Returns costs, infinite where there is
    no way, cruising speeds, m/s, and rates, m/s², all (S, G, G).
    """
    first, last, mean = first[:, :, None], last[:, None, :], (length / span)[:, None, None]
    rate = np.array([share * task.max_rate for share in RATE_STEPS])[:, None, None, None]
    speed = _cruise(span[:, None, None], length[:, None, None], first, last, rate)  # (R, S, G, G)
    peak = np.maximum(speed, np.maximum(first, last))
    excess = np.maximum(peak / np.maximum(mean, 1e-9) - PEAK_SHARE, 0.0)
    cost = rate * (np.abs(speed - first) + np.abs(speed - last)) + PEAK_PRICE * mean * excess**2
    cost = np.where(peak <= task.max_speed * (1.0 + 1e-9), cost, np.inf)
    chosen = cost.argmin(axis=0)
    cruise = np.take_along_axis(speed, chosen[None], axis=0)[0]
    return cost.min(axis=0), cruise, rate.reshape(-1)[chosen]


def _speed_choices(task: Timetable, from_rest: bool, stop_at_end: bool) -> np.ndarray:
    """Speeds (S + 1, G) m/s considered at each way point."""
    span, length, max_speed, max_rate = task.span, task.length, task.max_speed, task.max_rate
    mean = length / span
    reach = 0.5 * max_rate * span
    steady = reach * 2.0 - np.sqrt(np.maximum(reach**2 * 4.0 - 2.0 * max_rate * length, 0.0))
    before, after = np.append(mean[0], mean), np.append(mean, mean[-1])
    top = np.minimum(1.5 * np.maximum(before, after) + 0.5, max_speed)
    if from_rest:
        top[1] = max(top[1], min(steady[0], max_speed))
    if stop_at_end:
        top[-2] = max(top[-2], min(steady[-1], max_speed))
    shares = np.linspace(0.0, 1.0, SPEED_STEPS)
    weight = np.append(1.0, np.append(span[1:] / (span[:-1] + span[1:]), 1.0))
    blend = weight * before + (1.0 - weight) * after
    known = np.column_stack([before, after, blend])
    choices = np.concatenate([top[:, None] * shares, known], axis=1)
    corner = np.sqrt(max_rate / np.maximum(task.bends, 1e-9))
    corner[task.bends > HALT_BEND] = 0.0
    choices = np.minimum(choices, np.minimum(corner, max_speed)[:, None])
    choices[np.append(False, length <= 0.0)] = 0.0
    choices[np.append(length <= 0.0, False)] = 0.0
    if from_rest:
        choices[0] = 0.0
    if stop_at_end:
        choices[-1] = 0.0
    return choices


def needed_rate(task: Timetable) -> float | None:
    """About the m/s² that a timetable without a profile needs; None if no rate is enough."""
    for share in (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0):
        if not isinstance(schedule(replace(task, max_rate=share * task.max_rate), True, True), int):
            return share * task.max_rate
    return None
