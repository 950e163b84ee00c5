"""Pairs of actors: they come to the right distance, face each other, keep time and join hands.

A pair is two actors with the same action of SHARED; one is the target of the other, or they are
the nearest that face each other.
"""

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS, ActionType
from entities.components import LIMBS, Body, Gait, Knockdown, Route, Script, Transform
from sim.animation.gestures import gesture_table
from sim.animation.limb_ik import LimbTargets
from sim.navigation.steering import turn_to
from sim.world import World, some

A = ActionType
SHARED: dict[ActionType, float] = {  # m between the roots of two adults; choices, by eye
    A.HANDSHAKE: 0.84,
    A.HIGH_FIVE: 0.78,
    A.HUG: 0.36,
    A.DANCE: 0.80,
}
FIGHTS = frozenset({A.FIGHT_STANCE, A.PUNCH, A.KICK, A.DODGE, A.BLOCK})
FIGHT_M = 0.88
"""m between the roots of two adults that fight: the reach of a fist."""
del A
MEET_WITHIN_M = 2.5
"""m; actors further apart than this are no pair."""
DANCE_WITHIN_M = 1.5
"""m; the same for dancers."""
APPROACH_MPS = 0.9
"""m/s, greatest speed at which each of a pair comes nearer."""
IN_PLACE_M, FACING_RAD = 0.06, 0.25
"""m and rad by which a pair may be off when its gesture starts."""
FACING_SHARE = 0.3
"""Cosine of the angle between heading and direction to another up to which an actor faces it."""
CHOOSE_TICKS = 4
"""Ticks between two searches for partners."""
PATIENCE_TICKS = 150
"""Ticks for which a gesture waits at most for both to be in place."""

_SHARED = np.isin(ACTIONS, list(SHARED))
_FIGHTS = np.isin(ACTIONS, list(FIGHTS))
HANDSHAKE, HIGH_FIVE, HUG, DANCE = (
    ACTION_INDEX[a]
    for a in (ActionType.HANDSHAKE, ActionType.HIGH_FIVE, ActionType.HUG, ActionType.DANCE)
)
LOWEST_HAND = 1.02
"""m, canonical, lowest height at which the hand of an upright actor reaches halfway to a
partner."""
SHAKE_M, SHAKE_RATE = 0.05, 5.0 * np.pi
"""m and rad/s by which shaken hands go up and down."""


def join_partners(world: World, dt: float) -> None:
    """Bring pairs to their distance, face to face, and keep their gestures in step."""
    action, gait = world[Script].action, world[Gait]
    if _SHARED[action].tobytes().count(1) >= 2:
        if world.tick % CHOOSE_TICKS == 0:
            _choose(world)
        for row, other in _pairs(gait):
            _join(world, row, other, dt)
    elif some(gait.partner >= 0):
        gait.partner[:] = -1
    if _FIGHTS[action].tobytes().count(1) >= 2:
        _keep_fighting_distance(world, dt)


def _pairs(gait: Gait) -> list[tuple[int, int]]:
    """Rows of the pairs, the lower row of each first."""
    partner = gait.partner
    rows = np.flatnonzero(partner > np.arange(len(partner)))
    return list(zip(rows.tolist(), partner[rows].tolist(), strict=True))


def _choose(world: World) -> None:
    """Write Gait.partner: keep the pairs that last, and form new ones."""
    script, gait = world[Script], world[Gait]
    able = _SHARED[script.action] & (gait.action == script.action) & (world[Knockdown].since < 0)
    old = gait.partner
    kept = (old >= 0) & able & able[old] & (script.action == script.action[old])
    gait.partner = partner = np.where(kept, old, -1)
    aimed = (script.target >= 0) & (script.target < len(able))
    for row in [*np.flatnonzero(able & aimed).tolist(), *np.flatnonzero(able & ~aimed).tolist()]:
        if partner[row] < 0:
            other = _partner(world, row, able & (partner < 0))
            if other is not None:
                partner[row], partner[other] = other, row


def _partner(world: World, row: int, free: np.ndarray) -> int | None:
    """The partner for an actor: its target, or the nearest one that it faces and is faced by.

    free: (N,) bool, actors that can be a partner.
    """
    script, transform, n = world[Script], world[Transform], len(free)
    same = free & (script.action == script.action[row])
    same[row] = False
    target = int(script.target[row])
    away = transform.position[:n, :2] - transform.position[row, :2]
    far = np.hypot(away[:, 0], away[:, 1])
    heading = transform.heading[:n]
    toward = away[:, 0] * np.cos(heading[row]) + away[:, 1] * np.sin(heading[row])
    back = -away[:, 0] * np.cos(heading) - away[:, 1] * np.sin(heading)
    if 0 <= target < n and same[target]:
        same &= np.arange(n) == target
    else:
        same &= (toward > FACING_SHARE * far) & (back > FACING_SHARE * far)
    same &= far < (DANCE_WITHIN_M if script.action[row] == DANCE else MEET_WITHIN_M)
    return int(np.argmin(np.where(same, far, np.inf))) if same.any() else None


def _join(world: World, one: int, other: int, dt: float) -> None:
    """Move a pair to its distance, turn both to each other, and keep their gestures in time."""
    gait, script, size = world[Gait], world[Script], world[Gait].size
    action = int(script.action[one])
    if not (gait.action[one] == gait.action[other] == action == script.action[other]):
        return
    gap = SHARED[ACTIONS[action]] * 0.5 * float(size[one] + size[other])
    left = _close_in(world, one, other, gap, dt)
    turn = max(_face(world, one, other), _face(world, other, one))
    waited = world.tick - int(max(script.since[one], script.since[other]))
    table = gesture_table()
    clock = gait.clock[[one, other]]
    over = float(table.end[action])
    if action != DANCE:
        ready = left < IN_PLACE_M and turn < FACING_RAD
        if not ready and waited < PATIENCE_TICKS and float(clock.min()) < 0.1:
            clock[clock < 0.1] = 0.0
        clock[clock >= over] = np.where(clock.min() < over, 0.0, over)
    # The one that is ahead waits; from then on both have the same clock.
    gait.clock[[one, other]] = clock.min()


def _close_in(world: World, one: int, other: int, distance: float, dt: float) -> float:
    """Ask both bodies to move until they are ``distance`` m apart; returns the distance left, m."""
    position, asked = world[Transform].position, world[Body].asked
    away = position[other, :2] - position[one, :2]
    far = float(np.hypot(away[0], away[1]))
    if far < 1e-6:
        return 0.0
    gap = far - distance
    if abs(gap) > 1e-4:
        speed = min(0.05 + 2.5 * abs(gap), APPROACH_MPS)
        step = 0.5 * np.sign(gap) * min(abs(gap) / dt, 2.0 * speed) * away / far
        asked[one, :2], asked[other, :2] = step, -step
    for row in (one, other):
        world[Route].off_path[row] = False
    return abs(gap)


def _face(world: World, row: int, other: int) -> float:
    """Turn an actor to another; returns the angle left, rad."""
    position = world[Transform].position
    away = position[other, :2] - position[row, :2]
    return turn_to(world, row, float(np.arctan2(away[1], away[0])))


def _keep_fighting_distance(world: World, dt: float) -> None:
    """Keep actors that fight each other at a fist's reach, face to face."""
    script, transform = world[Script], world[Transform]
    n, size = len(script.action), world[Gait].size
    for row in np.flatnonzero(_FIGHTS[script.action] & (world[Knockdown].since < 0)).tolist():
        other = int(script.target[row])
        if not 0 <= other < n or not _FIGHTS[script.action[other]] or other == row:
            continue
        away = transform.position[other, :2] - transform.position[row, :2]
        far = float(np.hypot(away[0], away[1]))
        gap = far - FIGHT_M * 0.5 * float(size[row] + size[other])
        _face(world, row, other)
        if 0.04 < abs(gap) < MEET_WITHIN_M and far > 1e-6:
            speed = np.sign(gap) * min(abs(gap) / dt, 0.05 + 1.5 * abs(gap), APPROACH_MPS)
            world[Body].asked[row, :2] = 0.5 * speed * away / far


def hold_hands(world: World, targets: LimbTargets) -> None:
    """Add the targets of the hands of every pair."""
    gait = world[Gait]
    for one, other in _pairs(gait):
        if gait.action[one] == gait.action[other]:
            _hold_hands(world, targets, one, other, int(gait.action[one]))


def _hold_hands(world: World, targets: LimbTargets, one: int, other: int, action: int) -> None:
    """Add the targets of the hands of one pair: where they meet, or on the other's back."""
    gait, transform = world[Gait], world[Transform]
    roots = transform.position[[one, other]]
    size = gait.size[[one, other]]
    clock = float(gait.clock[one])
    middle = roots[0] + (roots[1] - roots[0]) * (size[0] / (size[0] + size[1]))
    mean, least = 0.5 * float(size[0] + size[1]), float(size.min())
    along = roots[1] - roots[0]
    along = along / max(float(np.hypot(along[0], along[1])), 1e-6)
    left = np.array([-along[1], along[0], 0.0])
    right_hand, left_hand = LIMBS[1], LIMBS[0]
    if action == HANDSHAKE:
        weight = _window(clock, 0.12, 0.4, 1.5, 1.9)
        shake = SHAKE_M * np.sin(SHAKE_RATE * (clock - 0.4)) * _window(clock, 0.4, 0.6, 1.2, 1.5)
        up = min(max(1.06 * mean, LOWEST_HAND * float(size.max())), 1.25 * least)
        _bend_to(targets, (one, other), size, up, weight)
        place = middle + _up(up + shake * mean)
        for row in (one, other):
            targets.add(world, row, right_hand, place, weight)
    elif action == HIGH_FIVE:
        weight = _window(clock, 0.32, 0.5, 0.58, 0.8)
        up = min(1.62 * mean, 1.72 * least)
        _bend_to(targets, (one, other), size, up, weight)
        place = middle + _up(up)
        for row in (one, other):
            targets.add(world, row, right_hand, place, weight)
    elif action == DANCE:
        weight = _window(clock, 0.1, 0.7, np.inf, np.inf)
        for side in (-1.0, 1.0):
            sway = 0.10 * np.sin(np.pi * clock) * side
            place = middle + side * 0.30 * mean * left
            place = place + _up((1.12 + sway) * min(mean, 1.1 * least))
            hands = (left_hand, right_hand) if side > 0.0 else (right_hand, left_hand)
            targets.add(world, one, hands[0], place, weight)
            targets.add(world, other, hands[1], place, weight)
    elif action == HUG:
        weight = _window(clock, 0.45, 0.9, 2.6, 3.1)
        for k, row in enumerate((one, other)):
            sign = 1.0 - 2.0 * k
            back = roots[1 - k] + sign * 0.10 * float(size[1 - k]) * along
            for hand, aside, up in ((left_hand, 0.07, 1.28), (right_hand, -0.09, 1.14)):
                place = back + sign * aside * left
                place = place + _up(up * min(float(size[1 - k]), 1.15 * float(size[k])))
                targets.add(world, row, hand, place, weight)


def _bend_to(
    targets: LimbTargets, rows: tuple[int, int], size: np.ndarray, up: float, weight: float
) -> None:
    """Have each of a pair stoop whose upright reach does not go down to where the hands meet.

    size: (2,) body sizes. up: m, height of the hands.
    """
    for row, own in zip(rows, size.tolist(), strict=True):
        down = max(LOWEST_HAND - up / own, 0.0)
        if down > 0.0 and weight > 0.0:
            targets.stoop[row] = 1.1 * down, 0.6 * down


def _up(height: float) -> np.ndarray:
    return np.array([0.0, 0.0, height])


def _window(clock: float, opens: float, full: float, closing: float, closed: float) -> float:
    """0 before ``opens`` and after ``closed``, 1 from ``full`` to ``closing``, else linear; s."""
    if clock <= opens or clock >= closed:
        return 0.0
    if clock < full:
        return (clock - opens) / (full - opens)
    return 1.0 if clock <= closing else (closed - clock) / (closed - closing)
