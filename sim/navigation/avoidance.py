"""Predictive collision avoidance between actors.

Two actors that are about to pass too close share the sidestep that keeps them apart; the sooner
they meet, the faster it is (in the spirit of Karamouzas, Heil, van Beek & Overmars 2009, "A
predictive collision avoidance model for pedestrian simulation"). Ties go to the right.
"""

import numpy as np

from sim.world import every, on_ground

HORIZON_S = 1.6
"""s, how far ahead meetings are predicted (choice)."""
MOST_REACH_M = 20.0
"""m, greatest distance at which actors take notice of each other."""
ROOM_M = 0.15
"""m, gap left between shoulders in passing."""
ABREAST = 0.3
"""m/s; actors whose velocities differ by less walk side by side, and may be as close as CLOSE."""
CLOSE = 0.7
"""Share of the sum of their radii below which actors side by side part."""
RIGHT_M = 0.15
"""m by which the other actor is shifted to the left, so that a head-on meeting is passed on the
right."""
SOONEST_S = 0.4
"""s, least time over which a sidestep is made."""
STANDING = 0.2
"""m/s; actors slower than this do not make way."""
SHARE_ASIDE, SHARE_BACK = 0.5, 0.3
"""Shares of its speed that an actor gives at most to stepping aside and to slowing down."""


def sidesteps(
    position: np.ndarray, velocity: np.ndarray, radius: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Velocities (N, 2) m/s that the actors add to their own to keep out of each other's way.

    position: (N, 2) m. velocity: (N, 2) m/s that each would have alone. radius: (N,) m. target:
    (N,) row that each is aimed at and does not avoid, -1 none.
    """
    aside = np.zeros_like(velocity)
    position, velocity = on_ground(position), on_ground(velocity)
    speed = np.abs(velocity)
    fastest = float(speed.max(initial=0.0))
    if fastest < STANDING or len(speed) < 2:
        return aside
    room = 2.0 * float(radius.max()) + ROOM_M
    first, second = _pairs(position, min(room + 2.0 * HORIZON_S * fastest, MOST_REACH_M))
    walking = speed > STANDING
    busy = walking[first] | walking[second]
    busy &= (target[first] != second) & (target[second] != first)
    if not every(busy):
        first, second = first[busy], second[busy]
    gap, close = position[second] - position[first], velocity[first] - velocity[second]
    rate = _square(close)
    toward = (gap * close.conj()).real
    time = np.minimum(np.maximum(toward / np.maximum(rate, 1e-6), 0.0), HORIZON_S)
    offset = gap - close * time
    both = radius[first] + radius[second]
    abreast = rate < ABREAST**2
    overlap = np.where(abreast, CLOSE * both, both + ROOM_M) - np.abs(offset)
    meets = np.flatnonzero((overlap > 0.0) & (abreast | (toward > 0.0)))
    if len(meets) == 0:
        return aside
    first, second, gap, close = first[meets], second[meets], gap[meets], close[meets]
    offset, time, overlap, rate = offset[meets], time[meets], overlap[meets], rate[meets]
    # Seen along the closing speed the other is shifted to the left: ties are passed on the right.
    offset += 1j * close * (RIGHT_M / np.sqrt(np.maximum(rate, 1e-6)) * (rate >= ABREAST**2))
    push = overlap / np.maximum(time, SOONEST_S) / np.maximum(np.abs(offset), 1e-6)
    first_yields = _yields(gap, velocity[first], speed[first])
    second_yields = _yields(-gap, velocity[second], speed[second])
    push /= 1.0 + (first_yields & second_yields)
    one, other, n = first_yields * push * offset, second_yields * push * offset, len(speed)
    aside[:, 0] = np.bincount(second, other.real, n) - np.bincount(first, one.real, n)
    aside[:, 1] = np.bincount(second, other.imag, n) - np.bincount(first, one.imag, n)
    on_ground(aside)[:] = _within(on_ground(aside), velocity, speed)
    return aside


def _square(vectors: np.ndarray) -> np.ndarray:
    """Squared lengths of complex vectors."""
    return vectors.real * vectors.real + vectors.imag * vectors.imag


def _yields(gap: np.ndarray, velocity: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Whether an actor makes way: it walks, and the other is ahead of it or just beside it."""
    ahead = (gap * velocity.conj()).real
    return (ahead > -0.2 * np.abs(gap) * speed) & (speed > STANDING)


def _within(aside: np.ndarray, velocity: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Sidesteps (N,) limited to the shares of speed above; they never make an actor faster."""
    way = velocity / np.maximum(speed, 1e-6)
    own = aside * way.conj()
    most = SHARE_ASIDE * speed
    along = np.minimum(np.maximum(own.real, -SHARE_BACK * speed), 0.0)
    across = np.minimum(np.maximum(own.imag, -most), most)
    return way * (along + 1j * across)


def _pairs(position: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of all pairs nearer than ``reach`` m along each axis, the lower row of each first."""
    order = np.argsort(position.real, kind="stable")
    place = position[order]
    x, y, each = place.real.copy(), place.imag.copy(), np.arange(len(place))
    count = np.searchsorted(x, x + reach) - each - 1
    end = np.cumsum(count)
    first = np.repeat(each, count)
    second = np.arange(1, len(first) + 1) + (each - (end - count))[first]
    near = np.abs(y[second] - y[first]) < reach
    one, two = order[first[near]], order[second[near]]
    return np.minimum(one, two), np.maximum(one, two)
