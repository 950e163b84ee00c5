"""Two who do something together: they come to the right distance, face each other, keep time.

A pair is two actors doing the same thing of SHARED who are aimed at each other, or who are the
nearest facing each other. Their hands then meet halfway (``sim.interaction.limb_targets``).
"""

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS, ActionType
from entities.components import Body, Gait, Intent, Knockdown, Route, Script, Transform
from sim.animation.gestures import gesture_table
from sim.world import World, some

A = ActionType
SHARED: dict[ActionType, float] = {  # m between two adults' roots; choices, by eye
    A.HANDSHAKE: 0.84,
    A.HIGH_FIVE: 0.78,
    A.HUG: 0.36,
    A.DANCE: 0.80,
}
FIGHTS = frozenset({A.FIGHT_STANCE, A.PUNCH, A.KICK, A.DODGE, A.BLOCK})
FIGHT_M = 0.88
"""Between two who fight: a fist's reach."""
del A
MEET_WITHIN_M = 2.5
"""Who is further away than this is not joined."""
DANCE_WITHIN_M = 1.5
APPROACH_MPS = 0.9
IN_PLACE_M, FACING_RAD = 0.06, 0.25
FACING_SHARE = 0.3
"""Cosine of how far off one may look and still face another."""
CHOOSE_TICKS = 4
"""How often partners are looked for."""
PATIENCE_TICKS = 150
"""So long at most one waits with hand held back for the other to be in place."""

_SHARED = np.isin(ACTIONS, list(SHARED))
_FIGHTS = np.isin(ACTIONS, list(FIGHTS))
_DANCE = ACTION_INDEX[ActionType.DANCE]


def join_partners(world: World, dt: float) -> None:
    """Bring pairs to their distance, face to face, and keep their gestures in step."""
    action, gait = world[Script].action, world[Gait]
    if _SHARED[action].tobytes().count(1) >= 2:
        if world.tick % CHOOSE_TICKS == 0:
            _choose(world)
        for row, other in pairs(gait):
            _join(world, row, other, dt)
    elif some(gait.partner >= 0):
        gait.partner[:] = -1
    if _FIGHTS[action].tobytes().count(1) >= 2:
        _keep_fighting_distance(world, dt)


def pairs(gait: Gait) -> list[tuple[int, int]]:
    """Rows of those who do something together, the lower first."""
    partner = gait.partner
    rows = np.flatnonzero(partner > np.arange(len(partner)))
    return list(zip(rows.tolist(), partner[rows].tolist(), strict=True))


def _choose(world: World) -> None:
    """Who does something together with whom: Gait.partner."""
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
    same &= far < (DANCE_WITHIN_M if script.action[row] == _DANCE else MEET_WITHIN_M)
    return int(np.argmin(np.where(same, far, np.inf))) if same.any() else None


def _join(world: World, one: int, other: int, dt: float) -> None:
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
    if action != _DANCE:
        ready = left < IN_PLACE_M and turn < FACING_RAD
        if not ready and waited < PATIENCE_TICKS and float(clock.min()) < 0.1:
            clock[clock < 0.1] = 0.0
        clock[clock >= over] = np.where(clock.min() < over, 0.0, over)
    # The one who is ahead waits; from then on both go by one clock.
    gait.clock[[one, other]] = clock.min()


def _close_in(world: World, one: int, other: int, gap: float, dt: float) -> float:
    """Move both towards or from each other to be ``gap`` m apart; returns what is left, m."""
    position, asked = world[Transform].position, world[Body].asked
    away = position[other, :2] - position[one, :2]
    far = float(np.hypot(away[0], away[1]))
    if far < 1e-6:
        return 0.0
    lack = far - gap
    if abs(lack) > 1e-4:
        pace = min(0.05 + 2.5 * abs(lack), APPROACH_MPS)
        step = 0.5 * np.sign(lack) * min(abs(lack) / dt, 2.0 * pace) * away / far
        for row, way in ((one, step), (other, -step)):
            asked[row, :2] = way
    for row in (one, other):
        world[Route].off_path[row] = False
    return abs(lack)


def _face(world: World, row: int, other: int) -> float:
    """Turn an actor to another; returns what is left to turn, rad."""
    transform = world[Transform]
    away = transform.position[other, :2] - transform.position[row, :2]
    now = float(transform.heading[row])
    gap = (float(np.arctan2(away[1], away[0])) - now + np.pi) % (2.0 * np.pi) - np.pi
    world[Intent].heading[row] = world[Route].course[row] = now + gap
    return abs(gap)


def _keep_fighting_distance(world: World, dt: float) -> None:
    script, transform = world[Script], world[Transform]
    n, size = len(script.action), world[Gait].size
    for row in np.flatnonzero(_FIGHTS[script.action] & (world[Knockdown].since < 0)).tolist():
        other = int(script.target[row])
        if not 0 <= other < n or not _FIGHTS[script.action[other]] or other == row:
            continue
        away = transform.position[other, :2] - transform.position[row, :2]
        far = float(np.hypot(away[0], away[1]))
        lack = far - FIGHT_M * 0.5 * float(size[row] + size[other])
        _face(world, row, other)
        if 0.04 < abs(lack) < MEET_WITHIN_M and far > 1e-6:
            pace = np.sign(lack) * min(abs(lack) / dt, 0.05 + 1.5 * abs(lack), APPROACH_MPS)
            world[Body].asked[row, :2] = 0.5 * pace * away / far
