"""Handling objects: holding, throwing, catching, kicking, hitting, dribbling, lifting.

A gesture has a contact time; in the tick after it the ball leaves the hand or is struck. Between
contacts no pose is evaluated here: where a held object is shown follows from the pose that is
drawn.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS, ActionType, contact_time
from entities.components import (
    Body,
    Flight,
    Gait,
    Handling,
    Knockdown,
    Mark,
    Person,
    Pose,
    Script,
    Thing,
    Transform,
    Velocity,
)
from entities.objects import BODY_KIND_INDEX, OBJECT_INDEX, OBJECT_TYPES, BodyKind, ObjectType
from entities.skeleton import ACTOR_TYPES, HEAD_RADIUS, L_HAND, NECK, R_FOOT, R_HAND, joints_world
from entities.units import DT
from sim.animation.gestures import gesture_table
from sim.animation.locomotion import TEMPO_SPREAD
from sim.animation.motion_state import motion_state
from sim.animation.pose import evaluate_poses
from sim.interaction.carrying import BOTH_HANDS_M, PULL, haul, liftable, receiver, rest_place
from sim.interaction.interception import CATCH_AFTER_TICKS, CATCHERS, catches, meets_bat
from sim.physics.height import launch_to
from sim.world import World

BALL = BODY_KIND_INDEX[BodyKind.BALL]
BASKETBALL, BICYCLE, HOOP = (
    OBJECT_INDEX[kind] for kind in (ObjectType.BASKETBALL, ObjectType.BICYCLE, ObjectType.HOOP)
)


@dataclass(frozen=True, slots=True)
class Launch:
    """How an action of an adult launches a ball where there is no target."""

    speed: float  # m/s
    angle: float  # rad above the horizontal
    joint: int = R_HAND  # that the ball is struck from
    reach: float = 0.0  # m from that joint to a ball that is struck; 0 for a throw


A = ActionType
LAUNCHES: dict[ActionType, Launch] = {
    A.THROWING: Launch(18.0, 0.35),  # choice: an amateur's throw, 21 m far
    A.PITCHING: Launch(40.0, -0.01),  # choice: 89 mph, a professional's slower pitches
    A.SHOOTING: Launch(8.5, 0.91),  # choice: 52 degrees, a free throw's arc
    A.BOWLING: Launch(8.0, -0.05),  # choice: 18 mph down the lane
    A.KICKING: Launch(22.0, 0.30, R_FOOT, 0.9),  # choice: an instep kick
    A.HEADER: Launch(12.0, 0.15, NECK, 0.7),  # choice
    A.GOLF_SWING: Launch(45.0, 0.25, R_HAND, 1.6),  # choice: 100 mph off the tee
    A.TENNIS_SWING: Launch(25.0, 0.10, R_HAND, 1.2),  # choice: a rally stroke
    A.BATTING: Launch(38.0, 0.38, R_HAND, 1.5),  # choice: 85 mph at 22 degrees, a fair hit
}
del A
LIFTS = (ActionType.PICK_UP, ActionType.CARRY)
BATTED_WITHIN = 0.5
"""rad to either side of where a pitch came from within which a bat sends it."""
CHEST_M = 1.15
"""m at scale 1, height at which throws arrive."""
FOREARM_M = 0.40
"""m at scale 1, how far ahead of the chest they arrive."""
PASS_MPS = 6.0
PASS_RATE = 0.6
"""A pass has PASS_MPS m/s, and PASS_RATE m/s more for each metre it goes, up to the action's
speed."""
RIM = (0.2505, 0.772)
"""Centre of a hoop's rim in heights of the hoop: ahead of the pole, and above the ground."""
DRIBBLING = ACTION_INDEX[ActionType.DRIBBLING]
HEADER = ACTION_INDEX[ActionType.HEADER]
SWINGS = frozenset(
    ACTION_INDEX[a] for a in (ActionType.BATTING, ActionType.TENNIS_SWING, ActionType.HEADER)
)

TOSS_AT_S = 0.08
"""s into a header at which the ball leaves the hands."""
THROWN_MPS = {ACTION_INDEX[ActionType.PITCHING]: 40.0, ACTION_INDEX[ActionType.THROWING]: 14.0}
"""m/s, about how fast a ball is thrown, for an actor that waits to swing at it."""
LEAD = 1.25
"""Factor on the runner's speed at which a dribbled ball is touched ahead; LEAD_MPS is added."""
LEAD_MPS = 0.6
"""m/s."""
AT_FEET_M = 0.45
"""m at scale 1, ahead of the root, where a ball lies that is about to be dribbled."""
HAND = (0.36, -0.24, 0.86)
"""m at scale 1, forward, left and up, where a basketball is pushed down."""
PUSH_MPS = 3.9
"""m/s downwards: a ball of restitution 0.75 is back in the hand 0.44 s later."""
STEER = 12.0
"""1/s at which a hand brings a bouncing ball back beside the body."""

_HANDLING = frozenset(ACTION_INDEX[action] for action in (*LAUNCHES, *LIFTS, ActionType.PUT_DOWN))


@cache
def _contacts() -> np.ndarray:
    """(ACTIONS,) s, contact time of each gesture; inf where it has none."""
    times = [contact_time(action) for action in ACTIONS]
    return np.array([np.inf if time is None else time for time in times])


def handle_objects(world: World, dt: float) -> None:
    """Do what actors do to objects in this tick."""
    thing, flight = world[Thing], world[Flight]
    if len(thing) == 0 or len(world.ids(Person)) == 0:
        return
    doing = set(world[Script].action.tolist())
    if not doing.isdisjoint(_HANDLING):
        gait = world[Gait]
        now = gesture_table().time_in(gait.action, gait.clock, gait.phase)
        if not doing.isdisjoint(SWINGS):
            _time_swings(world, now)
        if HEADER in doing:
            _toss(world, now)
        for row in _due(world, now).tolist():
            _act(world, row)
    if flight.to.max() >= 0 or not doing.isdisjoint(CATCHERS):
        _catch(world)
    if DRIBBLING in doing or flight.to.max() >= 0:
        _dribble(world)
    if PULL in doing:
        haul(world)
    if thing.holder.max() >= 0:
        _keep_in_hand(world)


def _due(world: World, now: np.ndarray) -> np.ndarray:
    """Rows of the actors whose gesture passed its contact time since the last tick.

    now: (A,) s, time of each gesture.
    """
    gait, handling = world[Gait], world[Handling]
    contact = _contacts()[gait.action]
    due = (handling.time < contact) & (contact <= now) & (gait.action == world[Script].action)
    handling.time = now
    return np.flatnonzero(due & (world[Knockdown].since < 0))


def _act(world: World, row: int) -> None:
    """Do what an actor's action does to objects at its contact time."""
    action = ACTIONS[int(world[Script].action[row])]
    held = np.flatnonzero(world[Thing].holder == row)
    if action in LIFTS:
        _pick_up(world, row)
    elif action is ActionType.PUT_DOWN:
        for k in held.tolist():
            _put_down(world, row, k)
    elif action in LAUNCHES and LAUNCHES[action].reach > 0.0:
        _strike(world, row, LAUNCHES[action])
    elif action in LAUNCHES:
        kinds = world[Body].kind[len(world.ids(Person)) + held]
        balls = held[kinds == BALL]
        held = balls if len(balls) else held[world[Thing].kind[held] != BICYCLE]
        if len(held):
            _throw(world, row, int(held[0]), action)
        elif action is ActionType.SHOOTING:
            _strike(world, row, LAUNCHES[ActionType.KICKING])


def _throw(world: World, row: int, k: int, action: ActionType) -> None:
    """Launch a held object from the hand."""
    launch, thing = LAUNCHES[action], world[Thing]
    start = _joints_of(world, row)[int(thing.hand[k])]
    thing.holder[k] = -1
    target = int(world[Script].target[row])
    speed = launch.speed * min(float(world[Person].scale[row]), 1.0)
    _send(world, row, k, start, _velocity(world, row, start, target, launch, speed, action))


def _strike(world: World, row: int, launch: Launch) -> None:
    """Strike the nearest ball within reach, if any: to the target, ahead, or a pitch back."""
    n, thing, position = len(world.ids(Person)), world[Thing], world[Transform].position
    loose = np.flatnonzero((world[Body].kind[n:] == BALL) & (thing.holder < 0))
    if len(loose) == 0:
        return
    size = float(world[Person].scale[row])
    apart = position[n + loose] - _joints_of(world, row)[launch.joint]
    distance = np.sqrt((apart * apart).sum(axis=1))
    nearest = int(np.argmin(distance))
    if distance[nearest] > launch.reach * size:
        return
    k = int(loose[nearest])
    action = ACTIONS[int(world[Script].action[row])]
    start, coming = position[n + k], world[Velocity].linear[n + k].copy()
    speed = launch.speed * min(size, 1.0)
    if action is ActionType.BATTING and np.hypot(coming[0], coming[1]) > speed / 4.0:
        back = np.arctan2(-coming[1], -coming[0])
        back += world.rng.uniform(-BATTED_WITHIN, BATTED_WITHIN)
        velocity = _along(float(back), launch.angle, speed)
    else:
        target = int(world[Script].target[row])
        target = -1 if target == n + k else target
        velocity = _velocity(world, row, start, target, launch, speed, action)
    _send(world, row, k, start, velocity)
    spot = (float(start[0]), float(start[1]), float(start[2]))
    kind = "kick" if launch.joint == R_FOOT else "hit"
    world.marks.append(Mark(world.tick, kind, spot, float(np.linalg.norm(velocity))))


def _velocity(
    world: World,
    row: int,
    start: np.ndarray,
    target: int,
    launch: Launch,
    speed: float,
    action: ActionType,
) -> np.ndarray:
    """Velocity (3,) m/s that takes a ball from ``start`` to the target, or ahead if there is none.

    target: entity, -1 none. A pass to a moving actor leads it.
    """
    if target < 0 or target == row:
        return _along(float(world[Transform].heading[row]), launch.angle, speed)
    point = aim_point(world, target)
    n, linear = len(world.ids(Person)), world[Velocity].linear
    far = float(np.hypot(*(point - start)[:2]))
    basket = target >= n and int(world[Thing].kind[target - n]) == HOOP
    if action is not ActionType.PITCHING and not (target >= n and not basket):
        speed = min(PASS_MPS + PASS_RATE * far, speed)
    if target < n:
        point = point + np.array([*linear[target, :2], 0.0]) * (far / speed)
    if action is ActionType.BOWLING:
        point = np.array([*point[:2], start[2] - 0.5 * world.gravity * (far / speed) ** 2])
    return launch_to(start, point, speed, world.gravity, high=basket)


def aim_point(world: World, target: int) -> np.ndarray:
    """Point (3,) m at which a ball for an entity should arrive.

    Ahead of an actor's chest, at the rim of a hoop, at the middle of any other object.
    """
    n, transform = len(world.ids(Person)), world[Transform]
    point, heading = transform.position[target].copy(), float(transform.heading[target])
    ahead = np.array([np.cos(heading), np.sin(heading), 0.0])
    height = float(world[Body].size[target, 2])
    if target < n:
        size = float(world[Person].scale[target])
        return point + FOREARM_M * size * ahead + np.array([0.0, 0.0, CHEST_M * size])
    kind = int(world[Thing].kind[target - n])
    if kind == HOOP:
        return point + RIM[0] * height * ahead + np.array([0.0, 0.0, RIM[1] * height])
    if int(world[Body].kind[target]) != BALL:
        point[2] += height / 2.0
    return point


def _along(heading: float, angle: float, speed: float) -> np.ndarray:
    """Velocity (3,) m/s with a heading and an angle above the horizontal, rad."""
    flat = speed * np.cos(angle)
    return np.array([flat * np.cos(heading), flat * np.sin(heading), speed * np.sin(angle)])


def _send(world: World, row: int, k: int, start: np.ndarray, velocity: np.ndarray) -> None:
    """Launch an object from ``start`` (3,) m at ``velocity`` (3,) m/s, and write its Flight."""
    at = len(world.ids(Person)) + k
    radius = float(world[Body].size[at, 2]) / 2.0 if world[Body].kind[at] == BALL else 0.0
    position, linear, flight = world[Transform].position, world[Velocity].linear, world[Flight]
    position[at] = start
    position[at, 2] = max(float(start[2]), radius)
    linear[at] = velocity
    world[Body].grounded[at] = False
    flight.by[k], flight.since[k] = row, world.tick
    target = int(world[Script].target[row])
    flight.to[k] = target if target < len(world.ids(Person)) and target != row else -1


def _pick_up(world: World, row: int) -> None:
    """Put the target, or the nearest object that can be lifted, into an actor's hand."""
    n, k = len(world.ids(Person)), liftable(world, row)
    if k is None:
        return
    world[Thing].holder[k] = row
    world[Body].grounded[n + k], world[Velocity].linear[n + k] = True, 0.0


def _put_down(world: World, row: int, k: int) -> None:
    """Put a held object down, or hand it to another actor."""
    n, transform, body = len(world.ids(Person)), world[Transform], world[Body]
    transform.position[n + k] = rest_place(world, row, k)
    if (other := receiver(world, row)) is not None:
        world[Thing].holder[k] = other
        return
    world[Velocity].linear[n + k] = 0.0
    body.grounded[n + k] = transform.position[row, 2] <= 0.0
    world[Thing].holder[k] = -1


def _keep_in_hand(world: World) -> None:
    """Move held objects along with their holder, at chest height; a fallen actor drops them.

    ``show_in_hand`` puts them at the hand itself once the pose is known.
    """
    n, thing, transform = len(world.ids(Person)), world[Thing], world[Transform]
    rows = np.flatnonzero(thing.holder >= 0)
    holder, at = thing.holder[rows], n + rows
    transform.position[at] = transform.position[holder] + _carried()[thing.kind[rows]]
    transform.heading[at] = transform.heading[holder]
    down = world[Knockdown].since[holder] >= 0
    if down.any():
        world[Body].grounded[at[down]] = False
        thing.holder[rows[down]] = -1


@cache
def _carried() -> np.ndarray:
    """Offsets (object types, 3) m from a holder's root to a held object, or to a bicycle ridden."""
    offset = np.tile([0.0, 0.0, CHEST_M], (len(OBJECT_TYPES), 1))
    offset[BICYCLE] = 0.0
    return offset


def _catch(world: World) -> None:
    """Put balls that have come to where they are caught into the hand."""
    flight, thing, body, n = world[Flight], world[Thing], world[Body], len(world.ids(Person))
    loose = ((body.kind[n:] == BALL) | (flight.to >= 0)) & (thing.holder < 0)
    loose &= world.tick - flight.since >= CATCH_AFTER_TICKS
    flight.to[loose & ~world[Velocity].linear[n:].any(axis=1)] = -1
    for row, k, meeting in catches(world):
        if meeting.ticks == 0:
            thing.holder[k] = row
            flight.by[k], flight.to[k] = -1, -1
            world[Velocity].linear[n + k], body.grounded[n + k] = 0.0, True


def _time_swings(world: World, now: np.ndarray) -> None:
    """Set the gesture clocks of swings so that bat, racket or head meets the ball.

    now: (A,) s, time of each gesture. A swing waits while a ball is in another actor's hand;
    with no ball to come it plays as it is, mimed.
    """
    script, gait, n = world[Script], world[Gait], len(world.ids(Person))
    thing = world[Thing]
    balls = np.flatnonzero(world[Body].kind[n:] == BALL)
    for row, action in enumerate(script.action.tolist()):
        if action not in SWINGS or gait.action[row] != action:
            continue
        contact = contact_time(ACTIONS[action])
        others = balls[thing.holder[balls] != row]
        if contact is None or not len(others) or now[row] > contact:
            continue
        pace = 1.0 + TEMPO_SPREAD * float(world[Person].traits[row, 4])
        meeting = meets_bat(world, row)
        if meeting is not None:
            gait.clock[row] = max(contact - meeting.ticks * DT * pace, 0.0)
            continue
        held = others[thing.holder[others] >= 0].tolist()
        if held:
            soon = min(_expected_s(world, row, k, now) for k in held)
            gait.clock[row] = min(max(contact - soon * pace, 0.0), contact - 0.1)


def _expected_s(world: World, row: int, k: int, now: np.ndarray) -> float:
    """Time, s from now, at which a ball in an actor's hand will come; inf if it is not thrown."""
    holder = int(world[Thing].holder[k])
    action = int(world[Gait].action[holder])
    if action not in THROWN_MPS or now[holder] > contact_time(ACTIONS[action]):
        return np.inf
    away = world[Transform].position[row, :2] - world[Transform].position[holder, :2]
    far = max(float(np.hypot(away[0], away[1])) - 1.0, 0.0)
    return contact_time(ACTIONS[action]) - float(now[holder]) + far / THROWN_MPS[action]


def _dribble(world: World) -> None:
    """Touch balls at the feet ahead; keep basketballs bouncing beside the hand."""
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
    """Put balls that are dribbled with the feet from the hand to the ground."""
    thing, n = world[Thing], len(world[Script].action)
    held = (thing.holder >= 0) & (thing.kind != BASKETBALL) & (world[Body].kind[n:] == BALL)
    for k in np.flatnonzero(held).tolist():
        if world[Script].action[thing.holder[k]] == DRIBBLING:
            _set_at_feet(world, int(thing.holder[k]), k)


def _set_at_feet(world: World, row: int, k: int) -> None:
    """Put a ball on the ground ahead of an actor."""
    transform, at = world[Transform], len(world.ids(Person)) + k
    heading, radius = float(transform.heading[row]), float(world[Body].size[at, 2]) / 2.0
    ahead = AT_FEET_M * float(world[Person].scale[row])
    away = ahead * np.cos(heading), ahead * np.sin(heading), 0.0
    transform.position[at] = transform.position[row] + away
    transform.position[at, 2] += radius
    world[Thing].holder[k], world[Body].grounded[at] = -1, True
    world[Velocity].linear[at] = 0.0


def _toss(world: World, now: np.ndarray) -> None:
    """Throw balls up from the hands of actors that head them, to meet the head in time."""
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
            start = _joints_of(world, row)[int(thing.hand[k])]
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
    """Centre (3,) m of a ball that touches an actor's brow at the contact time of a header.

    pace: how fast the gesture goes. radius: m, of the ball.
    """
    table, gait = gesture_table(), world[Gait]
    air = (contact - float(table.take_off[HEADER])) / pace
    up = float(table.jump_speed[HEADER]) * np.sqrt(float(gait.size[row]))
    neck = _joints_of(world, row, clock=contact)[NECK]
    heading, size = float(world[Transform].heading[row]), float(world[Person].scale[row])
    kind = ACTOR_TYPES[int(world[Person].kind[row])]
    away = HEAD_RADIUS[kind] * size + radius
    forward, rise = 0.8 * away, 0.6 * away + 1.35 * HEAD_RADIUS[kind] * size
    rise += up * air - 0.5 * world.gravity * air * air
    return neck + np.array([forward * np.cos(heading), forward * np.sin(heading), rise])


def _joints_of(world: World, row: int, clock: float | None = None) -> np.ndarray:
    """Joints (10, 3) m of an actor now; or at ``clock`` s of its gesture, reaching for nothing."""
    one, transform = np.array([row]), world[Transform]
    rows = motion_state(world).take(one)
    if clock is not None:
        rows.clock = np.array([clock])
        rows.blend_age = rows.blend_age + 1e3
        rows.grip = np.zeros_like(rows.grip)
    pose = evaluate_poses(rows)
    root, heading = transform.position[one], transform.heading[one]
    return joints_world(root, heading, pose.joints, pose.lateral, pose.roll)[0]


def _bounce(world: World, row: int, k: int) -> bool:
    """Steer a bouncing basketball for a tick, and push it down when it comes up to the hand.

    Returns whether it did.
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
    # Meant for the actor itself: that tells a dribbled ball from one that was launched.
    flight.by[k], flight.since[k], flight.to[k] = row, world.tick, row
    return bool(in_hand)


def show_in_hand(
    position: np.ndarray,
    thing: Thing,
    size: np.ndarray,
    shown: tuple[np.ndarray, np.ndarray],
    root: np.ndarray,
    heading: np.ndarray,
    pose: Pose,
) -> None:
    """Move held objects to the hand that holds them, in place, for K ticks at once.

    position (K, O, 3) m, size (O, 3) m; shown: holder and hand, (K, O) each; root (K, A, 3) m,
    heading (K, A) rad, pose with columns (K, A, ...). Wide objects are held between both hands.
    """
    holder, hand = shown
    tick, k = np.nonzero((holder >= 0) & (thing.kind != BICYCLE))
    if len(tick) == 0:
        return
    at = tick, holder[tick, k]
    joints = joints_world(root[at], heading[at], pose.joints[at], pose.lateral[at], pose.roll[at])
    spot = joints[np.arange(len(tick)), hand[tick, k]]
    wide = size[k, 1] > BOTH_HANDS_M
    between = 0.5 * (joints[:, L_HAND] + joints[:, R_HAND])
    between[:, 2] -= 0.5 * size[k, 2]
    position[tick, k] = np.where(wide[:, None], between, spot)
