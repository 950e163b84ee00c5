"""Feet: when each is lifted and put down, and where; what is planted keeps its spot.

Within, arrays run over the bodies last: (2, N) with left before right. The pairs of columns in
``Gait`` are kept as the transposes of such arrays, which numpy goes through without strides.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from entities.components import Gait, Mark, Transform
from entities.skeleton import L_FOOT, LATERAL
from entities.units import DT
from sim.animation import gestures as p
from sim.animation.climbing import rung_feet
from sim.animation.gait import CADENCE, DUTY, gait_rows
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
"""Share of a stride's swing in which a late foot makes up for it; none comes down faster."""
HURRY = 1.0
"""More than any swing gains in a tick."""
AHEAD = 0.6
"""Share of its swing by which a foot may be ahead of the stride."""
FAR_M = 0.25
SWING_MPS, SWING_SHARE, HELD_MPS = 0.88, 0.15, 0.60
"""A foot that has further than that to come back swings at this speed and some of the body's
beside it, or, where a gesture has it, at the last one."""
STILL_HIGH_M = 0.08
"""A foot let go by its gesture higher than this swings down before it lands."""
STEP_SLACK_M = 0.09
"""How far off its place a standing foot may be before it steps there."""
REACH_M = 0.52
"""A planted foot further than this from the pelvis, along the ground, has to let go."""
LIFTED_M = 0.01
"""A gesture that holds a foot higher than this has it off the ground."""

FEW = 16
"""Of so few bodies all are worked on at once: to pick some of them would cost more."""

_ONE, _FULL = np.ones(()), np.array(1.0 - 1e-9)  # numpy takes them at half a number's cost
_HALF = np.array([[0.0], [0.5]])
_SIGN = np.array([[1.0], [-1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Where N bodies stand, with the direction they face; all (N,)."""

    x: np.ndarray  # m
    y: np.ndarray
    cos: np.ndarray
    sin: np.ndarray

    def take(self, rows: np.ndarray) -> "Frames":
        """The frames of ``rows`` (R,)."""
        return Frames(self.x[rows], self.y[rows], self.cos[rows], self.sin[rows])

    def local(self, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places in the world, x and y (2, 2, N) m, as forward and left of each body, (2, N)."""
        x, y = spots[0] - self.x, spots[1] - self.y
        return x * self.cos + y * self.sin, y * self.cos - x * self.sin

    def world(self, forward: np.ndarray, left: np.ndarray) -> np.ndarray:
        """Places in the world, (2, 2, N) m, x and y, of what is forward and left (2, N) m."""
        spots = np.empty((2, *forward.shape))
        np.add(self.x, forward * self.cos - left * self.sin, out=spots[0])
        np.add(self.y, forward * self.sin + left * self.cos, out=spots[1])
        return spots


def gesture_feet(gait: Gait) -> np.ndarray:
    """The gesture's columns for the feet, L_FWD to LOOSE: (9, N)."""
    table = p.gesture_table()
    gesture = table.form(gait.action, gait.seat, gait.animal)
    if not some(table.busy[gesture]):
        return table.feet.take(gesture, axis=1)
    time = table.time_in(gesture, gait.clock, gait.phase)
    return table.evaluate(gesture, time)[p.L_FWD : p.LOOSE + 1]


def held_feet(gait: Gait, grounded: np.ndarray) -> np.ndarray:
    """Which feet (2, N) the gesture, or a leap, keeps off the ground."""
    table = p.gesture_table()
    gesture = table.form(gait.action, gait.seat, gait.animal)
    n = len(gesture)
    if not some(table.busy[gesture]) and every(grounded):
        return np.zeros((2, n), bool)
    values = gesture_feet(gait)
    raised = np.where(gait.stepping, values[6:8] > 0.5, values[2:4] > LIFTED_M)
    return raised | (values[8] > 0.5) | ~grounded


def rhythm(
    pace: np.ndarray, run: np.ndarray, action: np.ndarray, traits: np.ndarray, manner: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Steps/min and duty (N,) of bodies that go at a canonical pace (N,) doing an action."""
    cadence, duty = gait_rows(pace, run, slice(CADENCE, DUTY + 1))
    return cadence_of(cadence, action, traits, manner), duty


def start_and_stop(gait: Gait, able: np.ndarray, held: np.ndarray) -> None:
    """Run the stride cycle of those able (N,) who move; let it end with both feet down."""
    square = gait.speed * gait.speed + gait.side * gait.side
    limit = (START_MPS - (START_MPS - STOP_MPS) * gait.stepping) * gait.size
    wants = able & (square > limit * limit)
    differs = wants != gait.stepping
    if not some(differs):
        return
    settled = (gait.planted.T | held).all(axis=0) | ~able
    stop, start = differs & ~wants & settled, differs & wants
    gait.stepping = (gait.stepping & ~stop) | start
    # A gesture timed by the stride would jump with it; it starts wherever the stride is.
    for row in np.flatnonzero(start & ~p.gesture_table().by_phase[gait.action]):
        air = ~gait.planted[row]
        right = bool(air[1]) if air.any() else bool(gait.phase[row] % 1.0 >= 0.25)
        done = min(float(gait.swing[row, int(right)]), 0.95) if air.any() else 0.0
        along = gait.duty[row] + (1.0 - gait.duty[row]) * done
        gait.phase[row] = np.floor(gait.phase[row]) + 1.0 + along - 0.5 * right


def time_feet(gait: Gait, held: np.ndarray, dt: float, shuffle: float | np.ndarray) -> None:
    """Work out how fast each swing goes, and at what phase each foot's time comes.

    Both hold until this is asked again: a foot that swings as it should keeps its pace.
    shuffle: share of its swing that a step on the spot goes in a tick, for all or (N,).
    """
    planted = gait.planted.T
    if not some(gait.stepping) and every(planted) and not some(held):
        gait.gain[:], gait.turn[:] = 0.0, np.inf
        return
    both = _both(len(gait.phase))
    phase, step, duty = gait.phase.take(both), gait.step.take(both), gait.duty.take(both)
    cycle = phase.copy()
    cycle[1] += gait.apart
    cycle -= np.floor(cycle)
    aloft, left, walks = _ONE - duty, _ONE - cycle, gait.stepping.take(both) & ~held
    u, lift = gait.swing.T, gait.lift.T
    gain = (_ONE - u) * step / left
    # What is left of the swing shrinks as what is left of the cycle, so they end together; a foot
    # in the air when it should be down, or long before its time nearly there, comes down at once.
    gain[left > (step + aloft) - np.maximum(u - AHEAD, 0.0) * aloft] = HURRY
    most, hasty = step / (SHORTEST_SWING * aloft), walks
    if some(np.abs(lift[:3]) > FAR_M):
        far = np.sqrt(lift[0] * lift[0] + lift[1] * lift[1] + lift[2] * lift[2])
        hasty = walks & (far <= FAR_M)
        pace = SWING_MPS + SWING_SHARE * np.hypot(gait.speed, gait.side) / gait.size
        most = np.minimum(most, pace * dt / np.maximum(far, 1e-9))
        far = far * np.where(u > 0.5, 4.0 * u * (1.0 - u), 1.0)  # slower to its end as it fades
        goes = np.where(held, HELD_MPS, SWING_MPS)
        shuffle = np.minimum(shuffle, goes * dt / np.maximum(far, 1e-9))
    np.minimum(gain, most, out=gain)
    np.copyto(gain, shuffle, where=~walks)
    gain[planted] = 0.0
    gait.gain = gain.T
    since = cycle - duty
    missed = since >= np.minimum(0.97 - duty, 0.25)
    turn = phase + np.where(planted, missed - since, left)
    turn[~np.where(planted, walks, hasty)] = np.inf
    gait.turn = turn.T


def stride(gait: Gait, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Advance phase and swings; which feet (2, N) lift because their time has come, and land."""
    gait.phase = gait.phase + gait.step * gait.stepping
    u = np.minimum(gait.swing.T + gait.gain.T, _ONE)
    gait.swing = u.T
    comes = gait.phase.take(_both(len(gait.phase))) >= gait.turn.T
    full = u > _FULL
    if not (some(comes) or some(full) or some(held)):
        return held, held
    planted = gait.planted.T
    lands = (full | (comes & (u > 0.8))) & ~(planted | held)
    return planted & (held | comes), lands


@cache
def _both(n: int) -> np.ndarray:
    """(2, n) rows 0..n-1 twice: to take them is faster than to broadcast over the feet."""
    return np.tile(np.arange(n), (2, 1))


def strays(gait: Gait, frames: Frames, held: np.ndarray) -> np.ndarray:
    """Planted feet (2, N) that have to step: walking ones out of reach, standing ones astray.

    Standing feet go one at a time, the worse first, and only while the other one bears.
    """
    forward, left = frames.local(gait.plant.T)
    size, planted, walks = gait.size, gait.planted.T, gait.stepping
    bears = planted & ~held
    off_x, off_y = forward, left - _SIGN * LATERAL[L_FOOT] * size
    trail = p.gesture_table().trail[gait.action] * size
    far = bears & ((off_x + trail) ** 2 + off_y * off_y > (REACH_M * size) ** 2)
    if every(walks):
        return far
    target = gesture_feet(gait)
    off_x = off_x - target[:2] * size
    off_y = off_y - _SIGN * target[4:6] * size
    error = off_x * off_x + off_y * off_y
    astray = bears & ~walks & (error > (STEP_SLACK_M * size) ** 2)
    worse = error >= error[::-1]
    worse[1] &= ~worse[0]
    astray &= (planted | held)[::-1] & (worse | ~astray[::-1])
    return np.where(walks, far, astray)


def lift_and_plant(world: World, frames: Frames, lifts: np.ndarray, lands: np.ndarray) -> None:
    """Let feet go and put feet down, (2, N) masks, without moving any of them.

    A stance and a swing end between two ticks: what the body has gone since then counts.
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


def _rows(world: World, rows: Rows) -> MotionState:
    state = motion_state(world, copy=False)
    return state if isinstance(rows, slice) else state.take(rows)


def _lift(world: World, rows: Rows, frames: Frames, lifts: np.ndarray) -> None:
    """Let go of the feet ``lifts`` (2, R) of R ``rows``."""
    gait = world[Gait]
    state, duty, stride_s = _rows(world, rows), gait.duty[rows], DT / gait.step[rows]
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


def _plant(world: World, rows: Rows, frames: Frames, lands: np.ndarray) -> None:
    """Put down the feet ``lands`` (2, R) of R ``rows``."""
    gait = world[Gait]
    state = _rows(world, rows)
    # A foot comes down where it is seen to, by the rhythm of this very tick.
    pace = effective_pace(state.speed, state.side, state.acceleration[:, 0], state.size)
    cadence, duty = rhythm(pace, state.run, state.action, state.traits, state.manner)
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
    late = state.phase + _HALF * (2.0 * state.apart)
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
    """Gesture parameters (D, N), right in the feet's columns if no gesture moves the feet."""
    table = p.gesture_table()
    gesture = table.form(state.action, state.seat, QUADRUPED[state.kind])
    if some(table.busy[gesture]):
        return parameters(state)
    values = np.zeros((p.N_PARAMETERS, len(gesture)))
    values[p.L_FWD : p.LOOSE + 1] = table.feet.take(gesture, axis=1)
    return values


def _since_lift_off(
    state: MotionState, stepping: np.ndarray, duty: np.ndarray, stride_s: np.ndarray
) -> np.ndarray:
    """Time (2, N) s since each foot's stance should have ended, 0 if that was not in this tick."""
    phase = state.phase + _HALF * (2.0 * state.apart)
    over = (phase - np.floor(phase) - duty) * (stride_s * stepping)
    return np.where((over > 0.0) & (over <= DT), over, 0.0)


def swing_ends(
    rows: MotionState,
    values: np.ndarray,
    ends: np.ndarray | bool,
    duty: np.ndarray,
    stride_s: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a swing ends, or else starts: forward, left, up of the root, (2, N) canonical.

    ends: for all, or (2, N).
    What ``sim.animation.pose.foot_bases`` comes to when a swing's progress is 1 or 0.
    """
    reach = (ends - 0.5) * duty * stride_s / rows.size
    walks = rows.moving * (1.0 - values[p.L_OWNED : p.R_OWNED + 1])
    width = _SIGN * (LATERAL[L_FOOT] + rows.manner[:, WIDTH])
    forward = values[p.L_FWD : p.R_FWD + 1]
    trail = p.gesture_table().trail[rows.action]
    forward = forward + walks * (reach * rows.speed - trail - forward)
    up = (values[p.L_UP : p.R_UP + 1] + values[p.RAISED]) * (1.0 - walks)
    forward, up = rung_feet(rows, hip_reference(rows, values), forward, up)
    left = width + _SIGN * values[p.L_SIDE : p.R_SIDE + 1]
    left = left + walks * (width + reach * rows.side - left)
    return forward, left, up
