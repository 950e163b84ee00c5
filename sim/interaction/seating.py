"""Sitting and lying down on objects, and getting up from them.

An actor that is to sit turns its back to the seat, shifts over it as the gesture lowers the body,
and shifts off it over the feet as the body rises. ``Gait.seated_on`` is the seat it is on or at.
"""

from dataclasses import dataclass

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS, ActionType
from entities.components import Body, Gait, Intent, Knockdown, Route, Script, Thing, Transform
from entities.objects import OBJECT_INDEX, OBJECT_TYPES, ObjectType
from entities.units import DT
from sim.animation.geometry import smoothstep
from sim.animation.gestures import SETTLED_S, STAYS_SEATED
from sim.animation.transitions import still_to_rise
from sim.navigation.steering import turn_to
from sim.world import World, some

SEAT_KINDS = (ObjectType.CHAIR, ObjectType.BENCH, ObjectType.SOFA, ObjectType.BED)
BED = OBJECT_INDEX[ObjectType.BED]
FEET_M = 0.42
"""m, canonical, from where an actor stands before a seat to where its pelvis rests on it."""
FRONT_M = 0.06
"""m before the middle of a seat where an actor sits."""
BED_EDGE_M = 0.22
"""m in from the edge of a bed where an actor sits."""
ELBOW_ROOM_M = 0.24
"""m between the end of a seat and an actor's root."""
HEAD_M = 0.85
"""m, canonical, from the root of a lying actor to beyond its head."""
AIMED_WITHIN_M, NEAR_M, BESIDE_M = 1.6, 0.8, 0.35
"""m to a seat that is the target, to one that is not, and to one for eating, reading or typing."""
SLIDE_FROM_S, SLIDE_TO_S = 0.25, 0.9
LIE_FROM_S, LIE_TO_S = 0.25, 1.1
RISE_FROM_S, RISE_TO_S = 0.5, 1.3
"""s of the gesture between which the body shifts, for sitting, lying down and getting up from
lying."""
SHUFFLE_MPS, MOST_MPS = 0.8, 1.6
"""m/s, greatest speed up to a seat, and onto and off it."""
IN_PLACE_M, FACING_RAD = 0.05, 0.2
"""m and rad by which an actor may be off when it starts to sit down."""
PATIENCE_S = 3.0
"""s after which an actor sits down, or is up, from wherever it is."""
READY_M = 0.12
"""m; an actor that starts a scene this near to a place on a seat starts on it."""

A = ActionType
_TO_SIT = np.isin(ACTIONS, [A.SIT, A.EATING, A.DRINKING, A.READING, A.TYPING])
_TO_LIE = np.isin(ACTIONS, [A.LIE_DOWN, A.SLEEP])
_WANTS = _TO_SIT | _TO_LIE
_STAYS = np.isin(ACTIONS, list(STAYS_SEATED)) | _WANTS
_SEATS = np.isin(OBJECT_TYPES, SEAT_KINDS)
_RESTS = np.isin(ACTIONS, [A.SIT, A.LIE_DOWN, A.SLEEP])
GET_UP = ACTION_INDEX[A.GET_UP]
del A


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a seat: the root of an actor on it, and before it."""

    sits: np.ndarray  # (3,) m, sitting or lying
    stands: np.ndarray  # (3,) m, standing before the seat
    facing: float  # rad, standing and sitting down
    heading: float  # rad, once there


def place_on(world: World, row: int, seat: int, *, lying: bool) -> Place:
    """The place nearest to an actor on a seat."""
    body, transform = world[Body], world[Transform]
    length, width, height = body.size[seat].tolist()
    heading, size = float(transform.heading[seat]), float(world[Gait].size[row])
    ahead = np.array([np.cos(heading), np.sin(heading), 0.0])
    left = np.array([-ahead[1], ahead[0], 0.0])
    middle = transform.position[seat] * [1.0, 1.0, 0.0]
    away = transform.position[row] - middle
    along, aside = float(away @ ahead), float(away @ left)
    bed = world[Thing].kind[seat - len(world[Script].action)] == BED
    if bed:
        side = 1.0 if aside >= 0.0 else -1.0
        facing = heading + side * 0.5 * np.pi
        edge = side * max(0.5 * width - BED_EDGE_M, 0.0)
        sits = middle + np.clip(along, -0.2 * length, 0.3 * length) * ahead + edge * left
        front = side * left
        past_edge = max(FEET_M * size, BED_EDGE_M + 0.12)
    else:
        room = max(0.5 * width - ELBOW_ROOM_M, 0.0)
        facing, front = heading, ahead
        sits = middle + min(FRONT_M, 0.3 * length) * ahead + np.clip(aside, -room, room) * left
        past_edge = max(FEET_M * size, 0.5 * length - FRONT_M + 0.05)
    stands = sits + past_edge * front
    if not lying:
        return Place(sits, stands, facing, facing)
    if bed:
        lies = middle + min(HEAD_M * size - 0.5 * length, 0.0) * ahead
        return Place(lies + np.array([0.0, 0.0, height]), stands, facing, heading)
    lies = middle + (HEAD_M * size - 0.5 * width) * left
    return Place(lies + np.array([0.0, 0.0, height]), stands, facing, heading + 0.5 * np.pi)


def take_seats(world: World, dt: float) -> None:
    """Ask the bodies of actors that sit down, sit or get up to be where their gesture is."""
    script, gait = world[Script], world[Gait]
    action = script.action
    new = gait.action != action
    on = gait.seated_on >= 0
    if not (some(on) or some(new)):
        return
    busy = on | (new & _WANTS[action])
    if not some(busy):
        return
    calm = on & ~new & _STAYS[action] & (gait.seat > 0.0) & (gait.clock > SETTLED_S + 0.2)
    calm &= ~_TO_LIE[action]
    world[Body].asked[: len(action)][calm] = 0.0
    world[Route].off_path[on] = False
    rise = still_to_rise(world)
    for row in np.flatnonzero(busy & ~calm).tolist():
        if world[Knockdown].since[row] >= 0:
            _leave(world, row)
            continue
        if new[row] and _WANTS[action[row]] and gait.seat[row] == 0.0 and not _is_up(world, row):
            seat = _find_seat(world, row)
            gait.seated_on[row] = -1 if seat is None else seat
            if seat is None or gait.stepping[row]:
                continue
        if gait.seated_on[row] < 0:
            continue
        lying = bool(_TO_LIE[action[row]] or (gait.seat[row] == 0.0 and _is_up(world, row)))
        place = place_on(world, row, int(gait.seated_on[row]), lying=lying)
        if not _STAYS[action[row]]:
            _get_off(world, row, place, 0.0 if rise is None else float(rise[row]), dt, lying=lying)
        elif gait.seat[row] == 0.0 and not _lies(world, row):
            _line_up(world, row, place, dt)
        else:
            _shift(world, row, place, dt)


def _is_up(world: World, row: int) -> bool:
    """Whether an actor is above the ground, as when it lies on a bed."""
    return float(world[Transform].position[row, 2]) > 0.01


def _lies(world: World, row: int) -> bool:
    """Whether an actor's gesture has begun to lay it down."""
    gait = world[Gait]
    return bool(_TO_LIE[gait.action[row]]) and gait.clock[row] > LIE_FROM_S


def _find_seat(world: World, row: int) -> int | None:
    """The seat that is an actor's target, or the nearest free one, if it is within reach."""
    script, thing, n = world[Script], world[Thing], len(world[Script].action)
    action, best, nearest = int(script.action[row]), None, np.inf
    root = world[Transform].position[row, :2]
    # A place is within the seat's own length and width and a step of its middle.
    away = np.abs(world[Transform].position[n:, :2] - root).max(axis=1)
    reach = world[Body].size[n:, :2].sum(axis=1) + 1.5 * float(world[Gait].size[row])
    near = _SEATS[thing.kind] & (away < AIMED_WITHIN_M + reach)
    seats = (n + np.flatnonzero(near)).tolist()
    if not seats:
        return None
    taken = set(np.delete(world[Gait].seated_on, row).tolist())
    for seat in seats:
        aimed = int(script.target[row]) == seat
        place = place_on(world, row, seat, lying=False)
        ways = (root - place.sits[:2], root - place.stands[:2])
        far = min(float(np.hypot(*way)) for way in ways)
        within = AIMED_WITHIN_M if aimed else NEAR_M if _RESTS[action] else BESIDE_M
        single = OBJECT_TYPES[int(thing.kind[seat - n])] is ObjectType.CHAIR and seat in taken
        if far < within and not single and (aimed or far < nearest):
            best, nearest = seat, -1.0 if aimed else far
    return best


def _go(world: World, row: int, goal: np.ndarray, most: float, dt: float) -> float:
    """Ask a body to move to ``goal`` (3,) m, at most ``most`` m/s fast.

    Returns the distance over the ground, m.
    """
    away = goal - world[Transform].position[row]
    flat = float(np.hypot(away[0], away[1]))
    velocity = away / dt
    velocity[:2] *= min(1.0, most / max(flat / dt, 1e-9))
    velocity[2] = np.clip(velocity[2], -most, most)
    world[Body].asked[row] = velocity
    return flat


def _line_up(world: World, row: int, place: Place, dt: float) -> None:
    """Move to the spot before the seat, back to it; the gesture waits until the actor is there."""
    gait = world[Gait]
    turn = turn_to(world, row, place.facing)
    away = place.stands - world[Transform].position[row]
    pace = min(SHUFFLE_MPS, 0.1 + 2.5 * float(np.hypot(away[0], away[1])))
    left = _go(world, row, place.stands, pace, dt)
    waited = (world.tick - int(world[Script].since[row])) * DT
    ready = left < IN_PLACE_M and turn < FACING_RAD and not gait.stepping[row]
    if not ready and waited < PATIENCE_S:
        gait.clock[row] = 0.0
    elif _TO_LIE[world[Script].action[row]]:
        gait.clock[row] = max(float(gait.clock[row]), LIE_FROM_S)
    else:
        gait.seat[row] = world[Body].size[int(gait.seated_on[row]), 2]


def _shift(world: World, row: int, place: Place, dt: float) -> None:
    """Move from the spot before the seat onto it, as far as the gesture has come."""
    gait = world[Gait]
    lying = bool(_TO_LIE[world[Script].action[row]])
    start, end = (LIE_FROM_S, LIE_TO_S) if lying else (SLIDE_FROM_S, SLIDE_TO_S)
    u = _progress(float(gait.clock[row]) + dt, start, end)
    goal = place.stands + u * (place.sits - place.stands)
    turn_to(world, row, place.heading if u > 0.3 or not lying else place.facing)
    _go(world, row, goal, MOST_MPS, dt)


def _get_off(world: World, row: int, place: Place, rise: float, dt: float, *, lying: bool) -> None:
    """Move off the seat over the feet, as far as the body has risen.

    rise: m, canonical, that the pelvis still has to go up.
    """
    gait, script = world[Gait], world[Script]
    if gait.action[row] == GET_UP:
        start, end = (RISE_FROM_S, RISE_TO_S) if lying else (SLIDE_FROM_S, SLIDE_TO_S)
        u = _progress(float(gait.clock[row]) + dt, start, end)
    elif gait.action[row] != script.action[row]:
        u = 0.0
    else:
        u = _progress(0.36 - rise, 0.0, 0.30)
    goal = place.sits + u * (place.stands - place.sits)
    turn_to(world, row, place.facing)
    left = _go(world, row, goal, MOST_MPS, dt)
    since = (world.tick - int(script.since[row])) * DT
    done = (u >= 1.0 and left < IN_PLACE_M) or since > PATIENCE_S
    # Getting up from a seat ends as it began: the seat says which way of getting up it is.
    if done and (lying or gait.action[row] != GET_UP):
        _leave(world, row)


def _progress(now: float, start: float, end: float) -> float:
    """0 up to ``start``, 1 from ``end`` on, level at both."""
    return smoothstep(min(max((now - start) / (end - start), 0.0), 1.0))


def _leave(world: World, row: int) -> None:
    """End an actor's use of its seat."""
    gait, script = world[Gait], world[Script]
    if script.target[row] == gait.seated_on[row]:
        script.target[row] = -1  # no longer the target, so that it is an obstacle again
    gait.seated_on[row], gait.seat[row] = -1, 0.0


def seat_at_start(world: World) -> None:
    """Seat the actors whose first action is to sit or lie and that start on a seat.

    Those that start before a seat get it as their seat.
    """
    script, gait, transform = world[Script], world[Gait], world[Transform]
    for row in np.flatnonzero(_WANTS[script.action]).tolist():
        for tick, target in script.cues[row][:1]:
            if tick == 0:
                script.target[row] = target
        seat = _find_seat(world, row)
        if seat is None:
            continue
        lying = bool(_TO_LIE[script.action[row]])
        place = place_on(world, row, seat, lying=lying)
        gait.seated_on[row] = seat
        away = float(np.hypot(*(transform.position[row, :2] - place.sits[:2])))
        inside = float(np.hypot(*(transform.position[row, :2] - transform.position[seat, :2])))
        if away > READY_M and not (lying and inside < 0.6):
            continue
        transform.position[row] = place.sits
        transform.heading[row] = world[Intent].heading[row] = place.heading
        world[Route].course[row] = place.heading
        gait.clock[row] = SETTLED_S if not lying else 2.0
        if lying:
            gait.planted[row], gait.swing[row] = False, 1.0
            continue
        gait.seat[row] = world[Body].size[seat, 2]
        cos, sin = np.cos(place.heading), np.sin(place.heading)
        forward = gait.size[row] * np.array([0.47, 0.45])
        left = gait.size[row] * np.array([0.09, -0.09])
        gait.plant[row, :, 0] = place.sits[0] + forward * cos - left * sin
        gait.plant[row, :, 1] = place.sits[1] + forward * sin + left * cos
        gait.planted[row], gait.swing[row] = True, 0.0
