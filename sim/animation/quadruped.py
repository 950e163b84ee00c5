"""On all fours: a level trunk, and hands or front paws that stand where they are put.

Front paws, and the hands of whoever crawls, have a stance and a swing like feet. What is on the
ground keeps its spot in the world; ``Gait.paws`` knows where. Within, lengths are canonical and
arrays run over rows last, left before right.
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
from sim.animation.limb_ik import taken_hold, turn_arm
from sim.animation.motion_state import MotionState
from sim.world import some

QUADRUPED = np.array([kind in QUADRUPEDS for kind in ACTOR_TYPES])
"""(ACTOR_TYPES,) who goes on four legs."""
STANDS, X, Y, SWING, AHEAD, ASIDE = range(6)
"""Columns of ``Gait.paws``: whether it stands, where (m, world), how far its swing has gone, and
what it was off its place forward and to the left, canonical, when the swing began."""
GALLOP_FROM, GALLOP_BY = 4.2, 5.0
"""m/s over the root of the body's size: a trot turns to a gallop at a Froude number v²/(g h) of
2-3 whatever the animal (Alexander & Jayes 1983, J. Zool. 201)."""
GALLOP_APART = 0.13
"""Share of a stride by which one hind leg of a galloping animal follows the other."""
WALK_LAG, TROT_LAG, GALLOP_LAG = 0.25, 0.5, 0.44
"""Share of a stride by which a front leg follows the hind one of its side (Hildebrand 1989)."""
ROCK = 0.09
"""rad, how far a galloping trunk rocks (choice)."""
STRAY = 0.34
"""Canonical m off its place at which a paw steps on the spot."""
STEP_S = 0.30
HOME_M = 0.03
"""A hand or paw stands about so far ahead of its shoulder."""
LIFT_SHARE = 0.6
"""How high a paw is lifted beside a foot."""

CRAWL = ACTION_INDEX[ActionType.CRAWL]
_SIDES = np.array([[1.0], [-1.0]])
_SIDE_LATER = np.array([0.0, 0.5])


def galloping(speed: np.ndarray, size: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """0 (N,) walking or trotting .. 1 in full gallop; people never are."""
    fast = (np.abs(speed) / np.sqrt(size) - GALLOP_FROM) / (GALLOP_BY - GALLOP_FROM)
    return QUADRUPED[kind] * np.clip(fast, 0.0, 1.0)


def _lags(rows: MotionState) -> np.ndarray:
    """(2, N) share of the stride by which each hand is behind the left hind foot's time."""
    gallop = galloping(rows.speed, rows.size, rows.kind)
    lag = WALK_LAG + (TROT_LAG - WALK_LAG) * rows.run
    lag = np.where(QUADRUPED[rows.kind], lag, 0.5)  # who crawls moves a hand with the other knee
    lag = lag + gallop * (GALLOP_LAG - lag)
    return lag + np.stack([np.zeros_like(lag), rows.apart])


def walk_paws(gait: Gait, rows: MotionState, values: np.ndarray, where: np.ndarray) -> None:
    """A tick of the hands and front paws of the actors at ``where`` (K,).

    rows: theirs. values: (D, K), their gesture parameters.
    """
    duty, size, step_now = gait.duty[where], rows.size, gait.step[where]
    stance_s = duty * DT / np.maximum(step_now, 1e-6)
    paws = gait.paws[where]
    stands, u = paws[:, :, STANDS].T > 0.5, paws[:, :, SWING].T
    phase = rows.phase - _lags(rows)
    phase = phase - np.floor(phase)
    step = np.stack([step_now] * 2)
    walks = np.stack([gait.stepping[where]] * 2)
    x, y = _local(rows, paws)
    home = _home(rows, values)
    astray = np.hypot(x - home, y - _SIDES * LATERAL[L_HAND]) > STRAY + 0.5 * stance_s * np.abs(
        rows.speed / size
    )
    due = walks & (phase >= duty) & (phase < 0.95)
    alone = ~walks & stands[::-1] & np.array([[True], [False]])
    lifts = stands & (due | (astray & (walks | alone | ~stands[::-1])))
    reach = 0.5 * stance_s * rows.moving / size
    start_x, start_y = home - reach * rows.speed, _SIDES * LATERAL[L_HAND] - reach * rows.side
    paws[:, :, AHEAD] = np.where(lifts, x - start_x, paws[:, :, AHEAD].T).T
    paws[:, :, ASIDE] = np.where(lifts, y - start_y, paws[:, :, ASIDE].T).T
    u = np.where(lifts, 0.0, u)
    left = np.maximum(1.0 - phase, step)
    gain = np.where(walks & (phase >= duty), (1.0 - u) * step / left, DT / STEP_S)
    u = np.where(stands & ~lifts, u, np.minimum(u + gain, 1.0))
    lands = ~(stands & ~lifts) & (u > 1.0 - 1e-6)
    end_x, end_y = home + reach * rows.speed, _SIDES * LATERAL[L_HAND] + reach * rows.side
    cos, sin = np.cos(rows.heading), np.sin(rows.heading)
    spot_x = rows.position[:, 0] + size * (end_x * cos - end_y * sin)
    spot_y = rows.position[:, 1] + size * (end_x * sin + end_y * cos)
    paws[:, :, X] = np.where(lands, spot_x, paws[:, :, X].T).T
    paws[:, :, Y] = np.where(lands, spot_y, paws[:, :, Y].T).T
    paws[:, :, STANDS] = ((stands & ~lifts) | lands).T
    paws[:, :, SWING] = u.T
    gait.paws[where] = paws


def _local(rows: MotionState, paws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forward and left of the root, (2, N) canonical each, of where paws (N, 2, 6) stand."""
    away_x = (paws[:, :, X] - rows.position[:, :1]).T / rows.size
    away_y = (paws[:, :, Y] - rows.position[:, 1:]).T / rows.size
    cos, sin = np.cos(rows.heading), np.sin(rows.heading)
    return away_x * cos + away_y * sin, away_y * cos - away_x * sin


def _home(rows: MotionState, values: np.ndarray) -> np.ndarray:
    """Where (N,) hands and front paws stand about, canonical m ahead of the hips."""
    return rows.bones[:, TRUNK] / rows.size + HOME_M + np.maximum(values[p.FOURS] - 1.0, 0.0)


def paw_places(
    rows: MotionState, values: np.ndarray, gait: np.ndarray, cadence: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forward, left, up (2, N) canonical of hands and front paws that walk."""
    stands, u = rows.paws[:, :, STANDS].T > 0.5, rows.paws[:, :, SWING].T
    stance_s = g.stance_seconds(cadence, gait[g.DUTY])
    ahead, up = g.swing_path(u, stance_s, stance_s * (1.0 / gait[g.DUTY] - 1.0), gait)
    keep = (1.0 - u) * (1.0 - u) * (1.0 + 2.0 * u) * np.ones_like(u)
    ahead = ahead * rows.moving / rows.size
    x = _home(rows, values) + ahead * rows.speed + keep * rows.paws[:, :, AHEAD].T
    y = _SIDES * LATERAL[L_HAND] + ahead * rows.side + keep * rows.paws[:, :, ASIDE].T
    low = 1.2 * u * u * (1.0 - u) * (1.0 - u)
    up = LIFT_SHARE * np.maximum(up * rows.moving, low)
    planted_x, planted_y = _local(rows, rows.paws)
    return (
        np.where(stands, planted_x, x),
        np.where(stands, planted_y, y),
        np.where(stands, 0.0, np.maximum(up, 0.0)),
    )


def go_on_fours(
    rows: MotionState,
    values: np.ndarray,
    gait: np.ndarray,
    cadence: np.ndarray,
    bones: np.ndarray,
    hip: np.ndarray,
    joints: np.ndarray,
    lateral: np.ndarray,
) -> None:
    """Trunk, front legs and hands of all who are on all fours, into ``joints`` (10, 2, N).

    lateral: (N, 10) m. What a crawling human's hands do grows with the gesture's ``fours``.
    """
    animal = QUADRUPED[rows.kind]
    weight = np.where(animal, 1.0, taken_hold(values[p.FOURS]))
    x, y, up = paw_places(rows, values, gait, cadence)
    _level_trunk(rows, values, bones, hip, x, animal, joints)
    neck_x, neck_y = joints[NECK]
    for side, elbow, hand in ((0, L_ELBOW, L_HAND), (1, R_ELBOW, R_HAND)):
        turn_arm(joints, bones, (elbow, hand), x[side] - neck_x, up[side] - neck_y, weight)
        out = weight * (y[side] * rows.size - lateral[:, hand])
        lateral[:, hand] += out
        lateral[:, elbow] += 0.5 * out


def _level_trunk(
    rows: MotionState,
    values: np.ndarray,
    bones: np.ndarray,
    hip: np.ndarray,
    paw_x: np.ndarray,
    animal: np.ndarray,
    joints: np.ndarray,
) -> None:
    """Necks of the animals: level with the hips, as far as front legs that stand allow."""
    if not some(animal):
        return
    reach = 0.985 * (bones[UPPER_ARM] + bones[FOREARM])
    rock = ROCK * galloping(rows.speed, rows.size, rows.kind)
    pitch = values[p.PITCHED] + rock * np.sin(2.0 * np.pi * (rows.phase - 0.15))
    trunk = bones[TRUNK]
    ahead = np.abs(paw_x - trunk) * (rows.paws[:, :, STANDS].T > 0.5)
    highest = np.sqrt(np.maximum(reach * reach - ahead * ahead, 0.01)).min(axis=0)
    shoulder = g.softly_below(hip + 0.04 * trunk + trunk * np.sin(pitch), highest)
    rise = np.clip((shoulder - hip) / trunk, -0.9, 0.95)
    joints[NECK, 0] = np.where(animal, trunk * np.sqrt(1.0 - rise * rise), joints[NECK, 0])
    joints[NECK, 1] = np.where(animal, hip + rise * trunk, joints[NECK, 1])


def rest_paws(transform: Transform, person: Person, size: np.ndarray) -> np.ndarray:
    """``Gait.paws`` (N, 2, 6) of bodies that stand, their hands and paws under their shoulders."""
    n = len(size)
    home = person.bones[:, TRUNK] * person.scale + HOME_M * size
    cos, sin = np.cos(transform.heading[:n]), np.sin(transform.heading[:n])
    paws = np.zeros((n, 2, 6))
    for side, left in ((0, LATERAL[L_HAND] * size), (1, -LATERAL[L_HAND] * size)):
        paws[:, side, STANDS] = 1.0
        paws[:, side, X] = transform.position[:n, 0] + home * cos - left * sin
        paws[:, side, Y] = transform.position[:n, 1] + home * sin + left * cos
    return paws
