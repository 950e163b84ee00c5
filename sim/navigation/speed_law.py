"""How fast one starts, stops and turns: the laws of a tick, for everybody at once."""

import math

import numpy as np

from entities.units import DT, START_TAU_S
from sim.navigation.detours import SIDEWAYS
from sim.world import some

LEAST_BRAKING = 1.2
"""m/s², so that a stop ends: the law alone never comes to rest (choice)."""
PIVOT_BELOW = 0.3
"""m/s, slower than this one turns on the spot."""
PIVOT_RATE = 6.0
"""rad/s, no faster does a course turn under somebody who walks."""

# As 0-d arrays: numpy takes them at half the cost of Python's numbers.
_KEEP = np.array(math.exp(-DT / START_TAU_S))
_LAG = np.array(START_TAU_S / DT * (1.0 - _KEEP))
_ZERO = np.zeros(())


def speed_after(speed: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean speed over the next tick and speed after it, (N,) m/s each, on the start and stop law.

    Exact: from rest the means add up to v (t - tau (1 - e^(-t/tau))).
    """
    gap = speed - target
    after = target + gap * _KEEP
    mean = target + gap * _LAG
    if some(gap > _ZERO):
        braked = np.maximum(speed - LEAST_BRAKING * DT, target)
        tail = (gap > 0.0) & (braked < after)
        after = np.where(tail, braked, after)
        mean = np.where(tail, 0.5 * (speed + braked), mean)
    return mean, after


def gap_ahead(gap: np.ndarray, brakes: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Share (R, F) of a gap (R,) m/s between speed and target that is left after t (F,) s.

    brakes: (R,) bool, who is to slow down. The same law as ``speed_after``, far ahead.
    """
    gap, t = np.maximum(gap, 1e-9)[:, None], t[None, :]
    share = np.exp(-t / START_TAU_S)
    tail = np.minimum(LEAST_BRAKING * START_TAU_S / gap, 1.0)  # the share at which it begins
    since = t + START_TAU_S * np.log(tail)
    braked = np.maximum(tail - LEAST_BRAKING * since / gap, 0.0)
    return np.where(brakes[:, None] & (since > 0.0), braked, share)


def turned(
    way: np.ndarray, wish: np.ndarray, speed: np.ndarray, asked: np.ndarray, dt: float
) -> tuple[np.ndarray, np.ndarray]:
    """Directions (R,) after dt s of turning towards a wish, and the speeds to turn at."""
    if not some(wish != way):
        return way, asked
    between = way.conj() * wish
    cos, sin = between.real, between.imag
    # Ahead of it, an angle is less than pi / 2 times its sine: what is a little off turns at once.
    rate = np.minimum(SIDEWAYS / np.maximum(speed, PIVOT_BELOW), PIVOT_RATE)
    if not some((np.abs(sin) > rate * (dt / 1.6)) | (cos < 0.75)):
        return wish, asked
    most = np.where(speed < PIVOT_BELOW, math.pi, rate * dt)
    angle = np.arctan2(sin, cos)
    part = np.minimum(np.maximum(angle, -most), most)
    led = np.where(np.abs(angle) <= most, wish, way * np.exp(1j * part))
    return led, asked * np.clip(cos + 0.3, 0.0, 1.0)
