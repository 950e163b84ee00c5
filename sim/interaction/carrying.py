"""Hands on things: what is picked up, put down, carried, pushed, pulled and bounced."""

import math
from dataclasses import dataclass

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS, ActionType, contact_time
from entities.components import (
    Body,
    Flight,
    Gait,
    Intent,
    Knockdown,
    Person,
    Route,
    Script,
    Thing,
    Transform,
    Velocity,
)
from entities.objects import BodyKind, ObjectType
from entities.skeleton import L_HAND, R_HAND
from sim.animation.limb_ik import LimbTargets
from sim.world import World

KINDS = list(BodyKind)
BALL, PROP, MOVABLE = (KINDS.index(k) for k in (BodyKind.BALL, BodyKind.PROP, BodyKind.MOVABLE))
TYPES, T = list(ObjectType), ObjectType
BICYCLE, BASKETBALL = TYPES.index(ObjectType.BICYCLE), TYPES.index(ObjectType.BASKETBALL)
A = ActionType
PICK_UP, PUT_DOWN, PUSH, PULL, DRIBBLING = (
    ACTION_INDEX[a] for a in (A.PICK_UP, A.PUT_DOWN, A.PUSH, A.PULL, A.DRIBBLING)
)
HANDLES = np.isin(ACTIONS, [A.PICK_UP, A.PUT_DOWN, A.PUSH, A.PULL, A.DRIBBLING, A.CARRY])
CARRY = ACTION_INDEX[A.CARRY]
del A

ARM_M = 1.3
"""m from the root to what can be picked up, at scale 1."""
LIFT_KG = 40.0
"""What one person lifts (choice)."""
HAUL_KG = 250.0
"""What one person drags along the ground (choice)."""
HAUL_WITHIN_M = 1.0
"""Before whom a thing is this near to its edge, he pushes or pulls it."""
BOTH_HANDS_M = 0.28
"""What is wider than this is carried between the hands: a box, a laptop."""
CLEAR_M = 0.05
"""Left between a body and what it puts down."""
TOPS = [TYPES.index(T.TABLE), TYPES.index(T.BENCH), TYPES.index(T.BED), TYPES.index(T.SOFA)]
"""What things are put down on, where it stands before who puts them down."""
HAND_OVER_M, HANDED_AT_M = 1.5, 1.05
"""So near is whom something is handed to, and so high it is then, at scale 1 (choice)."""
TOP_WITHIN_M, INSET_M = 0.75, 0.10
"""So near to its edge, at scale 1, and so far in from it (choice)."""
SMALL_AT_M = 0.38
"""Before the root, at scale 1, small things are picked up."""
CARRIED_AT = (0.34, 1.04)
"""m forward and up at scale 1, where hands carry a wide thing."""
PULL_AT_M = 0.62
"""From the root to the near edge of what is pulled, at scale 1."""
GRIP_S, LIFT_S, STEP_MPS = 0.45, 0.7, 0.8
GROUND_BEND = (1.2, 0.56)
"""rad and m: the lean and drop of the gestures that pick up and put down."""
WORK_BEND = (0.60, 0.26)
"""rad and m: what a body bends more to push or pull something at its knees."""


@dataclass(frozen=True, slots=True)
class Grip:
    """How a thing on the ground is taken hold of."""

    middle: np.ndarray  # (3,) m, between the hands
    half: float  # m from there to each hand; 0: one hand does it
    forward: float  # m from the root, where it should be


def liftable(world: World, row: int) -> int | None:
    """The thing an actor picks up: the one he means, or the nearest."""
    n, thing, body = len(world[Script].action), world[Thing], world[Body]
    away = world[Transform].position[n:, :2] - world[Transform].position[row, :2]
    distance = np.hypot(away[:, 0], away[:, 1])
    light = np.isin(body.kind[n:], (BALL, PROP, MOVABLE)) & (body.mass[n:] <= LIFT_KG)
    near = light & (thing.holder < 0) & (distance <= ARM_M * float(world[Person].scale[row]))
    target = int(world[Script].target[row]) - n
    if not near.any():
        return None
    if 0 <= target < len(near) and near[target]:
        return target
    return int(np.argmin(np.where(near, distance, np.inf)))


def clear_distance(world: World, row: int, k: int) -> float:
    """m before an actor's root at which a thing stands clear of him."""
    size = world[Body].size
    return float(size[row, 0] + size[len(world[Script].action) + k, 0]) / 2.0 + CLEAR_M


def taker(world: World, row: int) -> int | None:
    """Whom an actor who puts something down hands it to: the one he means, within reach."""
    target = int(world[Script].target[row])
    if not 0 <= target < len(world[Script].action) or target == row:
        return None
    away = world[Transform].position[target, :2] - world[Transform].position[row, :2]
    near = float(np.hypot(away[0], away[1])) < HAND_OVER_M * float(world[Person].scale[row])
    return target if near else None


def rest_place(world: World, row: int, k: int) -> np.ndarray:
    """(3,) m, where what an actor holds goes: to whom he hands it, to the table before him, or
    to the ground."""
    other, position = taker(world, row), world[Transform].position
    if other is not None:
        middle = 0.5 * (position[row] + position[other])
        size = min(float(world[Person].scale[row]), float(world[Person].scale[other]))
        return middle + np.array([0.0, 0.0, HANDED_AT_M * size])
    n, thing = len(world[Script].action), world[Thing]
    body, transform = world[Body], world[Transform]
    half, size = 0.5 * float(body.size[n + k, 0]), float(world[Person].scale[row])
    heading = float(transform.heading[row])
    forward, up, nearest = clear_distance(world, row, k), 0.0, TOP_WITHIN_M * size
    for top in np.flatnonzero(np.isin(thing.kind, TOPS) & (thing.holder < 0)).tolist():
        away = transform.position[n + top] - transform.position[row]
        aside = abs(away[1] * math.cos(heading) - away[0] * math.sin(heading))
        edge = _edge(world, row, top)
        if top != k and -0.3 < edge < nearest and aside < 0.5 * body.size[n + top, :2].max():
            nearest, up = edge, float(body.size[n + top, 2])
            forward = max(edge, 0.0) + INSET_M + half
    if body.kind[n + k] == BALL:
        up += 0.5 * float(body.size[n + k, 2])
    return _ahead(world, row, forward, 0.0, up)


def _grip(world: World, row: int, k: int) -> Grip:
    n, body = len(world[Script].action), world[Body]
    _, width, height = body.size[n + k].tolist()
    base = world[Transform].position[n + k].copy()
    size = float(world[Person].scale[row])
    if width > BOTH_HANDS_M:
        base[2] += 0.5 * height
        return Grip(base, 0.5 * width, clear_distance(world, row, k))
    if body.kind[n + k] != BALL:
        base[2] += 0.02
    return Grip(base, 0.0, SMALL_AT_M * size)


def step_to_things(world: World, dt: float) -> None:
    """Those about to pick something up shift so that it lies before their hands."""
    gait, script, transform = world[Gait], world[Script], world[Transform]
    due = contact_time(ActionType.PICK_UP)
    doing = (script.action == PICK_UP) & (gait.action == PICK_UP) & (gait.clock < due)
    for row in np.flatnonzero(doing & (world[Knockdown].since < 0)).tolist():
        k = liftable(world, row)
        if k is None:
            continue
        grip = _grip(world, row, k)
        away = grip.middle[:2] - transform.position[row, :2]
        far = float(np.hypot(away[0], away[1]))
        if far < 1e-6:
            continue
        lack = far - grip.forward
        pace = np.sign(lack) * min(abs(lack) / dt, 0.05 + 2.5 * abs(lack), STEP_MPS)
        world[Body].asked[row, :2] = pace * away / far
        now = float(transform.heading[row])
        gap = (float(np.arctan2(away[1], away[0])) - now + np.pi) % (2.0 * np.pi) - np.pi
        if far > 0.15:
            _turn(world, row, now + gap)
        if abs(lack) > 0.06 and gait.clock[row] < 0.2:
            gait.clock[row] = 0.0


def _turn(world: World, row: int, heading: float) -> None:
    world[Intent].heading[row] = world[Route].course[row] = heading


def haul(world: World, dt: float) -> None:
    """What is pulled goes with whoever pulls it, at arm's length."""
    script, transform = world[Script], world[Transform]
    for row in np.flatnonzero(script.action == PULL).tolist():
        k = _hauled(world, row)
        if k is None:
            continue
        at = len(script.action) + k
        heading = float(transform.heading[row])
        ahead = np.array([math.cos(heading), math.sin(heading)])
        edge = _edge(world, row, k)
        lack = edge - PULL_AT_M * float(world[Person].scale[row])
        if lack > 0.0:
            # Twice, so that what friction takes in the tick is made up for.
            follow = world[Velocity].linear[row, :2] - min(2.0 * lack, 0.6) * ahead
            world[Velocity].linear[at, :2] = follow


def _hauled(world: World, row: int) -> int | None:
    """The thing before an actor that he pushes or pulls."""
    n, body, thing = len(world[Script].action), world[Body], world[Thing]
    heading = float(world[Transform].heading[row])
    away = world[Transform].position[n:] - world[Transform].position[row]
    ahead = away[:, 0] * math.cos(heading) + away[:, 1] * math.sin(heading)
    aside = away[:, 1] * math.cos(heading) - away[:, 0] * math.sin(heading)
    half = 0.5 * body.size[n:, :2].max(axis=1)
    near = (ahead > 0.0) & (ahead - half < HAUL_WITHIN_M) & (np.abs(aside) < half + 0.2)
    near &= (body.kind[n:] == MOVABLE) & (thing.holder < 0) & (body.mass[n:] < HAUL_KG)
    if not near.any():
        return None
    return int(np.argmin(np.where(near, ahead, np.inf)))


def _edge(world: World, row: int, k: int) -> float:
    """m from an actor's root ahead to the near side of a thing."""
    n, transform, body = len(world[Script].action), world[Transform], world[Body]
    heading = float(transform.heading[row])
    away = transform.position[n + k] - transform.position[row]
    ahead = float(away[0] * math.cos(heading) + away[1] * math.sin(heading))
    turned = float(transform.heading[n + k]) - heading
    length, width = body.size[n + k, :2].tolist()
    half = (
        0.5 * length
        if body.round[n + k]
        else 0.5 * (length * abs(math.cos(turned)) + width * abs(math.sin(turned)))
    )
    return ahead - half


def grasp_things(world: World, wishes: LimbTargets) -> None:
    """The places of hands that hold, lift, set down, push, pull or bounce something."""
    gait, thing = world[Gait], world[Thing]
    held = np.flatnonzero((thing.holder >= 0) & (thing.kind != BICYCLE)).tolist()
    n = len(gait.action)
    for k in held:
        if world[Body].size[n + k, 1] > BOTH_HANDS_M:
            _carry(world, wishes, int(thing.holder[k]), k)
    for row in np.flatnonzero(HANDLES[gait.action]).tolist():
        action = int(gait.action[row])
        if action == PICK_UP:
            _reach_down(world, wishes, row)
        elif action in (PUSH, PULL):
            _haul(world, wishes, row)
        elif action == DRIBBLING:
            _bounce(world, wishes, row)
        elif action == PUT_DOWN:
            for k in held:
                if thing.holder[k] == row and world[Body].size[n + k, 1] <= BOTH_HANDS_M:
                    _set_down(world, wishes, row, k)


def _ahead(world: World, row: int, forward: float, left: float, up: float) -> np.ndarray:
    heading = float(world[Transform].heading[row])
    cos, sin = math.cos(heading), math.sin(heading)
    away = np.array([forward * cos - left * sin, forward * sin + left * cos, up])
    return world[Transform].position[row] + away


def _both(
    world: World, wishes: LimbTargets, row: int, middle: np.ndarray, half: float, weight: float
) -> None:
    side = float(world[Transform].heading[row]) + 0.5 * math.pi
    out = half * np.array([math.cos(side), math.sin(side), 0.0])
    wishes.add(world, row, L_HAND, middle + out, weight)
    wishes.add(world, row, R_HAND, middle - out, weight)


def _carry(world: World, wishes: LimbTargets, row: int, k: int) -> None:
    """Hands on both sides of a wide thing, high or, while it is lifted or set down, on its way."""
    gait, size = world[Gait], float(world[Person].scale[row])
    _, width, height = world[Body].size[len(gait.action) + k].tolist()
    low = 0.0
    if gait.action[row] == PICK_UP:
        low = 1.0 - _smooth((gait.clock[row] - contact_time(ActionType.PICK_UP)) / LIFT_S)
    elif gait.action[row] == PUT_DOWN:
        low = _smooth(gait.clock[row] / contact_time(ActionType.PUT_DOWN))
    near = max(CARRIED_AT[0] * size, 0.5 * float(world[Body].size[len(gait.action) + k, 0]) + 0.12)
    forward, rest = near + low * (clear_distance(world, row, k) - near), 0.0
    if gait.action[row] == PUT_DOWN:
        place = rest_place(world, row, k) - world[Transform].position[row]
        forward = near + low * (float(np.hypot(place[0], place[1])) - near)
        rest = float(place[2])
        _straighten(world, wishes, row, rest)
    up = CARRIED_AT[1] * size + low * (rest + 0.5 * height - CARRIED_AT[1] * size)
    _both(world, wishes, row, _ahead(world, row, forward, 0.0, up), 0.5 * width, 1.0)


def _reach_down(world: World, wishes: LimbTargets, row: int) -> None:
    left = contact_time(ActionType.PICK_UP) - float(world[Gait].clock[row])
    if left < -0.02:
        return
    k = liftable(world, row)
    if k is None:
        return
    grip = _grip(world, row, k)
    weight = 1.0 - max(left, 0.0) / GRIP_S
    if left > 0.0:
        _straighten(world, wishes, row, float(grip.middle[2]))
    if grip.half > 0.0:
        _both(world, wishes, row, grip.middle, grip.half, weight)
    else:
        wishes.add(world, row, R_HAND, grip.middle, weight)


def _straighten(world: World, wishes: LimbTargets, row: int, height: float) -> None:
    """Bend less than to the ground, by how high what is reached for lies."""
    high = float(np.clip(height / (0.9 * float(world[Person].scale[row])), 0.0, 1.0))
    wishes.stoop[row] = -high * np.array(GROUND_BEND)
    wishes.empty &= not high


def _set_down(world: World, wishes: LimbTargets, row: int, k: int) -> None:
    """A small thing goes to the table or the ground before its holder."""
    due = contact_time(ActionType.PUT_DOWN)
    left = due - float(world[Gait].clock[row])
    if left < -0.02:
        return
    place = rest_place(world, row, k) + np.array([0.0, 0.0, 0.02])
    _straighten(world, wishes, row, float(place[2]))
    wishes.add(world, row, int(world[Thing].hand[k]), place, 1.0 - max(left, 0.0) / GRIP_S)


def _haul(world: World, wishes: LimbTargets, row: int) -> None:
    k = _hauled(world, row)
    if k is None:
        return
    size = float(world[Person].scale[row])
    edge = _edge(world, row, k)
    height = float(world[Body].size[len(world[Gait].action) + k, 2])
    up = min(height - 0.03, 1.18 * size)
    bend = float(np.clip((1.15 * size - up) / (0.75 * size), 0.0, 1.0))
    share = WORK_BEND if world[Gait].action[row] == PUSH else (2.0 * WORK_BEND[0], WORK_BEND[1])
    wishes.stoop[row] = bend * share[0], bend * share[1]
    wishes.empty = False
    weight = float(np.clip((0.95 * size - edge) / (0.25 * size), 0.0, 1.0))
    place = _ahead(world, row, edge + 0.04, 0.0, up)
    half = min(0.5 * float(world[Body].size[len(world[Gait].action) + k, 1]) - 0.04, 0.19 * size)
    _both(world, wishes, row, place, max(half, 0.0), weight)


def _bounce(world: World, wishes: LimbTargets, row: int) -> None:
    """The hand goes with the ball it bounces while the ball is high, and waits for it there."""
    flight, thing, n = world[Flight], world[Thing], len(world[Gait].action)
    mine = (thing.kind == BASKETBALL) & (flight.by == row) & (flight.to == row)
    for k in np.flatnonzero(mine).tolist():
        size = float(world[Person].scale[row])
        place = world[Transform].position[n + k].copy()
        place[2] = max(place[2] + 0.5 * float(world[Body].size[n + k, 2]), 0.74 * size)
        wishes.add(world, row, R_HAND, place, 1.0, exact=False)


def _smooth(u: float) -> float:
    u = min(max(float(u), 0.0), 1.0)
    return u * u * (3.0 - 2.0 * u)
