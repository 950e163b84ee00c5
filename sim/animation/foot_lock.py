"""Foot lock: from a learned frame to the pose of a body, its own bones and feet that do not slide.

Arrays have the rows last: (2, R) with left before right; lengths are canonical unless in m.
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
from sim.animation.gait import softly_below, within_reach
from sim.animation.geometry import BodyFrames, smoothstep, solve_joint
from sim.animation.limb_ik import reach_with_hands
from sim.animation.motion_state import MotionState
from sim.animation.pose import KNEE_SHARE, STRAIGHT
from sim.frame import turn_bones
from sim.world import World

LOCK_AT, UNLOCK_AT = 0.7, 0.65
"""Contact, 0..1 from the model, above which a foot is locked, and below which it is released."""
LOCK_BELOW_M = 0.025
"""A foot that the model has higher than this is not locked."""
PEEL_M = 0.015
"""A locked foot rises with the model's, slowly at first, and as fast as it from this height on."""
UNLOCK_M = 0.15
"""A locked foot is released when the model has it this far away."""
STRETCHED = 0.975
"""Share of its length to which a leg stretches to keep its foot: nearly straight, a knee would
snap."""
LOCKED_RATE, FREE_RATE = 4.74 / 0.075, 4.74 / 0.2
"""1/s, rates of critically damped springs: the offset of a locked foot from its spot is all but
gone in 0.075 s, that of a free foot from the model's in 0.2 s."""
_UPPER = (
    (NECK, PELVIS, TRUNK),
    (L_ELBOW, NECK, UPPER_ARM),
    (L_HAND, L_ELBOW, FOREARM),
    (R_ELBOW, NECK, UPPER_ARM),
    (R_HAND, R_ELBOW, FOREARM),
)
"""Joint, parent and bone of the upper body, parents first."""
_FEET = [L_FOOT, R_FOOT]
_SIDE = LATERAL[_FEET][:, None]


class FootLock:
    """State of the foot lock of N bodies: locked feet, their spots, and the offsets that fade."""

    def __init__(self, n: int) -> None:
        self.locked = np.zeros((2, n), bool)
        self.landed = np.zeros((2, n), bool)  # locked in the last tick
        self.spot = np.zeros((2, 2, n))  # m, x and y of each locked foot
        self._offset = np.zeros((3, 2, n))  # m, x, y and up, from the model's foot or the spot
        self._offset_rate = np.zeros((3, 2, n))  # m/s
        self._last_free = np.zeros((2, 2, n))  # m, x and y of the model's feet in the last tick
        self._strayed = np.zeros((2, n), bool)  # released for being too far, until the foot lifts

    def add_rows(self, n: int) -> None:
        """Take in ``n`` more bodies, with free feet."""
        more = vars(FootLock(n))
        for name, column in vars(self).items():
            setattr(self, name, np.concatenate([column, more[name]], axis=-1))

    def release(self, rows: np.ndarray) -> None:
        """Release all feet of ``rows`` and drop their offsets."""
        self.locked[:, rows] = self._strayed[:, rows] = False
        self._offset[:, :, rows] = self._offset_rate[:, :, rows] = 0.0
        self._last_free[:, :, rows] = np.nan

    def place(
        self,
        rows: np.ndarray,
        free: np.ndarray,
        contact: np.ndarray,
        far: np.ndarray,
        size: np.ndarray,
        dt: float,
    ) -> np.ndarray:
        """Advance ``rows`` by a tick; returns the feet (3, 2, R) m: x and y in the world, and up.

        free: (3, 2, R) m, where the model has the feet. contact: (2, R) 0..1, from the model. far:
        (2, R) bool, the leg can hardly reach the spot. size: (R,) of the bodies.
        """
        locked, spot, offset = self.locked[:, rows], self.spot[:, :, rows], self._offset[:, :, rows]
        offset_rate = self._offset_rate[:, :, rows]
        velocity = np.nan_to_num((free[:2] - self._last_free[:, :, rows]) / dt)
        stands = contact > np.where(locked, UNLOCK_AT, LOCK_AT)
        stands &= free[2] < LOCK_BELOW_M * size
        strayed = self._strayed[:, rows] & stands
        distance = np.hypot(*(spot - free[:2]))
        breaks = locked & (far | (distance > UNLOCK_M * size))
        strayed |= breaks
        lifts = locked & (~stands | breaks)
        lands = ~locked & stands & ~strayed
        # A locked foot does not leave the ground at once, nor with a jerk: it peels off.
        low = np.clip(free[2], 0.0, PEEL_M * size)
        ground = low * low / (2.0 * PEEL_M * size) + np.maximum(free[2] - low, 0.0)
        offset[:2] += np.where(lifts, spot - free[:2], 0.0)
        offset[2] += np.where(lifts, ground - free[2], 0.0)
        # Over the ground neither the position nor the speed of a foot jumps; up and down it may.
        # A foot is locked where it comes to rest by itself, so that it need not be pulled back.
        offset_rate[:2] += velocity * (lands * 1.0 - lifts)
        run_out = offset_rate[:2] / LOCKED_RATE
        spot = np.where(lands, free[:2] + offset[:2] + run_out, spot)
        offset[:2] = np.where(lands, -run_out, offset[:2])
        offset[2] += np.where(lands, free[2] - ground, 0.0)
        locked = (locked & ~lifts) | lands
        over_ground = np.where(locked, LOCKED_RATE, FREE_RATE)
        rate = np.stack([over_ground] * 2 + [np.full(locked.shape, LOCKED_RATE)])
        pull, decay = offset_rate + rate * offset, np.exp(-rate * dt)
        offset = decay * (offset + pull * dt)
        offset_rate = decay * (offset_rate - rate * dt * pull)
        self.landed[:, rows] = lands
        self.locked[:, rows], self.spot[:, :, rows] = locked, spot
        self._offset[:, :, rows], self._strayed[:, rows] = offset, strayed
        self._offset_rate[:, :, rows], self._last_free[:, :, rows] = offset_rate, free[:2]
        feet = np.where(locked, np.concatenate([spot, ground[None]]), free) + offset
        feet[2] = np.maximum(feet[2], 0.0)
        return feet


def frame_to_pose(
    world: World,
    lock: FootLock,
    rows: np.ndarray,
    frame: np.ndarray,
    contact: np.ndarray,
    dt: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints (R, 10, 2) m, foot lateral (R, 2) m and contacts (R, 2) bool of learned frames.

    lock: advanced by a tick. frame: (R, 22) canonical, with the bones of the human. contact: (R, 2)
    0..1, from the model.
    """
    person, transform, size = world[Person], world[Transform], world[Gait].size[rows]
    bones = (person.bones[rows] * person.scale[rows, None]).T / size
    heading = transform.heading[rows]
    x, y = transform.position[rows, :2].T
    ground = BodyFrames(x, y, np.cos(heading), np.sin(heading))
    shape = frame[:, :N_POSE].reshape(-1, N_JOINTS, 2).transpose(1, 2, 0)
    ahead, up = shape[_FEET, 0], shape[_FEET, 1]
    free = np.concatenate([ground.world(ahead * size, _SIDE * size), (up * size)[None]])
    hip, leg = shape[PELVIS, 1], bones[THIGH] + bones[SHANK]
    to_spot = ground.local(lock.spot[:, :, rows])[0] / size
    far = to_spot * to_spot + hip * hip > (STRETCHED * leg) ** 2
    placed = lock.place(rows, free, contact.T, far, size, dt)
    ahead, left = ground.local(placed[:2])
    ahead, left, up = ahead / size, left / size, placed[2] / size
    locked = lock.locked[:, rows]
    span = np.sqrt(np.maximum((STRAIGHT * leg) ** 2 - ahead * ahead, 0.04))
    highest = np.where(locked, up + span, np.inf)
    hip = softly_below(softly_below(hip, highest[0]), highest[1])
    pulled = within_reach(ahead, up - hip, STRAIGHT + 1e-9, KNEE_SHARE, bones[THIGH], bones[SHANK])
    ahead, up = ahead * pulled, hip + (up - hip) * pulled
    joints = np.zeros_like(shape)
    joints[PELVIS, 1] = hip
    for joint, parent, bone in _UPPER:
        along = shape[joint] - shape[parent]
        length = np.maximum(np.hypot(along[0], along[1]), 1e-6)
        joints[joint] = joints[parent] + along * (bones[bone] / length)
    zero = np.zeros_like(ahead)
    knee_x, knee_y = solve_joint(zero, zero + hip, ahead, up, bones[THIGH], bones[SHANK])
    joints[L_KNEE], joints[R_KNEE] = (knee_x[0], knee_y[0]), (knee_x[1], knee_y[1])
    joints[L_FOOT], joints[R_FOOT] = (ahead[0], up[0]), (ahead[1], up[1])
    stands = locked & (pulled == 1.0)
    return (joints * size).transpose(2, 0, 1), (left * size).T, stands.T


def blend_learned(pose: Pose, state: MotionState, learned: tuple[np.ndarray, ...]) -> None:
    """Blend learned joints over procedural ones, as far as ``share`` says, in place.

    learned: joints, foot_lateral, contact and share of ``Learned``, (N, …). Hands with a target are
    brought there again.
    """
    joints, foot_lateral, contact, share = learned
    some = np.flatnonzero(share > 0.0)
    if len(some) == 0:
        return
    weight = smoothstep(share[some])
    mixed = turn_bones(pose.joints[some], joints[some], weight)
    lateral = pose.lateral[some]
    lateral[:, _FEET] += weight[:, None] * (foot_lateral[some] - lateral[:, _FEET])
    for knee, foot in ((L_KNEE, L_FOOT), (R_KNEE, R_FOOT)):
        hips = pose.lateral.dtype.type(LATERAL[knee]) * state.size[some]
        lateral[:, knee] = 0.5 * (hips + lateral[:, foot])
    if np.count_nonzero(state.grip[some, :2]):
        reaching = state.take(some)
        size = reaching.size
        canonical = mixed.transpose(1, 2, 0) / size
        reach_with_hands(reaching, reaching.bones.T / size, pose.roll[some], canonical, lateral)
        mixed = (canonical * size).transpose(2, 0, 1)
    pose.joints[some], pose.lateral[some] = mixed, lateral
    pose.contact[some] = np.where((share[some] > 0.5)[:, None], contact[some], pose.contact[some])
