"""Hands on objects that are picked up, put down, carried, pushed, pulled and bounced."""

import math
from dataclasses import dataclass

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS, ActionType, contact_time
from entities.components import (
    Body,
    Flight,
    Gait,
    Knockdown,
    Person,
    Script,
    Thing,
    Transform,
    Velocity,
)
from entities.objects import BODY_KIND_INDEX, OBJECT_INDEX, BodyKind, ObjectType
from entities.skeleton import L_HAND, R_HAND
from sim.animation.geometry import smoothstep
from sim.animation.limb_ik import LimbTargets
from sim.navigation.steering import turn_to
from sim.world import World

BALL, PROP, MOVABLE = (
    BODY_KIND_INDEX[kind] for kind in (BodyKind.BALL, BodyKind.PROP, BodyKind.MOVABLE)
)
BICYCLE, BASKETBALL = OBJECT_INDEX[ObjectType.BICYCLE], OBJECT_INDEX[ObjectType.BASKETBALL]
A = ActionType
PICK_UP, PUT_DOWN, PUSH, PULL, DRIBBLING = (
    ACTION_INDEX[a] for a in (A.PICK_UP, A.PUT_DOWN, A.PUSH, A.PULL, A.DRIBBLING)
)
HANDLES = np.isin(ACTIONS, [A.PICK_UP, A.PUT_DOWN, A.PUSH, A.PULL, A.DRIBBLING, A.CARRY])
CARRY = ACTION_INDEX[A.CARRY]
del A

ARM_M = 1.3
"""m at scale 1, from the root to what can be picked up."""
LIFT_KG = 40.0
"""kg that an actor lifts at most (choice)."""
HAUL_KG = 250.0
"""kg that an actor pushes or pulls along the ground at most (choice)."""
HAUL_WITHIN_M = 1.0
"""m to the near side of an object within which an actor pushes or pulls it."""
BOTH_HANDS_M = 0.28
"""m; wider objects, such as a box or a laptop, are carried between both hands."""
CLEAR_M = 0.05
"""m between a body and what it puts down."""
TOPS = [
    OBJECT_INDEX[kind]
    for kind in (ObjectType.TABLE, ObjectType.BENCH, ObjectType.BED, ObjectType.SOFA)
]
"""Object types that others are put down on, where one is ahead."""
HAND_OVER_M, HANDED_AT_M = 1.5, 1.05
"""m at scale 1: distance to the actor that an object is handed to, and height of that (choice)."""
TOP_WITHIN_M, INSET_M = 0.75, 0.10
"""m: distance to the edge of a table, at scale 1, and from there to what is put on it (choice)."""
SMALL_AT_M = 0.38
"""m at scale 1, ahead of the root, where small objects are picked up."""
CARRIED_AT = (0.34, 1.04)
"""m at scale 1, forward and up, where hands carry a wide object."""
PULL_AT_M = 0.62
"""m at scale 1, from the root to the near side of what is pulled."""
GRIP_S, LIFT_S = 0.45, 0.7
"""s over which hands move to an object, and lift it."""
STEP_MPS = 0.8
"""m/s, greatest speed towards what is picked up."""
GROUND_BEND = (1.2, 0.56)
"""rad and m: lean and drop of the gestures that pick up and put down."""
WORK_BEND = (0.60, 0.26)
"""rad and m: additional lean and drop for pushing an object as low as the knees."""


@dataclass(frozen=True, slots=True)
class Grip:
    """How an object on the ground is taken hold of."""

    middle: np.ndarray  # (3,) m, between the hands
    half: float  # m from there to each hand; 0: with one hand
    forward: float  # m ahead of the root where the object should be


def liftable(world: World, row: int) -> int | None:
    """The object that an actor picks up: its target, or the nearest; None if none is near."""
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
    """Distance, m, ahead of an actor's root at which an object is clear of its body."""
    size = world[Body].size
    return float(size[row, 0] + size[len(world[Script].action) + k, 0]) / 2.0 + CLEAR_M


def receiver(world: World, row: int) -> int | None:
    """The actor that a held object is handed to when it is put down: the target, if in reach."""
    target = int(world[Script].target[row])
    if not 0 <= target < len(world[Script].action) or target == row:
        return None
    away = world[Transform].position[target, :2] - world[Transform].position[row, :2]
    near = float(np.hypot(away[0], away[1])) < HAND_OVER_M * float(world[Person].scale[row])
    return target if near else None


def rest_place(world: World, row: int, k: int) -> np.ndarray:
    """Where an object that an actor puts down goes, (3,) m.

    To the actor that it is handed to, onto a table ahead, or to the ground.
    """
    other, position = receiver(world, row), world[Transform].position
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
    """How an actor takes hold of an object."""
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


def step_to_objects(world: World, dt: float) -> None:
    """Move actors that are about to pick something up so that it lies before their hands."""
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
        gap = far - grip.forward
        speed = np.sign(gap) * min(abs(gap) / dt, 0.05 + 2.5 * abs(gap), STEP_MPS)
        world[Body].asked[row, :2] = speed * away / far
        if far > 0.15:
            turn_to(world, row, float(np.arctan2(away[1], away[0])))
        if abs(gap) > 0.06 and gait.clock[row] < 0.2:
            gait.clock[row] = 0.0


def haul(world: World) -> None:
    """Move objects that are pulled along with the actor that pulls them, at arm's length."""
    script, transform = world[Script], world[Transform]
    for row in np.flatnonzero(script.action == PULL).tolist():
        k = _hauled(world, row)
        if k is None:
            continue
        at = len(script.action) + k
        heading = float(transform.heading[row])
        ahead = np.array([math.cos(heading), math.sin(heading)])
        gap = _edge(world, row, k) - PULL_AT_M * float(world[Person].scale[row])
        if gap > 0.0:
            # Twice, to make up for what friction takes in the tick.
            follow = world[Velocity].linear[row, :2] - min(2.0 * gap, 0.6) * ahead
            world[Velocity].linear[at, :2] = follow


def _hauled(world: World, row: int) -> int | None:
    """The object ahead of an actor that it pushes or pulls; None if there is none."""
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
    """Distance, m, ahead of an actor's root to the near side of an object."""
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


def grasp_objects(world: World, targets: LimbTargets) -> None:
    """Add the targets of hands that hold, lift, put down, push, pull or bounce an object."""
    gait, thing = world[Gait], world[Thing]
    held = np.flatnonzero((thing.holder >= 0) & (thing.kind != BICYCLE)).tolist()
    n = len(gait.action)
    for k in held:
        if world[Body].size[n + k, 1] > BOTH_HANDS_M:
            _carry(world, targets, int(thing.holder[k]), k)
    for row in np.flatnonzero(HANDLES[gait.action]).tolist():
        action = int(gait.action[row])
        if action == PICK_UP:
            _reach_down(world, targets, row)
        elif action in (PUSH, PULL):
            _haul(world, targets, row)
        elif action == DRIBBLING:
            _bounce(world, targets, row)
        elif action == PUT_DOWN:
            for k in held:
                if thing.holder[k] == row and world[Body].size[n + k, 1] <= BOTH_HANDS_M:
                    _set_down(world, targets, row, k)


def _ahead(world: World, row: int, forward: float, left: float, up: float) -> np.ndarray:
    """A point in the world, (3,) m, given from an actor's root."""
    heading = float(world[Transform].heading[row])
    cos, sin = math.cos(heading), math.sin(heading)
    away = np.array([forward * cos - left * sin, forward * sin + left * cos, up])
    return world[Transform].position[row] + away


def _both_hands(
    world: World, targets: LimbTargets, row: int, middle: np.ndarray, half: float, weight: float
) -> None:
    """Add targets ``half`` m to the left and right of ``middle`` (3,) m."""
    side = float(world[Transform].heading[row]) + 0.5 * math.pi
    out = half * np.array([math.cos(side), math.sin(side), 0.0])
    targets.add(world, row, L_HAND, middle + out, weight)
    targets.add(world, row, R_HAND, middle - out, weight)


def _carry(world: World, targets: LimbTargets, row: int, k: int) -> None:
    """Add hands on both sides of a wide object that is carried, lifted or put down."""
    gait, size = world[Gait], float(world[Person].scale[row])
    _, width, height = world[Body].size[len(gait.action) + k].tolist()
    low = 0.0
    if gait.action[row] == PICK_UP:
        lifted = (float(gait.clock[row]) - contact_time(ActionType.PICK_UP)) / LIFT_S
        low = 1.0 - smoothstep(min(max(lifted, 0.0), 1.0))
    elif gait.action[row] == PUT_DOWN:
        lowered = float(gait.clock[row]) / contact_time(ActionType.PUT_DOWN)
        low = smoothstep(min(max(lowered, 0.0), 1.0))
    near = max(CARRIED_AT[0] * size, 0.5 * float(world[Body].size[len(gait.action) + k, 0]) + 0.12)
    forward, rest = near + low * (clear_distance(world, row, k) - near), 0.0
    if gait.action[row] == PUT_DOWN:
        place = rest_place(world, row, k) - world[Transform].position[row]
        forward = near + low * (float(np.hypot(place[0], place[1])) - near)
        rest = float(place[2])
        _straighten(world, targets, row, rest)
    up = CARRIED_AT[1] * size + low * (rest + 0.5 * height - CARRIED_AT[1] * size)
    _both_hands(world, targets, row, _ahead(world, row, forward, 0.0, up), 0.5 * width, 1.0)


def _reach_down(world: World, targets: LimbTargets, row: int) -> None:
    """Add hands on the object that an actor is about to pick up."""
    left = contact_time(ActionType.PICK_UP) - float(world[Gait].clock[row])
    if left < -0.02:
        return
    k = liftable(world, row)
    if k is None:
        return
    grip = _grip(world, row, k)
    weight = 1.0 - max(left, 0.0) / GRIP_S
    if left > 0.0:
        _straighten(world, targets, row, float(grip.middle[2]))
    if grip.half > 0.0:
        _both_hands(world, targets, row, grip.middle, grip.half, weight)
    else:
        targets.add(world, row, R_HAND, grip.middle, weight)


def _straighten(world: World, targets: LimbTargets, row: int, height: float) -> None:
    """Have an actor bend less than to the ground for what lies ``height`` m above it."""
    high = float(np.clip(height / (0.9 * float(world[Person].scale[row])), 0.0, 1.0))
    targets.stoop[row] = -high * np.array(GROUND_BEND)
    targets.empty &= not high


def _set_down(world: World, targets: LimbTargets, row: int, k: int) -> None:
    """Add the hand that puts a small object down."""
    due = contact_time(ActionType.PUT_DOWN)
    left = due - float(world[Gait].clock[row])
    if left < -0.02:
        return
    place = rest_place(world, row, k) + np.array([0.0, 0.0, 0.02])
    _straighten(world, targets, row, float(place[2]))
    targets.add(world, row, int(world[Thing].hand[k]), place, 1.0 - max(left, 0.0) / GRIP_S)


def _haul(world: World, targets: LimbTargets, row: int) -> None:
    """Add hands on the near side of the object that an actor pushes or pulls, and bend to it."""
    k = _hauled(world, row)
    if k is None:
        return
    size = float(world[Person].scale[row])
    edge = _edge(world, row, k)
    height = float(world[Body].size[len(world[Gait].action) + k, 2])
    up = min(height - 0.03, 1.18 * size)
    bend = float(np.clip((1.15 * size - up) / (0.75 * size), 0.0, 1.0))
    share = WORK_BEND if world[Gait].action[row] == PUSH else (2.0 * WORK_BEND[0], WORK_BEND[1])
    targets.stoop[row] = bend * share[0], bend * share[1]
    targets.empty = False
    weight = float(np.clip((0.95 * size - edge) / (0.25 * size), 0.0, 1.0))
    place = _ahead(world, row, edge + 0.04, 0.0, up)
    half = min(0.5 * float(world[Body].size[len(world[Gait].action) + k, 1]) - 0.04, 0.19 * size)
    _both_hands(world, targets, row, place, max(half, 0.0), weight)


def _bounce(world: World, targets: LimbTargets, row: int) -> None:
    """Add the hand that bounces a ball: on it while it is high, else waiting for it up there."""
    flight, thing, n = world[Flight], world[Thing], len(world[Gait].action)
    mine = (thing.kind == BASKETBALL) & (flight.by == row) & (flight.to == row)
    for k in np.flatnonzero(mine).tolist():
        size = float(world[Person].scale[row])
        place = world[Transform].position[n + k].copy()
        place[2] = max(place[2] + 0.5 * float(world[Body].size[n + k, 2]), 0.74 * size)
        targets.add(world, row, R_HAND, place, 1.0, exact=False)
