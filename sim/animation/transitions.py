"""Transitions from one action to the next: what differs from the last pose fades, nothing jumps.

An actor that is down gets up before it does what is done standing.
"""

from collections.abc import Callable

import numpy as np

from entities.actions import ACTION_INDEX, ACTION_VELOCITIES, ACTIONS, ActionType
from entities.components import Blend, Gait, Script, Transform
from entities.units import DT
from sim.animation import gestures as p
from sim.animation.climbing import CLIMB, RUNG_M
from sim.animation.gait import FREE, GAIT_MODE, WALKS
from sim.animation.geometry import fade, whole_turns
from sim.animation.gestures import SETTLED_S
from sim.animation.motion_state import MotionState, motion_state
from sim.animation.pose import (
    air_feet,
    arm_angles,
    gait_and_cadence,
    gait_rise,
    leg_slack,
    parameters,
    trunk_lean,
    way_round,
)
from sim.world import World, some

SHORTEST_S, LONGEST_S = 0.60, 1.90
"""Shortest and longest blend, s. The longest is shorter than any gesture takes to come round, since
a gesture that turns over jumps by a whole turn there."""
HASTY_S, SWIFT_MPS = 0.50, 3.5
"""Longest blend, s, into a gesture that meets a ball and is faster than SWIFT_MPS: it must be
complete before the ball is met."""
NO_SWING = -0.8
"""The parameter ``arms`` at the start of a blend when a gesture releases both arms: hardly any
swing."""
FADE_SLOPE = 1.5
"""Steepest slope of the fade relative to its mean."""
BLEND_MPS = 0.7
"""Speed at which a blend may move a joint, added to the joint's own."""
SWIFT_SHARE = 0.25
"""Share of the speed of the gesture added to BLEND_MPS: a blend into a punch is not slow."""
STRIDE_SWIFT = 0.5
"""Share of the speed of the body added to BLEND_MPS: feet and hands of a runner are fast."""
FASTEST_CHANGE = 40.0
"""1/s, a parameter that changes faster is not moving: it jumps, as a loop that turns over does."""
RISE_FROM_M = 0.25
"""A change of height by more than this is getting up or down."""
SAME_PLACE_M = 0.01
"""A foot in the air that a new action moves by less than this goes on with its swing."""
LATEST_SWING = 0.5
"""A swing that is further on when the action changes goes on from here: late in a swing nothing is
left of an offset that a foot has to carry over."""
MID_STEP_M = 0.15
"""A planted foot further than this from its place is in mid-step."""
OVERTURNED = -0.1
"""Cosine of the angle of the trunk below which a roll is finished first."""
DOWN_M = 0.55
"""Drop of the pelvis beyond which an actor sits or lies and has to get up."""
ON_BACK = -0.8
"""rad, lean of the trunk between lying on the back and sitting."""
PRONE_M, PRONE_LEAN = 0.3, 0.9
"""Drop of the pelvis, m, and lean of the trunk, rad, beyond which an actor is on its front: it gets
up before it stands or sits."""
SITTING_UP_S, PUSHING_UP_S, CROUCHING_S = 0.45, 0.85, 1.05
"""Times in the gesture ``get_up`` at which it begins for an actor that sits on the ground, that is
on its front, and that is not down."""
LOW_YET_M, SWUNG_BACK = 0.12, 0.4
"""An actor is not up yet while its pelvis is this far, m, below standing, or a foot in the air is
this far, rad, behind or ahead of its place."""
UP_S = 1.5
"""Time in the gesture ``get_up`` at which the actor stands."""
LONG_AGO = -(10**6)
"""Tick of a blend that is over."""
PATIENCE_TICKS = 200
"""Longest time for which the last action goes on while the body slows down for the next one."""

_SPEEDS = np.array([ACTION_VELOCITIES[action] for action in ACTIONS])
_SLOW_ENOUGH = np.where(GAIT_MODE == WALKS, 0.8 + _SPEEDS, 0.5 + 2.0 * _SPEEDS)
"""(ACTIONS,) canonical m/s up to which an action with a gait of its own can begin."""
_SLOW_ENOUGH[GAIT_MODE == FREE] = np.inf
"""(ACTIONS,) m/s, canonical, at which a gait of its own can be taken up."""
_CARRIED = np.array([action in (ActionType.RIDE, ActionType.FLY) for action in ACTIONS])
"""(ACTIONS,) bool, the feet are off the ground at any speed."""
_SUPINE = np.array(
    [action in (ActionType.SIT, ActionType.LIE_DOWN, ActionType.SLEEP) for action in ACTIONS]
)
"""(ACTIONS,) bool, actions that end face up on the ground."""
_LOW = np.isin(
    ACTIONS,
    [
        ActionType.CRAWL,
        ActionType.SWIM,
        ActionType.FLY,
        ActionType.ROLL,
        ActionType.FALL,
        ActionType.DIVE,
        ActionType.GET_UP,
    ],
)
"""(ACTIONS,) bool, actions that can begin lying on the front."""
_FALL = ACTION_INDEX[ActionType.FALL]
_FLY, _CRAWL = ACTION_INDEX[ActionType.FLY], ACTION_INDEX[ActionType.CRAWL]
_GET_UP = ACTION_INDEX[ActionType.GET_UP]


def rest_blend(n: int) -> Blend:
    """``n`` rows of a blend that is over."""
    nothing = np.zeros((n, p.N_PARAMETERS))
    return Blend(
        pose=nothing,
        rate=nothing.copy(),
        duration=np.full(n, SHORTEST_S),
        since=np.full(n, LONG_AGO, np.int64),
        rise=np.zeros(n),
    )


def still_to_rise(world: World) -> np.ndarray | None:
    """Canonical m (N,) that each pelvis has yet to rise or sink before its actor can walk.

    None, at no cost, if nobody is getting up or down.
    """
    blend, gait = world[Blend], world[Gait]
    rising, getting_up = blend.rise > RISE_FROM_M, gait.action == _GET_UP
    if not (some(rising) or some(getting_up)):
        return None
    age = (world.tick - blend.since) * DT
    rising &= age < blend.duration
    if not some(rising | getting_up):
        return None
    left = np.where(rising, blend.rise * fade(np.minimum(age / blend.duration, 1.0)), 0.0)
    # An actor does not walk off before it has got up.
    last = np.maximum(0.6 * (1.0 - gait.clock / UP_S), LOW_YET_M)
    return np.where(getting_up, np.maximum(left, last), left)


def wanted_actions(world: World) -> np.ndarray:
    """Index in ACTIONS (N,) of what each body should do now.

    That is the action of the script, unless the actor first has to get up or to slow down: it does
    not sit down or start to limp at full speed, or step off a bicycle that moves.
    """
    gait, script = world[Gait], world[Script]
    wanted = script.action[: len(gait.action)]
    differs = wanted != gait.action
    if not some(differs):
        return wanted
    rows = np.flatnonzero(differs)
    table = p.gesture_table()
    wanted = wanted.copy()
    now, then = gait.action[rows], wanted[rows]
    speed = np.hypot(gait.speed[rows], gait.side[rows]) / gait.size[rows]
    bound = np.where(_CARRIED[now], 0.5 + 1.1 * _SPEEDS[then], _SLOW_ENOUGH[then])
    waits = speed > np.minimum(bound, table.start_mps[then])
    calm = np.isfinite(table.start_mps[then])
    waits |= calm & gait.stepping[rows]
    settling = np.flatnonzero(calm & ~waits)
    if len(settling):
        waits[settling] = _in_mid_step(world, rows[settling])
    if some(table.spins[now]):
        lean = parameters(motion_state(world, copy=False).take(rows))[p.LEAN]
        waits |= table.spins[now] & (then != _FALL) & (np.cos(lean) < OVERTURNED)
    waits &= world.tick - script.since[rows] < PATIENCE_TICKS
    waits &= gait.seat[rows] <= p.SEATED_FROM_M
    wanted[rows[waits]] = now[waits]
    rows = rows[~waits]
    if len(rows) == 0:
        return wanted
    stands = ~np.isfinite(table.down_at[wanted[rows]])
    supine = _SUPINE[wanted[rows]]
    rising = gait.action[rows] == _GET_UP
    if some(rising):
        rising &= _still_getting_up(world, rows)
    down = np.isfinite(table.down_at[gait.action[rows]]) & (gait.seat[rows] <= p.SEATED_FROM_M)
    prone = False
    was = p.gesture_table().stands[gait.action[rows]] & (gait.action[rows] != _CRAWL)
    if np.count_nonzero(down | supine | ~was):
        values = parameters(motion_state(world, copy=False).take(rows))
        down &= values[p.DROP] > DOWN_M
        prone = (supine | (~was & (values[p.DROP] > PRONE_M))) & (values[p.LEAN] > PRONE_LEAN)
        prone &= ~_LOW[wanted[rows]]
        prone |= (gait.action[rows] == _FLY) & (wanted[rows] == _CRAWL)
    rising &= stands | supine
    wanted[rows[(stands & down) | rising | prone]] = _GET_UP
    return wanted


def _still_getting_up(world: World, rows: np.ndarray) -> np.ndarray:
    """(R,) bool, actors that are getting up and are not there yet, or have a foot behind them."""
    gait, left = world[Gait], still_to_rise(world)
    low = gait.clock[rows] < UP_S
    if left is not None:
        low |= left[rows] > LOW_YET_M
    behind = ~gait.planted[rows] & (np.abs(gait.lift[rows][:, :, 0]) > SWUNG_BACK)
    return low | behind.any(axis=1)


def _in_mid_step(world: World, rows: np.ndarray) -> np.ndarray:
    """(R,) bool, actors with a planted foot away from where the gesture has it."""
    gait, state = world[Gait], motion_state(world, copy=False).take(rows)
    values = parameters(state)
    away = state.plant - state.position[:, None, :]
    ahead = away[:, :, 0] * np.cos(state.heading)[:, None]
    ahead = ahead + away[:, :, 1] * np.sin(state.heading)[:, None]
    off = np.abs(ahead / state.size[:, None] - values[p.L_FWD : p.R_FWD + 1].T)
    return (gait.planted[rows] & (off > MID_STEP_M)).any(axis=1)


def change_action(world: World, rows: np.ndarray, wanted: np.ndarray) -> None:
    """Begin the actions ``wanted`` (R,) in ``rows`` (R,); the pose and its rate of change carry
    over.

    As in inertialization (Bollo, GDC 2018) the old action need not be played on: its last pose
    coasts to a halt while the new one fades in, neither starting nor ending with a jerk. Unlike
    there the new pose replaces the old one rather than adding to it, so nothing overshoots.
    """
    gait, blend, table = world[Gait], world[Blend], p.gesture_table()
    state = motion_state(world, copy=False).take(rows)
    feet, before = air_positions(state)
    slack = leg_slack(state, before)
    rate, arms, rise = -_rate(parameters, state, -DT), _arms(state), _rise(state, before)
    strode = table.stands[gait.action[rows]]
    arms_rate = -_rate(_arms, state, -DT)
    swift = table.joint_mps[gait.action[rows]]
    gait.action[rows] = wanted
    gait.clock[rows] = _start_clock(table, wanted, before, gait.seat[rows] > p.SEATED_FROM_M)
    climbs = rows[wanted == CLIMB]
    if len(climbs):  # the rungs of the ladder do not move
        gait.climbed[climbs] = world[Transform].position[climbs, 2] / (2.0 * RUNG_M)
    blend.since[rows] = LONG_AGO
    state = motion_state(world, copy=False).take(rows)
    after = parameters(state)
    old = _without_whole_turns(before, after, arms)
    # Another action may have another cadence, and its gait another height of the pelvis.
    old[p.DROP] += _rise(state, before) - rise
    for side in (0, 1):
        own, arm, elbow = p.L_OWN + side, p.L_ARM + side, p.L_ELBOW + side
        taken = after[own] > 0.98
        seen = taken | (before[own] < 0.02)
        rate[arm] = np.where(seen, arms_rate[side], rate[arm])
        rate[elbow] = np.where(seen, arms_rate[2 + side], rate[elbow])
        old[own] = np.where(taken, 1.0, old[own])
    swift = np.maximum(swift, table.joint_mps[wanted])
    pace = strode * np.hypot(state.speed, state.side) / state.size
    budget = BLEND_MPS + SWIFT_SHARE * swift + STRIDE_SWIFT * pace
    owned = np.maximum(before, after)[[p.L_OWN, p.R_OWN]]
    duration = FADE_SLOPE * _joint_travel(np.abs(old - after), owned) / budget
    hasty = table.timed[wanted] & (table.joint_mps[wanted] > SWIFT_MPS)
    longest = np.where(hasty, HASTY_S, LONGEST_S)
    blend.duration[rows] = np.minimum(np.maximum(duration, SHORTEST_S), longest)
    rate[p.TURNING] -= np.where(table.spins[wanted], _rate(parameters, state, DT)[p.TURNING], 0.0)
    blend.pose[rows], blend.rate[rows] = old.T, rate.T
    blend.rise[rows] = np.where(table.stands[wanted], np.abs(before[p.DROP] - after[p.DROP]), 0.0)
    blend.since[rows] = world.tick
    state = motion_state(world, copy=False).take(rows)
    there, old = air_positions(state)
    goes_on = np.abs(feet - there).max(axis=2) < SAME_PLACE_M
    walks = (gait.stepping & (gait.moving == 1.0))[rows] & (after[p.LOOSE] < 0.5)
    walks = walks[:, None] & (state.swing < 1.0)
    state.swing = np.where(walks, np.minimum(state.swing, LATEST_SWING), 0.0)
    state.lift = np.zeros_like(state.lift)
    air = ~gait.planted[rows] & ~goes_on
    moved = way_round(state, old, feet, air_positions(state)[0])
    moved[:, :, 3] = (slack - leg_slack(state, old)).T
    moved /= fade(state.swing)[:, :, None]
    gait.swing[rows] = np.where(air, state.swing, gait.swing[rows])
    gait.lift[rows] = np.where(air[:, :, None], moved, gait.lift[rows])


def _without_whole_turns(before: np.ndarray, after: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """The parameters (D, N) before, less whole turns that do not show.

    arms: (4, N) rad, the angles as seen; they are taken for arms that swing with the gait or are
    wholly the gesture's.
    """
    old = before.copy()
    for angle in (p.LEAN, p.ROLL):
        old[angle] -= whole_turns(before[angle] - after[angle])
    for side in (0, 1):
        own, arm, elbow = p.L_OWN + side, p.L_ARM + side, p.L_ELBOW + side
        seen = (before[own] < 0.02) | (before[own] > 0.98) | (after[own] > 0.98)
        old[arm] = np.where(seen, arms[side], before[arm])
        old[elbow] = np.where(seen, arms[2 + side], before[elbow])
        old[arm] -= np.where(seen, whole_turns(old[arm] - after[arm]), 0.0)
    # Arms that did not swing begin to swing gently.
    still = (before[[p.L_OWN, p.R_OWN]] > 0.98).all(axis=0)
    old[p.ARMS] = np.where(still, NO_SWING, before[p.ARMS])
    return old


def _arms(state: MotionState) -> np.ndarray:
    """(4, N) rad: shoulder and elbow angles as seen, left and right each."""
    gait, _ = gait_and_cadence(state)
    values = parameters(state)
    return np.concatenate(arm_angles(state, values, gait, trunk_lean(state, values, gait)))


def _rise(state: MotionState, values: np.ndarray) -> np.ndarray:
    gait, cadence = gait_and_cadence(state)
    return gait_rise(state, values, gait, cadence)


def _start_clock(
    table: p.GestureTable, wanted: np.ndarray, before: np.ndarray, on_seat: np.ndarray
) -> np.ndarray:
    """Time (N,) s in the new gesture at which it begins: later for actors that are down already."""
    down = before[p.DROP] > DOWN_M
    begin = np.where(down & np.isfinite(table.down_at[wanted]), table.down_at[wanted], 0.0)
    begin = np.where((wanted == _GET_UP) & (before[p.LEAN] > ON_BACK), SITTING_UP_S, begin)
    begin = np.where((wanted == _GET_UP) & ~down, CROUCHING_S, begin)
    prone = before[p.LEAN] > PRONE_LEAN
    begin = np.where((wanted == _GET_UP) & prone, PUSHING_UP_S, begin)
    seated = on_seat & (table.seated[wanted] != wanted)
    sits = (before[p.SEAT] > 0.9) & (wanted != _GET_UP)
    return np.where(seated, np.where(sits, SETTLED_S, 0.0), begin)


def _joint_travel(size: np.ndarray, owned: np.ndarray) -> np.ndarray:
    """About how far (N,) m a change (D, N) of the parameters moves the joint that it moves most.

    owned: (2, N) 0..1, how far the gesture has each arm.
    """
    trunk = size[p.DROP] + 0.9 * size[p.LEAN] + size[p.ROLL] + 0.4 * size[p.SEAT]
    arms = (
        owned * (0.60 * size[p.L_ARM : p.R_ARM + 1] + 0.31 * size[p.L_ELBOW : p.R_ELBOW + 1])
        + size[p.L_OUT : p.R_OUT + 1]
        + 0.5 * size[p.L_OWN : p.R_OWN + 1]
    )
    return trunk + np.maximum(arms[0], arms[1])


def _rate(of: Callable[[MotionState], np.ndarray], state: MotionState, dt: float) -> np.ndarray:
    """Rate of change of ``of(state)`` (K, N), from now to ``dt`` from now, per second of |dt|."""
    now, clock, age, phase = of(state), state.clock, state.blend_age, state.phase
    state.clock, state.blend_age = clock + dt, np.maximum(age + dt, 0.0)
    state.phase = phase + state.moving * (dt / 120.0) * gait_and_cadence(state)[1]
    change = (of(state) - now) / abs(dt)
    state.clock, state.blend_age, state.phase = clock, age, phase
    change[np.abs(change) > FASTEST_CHANGE] = 0.0  # a loop that turns over, a switch
    return change


def air_positions(state: MotionState) -> tuple[np.ndarray, np.ndarray]:
    """Forward, left and up (N, 2, 3) canonical of the feet as if both were in the air.

    Also the gesture parameters (D, N) they follow from.
    """
    gait, cadence = gait_and_cadence(state)
    values = parameters(state)
    return np.stack(air_feet(state, values, gait, cadence)).transpose(2, 1, 0), values
