"""Footsteps: when each foot is lifted and put down, and where; a planted foot keeps its spot.

Arrays have the bodies last: (2, N) with left before right. The pairs of columns in ``Gait`` are the
transposes of such arrays, which keeps them contiguous for numpy.
"""

import math
from functools import cache

import numpy as np

from entities.components import Gait, Mark, Transform
from entities.skeleton import L_FOOT, LATERAL
from entities.units import DT
from sim.animation import gestures as p
from sim.animation.climbing import rung_feet
from sim.animation.gait import CADENCE, DUTY, gait_rows
from sim.animation.geometry import SIDES, BodyFrames
from sim.animation.motion_state import MotionState, motion_state
from sim.animation.pose import (
    cadence_of,
    effective_pace,
    hip_reference,
    leg_slack,
    parameters,
    way_round,
)
from sim.animation.quadruped import QUADRUPED
from sim.animation.style import WIDTH
from sim.world import Rows, World, every, some

START_MPS, STOP_MPS = 0.15, 0.10
"""Canonical speeds at which the stride cycle starts and, with both feet down, ends."""
SHORTEST_SWING = 0.8
"""Least duration of a late swing, as a share of the stride's."""
HURRY = 1.0
"""Progress for a tick that exceeds any real one: the swing ends as soon as the other limits
allow."""
AHEAD = 0.6
"""Share of its swing by which a foot may be ahead of the stride."""
FAR_M = 0.25
"""A swing that has to make up more than this (canonical) is slowed down."""
SWING_MPS, SWING_SHARE, HELD_MPS = 0.88, 0.15, 0.60
"""Speed, canonical m/s, at which such a swing makes up its distance: a base, the share of the speed
of the body added to it, and the speed of a foot that the gesture has."""
STILL_HIGH_M = 0.08
"""A foot released by its gesture higher than this swings down before it lands."""
STEP_SLACK_M = 0.09
"""Distance off its place at which a standing foot takes a step."""
REACH_M = 0.52
"""Distance from the pelvis, along the ground, at which a planted foot has to lift."""
LIFTED_M = 0.01
"""A gesture that holds a foot higher than this has it off the ground."""

FEW = 16
"""Up to this many bodies are worked on at once: to pick some of them would cost more."""

_ONE, _FULL = np.ones(()), np.array(1.0 - 1e-9)  # 0-d arrays cost numpy half of what floats do
_HALF = np.array([[0.0], [0.5]])


def gesture_feet(gait: Gait) -> np.ndarray:
    """The parameters L_FWD to LOOSE of the gestures: (9, N)."""
    table = p.gesture_table()
    gesture = table.form(gait.action, gait.seat, gait.animal)
    if not some(table.moves_feet[gesture]):
        return table.feet.take(gesture, axis=1)
    time = table.time_in(gesture, gait.clock, gait.phase)
    return table.evaluate(gesture, time)[p.L_FWD : p.LOOSE + 1]


def held_feet(gait: Gait, grounded: np.ndarray) -> np.ndarray:
    """Feet (2, N) that the gesture, or a jump, keeps off the ground."""
    table = p.gesture_table()
    gesture = table.form(gait.action, gait.seat, gait.animal)
    n = len(gesture)
    if not some(table.moves_feet[gesture]) and every(grounded):
        return np.zeros((2, n), bool)
    values = gesture_feet(gait)
    raised = np.where(gait.stepping, values[6:8] > 0.5, values[2:4] > LIFTED_M)
    return raised | (values[8] > 0.5) | ~grounded


def cadence_and_duty(
    pace: np.ndarray, run: np.ndarray, action: np.ndarray, traits: np.ndarray, styles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Steps/min and duty factor (N,) at a canonical pace (N,) in an action.

    traits: (N, 6) of Person. styles: (N, C) of StyleState.
    """
    cadence, duty = gait_rows(pace, run, slice(CADENCE, DUTY + 1))
    return cadence_of(cadence, action, traits, styles), duty


def start_and_stop(gait: Gait, able: np.ndarray, held: np.ndarray) -> None:
    """Start the stride cycle of bodies ``able`` (N,) that move; end it with both feet down."""
    square = gait.speed * gait.speed + gait.side * gait.side
    limit = (START_MPS - (START_MPS - STOP_MPS) * gait.stepping) * gait.size
    wants = able & (square > limit * limit)
    differs = wants != gait.stepping
    if not some(differs):
        return
    settled = (gait.planted.T | held).all(axis=0) | ~able
    stop, start = differs & ~wants & settled, differs & wants
    gait.stepping = (gait.stepping & ~stop) | start
    # The phase starts at the foot that is in the air. A gesture timed by the stride would jump
    # with it, so there the stride goes on from its last phase.
    for row in np.flatnonzero(start & ~p.gesture_table().by_phase[gait.action]):
        air = ~gait.planted[row]
        right = bool(air[1]) if air.any() else bool(gait.phase[row] % 1.0 >= 0.25)
        done = min(float(gait.swing[row, int(right)]), 0.95) if air.any() else 0.0
        along = gait.duty[row] + (1.0 - gait.duty[row]) * done
        gait.phase[row] = np.floor(gait.phase[row]) + 1.0 + along - 0.5 * right


def time_feet(gait: Gait, held: np.ndarray, dt: float, shuffle: float | np.ndarray) -> None:
    """Set how fast each swing goes (``gain``), and at what phase each foot is due to lift or land.

    Both hold until the next call: a foot that swings as it should keeps its pace. shuffle: share of
    its swing that a step on the spot makes in a tick, for all or (N,).
    """
    planted = gait.planted.T
    if not some(gait.stepping) and every(planted) and not some(held):
        gait.gain[:], gait.due[:] = 0.0, np.inf
        return
    both = _both(len(gait.phase))
    phase, step, duty = gait.phase.take(both), gait.step.take(both), gait.duty.take(both)
    cycle = phase.copy()
    cycle[1] += gait.right_phase
    cycle -= np.floor(cycle)
    aloft, remaining, walks = _ONE - duty, _ONE - cycle, gait.stepping.take(both) & ~held
    u, lift = gait.swing.T, gait.lift.T
    gain = (_ONE - u) * step / remaining
    # What is left of the swing shrinks as what is left of the cycle, so they end together; a foot
    # in the air when it should be down, or long before its time nearly there, comes down at once.
    gain[remaining > (step + aloft) - np.maximum(u - AHEAD, 0.0) * aloft] = HURRY
    most, on_time = step / (SHORTEST_SWING * aloft), walks
    if some(np.abs(lift[:3]) > FAR_M):
        distance = np.sqrt(lift[0] * lift[0] + lift[1] * lift[1] + lift[2] * lift[2])
        on_time = walks & (distance <= FAR_M)
        pace = SWING_MPS + SWING_SHARE * np.hypot(gait.speed, gait.side) / gait.size
        most = np.minimum(most, pace * dt / np.maximum(distance, 1e-9))
        # Slower towards its end, as the offset fades.
        distance = distance * np.where(u > 0.5, 4.0 * u * (1.0 - u), 1.0)
        speed = np.where(held, HELD_MPS, SWING_MPS)
        shuffle = np.minimum(shuffle, speed * dt / np.maximum(distance, 1e-9))
    np.minimum(gain, most, out=gain)
    np.copyto(gain, shuffle, where=~walks)
    gain[planted] = 0.0
    gait.gain = gain.T
    since = cycle - duty
    missed = since >= np.minimum(0.97 - duty, 0.25)
    due = phase + np.where(planted, missed - since, remaining)
    due[~np.where(planted, walks, on_time)] = np.inf
    gait.due = due.T


def stride(gait: Gait, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Advance phase and swings; returns the feet (2, N) that are due to lift, and to land."""
    gait.phase = gait.phase + gait.step * gait.stepping
    u = np.minimum(gait.swing.T + gait.gain.T, _ONE)
    gait.swing = u.T
    due = gait.phase.take(_both(len(gait.phase))) >= gait.due.T
    full = u > _FULL
    if not (some(due) or some(full) or some(held)):
        return held, held
    planted = gait.planted.T
    lands = (full | (due & (u > 0.8))) & ~(planted | held)
    return planted & (held | due), lands


@cache
def _both(n: int) -> np.ndarray:
    """(2, n) rows 0..n-1 twice: taking them is faster than broadcasting over the feet."""
    return np.tile(np.arange(n), (2, 1))


def strays(gait: Gait, frames: BodyFrames, held: np.ndarray) -> np.ndarray:
    """Planted feet (2, N) that have to step: walking ones out of reach, standing ones off place.

    Standing feet step one at a time, the worse one first, and only while the other bears the body.
    """
    forward, left = frames.local(gait.plant.T)
    size, planted, walks = gait.size, gait.planted.T, gait.stepping
    bears = planted & ~held
    off_x, off_y = forward, left - SIDES * LATERAL[L_FOOT] * size
    trail = p.gesture_table().trail[gait.action] * size
    far = bears & ((off_x + trail) ** 2 + off_y * off_y > (REACH_M * size) ** 2)
    if every(walks):
        return far
    target = gesture_feet(gait)
    off_x = off_x - target[:2] * size
    off_y = off_y - SIDES * target[4:6] * size
    error = off_x * off_x + off_y * off_y
    astray = bears & ~walks & (error > (STEP_SLACK_M * size) ** 2)
    worse = error >= error[::-1]
    worse[1] &= ~worse[0]
    astray &= (planted | held)[::-1] & (worse | ~astray[::-1])
    return np.where(walks, far, astray)


def lift_and_plant(world: World, frames: BodyFrames, lifts: np.ndarray, lands: np.ndarray) -> None:
    """Lift and plant the feet of two masks (2, N), without moving any of them.

    A stance and a swing end between two ticks: the distance that the body has gone since then
    counts.
    """
    gait = world[Gait]
    gait.planted = ((gait.planted.T & ~lifts) | lands).T
    for move, feet in ((_lift, lifts), (_plant, lands)):
        if not some(feet):
            continue
        if len(gait.phase) <= FEW:
            move(world, slice(None), frames, feet)
        else:
            rows = np.flatnonzero(feet[0] | feet[1])
            move(world, rows, frames.take(rows), feet[:, rows])


def _state_of(world: World, rows: Rows) -> MotionState:
    state = motion_state(world, copy=False)
    return state if isinstance(rows, slice) else state.take(rows)


def _lift(world: World, rows: Rows, frames: BodyFrames, lifts: np.ndarray) -> None:
    """Lift the feet ``lifts`` (2, R) of R ``rows``."""
    gait = world[Gait]
    state, duty, stride_s = _state_of(world, rows), gait.duty[rows], DT / gait.step[rows]
    values = parameters(state)
    start = np.array(swing_ends(state, values, False, duty, stride_s))
    over = _since_lift_off(state, gait.stepping[rows], duty, stride_s)
    here = np.zeros_like(start)
    here[0], here[1] = frames.local(state.plant.T)
    here[0] += over * state.speed
    here[1] += over * state.side
    here /= state.size
    way = way_round(state, values, here.T, start.T)
    gait.lift[rows] = np.where(lifts, way.T, state.lift.T).T
    gait.swing[rows] = np.where(lifts, over / ((1.0 - duty) * stride_s), state.swing.T).T


def _plant(world: World, rows: Rows, frames: BodyFrames, lands: np.ndarray) -> None:
    """Plant the feet ``lands`` (2, R) of R ``rows``."""
    gait = world[Gait]
    state = _state_of(world, rows)
    # A foot is planted where it is seen to come down, by the cadence of this tick.
    pace = effective_pace(state)
    cadence, duty = cadence_and_duty(pace, state.run, state.action, state.traits, state.style)
    stride_s, values = 120.0 / cadence, _foot_parameters(state)
    forward, left, up = swing_ends(state, values, True, duty, stride_s)
    high = lands & (up > STILL_HIGH_M)
    if some(high):
        lands = lands & ~high
        start = np.array(swing_ends(state, values, False, duty, stride_s))
        way = way_round(state, values, np.array((forward, left, up)).T, start.T)
        way[..., 3] = leg_slack(state, values).T
        gait.planted[rows] &= ~high.T
        gait.swing[rows] = np.where(high, 0.0, state.swing.T).T
        gait.lift[rows] = np.where(high, way.T, state.lift.T).T
    late = state.phase + _HALF * (2.0 * state.right_phase)
    late = (late - np.rint(late)) * (stride_s * gait.stepping[rows])
    late = np.minimum(np.maximum(late, 0.0), DT)
    ahead = forward * state.size - late * state.speed
    spots = frames.world(ahead, left * state.size - late * state.side)
    for foot, k in zip(*(where.tolist() for where in lands.nonzero()), strict=True):
        row, (x, y) = k if isinstance(rows, slice) else int(rows[k]), spots[:, foot, k].tolist()
        gait.plant[row, foot] = x, y
        gait.swing[row, foot], gait.lift[row, foot] = 0.0, 0.0
        strength, z = math.hypot(state.speed[k], state.side[k]), world[Transform].position[row, 2]
        world.marks.append(Mark(world.tick, "step", (x, y, float(z)), strength))


def _foot_parameters(state: MotionState) -> np.ndarray:
    """Gesture parameters (D, N); if no gesture moves feet, only the columns of the feet are set."""
    table = p.gesture_table()
    gesture = table.form(state.action, state.seat, QUADRUPED[state.kind])
    if some(table.moves_feet[gesture]):
        return parameters(state)
    values = np.zeros((p.N_PARAMETERS, len(gesture)))
    values[p.L_FWD : p.LOOSE + 1] = table.feet.take(gesture, axis=1)
    return values


def _since_lift_off(
    state: MotionState, stepping: np.ndarray, duty: np.ndarray, stride_s: np.ndarray
) -> np.ndarray:
    """Time (2, N) s since the stance of each foot should have ended; 0 if not in this tick."""
    phase = state.phase + _HALF * (2.0 * state.right_phase)
    over = (phase - np.floor(phase) - duty) * (stride_s * stepping)
    return np.where((over > 0.0) & (over <= DT), over, 0.0)


def swing_ends(
    state: MotionState,
    values: np.ndarray,
    ends: np.ndarray | bool,
    duty: np.ndarray,
    stride_s: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a swing ends or starts: forward, left and up of the root, (2, N) canonical.

    ends: True for the end, False for the start, for all or (2, N). Equals
    ``sim.animation.pose.foot_bases`` at a swing of 1 or 0.
    """
    reach = (ends - 0.5) * duty * stride_s / state.size
    walks = state.moving * (1.0 - values[p.L_OWNED : p.R_OWNED + 1])
    width = SIDES * (LATERAL[L_FOOT] + state.style[:, WIDTH])
    forward = values[p.L_FWD : p.R_FWD + 1]
    trail = p.gesture_table().trail[state.action]
    forward = forward + walks * (reach * state.speed - trail - forward)
    up = (values[p.L_UP : p.R_UP + 1] + values[p.RAISED]) * (1.0 - walks)
    forward, up = rung_feet(state, hip_reference(state, values), forward, up)
    left = width + SIDES * values[p.L_SIDE : p.R_SIDE + 1]
    left = left + walks * (width + reach * state.side - left)
    return forward, left, up
