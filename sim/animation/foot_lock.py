"""From a learned frame to the pose of a body: its own bones, and feet that stay where they stand.

Within, arrays run over rows last: (2, R) with left before right, lengths canonical.
"""

import numpy as np

from entities.components import Gait, Person, Pose, Transform
from entities.skeleton import (
    FOREARM,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    L_KNEE,
    LATERAL,
    N_JOINTS,
    NECK,
    PELVIS,
    R_ELBOW,
    R_FOOT,
    R_HAND,
    R_KNEE,
    SHANK,
    THIGH,
    TRUNK,
    UPPER_ARM,
)
from ml.episodes.features import N_POSE
from sim.animation.footsteps import Frames
from sim.animation.gait import softly_below, solve_joint, within_reach
from sim.animation.limb_ik import reach_with_hands
from sim.animation.motion_state import MotionState
from sim.animation.pose import KNEE_SHARE, STRAIGHT
from sim.frame import turn_bones
from sim.world import World

LOCK_AT, UNLOCK_AT = 0.7, 0.65
"""How sure the model has to be that a foot stands before it is held, and until it is let go."""
LOCK_BELOW_M = 0.025
"""A foot that the model has higher than this is not held, whatever it says."""
PEEL_M = 0.015
"""A held foot begins to rise with the model's, slowly at first, and rises as fast from here on."""
UNLOCK_M = 0.15
"""A held foot is let go when the model has it this far away."""
STRETCHED = 0.975
"""So far a leg stretches to keep its foot: close to straight, a knee would snap."""
HOLD, LET_GO = 4.74 / 0.075, 4.74 / 0.2
"""1/s of critically damped springs: what a foot is off its spot has all but gone in 0.075 s, what
it is off its way in the air in 0.2 s."""
_UPPER = (
    (NECK, PELVIS, TRUNK),
    (L_ELBOW, NECK, UPPER_ARM),
    (L_HAND, L_ELBOW, FOREARM),
    (R_ELBOW, NECK, UPPER_ARM),
    (R_HAND, R_ELBOW, FOREARM),
)
_FEET = [L_FOOT, R_FOOT]
_SIDE = LATERAL[_FEET][:, None]


class FootLock:
    """Which feet of N bodies are held, where, and what is left to make up after a change."""

    def __init__(self, n: int) -> None:
        self.held = np.zeros((2, n), bool)
        self.landed = np.zeros((2, n), bool)  # in the last tick
        self.spot = np.zeros((2, 2, n))  # m, x and y of each foot that is held
        self._off = np.zeros((3, 2, n))  # m, x, y and up, from the free way or the spot
        self._drift = np.zeros((3, 2, n))  # m/s, how fast that changes
        self._free = np.zeros((2, 2, n))  # m, x and y of the free way in the last tick
        self._strayed = np.zeros((2, n), bool)  # let go for being too far, until it lifts

    def free(self, rows: np.ndarray) -> None:
        """Hold nothing of ``rows``."""
        self.held[:, rows] = self._strayed[:, rows] = False
        self._off[:, :, rows] = self._drift[:, :, rows] = 0.0
        self._free[:, :, rows] = np.nan

    def place(
        self,
        rows: np.ndarray,
        free: np.ndarray,
        sure: np.ndarray,
        far: np.ndarray,
        size: np.ndarray,
        dt: float,
    ) -> np.ndarray:
        """Where feet (3, 2, R) m are, x, y in the world and up; ``free``: where the model has them.

        sure: (2, R) 0..1, that each stands. far: (2, R), whether its leg hardly reaches its spot.
        size: (R,) of the bodies.
        """
        held, spot, off = self.held[:, rows], self.spot[:, :, rows], self._off[:, :, rows]
        drift = self._drift[:, :, rows]
        rate = np.nan_to_num((free[:2] - self._free[:, :, rows]) / dt)
        stands = (sure > np.where(held, UNLOCK_AT, LOCK_AT)) & (free[2] < LOCK_BELOW_M * size)
        strayed = self._strayed[:, rows] & stands
        away = np.hypot(*(spot - free[:2]))
        breaks = held & (far | (away > UNLOCK_M * size))
        strayed |= breaks
        goes = held & (~stands | breaks)
        comes = ~held & stands & ~strayed
        # A foot that is held does not leave the ground at once, nor with a jerk: it peels off.
        low = np.clip(free[2], 0.0, PEEL_M * size)
        ground = low * low / (2.0 * PEEL_M * size) + np.maximum(free[2] - low, 0.0)
        off[:2] += np.where(goes, spot - free[:2], 0.0)
        off[2] += np.where(goes, ground - free[2], 0.0)
        # Over the ground neither the place nor the speed of a foot jumps; up and down it may. It
        # is held where it comes to rest by itself, so that it need not be pulled back.
        drift[:2] += rate * (comes * 1.0 - goes)
        run_out = drift[:2] / HOLD
        spot = np.where(comes, free[:2] + off[:2] + run_out, spot)
        off[:2] = np.where(comes, -run_out, off[:2])
        off[2] += np.where(comes, free[2] - ground, 0.0)
        held = (held & ~goes) | comes
        stiff = np.stack([np.where(held, HOLD, LET_GO)] * 2 + [np.full(held.shape, HOLD)])
        pull, left = drift + stiff * off, np.exp(-stiff * dt)
        off, drift = left * (off + pull * dt), left * (drift - stiff * dt * pull)
        self.landed[:, rows] = comes
        self.held[:, rows], self.spot[:, :, rows] = held, spot
        self._off[:, :, rows], self._strayed[:, rows] = off, strayed
        self._drift[:, :, rows], self._free[:, :, rows] = drift, free[:2]
        where = np.where(held, np.concatenate([spot, ground[None]]), free) + off
        where[2] = np.maximum(where[2], 0.0)
        return where


def frame_to_pose(
    world: World,
    lock: FootLock,
    rows: np.ndarray,
    frame: np.ndarray,
    contact: np.ndarray,
    dt: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints (R, 10, 2) m, feet to the left (R, 2) m and standing feet (R, 2) of learned frames.

    frame: (R, 22) canonical, human. contact: (R, 2) how sure the model is that each foot stands.
    """
    person, transform, size = world[Person], world[Transform], world[Gait].size[rows]
    bones = (person.bones[rows] * person.scale[rows, None]).T / size
    heading = transform.heading[rows]
    x, y = transform.position[rows, :2].T
    ground = Frames(x, y, np.cos(heading), np.sin(heading))
    shape = frame[:, :N_POSE].reshape(-1, N_JOINTS, 2).transpose(1, 2, 0)
    ahead, up = shape[_FEET, 0], shape[_FEET, 1]
    free = np.concatenate([ground.world(ahead * size, _SIDE * size), (up * size)[None]])
    hip, leg = shape[PELVIS, 1], bones[THIGH] + bones[SHANK]
    to_spot = ground.local(lock.spot[:, :, rows])[0] / size
    far = to_spot * to_spot + hip * hip > (STRETCHED * leg) ** 2
    placed = lock.place(rows, free, contact.T, far, size, dt)
    ahead, left = ground.local(placed[:2])
    ahead, left, up = ahead / size, left / size, placed[2] / size
    held = lock.held[:, rows]
    span = np.sqrt(np.maximum((STRAIGHT * leg) ** 2 - ahead * ahead, 0.04))
    highest = np.where(held, up + span, np.inf)
    hip = softly_below(softly_below(hip, highest[0]), highest[1])
    pulled = within_reach(ahead, up - hip, STRAIGHT + 1e-9, KNEE_SHARE, bones[THIGH], bones[SHANK])
    ahead, up = ahead * pulled, hip + (up - hip) * pulled
    joints = np.zeros_like(shape)
    joints[PELVIS, 1] = hip
    for joint, parent, bone in _UPPER:
        way = shape[joint] - shape[parent]
        long = np.maximum(np.hypot(way[0], way[1]), 1e-6)
        joints[joint] = joints[parent] + way * (bones[bone] / long)
    zero = np.zeros_like(ahead)
    knee_x, knee_y = solve_joint(zero, zero + hip, ahead, up, bones[THIGH], bones[SHANK])
    joints[L_KNEE], joints[R_KNEE] = (knee_x[0], knee_y[0]), (knee_x[1], knee_y[1])
    joints[L_FOOT], joints[R_FOOT] = (ahead[0], up[0]), (ahead[1], up[1])
    stands = held & (pulled == 1.0)
    return (joints * size).transpose(2, 0, 1), (left * size).T, stands.T


def lay_over(pose: Pose, rows: MotionState, learned: tuple[np.ndarray, ...]) -> None:
    """Put learned joints, as far as they are in force, over procedural ones; in place.

    learned: columns of ``entities.components.Learned`` (N, …). Hands that are to be somewhere
    are brought there once more.
    """
    joints, aside, contact, share = learned
    some = np.flatnonzero(share > 0.0)
    if len(some) == 0:
        return
    weight = share[some] * share[some] * (3.0 - 2.0 * share[some])
    mixed = turn_bones(pose.joints[some], joints[some], weight)
    lateral = pose.lateral[some]
    lateral[:, _FEET] += weight[:, None] * (aside[some] - lateral[:, _FEET])
    for knee, foot in ((L_KNEE, L_FOOT), (R_KNEE, R_FOOT)):
        hips = pose.lateral.dtype.type(LATERAL[knee]) * rows.size[some]
        lateral[:, knee] = 0.5 * (hips + lateral[:, foot])
    if np.count_nonzero(rows.grip[some, :2]):
        state = rows.take(some)
        canonical = mixed.transpose(1, 2, 0) / state.size
        reach_with_hands(state, state.bones.T / state.size, pose.roll[some], canonical, lateral)
        mixed = (canonical * state.size).transpose(2, 0, 1)
    pose.joints[some], pose.lateral[some] = mixed, lateral
    pose.contact[some] = np.where((share[some] > 0.5)[:, None], contact[some], pose.contact[some])
