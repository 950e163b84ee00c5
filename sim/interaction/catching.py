"""Balls that come: caught, dribbled, or met by a swing that starts in time."""

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
from entities.objects import BodyKind, ObjectType
from entities.skeleton import ACTOR_TYPES, HEAD_RADIUS, NECK
from entities.units import DT
from sim.animation.gestures import gesture_table
from sim.animation.joints import joints_world
from sim.animation.motion_state import motion_state
from sim.animation.pose import evaluate_poses
from sim.interaction.interception import CATCH_AFTER_TICKS, catches, meets_bat
from sim.world import World

BALL = list(BodyKind).index(BodyKind.BALL)
BASKETBALL = list(ObjectType).index(ObjectType.BASKETBALL)
DRIBBLING = ACTION_INDEX[ActionType.DRIBBLING]
HEADER = ACTION_INDEX[ActionType.HEADER]
SWINGS = frozenset(
    ACTION_INDEX[a] for a in (ActionType.BATTING, ActionType.TENNIS_SWING, ActionType.HEADER)
)

TOSS_AT_S = 0.08
"""So far into heading a ball it leaves the hands."""
TEMPO_SPREAD = 0.08
"""How much faster or slower than another a person's gestures go."""
THROWN_MPS = {ACTION_INDEX[ActionType.PITCHING]: 40.0, ACTION_INDEX[ActionType.THROWING]: 14.0}
"""About how fast those who throw throw, for whoever waits to swing at it."""
LEAD = 1.25
"""A dribbled ball is touched ahead at this times the runner's speed, and LEAD_MPS more."""
LEAD_MPS = 0.6
AT_FEET_M = 0.45
"""Before the root, at scale 1, a ball lies that is to be dribbled."""
HAND = (0.36, -0.24, 0.86)
"""m at scale 1, forward, left, up: where a basketball is pushed down."""
PUSH_MPS = 3.9
"""Downwards: a ball of restitution 0.75 is back in the hand 0.44 s later."""
STEER = 12.0
"""1/s, how fast a hand brings a bouncing ball back beside its body."""


def catch(world: World, dt: float) -> None:
    """Take the balls that are where they are best met; until then hands only wait for them."""
    flight, thing, body, n = world[Flight], world[Thing], world[Body], len(world.ids(Person))
    loose = ((body.kind[n:] == BALL) | (flight.to >= 0)) & (thing.holder < 0)
    loose &= world.tick - flight.since >= CATCH_AFTER_TICKS
    flight.to[loose & ~world[Velocity].linear[n:].any(axis=1)] = -1
    for row, k, meeting in catches(world):
        if meeting.ticks == 0:
            thing.holder[k] = row
            flight.by[k], flight.to[k] = -1, -1
            world[Velocity].linear[n + k], body.grounded[n + k] = 0.0, True


def time_swings(world: World, now: np.ndarray) -> None:
    """Hold a swing back until a ball comes, and start it so that they meet in one tick.

    now (A,) s: how far everybody is into his gesture. Without a ball in somebody else's hands
    or on its way a swing plays as it is, mimed.
    """
    script, gait, n = world[Script], world[Gait], len(world.ids(Person))
    thing = world[Thing]
    balls = np.flatnonzero(world[Body].kind[n:] == BALL).tolist()
    for row, action in enumerate(script.action.tolist()):
        if action not in SWINGS or gait.action[row] != action:
            continue
        contact = contact_time(ACTIONS[action])
        others = [k for k in balls if thing.holder[k] != row]
        if contact is None or not others or now[row] > contact:
            continue
        pace = 1.0 + TEMPO_SPREAD * float(world[Person].traits[row, 4])
        meeting = meets_bat(world, row)
        if meeting is not None:
            gait.clock[row] = max(contact - meeting.ticks * DT * pace, 0.0)
            continue
        held = [k for k in others if thing.holder[k] >= 0]
        if held:
            soon = min(_expected_s(world, row, k, now) for k in held)
            gait.clock[row] = min(max(contact - soon * pace, 0.0), contact - 0.1)


def _expected_s(world: World, row: int, k: int, now: np.ndarray) -> float:
    """When a ball somebody is about to throw will come, s from now; never if he is not."""
    holder = int(world[Thing].holder[k])
    action = int(world[Gait].action[holder])
    if action not in THROWN_MPS or now[holder] > contact_time(ACTIONS[action]):
        return np.inf
    away = world[Transform].position[row, :2] - world[Transform].position[holder, :2]
    far = max(float(np.hypot(away[0], away[1])) - 1.0, 0.0)
    return contact_time(ACTIONS[action]) - float(now[holder]) + far / THROWN_MPS[action]


def dribble(world: World) -> None:
    """Touch a ball ahead at the feet; keep a basketball bouncing beside the hand."""
    script, n = world[Script], len(world.ids(Person))
    flight, thing = world[Flight], world[Thing]
    bounced = (flight.by >= 0) & (flight.to == flight.by) & (thing.holder < 0)
    rows = np.flatnonzero((script.action == DRIBBLING) & (world[Knockdown].since < 0))
    if len(rows):
        set_balls_at_feet(world)
    if len(rows) == 0 and not bounced.any():
        return
    linear, transform = world[Velocity].linear, world[Transform]
    for k in np.flatnonzero(bounced).tolist():
        by = int(flight.by[k])
        if by >= n or script.action[by] == DRIBBLING or flight.since[k] == world.tick:
            continue
        if _bounce(world, by, k):
            thing.holder[k], flight.by[k], flight.to[k] = by, -1, -1
            linear[n + k], world[Body].grounded[n + k] = 0.0, True
    for row in rows.tolist():
        mine = (thing.holder == row) | (bounced & (flight.by == row))
        for k in np.flatnonzero(mine & (thing.kind == BASKETBALL)).tolist():
            _bounce(world, row, k)
    contacts = world.contacts
    for first, second in zip(contacts.first.tolist(), contacts.second.tolist(), strict=True):
        if first < n <= second and script.action[first] == DRIBBLING:
            speed = float(np.hypot(*linear[first, :2])) * LEAD + LEAD_MPS
            heading = float(transform.heading[first])
            if world[Body].kind[second] == BALL and thing.holder[second - n] < 0:
                linear[second, :2] = speed * np.cos(heading), speed * np.sin(heading)


def set_balls_at_feet(world: World) -> None:
    """A ball that is dribbled with the feet does not stay in the hand."""
    if Thing not in world or not len(world[Thing]):
        return
    thing, n = world[Thing], len(world[Script].action)
    held = (thing.holder >= 0) & (thing.kind != BASKETBALL) & (world[Body].kind[n:] == BALL)
    for k in np.flatnonzero(held).tolist():
        if world[Script].action[thing.holder[k]] == DRIBBLING:
            _set_at_feet(world, int(thing.holder[k]), k)


def _set_at_feet(world: World, row: int, k: int) -> None:
    transform, at = world[Transform], len(world.ids(Person)) + k
    heading, radius = float(transform.heading[row]), float(world[Body].size[at, 2]) / 2.0
    ahead = AT_FEET_M * float(world[Person].scale[row])
    away = ahead * np.cos(heading), ahead * np.sin(heading), 0.0
    transform.position[at] = transform.position[row] + away
    transform.position[at, 2] += radius
    world[Thing].holder[k], world[Body].grounded[at] = -1, True
    world[Velocity].linear[at] = 0.0


def toss(world: World, now: np.ndarray) -> None:
    """Who is to head the ball in his hands throws it up, so that it meets his head in time."""
    script, gait, thing = world[Script], world[Gait], world[Thing]
    n = len(script.action)
    for row in np.flatnonzero((script.action == HEADER) & (gait.action == HEADER)).tolist():
        mine = (thing.holder == row) & (world[Body].kind[n:] == BALL)
        contact = contact_time(ActionType.HEADER)
        if now[row] < TOSS_AT_S or now[row] > 0.5 * contact:
            continue
        for k in np.flatnonzero(mine).tolist():
            pace = 1.0 + TEMPO_SPREAD * float(world[Person].traits[row, 4])
            time = (contact - float(now[row])) / pace
            start = joints_of(world, row)[int(thing.hand[k])]
            goal = _head_at(world, row, contact, pace, 0.5 * float(world[Body].size[n + k, 2]))
            thing.holder[k] = -1
            world[Transform].position[n + k] = start
            velocity = (goal - start) / time
            velocity[2] += 0.5 * world.gravity * time
            world[Velocity].linear[n + k] = velocity
            world[Body].grounded[n + k] = False
            world[Flight].by[k], world[Flight].since[k] = row, world.tick
            world[Flight].to[k] = -1


def _head_at(world: World, row: int, contact: float, pace: float, radius: float) -> np.ndarray:
    """(3,) m, where the middle of a ball is that touches somebody's brow as he heads it."""
    table, gait = gesture_table(), world[Gait]
    air = (contact - float(table.take_off[HEADER])) / pace
    up = float(table.jump_speed[HEADER]) * np.sqrt(float(gait.size[row]))
    neck = joints_of(world, row, clock=contact)[NECK]
    heading, size = float(world[Transform].heading[row]), float(world[Person].scale[row])
    kind = ACTOR_TYPES[int(world[Person].kind[row])]
    away = HEAD_RADIUS[kind] * size + radius
    forward, rise = 0.8 * away, 0.6 * away + 1.35 * HEAD_RADIUS[kind] * size
    rise += up * air - 0.5 * world.gravity * air * air
    return neck + np.array([forward * np.cos(heading), forward * np.sin(heading), rise])


def joints_of(world: World, row: int, clock: float | None = None) -> np.ndarray:
    """(10, 3) m, where an actor's joints are now, or on this ground at a time of his gesture."""
    one, transform = np.array([row]), world[Transform]
    rows = motion_state(world).take(one)
    if clock is not None:
        rows.clock = np.array([clock])
        rows.age = rows.age + 1e3
        rows.grip = np.zeros_like(rows.grip)
    pose = evaluate_poses(rows)
    root, heading = transform.position[one], transform.heading[one]
    return joints_world(root, heading, pose.joints, pose.lateral, pose.roll)[0]


def _bounce(world: World, row: int, k: int) -> bool:
    """One tick of a basketball under a hand: steer it, push it down when it has come up.

    Returns whether it had.
    """
    n, transform, flight = len(world.ids(Person)), world[Transform], world[Flight]
    thing, linear, at = world[Thing], world[Velocity].linear, len(world.ids(Person)) + k
    size, heading = float(world[Person].scale[row]), float(transform.heading[row])
    cos, sin = np.cos(heading), np.sin(heading)
    forward, left, up = (size * part for part in HAND)
    root = transform.position[row]
    hand = root + np.array([forward * cos - left * sin, forward * sin + left * cos, up])
    ball = transform.position[n + k]
    if thing.holder[k] >= 0:
        thing.holder[k] = -1
        ball[:] = hand
    steer = min(STEER, 1.0 / DT)
    linear[at, :2] = world[Body].asked[row, :2] + steer * (hand - ball)[:2]
    in_hand = ball[2] >= hand[2] and linear[at, 2] >= 0.0
    if in_hand or world[Body].grounded[at]:
        linear[at, 2] = -PUSH_MPS if in_hand else PUSH_MPS
        world[Body].grounded[at] = False
    # Meant for himself: that is what tells a dribbled ball from one he has sent off.
    flight.by[k], flight.since[k], flight.to[k] = row, world.tick, row
    return bool(in_hand)
