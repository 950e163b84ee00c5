"""All fours: the level trunk of animals, and hands or front paws that walk.

Front paws, and the hands of a crawling actor, have a stance and a swing like feet. One that is on
the ground keeps its spot in the world, kept in ``Gait.paws``. Lengths are canonical; arrays have
the rows of the motion state last, left before right.
"""

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.components import Gait, Person, Transform
from entities.skeleton import (
    ACTOR_TYPES,
    FOREARM,
    L_ELBOW,
    L_HAND,
    LATERAL,
    NECK,
    QUADRUPEDS,
    R_ELBOW,
    R_HAND,
    TRUNK,
    UPPER_ARM,
)
from entities.units import DT
from sim.animation import gait as g
from sim.animation import gestures as p
from sim.animation.geometry import SIDES, fade, to_local, to_world
from sim.animation.limb_ik import hold_weight, turn_arm
from sim.animation.motion_state import MotionState
from sim.world import some

QUADRUPED = np.array([kind in QUADRUPEDS for kind in ACTOR_TYPES])
"""(ACTOR_TYPES,) bool, types that go on four legs."""
STANDS, X, Y, SWING, AHEAD, ASIDE = range(6)
"""Columns of ``Gait.paws``: 1 on the ground, its spot (m, world), progress of the swing 0..1, and
its offset forward and left of the start of a swing (canonical m) when the swing began."""
GALLOP_FROM, GALLOP_BY = 4.2, 5.0
"""Speeds, m/s over the root of the size of the body, between which a trot turns to a gallop: at a
Froude number v²/(g h) of 2-3 whatever the animal (Alexander & Jayes 1983, J. Zool. 201)."""
GALLOP_RIGHT_PHASE = 0.13
"""Share of a stride by which the right hind leg of a galloping animal follows the left."""
WALK_LAG, TROT_LAG, GALLOP_LAG = 0.25, 0.5, 0.44
"""Share of a stride by which a front leg follows the hind leg of its side (Hildebrand 1989)."""
ROCK = 0.09
"""rad, amplitude of the pitching of a galloping trunk (choice)."""
STRAY = 0.34
"""Distance, canonical m, off its place at which a standing paw takes a step."""
STEP_S = 0.30
"""Duration of such a step."""
HOME_M = 0.03
"""How far ahead of the shoulder a hand or paw stands."""
LIFT_SHARE = 0.6
"""Height to which a paw is lifted, as a share of a foot's."""

CRAWL = ACTION_INDEX[ActionType.CRAWL]


def galloping(speed: np.ndarray, size: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """(N,) 0 walking or trotting .. 1 in full gallop; 0 for actors on two legs."""
    fast = (np.abs(speed) / np.sqrt(size) - GALLOP_FROM) / (GALLOP_BY - GALLOP_FROM)
    return QUADRUPED[kind] * np.clip(fast, 0.0, 1.0)


def _lags(state: MotionState) -> np.ndarray:
    """(2, N) share of the stride by which each hand or paw follows the left hind foot."""
    gallop = galloping(state.speed, state.size, state.kind)
    lag = WALK_LAG + (TROT_LAG - WALK_LAG) * state.run
    lag = np.where(QUADRUPED[state.kind], lag, 0.5)  # crawling: a hand with the opposite knee
    lag = lag + gallop * (GALLOP_LAG - lag)
    return lag + np.stack([np.zeros_like(lag), state.right_phase])


def walk_paws(gait: Gait, state: MotionState, values: np.ndarray, where: np.ndarray) -> None:
    """Advance hands and front paws by a tick.

    where: (K,) rows of Gait. state: the motion state of these K actors. values: (D, K) gesture
    parameters.
    """
    duty, size, step_now = gait.duty[where], state.size, gait.step[where]
    stance_s = duty * DT / np.maximum(step_now, 1e-6)
    paws = gait.paws[where]
    stands, u = paws[:, :, STANDS].T > 0.5, paws[:, :, SWING].T
    phase = state.phase - _lags(state)
    phase = phase - np.floor(phase)
    step = np.stack([step_now] * 2)
    walks = np.stack([gait.stepping[where]] * 2)
    x, y = _local(state, paws)
    home = _home(state, values)
    astray = np.hypot(x - home, y - SIDES * LATERAL[L_HAND]) > STRAY + 0.5 * stance_s * np.abs(
        state.speed / size
    )
    due = walks & (phase >= duty) & (phase < 0.95)
    # Of two standing paws that are astray the left one steps first.
    alone = ~walks & stands[::-1] & np.array([[True], [False]])
    lifts = stands & (due | (astray & (walks | alone | ~stands[::-1])))
    reach = 0.5 * stance_s * state.moving / size
    start_x, start_y = home - reach * state.speed, SIDES * LATERAL[L_HAND] - reach * state.side
    paws[:, :, AHEAD] = np.where(lifts, x - start_x, paws[:, :, AHEAD].T).T
    paws[:, :, ASIDE] = np.where(lifts, y - start_y, paws[:, :, ASIDE].T).T
    u = np.where(lifts, 0.0, u)
    remaining = np.maximum(1.0 - phase, step)
    gain = np.where(walks & (phase >= duty), (1.0 - u) * step / remaining, DT / STEP_S)
    u = np.where(stands & ~lifts, u, np.minimum(u + gain, 1.0))
    lands = ~(stands & ~lifts) & (u > 1.0 - 1e-6)
    end_x, end_y = home + reach * state.speed, SIDES * LATERAL[L_HAND] + reach * state.side
    cos, sin = np.cos(state.heading), np.sin(state.heading)
    spot_x, spot_y = to_world(end_x, end_y, cos, sin)
    spot_x = state.position[:, 0] + size * spot_x
    spot_y = state.position[:, 1] + size * spot_y
    paws[:, :, X] = np.where(lands, spot_x, paws[:, :, X].T).T
    paws[:, :, Y] = np.where(lands, spot_y, paws[:, :, Y].T).T
    paws[:, :, STANDS] = ((stands & ~lifts) | lands).T
    paws[:, :, SWING] = u.T
    gait.paws[where] = paws


def _local(state: MotionState, paws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward and left of the root, (2, N) canonical each, of the spots of paws (N, 2, 6)."""
    away_x = (paws[:, :, X] - state.position[:, :1]).T / state.size
    away_y = (paws[:, :, Y] - state.position[:, 1:]).T / state.size
    return to_local(away_x, away_y, np.cos(state.heading), np.sin(state.heading))


def _home(state: MotionState, values: np.ndarray) -> np.ndarray:
    """Canonical m (N,) ahead of the hips at which hands and front paws stand on average."""
    return state.bones[:, TRUNK] / state.size + HOME_M + np.maximum(values[p.FOURS] - 1.0, 0.0)


def paw_places(
    state: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forward, left and up (2, N) canonical of walking hands and front paws."""
    stands, u = state.paws[:, :, STANDS].T > 0.5, state.paws[:, :, SWING].T
    stance_s = g.stance_seconds(cadence, gait[g.DUTY])
    ahead, up = g.swing_path(u, stance_s, stance_s * (1.0 / gait[g.DUTY] - 1.0), gait)
    keep = fade(u)
    ahead = ahead * state.moving / state.size
    x = _home(state, values) + ahead * state.speed + keep * state.paws[:, :, AHEAD].T
    y = SIDES * LATERAL[L_HAND] + ahead * state.side + keep * state.paws[:, :, ASIDE].T
    low = 1.2 * u * u * (1.0 - u) * (1.0 - u)
    up = LIFT_SHARE * np.maximum(up * state.moving, low)
    planted_x, planted_y = _local(state, state.paws)
    return (
        np.where(stands, planted_x, x),
        np.where(stands, planted_y, y),
        np.where(stands, 0.0, np.maximum(up, 0.0)),
    )


def go_on_fours(
    state: MotionState,
    values: np.ndarray,
    gait: np.ndarray,
    cadence: np.ndarray,
    bones: np.ndarray,
    hip: np.ndarray,
    joints: np.ndarray,
    lateral: np.ndarray,
) -> None:
    """Write trunk, front legs and hands on all fours into ``joints`` (10, 2, N) canonical.

    lateral: (N, 10) m, hands and elbows are written. A crawling human's hands follow in proportion
    to the gesture parameter ``fours``.
    """
    animal = QUADRUPED[state.kind]
    weight = np.where(animal, 1.0, hold_weight(values[p.FOURS]))
    x, y, up = paw_places(state, values, gait, cadence)
    _level_trunk(state, values, bones, hip, x, animal, joints)
    neck_x, neck_y = joints[NECK]
    for side, elbow, hand in ((0, L_ELBOW, L_HAND), (1, R_ELBOW, R_HAND)):
        turn_arm(joints, bones, (elbow, hand), x[side] - neck_x, up[side] - neck_y, weight)
        out = weight * (y[side] * state.size - lateral[:, hand])
        lateral[:, hand] += out
        lateral[:, elbow] += 0.5 * out


def _level_trunk(
    state: MotionState,
    values: np.ndarray,
    bones: np.ndarray,
    hip: np.ndarray,
    paw_x: np.ndarray,
    animal: np.ndarray,
    joints: np.ndarray,
) -> None:
    """Write the necks of animals: level with the hips, as far as standing front legs reach."""
    if not some(animal):
        return
    reach = 0.985 * (bones[UPPER_ARM] + bones[FOREARM])
    rock = ROCK * galloping(state.speed, state.size, state.kind)
    pitch = values[p.PITCHED] + rock * np.sin(2.0 * np.pi * (state.phase - 0.15))
    trunk = bones[TRUNK]
    ahead = np.abs(paw_x - trunk) * (state.paws[:, :, STANDS].T > 0.5)
    highest = np.sqrt(np.maximum(reach * reach - ahead * ahead, 0.01)).min(axis=0)
    shoulder = g.softly_below(hip + 0.04 * trunk + trunk * np.sin(pitch), highest)
    rise = np.clip((shoulder - hip) / trunk, -0.9, 0.95)
    joints[NECK, 0] = np.where(animal, trunk * np.sqrt(1.0 - rise * rise), joints[NECK, 0])
    joints[NECK, 1] = np.where(animal, hip + rise * trunk, joints[NECK, 1])


def rest_paws(transform: Transform, person: Person, size: np.ndarray) -> np.ndarray:
    """``Gait.paws`` (N, 2, 6) of standing bodies, hands and paws under their shoulders."""
    n = len(size)
    home = person.bones[:, TRUNK] * person.scale + HOME_M * size
    cos, sin = np.cos(transform.heading[:n]), np.sin(transform.heading[:n])
    paws = np.zeros((n, 2, 6))
    for side, left in ((0, LATERAL[L_HAND] * size), (1, -LATERAL[L_HAND] * size)):
        paws[:, side, STANDS] = 1.0
        paws[:, side, X] = transform.position[:n, 0] + home * cos - left * sin
        paws[:, side, Y] = transform.position[:n, 1] + home * sin + left * cos
    return paws
