"""Free flight: how height changes, what a landing leaves, and how to throw so as to arrive."""

from dataclasses import dataclass

import numpy as np

SETTLE_SPEED = 0.25
"""m/s, a rebound slower than this ends on the ground (choice: 3 mm high on Earth)."""


@dataclass(slots=True, eq=False)
class Fall:
    """Where N bodies are after a step of free flight."""

    height: np.ndarray  # (N,) m
    rate: np.ndarray  # (N,) m/s, upwards
    resting: np.ndarray  # (N,) bool, came to rest on its floor
    impact: np.ndarray  # (N,) m/s downwards as it met its floor, 0 where it did not


def fall(
    height: np.ndarray,
    rate: np.ndarray,
    floor: np.ndarray,
    restitution: np.ndarray,
    gravity: float,
    dt: float,
) -> Fall:
    """Exact free flight over ``dt``, with at most one bounce at the instant it happens.

    height, rate, floor (N,) m, m/s, m; restitution (N,) 0 stays down .. 1 loses nothing.
    """
    after = height + rate * dt - 0.5 * gravity * dt * dt
    rate_after = rate - gravity * dt
    met = (after <= floor) & (rate_after < 0.0)
    impact = np.zeros_like(height)
    resting = np.zeros(len(height), bool)
    if met.any():
        impact[met] = np.sqrt(
            np.maximum(rate[met] ** 2 + 2.0 * gravity * (height[met] - floor[met]), 0.0)
        )
        spent = (rate[met] + impact[met]) / gravity if gravity > 0.0 else np.zeros(met.sum())
        left = np.clip(dt - spent, 0.0, dt)
        up = restitution[met] * impact[met]
        stays = up < max(SETTLE_SPEED, gravity * dt)
        after[met] = np.where(
            stays, floor[met], floor[met] + up * left - 0.5 * gravity * left * left
        )
        rate_after[met] = np.where(stays, 0.0, up - gravity * left)
        resting[met] = stays
    return Fall(after, rate_after, resting, impact)


def launch_to(
    start: np.ndarray, target: np.ndarray, speed: float, gravity: float, *, high: bool = False
) -> np.ndarray:
    """Velocity (3,) m/s that carries a ball from ``start`` to ``target`` (3,) m, each without drag.

    Of the two arcs of that speed the flat one, or the high one on request; where the target is
    out of reach, the slowest throw that reaches it.
    """
    flat = target[:2] - start[:2]
    distance, rise = float(np.hypot(flat[0], flat[1])), float(target[2] - start[2])
    if distance < 1e-6:
        up = float(np.sqrt(max(2.0 * gravity * rise, 0.0)))
        return np.array([0.0, 0.0, max(up, speed if rise > 0.0 else 0.0)])
    direction = flat / distance
    if gravity <= 0.0:
        line = np.array([*flat, rise])
        return speed * line / float(np.linalg.norm(line))
    least = gravity * (rise + float(np.hypot(distance, rise)))
    square = max(speed * speed, least)
    root = float(
        np.sqrt(max(square * square - gravity * (gravity * distance**2 + 2 * rise * square), 0))
    )
    slope = (square + root if high else square - root) / (gravity * distance)
    along = float(np.sqrt(square / (1.0 + slope * slope)))
    return np.array([*(along * direction), along * slope])
