"""Interception: when and where an actor meets a ball, with a hand, a foot or a bat.

The flight of a ball can be predicted, and with it the tick at which it is best met; hands, feet
and swings are timed to be there in that tick.
"""

import math
from dataclasses import dataclass

import numpy as np

from entities.actions import ACTION_INDEX, ActionType, contact_time
from entities.components import (
    Body,
    Flight,
    Gait,
    Intent,
    Knockdown,
    Person,
    Script,
    Thing,
    Transform,
    Velocity,
)
from entities.objects import BODY_KIND_INDEX, OBJECT_INDEX, BodyKind, ObjectType
from entities.skeleton import L_HAND, R_FOOT, R_HAND
from entities.units import DT
from sim.animation.limb_ik import LimbTargets
from sim.world import World, some

BALL, BAT = BODY_KIND_INDEX[BodyKind.BALL], OBJECT_INDEX[ObjectType.BAT]
A = ActionType
CATCHERS = frozenset(ACTION_INDEX[a] for a in (A.CATCHING, A.FIELDING))
BATTING, KICKING = ACTION_INDEX[A.BATTING], ACTION_INDEX[A.KICKING]
MEETS_BALLS = frozenset({A.CATCHING, A.FIELDING, A.BATTING, A.KICKING})
BENT: dict[int, tuple[float, float]] = {  # rad, m: lean and drop of an actor that waits for a ball
    ACTION_INDEX[A.CATCHING]: (0.34, 0.13),
    ACTION_INDEX[A.FIELDING]: (0.80, 0.27),
}
del A

HORIZON_TICKS = 72
"""Ticks for which flights are predicted."""
CATCH_SIDE_M, CATCH_ARM_M, CATCH_HEIGHT_M = 0.75, 0.62, 2.2
"""m at scale 1: how far aside, from the shoulder, and up a ball is caught at most (choices: the
length of an arm)."""
CATCH_AT = (0.40, 1.15)
"""m at scale 1, forward and up, where a ball is best caught."""
CATCH_AFTER_TICKS = 6
"""Ticks after its launch in which a ball is not caught, for instance by an actor beside the
thrower."""
BESIDE_M = 0.07
"""m at scale 1; the left hand, or the glove on it, closes this far beside the right."""
HANDS_UP_S = 0.32
"""s before a catch at which hands start to move to the ball."""
CROUCHED = (1.30, 0.56)
"""rad and m: lean and drop of an actor whose hands are on the ground."""
LOW_M = 0.75
"""m at scale 1; the body bends for hands lower than this."""
SWING_AT_M = 0.42
"""m at scale 1, ahead of the root, where a batter meets the ball."""
SWEET_M = 0.60
"""m from the hand to the sweet spot of a bat."""
HANDS_APART_M = 0.10
"""m between the hands on a bat."""
BAT_HANDS = (0.46, -0.02, 1.02)
"""m at scale 1, forward, left and up, where a batter's hands are when the ball is met."""
COMING_MPS = 3.0
"""m/s; a ball slower than this is not swung at."""
SWING_REACH_M = 1.3
"""m at scale 1; a ball that passes further aside than this is not swung at."""
OVER_PLATE_M, PLATE_M = 0.85, 0.45
"""m at scale 1: how far ahead of a batter beside the plate a pitch passes, and the tolerance."""
AIM_S = 0.20
"""s before contact over which a swing or a kick is aimed."""
KICK_AT = (0.46, -0.10)
"""m at scale 1, forward and left, where a ball is best kicked."""
KICK_WITHIN_M = 1.6
"""m at scale 1 to a ball that is kicked."""
KICK_STEP_MPS, KICK_PATIENCE_S = 0.9, 3.0
"""m/s, greatest speed at which a kicker lines up, and s for which the kick waits for it."""
RUNNING_MPS = 0.5
"""m/s; an actor that wants to go faster kicks on the run, without lining up."""
INSTEP_M = 0.03
"""m, thickness of the instep."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """When and where a ball is best met."""

    ticks: int  # from now
    place: np.ndarray  # (3,) m, of the ball


def predicted_flight(world: World, k: int, ticks: int) -> np.ndarray:
    """Predicted positions (ticks + 1, 3) m of object ``k``, from now on, if nothing meets it."""
    n = len(world[Script].action)
    x, y, z = world[Transform].position[n + k].tolist()
    vx, vy, vz = world[Velocity].linear[n + k].tolist()
    t = DT * np.arange(ticks + 1)
    if world[Body].grounded[n + k]:
        return np.stack([x + vx * t, y + vy * t, np.full_like(t, z)], axis=1)
    up = z + vz * t - 0.5 * world.gravity * t * t
    radius = 0.5 * float(world[Body].size[n + k, 2])
    below = np.flatnonzero(up < radius)
    if len(below) and world.gravity > 0.0:
        first = int(below[0])
        impact = math.sqrt(max(vz * vz + 2.0 * world.gravity * (z - radius), 0.0))
        after = t[first:] - (vz + impact) / world.gravity
        bounce = 0.5 * impact * after - 0.5 * world.gravity * after * after
        up[first:] = radius + np.maximum(bounce, 0.0)
    return np.stack([x + vx * t, y + vy * t, up], axis=1)


def relative_track(world: World, row: int, track: np.ndarray) -> np.ndarray:
    """A track (T, 3) m as forward, left and up of an actor that keeps its velocity and heading."""
    t = DT * np.arange(len(track))[:, None]
    root = world[Transform].position[row] + t * world[Velocity].linear[row] * [1.0, 1.0, 0.0]
    away = track - root
    heading = float(world[Transform].heading[row])
    cos, sin = math.cos(heading), math.sin(heading)
    forward = away[:, 0] * cos + away[:, 1] * sin
    left = away[:, 1] * cos - away[:, 0] * sin
    return np.stack([forward, left, away[:, 2]], axis=1)


def loose_balls(world: World) -> np.ndarray:
    """Objects in nobody's hand that are balls or were thrown to an actor."""
    ball = world[Body].kind[len(world[Script].action) :] == BALL
    return np.flatnonzero((ball | (world[Flight].to >= 0)) & (world[Thing].holder < 0))


def catches(world: World) -> list[tuple[int, int, Meeting]]:
    """Actor row, object and meeting of every ball that is going to be caught."""
    flight, script, n = world[Flight], world[Script], len(world[Script].action)
    ready = np.isin(script.action, list(CATCHERS)) & (world[Knockdown].since < 0)
    meant = flight.to.max(initial=-1) >= 0
    if not meant and not some(ready):
        return []
    full = world[Thing].holder[world[Body].kind[n:] == BALL]
    found = []
    for k in loose_balls(world).tolist():
        linear = world[Velocity].linear[n + k]
        if not linear.any() or world.tick - flight.since[k] < CATCH_AFTER_TICKS:
            continue
        hands = ready.copy()
        if 0 <= flight.to[k] < n:
            hands[flight.to[k]] = world[Knockdown].since[flight.to[k]] < 0
        if 0 <= flight.by[k] < n:
            hands[flight.by[k]] = False
        hands[full[full >= 0]] = False
        best: tuple[int, int, Meeting] | None = None
        track = predicted_flight(world, k, HORIZON_TICKS)
        for row in np.flatnonzero(hands).tolist():
            meeting = _catch(world, row, track)
            if meeting is not None and (best is None or meeting.ticks < best[2].ticks):
                best = row, k, meeting
        if best is not None:
            found.append(best)
    return found


def _catch(world: World, row: int, track: np.ndarray) -> Meeting | None:
    """When and where an actor best catches a ball on a track (T, 3) m; None if out of reach."""
    size = float(world[Person].scale[row])
    seen = relative_track(world, row, track) / size
    forward, left, up = seen.T
    low = np.clip((LOW_M - up) / LOW_M, 0.0, 1.0)
    shoulder = 1.30 - 0.78 * low
    arm = np.hypot(forward - 0.10 - 0.35 * low, up - shoulder)
    able = (np.abs(left) <= CATCH_SIDE_M) & (arm <= CATCH_ARM_M) & (up <= CATCH_HEIGHT_M)
    if not able.any():
        return None
    cost = np.abs(forward - CATCH_AT[0]) + 0.3 * np.abs(up - CATCH_AT[1])
    best = int(np.argmin(np.where(able, cost, np.inf)))
    return Meeting(best, track[best])


def meets_bat(world: World, row: int) -> Meeting | None:
    """When and where a batter meets the first ball that comes; None if none does."""
    n, flight = len(world[Script].action), world[Flight]
    size = float(world[Person].scale[row])
    best: Meeting | None = None
    balls = loose_balls(world)
    linear = world[Velocity].linear[n + balls]
    speeds = np.hypot(linear[:, 0], linear[:, 1])
    coming = (speeds >= COMING_MPS) & (flight.by[balls] != row)
    for k, speed in zip(balls[coming].tolist(), speeds[coming].tolist(), strict=True):
        track = predicted_flight(world, k, HORIZON_TICKS)
        seen = relative_track(world, row, track)
        across = abs(seen[-1, 1] - seen[0, 1]) > abs(seen[-1, 0] - seen[0, 0])
        if across:  # the batter stands beside the plate, and the ball passes ahead
            off, aside = np.abs(seen[:, 1]), seen[:, 0] - OVER_PLATE_M * size
            most = PLATE_M * size
        else:
            off, aside = np.abs(seen[:, 0] - SWING_AT_M * size), seen[:, 1]
            most = SWING_REACH_M * size
        at = int(np.argmin(off))
        near = off[at] <= max(0.55 * speed * DT, 0.05) and abs(aside[at]) < most
        if near and seen[at, 2] < 1.8 * size and (best is None or at < best.ticks):
            best = Meeting(at, track[at])
    return best


def kicked_ball(world: World, row: int) -> int | None:
    """The ball that an actor kicks: the nearest ahead; None if there is none."""
    n, position = len(world[Script].action), world[Transform].position
    heading = float(world[Transform].heading[row])
    best, nearest = None, KICK_WITHIN_M * float(world[Person].scale[row])
    for k in loose_balls(world).tolist():
        x, y, z = (position[n + k] - position[row]).tolist()
        far = math.hypot(x, y)
        if far < nearest and z < 0.6 and x * math.cos(heading) + y * math.sin(heading) > -0.1:
            best, nearest = k, far
    return best


def step_to_ball(world: World, dt: float) -> None:
    """Move actors that are about to kick so that the ball lies right; the kick waits for that."""
    gait, script = world[Gait], world[Script]
    for row in np.flatnonzero((script.action == KICKING) & (gait.action == KICKING)).tolist():
        contact = contact_time(ActionType.KICKING)
        left = contact - float(gait.clock[row])
        k = kicked_ball(world, row)
        running = float(np.hypot(*world[Intent].velocity[row])) > RUNNING_MPS
        if k is None or left <= 0.0 or world[Knockdown].since[row] >= 0 or running:
            continue
        size = float(world[Person].scale[row])
        ticks = min(max(round(left / DT), 0), HORIZON_TICKS)
        ball = predicted_flight(world, k, ticks)[-1:]
        wrong = relative_track(world, row, ball)[0, :2] - np.array(KICK_AT) * size
        waited = (world.tick - int(script.since[row])) * DT
        astray = float(np.hypot(wrong[0], wrong[1])) > 0.15 or bool(gait.stepping[row])
        waits = astray and gait.clock[row] < 0.15 and waited < KICK_PATIENCE_S
        if waits:
            gait.clock[row] = min(float(gait.clock[row]), 0.1)
        heading = float(world[Transform].heading[row])
        cos, sin = math.cos(heading), math.sin(heading)
        step = np.array([wrong[0] * cos - wrong[1] * sin, wrong[0] * sin + wrong[1] * cos])
        far = float(np.hypot(step[0], step[1]))
        if far > 1e-3:
            speed = min(0.1 + 2.5 * far, KICK_STEP_MPS, far / dt) if waits else 0.0
            world[Body].asked[row, :2] = speed * step / far


def meet_balls(world: World, targets: LimbTargets) -> None:
    """Add the targets of hands that catch, hands that swing a bat, and feet that kick."""
    for row, _, meeting in catches(world):
        _reach_to_catch(world, targets, row, meeting)
    action = world[Gait].action
    for row in np.flatnonzero(action == BATTING).tolist():
        _reach_to_bat(world, targets, row)
    for row in np.flatnonzero(action == KICKING).tolist():
        _reach_to_kick(world, targets, row)


def _reach_to_catch(world: World, targets: LimbTargets, row: int, meeting: Meeting) -> None:
    """Add both hands where a ball is caught, and bend to a low one."""
    size = float(world[Person].scale[row])
    left = meeting.ticks * DT
    weight = 1.0 - left / HANDS_UP_S
    low = float(np.clip((LOW_M * size - meeting.place[2]) / (LOW_M * size), 0.0, 1.0))
    if low > 0.0 and left < 2.0 * HANDS_UP_S:
        lean, drop = BENT.get(int(world[Gait].action[row]), (0.0, 0.0))
        targets.stoop[row] = low * (CROUCHED[0] - lean), low * (CROUCHED[1] - drop)
        targets.empty = False
    side = world[Transform].heading[row] + 0.5 * math.pi
    apart = BESIDE_M * size * np.array([math.cos(side), math.sin(side), 0.0])
    targets.add(world, row, R_HAND, meeting.place, weight)
    targets.add(world, row, L_HAND, meeting.place + apart, weight)


def _reach_to_bat(world: World, targets: LimbTargets, row: int) -> None:
    """Add both hands such that the sweet spot of the bat meets the ball."""
    thing = world[Thing]
    if not np.count_nonzero((thing.holder == row) & (thing.kind == BAT)):
        return
    meeting = meets_bat(world, row)
    if meeting is None or meeting.ticks * DT > AIM_S:
        return
    size, heading = float(world[Person].scale[row]), float(world[Transform].heading[row])
    cos, sin = math.cos(heading), math.sin(heading)
    forward, left, up = (size * part for part in BAT_HANDS)
    nominal = np.array([forward * cos - left * sin, forward * sin + left * cos, up])
    away = meeting.place - world[Transform].position[row] - nominal
    along = away / max(float(np.linalg.norm(away)), 1e-6)
    hand = meeting.place - SWEET_M * along
    weight = 1.0 - meeting.ticks * DT / AIM_S
    targets.add(world, row, R_HAND, hand, weight)
    targets.add(world, row, L_HAND, hand - HANDS_APART_M * along, weight)


def _reach_to_kick(world: World, targets: LimbTargets, row: int) -> None:
    """Add the foot behind the ball that is kicked."""
    left = contact_time(ActionType.KICKING) - float(world[Gait].clock[row])
    if not -0.5 * DT < left < AIM_S:
        return
    k = kicked_ball(world, row)
    if k is None:
        return
    n = len(world[Script].action)
    ball = predicted_flight(world, k, max(round(left / DT), 0))[-1]
    radius = 0.5 * float(world[Body].size[n + k, 2])
    heading = float(world[Transform].heading[row])
    behind = (radius + 0.5 * INSTEP_M) * np.array([math.cos(heading), math.sin(heading), 0.0])
    place = ball - behind
    place[2] = min(radius, 0.12)
    targets.add(world, row, R_FOOT, place, 1.0 - max(left, 0.0) / AIM_S)
