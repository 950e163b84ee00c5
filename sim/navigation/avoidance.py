"""Making way for each other: who will come too close to whom, and which way each steps aside.

Each pair that will pass closer than it likes within the next moments shares the sidestep that
would keep it apart, the sooner the harder (in the spirit of Karamouzas, Heil, van Beek & Overmars
2009, "A predictive collision avoidance model for pedestrian simulation"). Ties go to the right.
"""

import numpy as np

from sim.world import every, on_ground

HORIZON_S = 1.6
"""How far ahead people watch each other (choice)."""
MOST_REACH_M = 20.0
ROOM_M = 0.15
"""Gap people like to leave between their shoulders when they pass."""
ABREAST = 0.3
"""m/s, pairs that differ by less walk side by side and may be as close as CLOSE says."""
CLOSE = 0.7
"""Share of their radii at which even people side by side part."""
RIGHT_M = 0.15
"""How far off a head-on meeting still counts as one that both pass on the right."""
SOONEST_S = 0.4
STANDING = 0.2
"""m/s, slower people do not make way."""
SHARE_ASIDE, SHARE_BACK = 0.5, 0.3
"""Of their speed, what people give to stepping aside and to slowing down."""


def sidesteps(
    position: np.ndarray, velocity: np.ndarray, radius: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Velocities (N, 2) m/s that N actors add to theirs to keep out of each other's way.

    position: (N, 2) m. velocity: (N, 2) m/s they would have if they were alone. radius: (N,) m.
    target: (N,) row each is aimed at and need not avoid, -1 none.
    """
    aside = np.zeros_like(velocity)
    position, velocity = on_ground(position), on_ground(velocity)
    speed = np.abs(velocity)
    fastest = float(speed.max(initial=0.0))
    if fastest < STANDING or len(speed) < 2:
        return aside
    room = 2.0 * float(radius.max()) + ROOM_M
    first, second = _pairs(position, min(room + 2.0 * HORIZON_S * fastest, MOST_REACH_M))
    quick = speed > STANDING
    busy = quick[first] | quick[second]
    busy &= (target[first] != second) & (target[second] != first)
    if not every(busy):
        first, second = first[busy], second[busy]
    gap, close = position[second] - position[first], velocity[first] - velocity[second]
    rate = _square(close)
    toward = (gap * close.conj()).real
    time = np.minimum(np.maximum(toward / np.maximum(rate, 1e-6), 0.0), HORIZON_S)
    miss = gap - close * time
    both = radius[first] + radius[second]
    abreast = rate < ABREAST**2
    lack = np.where(abreast, CLOSE * both, both + ROOM_M) - np.abs(miss)
    meets = np.flatnonzero((lack > 0.0) & (abreast | (toward > 0.0)))
    if len(meets) == 0:
        return aside
    first, second, gap, close = first[meets], second[meets], gap[meets], close[meets]
    miss, time, lack, rate = miss[meets], time[meets], lack[meets], rate[meets]
    # Seen along the closing speed the other is shifted to the left: ties are passed on the right.
    miss += 1j * close * (RIGHT_M / np.sqrt(np.maximum(rate, 1e-6)) * (rate >= ABREAST**2))
    push = lack / np.maximum(time, SOONEST_S) / np.maximum(np.abs(miss), 1e-6)
    heeds_first = _heeds(gap, velocity[first], speed[first])
    heeds_second = _heeds(-gap, velocity[second], speed[second])
    push /= 1.0 + (heeds_first & heeds_second)
    one, other, n = heeds_first * push * miss, heeds_second * push * miss, len(speed)
    aside[:, 0] = np.bincount(second, other.real, n) - np.bincount(first, one.real, n)
    aside[:, 1] = np.bincount(second, other.imag, n) - np.bincount(first, one.imag, n)
    on_ground(aside)[:] = _within(on_ground(aside), velocity, speed)
    return aside


def _square(vectors: np.ndarray) -> np.ndarray:
    """Their squared lengths."""
    return vectors.real * vectors.real + vectors.imag * vectors.imag


def _heeds(gap: np.ndarray, velocity: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Who walks and has the other in front, or so close abreast that he is felt."""
    ahead = (gap * velocity.conj()).real
    return (ahead > -0.2 * np.abs(gap) * speed) & (speed > STANDING)


def _within(aside: np.ndarray, velocity: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Sidesteps (N,) people can take: bounded, and never a reason to hurry."""
    way = velocity / np.maximum(speed, 1e-6)
    own = aside * way.conj()
    most = SHARE_ASIDE * speed
    along = np.minimum(np.maximum(own.real, -SHARE_BACK * speed), 0.0)
    across = np.minimum(np.maximum(own.imag, -most), most)
    return way * (along + 1j * across)


def _pairs(position: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of all pairs nearer than ``reach`` m along each axis, the lower row first."""
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
