"""Hands and feet: holding, throwing, kicking, hitting, picking up and putting down.

An action's gesture has a contact time; in the tick after it the ball leaves the hand or is struck.
Between contacts no pose is evaluated here: where a held object is shown follows from the pose that
is drawn.
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
from entities.objects import BodyKind, ObjectType
from entities.skeleton import L_HAND, NECK, R_FOOT, R_HAND
from sim.animation.gestures import gesture_table
from sim.animation.joints import joints_world
from sim.interaction.carrying import BOTH_HANDS_M, PULL, haul, liftable, rest_place, taker
from sim.interaction.catching import (
    DRIBBLING,
    HEADER,
    SWINGS,
    catch,
    dribble,
    joints_of,
    time_swings,
    toss,
)
from sim.interaction.interception import CATCHERS
from sim.interaction.knockdown import slide
from sim.physics.ballistics import launch_to
from sim.world import World

TYPES, KINDS = list(ObjectType), list(BodyKind)
BALL, PROP, MOVABLE = (KINDS.index(k) for k in (BodyKind.BALL, BodyKind.PROP, BodyKind.MOVABLE))
BICYCLE, GOAL, HOOP = (
    TYPES.index(k) for k in (ObjectType.BICYCLE, ObjectType.GOAL, ObjectType.HOOP)
)


@dataclass(frozen=True, slots=True)
class Launch:
    """How an action sends a ball off, by an adult, where no target says otherwise."""

    speed: float  # m/s
    angle: float  # rad above the horizontal
    joint: int = R_HAND  # from where a ball is struck
    reach: float = 0.0  # m from that joint to the ball, at most; 0 marks a throw


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
"""rad either side of where a pitch came from that a bat sends it."""
CHEST_M = 1.15
"""Height at scale 1 at which throws are meant to arrive, a forearm before the chest."""
FOREARM_M = 0.40
PASS_MPS = 6.0
PASS_RATE = 0.6
"""A pass takes 6 m/s and 0.6 m/s more for every metre it has to go, up to the action's speed."""
RIM = (0.2505, 0.772)
"""Centre of a hoop's rim in heights of the hoop: before the pole, above the ground."""

_DEEDS = (*LAUNCHES, *LIFTS, ActionType.PUT_DOWN)
_WITH_HANDS = frozenset(ACTION_INDEX[action] for action in _DEEDS)


@cache
def _contacts() -> np.ndarray:
    """(actions,) s into each gesture at which its deed is done; inf where it has none."""
    times = [contact_time(action) for action in ACTIONS]
    return np.array([np.inf if time is None else time for time in times])


def handle_objects(world: World, dt: float) -> None:
    """Everything people do to things this tick, before physics moves both."""
    if Person not in world or Thing not in world:
        return
    slide(world, dt)
    thing, flight = world[Thing], world[Flight]
    if len(thing) == 0 or len(world.ids(Person)) == 0:
        return
    doing = set(world[Script].action.tolist())
    if not doing.isdisjoint(_WITH_HANDS):
        gait = world[Gait]
        now = gesture_table().time_in(gait.action, gait.clock, gait.phase)
        if not doing.isdisjoint(SWINGS):
            time_swings(world, now)
        if HEADER in doing:
            toss(world, now)
        for row in _due(world, now).tolist():
            _act(world, row)
    if flight.to.max() >= 0 or not doing.isdisjoint(CATCHERS):
        catch(world, dt)
    if DRIBBLING in doing or flight.to.max() >= 0:
        dribble(world)
    if PULL in doing:
        haul(world, dt)
    if thing.holder.max() >= 0:
        _keep_in_hand(world)


def _due(world: World, now: np.ndarray) -> np.ndarray:
    """Rows of the actors whose gesture has passed its contact time since the last tick."""
    gait, deed = world[Gait], world[Handling]
    due = _contacts()[gait.action]
    done = (deed.time < due) & (due <= now) & (gait.action == world[Script].action)
    deed.time = now
    return np.flatnonzero(done & (world[Knockdown].since < 0))


def _act(world: World, row: int) -> None:
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
    launch, thing = LAUNCHES[action], world[Thing]
    start = joints_of(world, row)[int(thing.hand[k])]
    thing.holder[k] = -1
    target = int(world[Script].target[row])
    speed = launch.speed * min(float(world[Person].scale[row]), 1.0)
    _send(world, row, k, start, _velocity(world, row, start, target, launch, speed, action))


def _strike(world: World, row: int, launch: Launch) -> None:
    """Hit the nearest ball within reach, if there is one: back where it came from, or ahead."""
    n, thing, position = len(world.ids(Person)), world[Thing], world[Transform].position
    loose = np.flatnonzero((world[Body].kind[n:] == BALL) & (thing.holder < 0))
    if len(loose) == 0:
        return
    size = float(world[Person].scale[row])
    apart = position[n + loose] - joints_of(world, row)[launch.joint]
    distance = np.sqrt((apart * apart).sum(axis=1))
    nearest = int(np.argmin(distance))
    if distance[nearest] > launch.reach * size:
        return
    k = int(loose[nearest])
    action = ACTIONS[int(world[Script].action[row])]
    start, coming = position[n + k], world[Velocity].linear[n + k].copy()
    speed = launch.speed * min(size, 1.0)
    if action is ActionType.BATTING and np.hypot(coming[0], coming[1]) > speed / 4.0:
        way = np.arctan2(-coming[1], -coming[0])
        way += world.rng.uniform(-BATTED_WITHIN, BATTED_WITHIN)
        velocity = _along(float(way), launch.angle, speed)
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
    """(3,) m/s that sends a ball from ``start`` to the target, or ahead where there is none."""
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
    """(3,) m, where a ball meant for an entity should arrive: hands, rim, goal mouth or middle."""
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
    flat = speed * np.cos(angle)
    return np.array([flat * np.cos(heading), flat * np.sin(heading), speed * np.sin(angle)])


def _send(world: World, row: int, k: int, start: np.ndarray, velocity: np.ndarray) -> None:
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
    """Take the target in hand, or the nearest thing that can be lifted."""
    n, k = len(world.ids(Person)), liftable(world, row)
    if k is None:
        return
    world[Thing].holder[k] = row
    world[Body].grounded[n + k], world[Velocity].linear[n + k] = True, 0.0


def _put_down(world: World, row: int, k: int) -> None:
    n, transform, body = len(world.ids(Person)), world[Transform], world[Body]
    transform.position[n + k] = rest_place(world, row, k)
    if (other := taker(world, row)) is not None:
        world[Thing].holder[k] = other
        return
    world[Velocity].linear[n + k] = 0.0
    body.grounded[n + k] = transform.position[row, 2] <= 0.0
    world[Thing].holder[k] = -1


def _keep_in_hand(world: World) -> None:
    """Things in hand go where their holder goes, about chest-high; who falls lets go of them.

    What is drawn and recorded is at the hand itself, once the pose is worked out.
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
    """(kinds, 3) m, from a holder's root to what he has: in his hands, or under him."""
    offset = np.tile([0.0, 0.0, CHEST_M], (len(TYPES), 1))
    offset[BICYCLE] = 0.0
    return offset


def show_in_hand(
    position: np.ndarray,
    thing: Thing,
    size: np.ndarray,
    shown: tuple[np.ndarray, np.ndarray],
    root: np.ndarray,
    heading: np.ndarray,
    pose: Pose,
) -> None:
    """Put things in hand where the hand is, in place, for K ticks at once.

    position (K, O, 3) m, size (O, 3) m; shown: holder and hand, (K, O) each; root (K, A, 3) m,
    heading (K, A) rad, pose with columns (K, A, ...). Wide things are held between both hands.
    """
    holder, hand = shown
    tick, k = np.nonzero((holder >= 0) & (thing.kind != BICYCLE))
    if len(tick) == 0:
        return
    who = tick, holder[tick, k]
    joints = joints_world(
        root[who], heading[who], pose.joints[who], pose.lateral[who], pose.roll[who]
    )
    spot = joints[np.arange(len(tick)), hand[tick, k]]
    wide = size[k, 1] > BOTH_HANDS_M
    between = 0.5 * (joints[:, L_HAND] + joints[:, R_HAND])
    between[:, 2] -= 0.5 * size[k, 2]
    position[tick, k] = np.where(wide[:, None], between, spot)
