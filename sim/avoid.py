"""Making way for each other: who will come too close to whom, and which way each steps aside.

Each pair that will pass closer than it likes within the next moments shares the sidestep that
would keep it apart, the sooner the harder (in the spirit of Karamouzas, Heil, van Beek & Overmars
2009, "A predictive collision avoidance model for pedestrian simulation"). Ties go to the right.
"""

import numpy as np

from sim.world import every

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
    vx, vy = np.ascontiguousarray(velocity.T)
    speed = np.sqrt(vx * vx + vy * vy)
    fastest = float(speed.max(initial=0.0))
    if fastest < STANDING or len(speed) < 2:
        return aside
    room = 2.0 * float(radius.max()) + ROOM_M
    px, py = np.ascontiguousarray(position.T)
    first, second = _pairs(px, py, min(room + 2.0 * HORIZON_S * fastest, MOST_REACH_M))
    quick = speed > STANDING
    busy = quick[first] | quick[second]
    busy &= (target[first] != second) & (target[second] != first)
    if not every(busy):
        first, second = first[busy], second[busy]
    gap_x, gap_y = px[second] - px[first], py[second] - py[first]
    close_x, close_y = vx[first] - vx[second], vy[first] - vy[second]
    rate = close_x * close_x + close_y * close_y
    toward = gap_x * close_x + gap_y * close_y
    time = np.minimum(np.maximum(toward / np.maximum(rate, 1e-6), 0.0), HORIZON_S)
    miss_x, miss_y = gap_x - close_x * time, gap_y - close_y * time
    apart = np.sqrt(miss_x * miss_x + miss_y * miss_y)
    both = radius[first] + radius[second]
    abreast = rate < ABREAST**2
    lack = np.where(abreast, CLOSE * both, both + ROOM_M) - apart
    meets = np.flatnonzero((lack > 0.0) & (abreast | (toward > 0.0)))
    if len(meets) == 0:
        return aside
    first, second, gap_x, gap_y = first[meets], second[meets], gap_x[meets], gap_y[meets]
    close_x, close_y, miss_x, miss_y = close_x[meets], close_y[meets], miss_x[meets], miss_y[meets]
    time, lack, rate = time[meets], lack[meets], rate[meets]
    # Seen along the closing speed the other is shifted to the left: ties are passed on the right.
    shift = RIGHT_M / np.sqrt(np.maximum(rate, 1e-6)) * (rate >= ABREAST**2)
    miss_x -= close_y * shift
    miss_y += close_x * shift
    apart = np.sqrt(miss_x * miss_x + miss_y * miss_y)
    push = lack / np.maximum(time, SOONEST_S) / np.maximum(apart, 1e-6)
    apart = np.sqrt(gap_x * gap_x + gap_y * gap_y)
    heeds_first = _heeds(gap_x, gap_y, apart, vx[first], vy[first], speed[first])
    heeds_second = _heeds(-gap_x, -gap_y, apart, vx[second], vy[second], speed[second])
    push /= 1.0 + (heeds_first & heeds_second)
    heeds_first, heeds_second, n = heeds_first * push, heeds_second * push, len(speed)
    aside_x = np.bincount(second, heeds_second * miss_x, n)
    aside_x -= np.bincount(first, heeds_first * miss_x, n)
    aside_y = np.bincount(second, heeds_second * miss_y, n)
    aside_y -= np.bincount(first, heeds_first * miss_y, n)
    return _within(aside_x, aside_y, vx, vy, speed)


def _heeds(
    gap_x: np.ndarray,
    gap_y: np.ndarray,
    apart: np.ndarray,
    vx: np.ndarray,
    vy: np.ndarray,
    speed: np.ndarray,
) -> np.ndarray:
    """Who walks and has the other in front, or so close abreast that he is felt."""
    return (gap_x * vx + gap_y * vy > -0.2 * apart * speed) & (speed > STANDING)


def _within(
    aside_x: np.ndarray, aside_y: np.ndarray, vx: np.ndarray, vy: np.ndarray, speed: np.ndarray
) -> np.ndarray:
    """Sidesteps (N, 2) people can take: bounded, and never a reason to hurry."""
    pace = np.maximum(speed, 1e-6)
    way_x, way_y = vx / pace, vy / pace
    along = aside_x * way_x + aside_y * way_y
    across = way_x * aside_y - way_y * aside_x
    most = SHARE_ASIDE * speed
    along = np.minimum(np.maximum(along, -SHARE_BACK * speed), 0.0)
    across = np.minimum(np.maximum(across, -most), most)
    return np.stack([along * way_x - across * way_y, along * way_y + across * way_x], axis=1)


def _pairs(x: np.ndarray, y: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows of all pairs nearer than ``reach`` m along each axis, the lower row first."""
    order = np.argsort(x, kind="stable")
    x, y, each = x[order], y[order], np.arange(len(x))
    count = np.searchsorted(x, x + reach) - each - 1
    end = np.cumsum(count)
    first = np.repeat(each, count)
    second = np.arange(1, len(first) + 1) + (each - (end - count))[first]
    near = np.abs(y[second] - y[first]) < reach
    one, two = order[first[near]], order[second[near]]
    return np.minimum(one, two), np.maximum(one, two)
