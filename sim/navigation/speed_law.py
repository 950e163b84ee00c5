"""How fast actors start, stop and turn: laws over a tick, for all actors at once.

Speed follows v (1 - e^(-t/tau)) from rest, with tau = START_TAU_S.
"""

import math

import numpy as np

from entities.units import DT, START_TAU_S
from sim.world import some

LEAST_BRAKING = 1.2
"""m/s², least deceleration of a stop: the exponential law alone never comes to rest (choice)."""
SIDEWAYS = 8.0
"""m/s², sideways acceleration of a turn (choice: a sharp cut on good ground)."""
PIVOT_BELOW = 0.3
"""m/s; an actor that is slower than this turns on the spot."""
PIVOT_RATE = 6.0
"""rad/s, greatest rate at which the direction of a moving actor turns."""

# As 0-d arrays: numpy takes them at half the cost of Python's numbers.
_KEEP = np.array(math.exp(-DT / START_TAU_S))
_LAG = np.array(START_TAU_S / DT * (1.0 - _KEEP))
_ZERO = np.zeros(())


def speed_after(speed: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean speed over the next tick, and speed after it, (N,) m/s each.

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

    brakes: (R,) bool, whether the actor slows down. The law of ``speed_after``, far ahead.
    """
    gap, t = np.maximum(gap, 1e-9)[:, None], t[None, :]
    share = np.exp(-t / START_TAU_S)
    tail = np.minimum(LEAST_BRAKING * START_TAU_S / gap, 1.0)  # where it takes over
    since = t + START_TAU_S * np.log(tail)
    braked = np.maximum(tail - LEAST_BRAKING * since / gap, 0.0)
    return np.where(brakes[:, None] & (since > 0.0), braked, share)


def turned(
    direction: np.ndarray, wanted: np.ndarray, speed: np.ndarray, asked: np.ndarray, dt: float
) -> tuple[np.ndarray, np.ndarray]:
    """Directions (R,) after ``dt`` of turning towards the wanted ones, and the speeds meanwhile.

    Directions are complex unit numbers. speed: (R,) m/s now. asked: (R,) m/s, which sharp turns
    reduce.
    """
    if not some(wanted != direction):
        return direction, asked
    between = direction.conj() * wanted
    cos, sin = between.real, between.imag
    # Up to a right angle an angle is below pi / 2 times its sine: small turns are made at once.
    rate = np.minimum(SIDEWAYS / np.maximum(speed, PIVOT_BELOW), PIVOT_RATE)
    if not some((np.abs(sin) > rate * (dt / 1.6)) | (cos < 0.75)):
        return wanted, asked
    most = np.where(speed < PIVOT_BELOW, math.pi, rate * dt)
    angle = np.arctan2(sin, cos)
    part = np.minimum(np.maximum(angle, -most), most)
    turning = np.where(np.abs(angle) <= most, wanted, direction * np.exp(1j * part))
    return turning, asked * np.clip(cos + 0.3, 0.0, 1.0)
