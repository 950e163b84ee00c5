"""Limb IK: hands and feet brought to given places, such as a ball or both sides of a box.

Pure functions, element by element. Places are given in metres forward, left and up of the root;
arrays of joints are canonical and have the rows of the motion state last.
"""

from dataclasses import dataclass

import numpy as np

from entities.components import LIMBS, Transform
from entities.skeleton import (
    FOREARM,
    L_ELBOW,
    L_FOOT,
    L_HAND,
    NECK,
    R_ELBOW,
    R_HAND,
    UPPER_ARM,
)
from sim.animation.geometry import smoothstep, solve_joint, to_local, wrapped
from sim.animation.motion_state import MotionState
from sim.world import World

STRETCHED = 0.9995
"""Largest share of its length that an arm may have."""
FOLDED_M = 0.10
"""Least distance of a hand to its shoulder beyond the difference of the bones."""
ELBOW_SHARE = 0.5
"""Share of the sideways movement of a hand that its elbow makes too."""
LOW_NECK_M, LOW_SHARE = 0.45, 0.6
"""Height of the neck below which hands may sink into the ground, and the share by which they do."""
_FEET = slice(LIMBS.index(L_FOOT), None)  # columns of Gait.reach and Gait.grip


def reach_with_feet(
    state: MotionState, forward: np.ndarray, left: np.ndarray, up: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move feet in the air, forward, left and up (2, N) canonical, towards their targets."""
    weight = smoothstep(state.grip[:, _FEET].T)
    place = state.reach[:, _FEET] / state.size[:, None, None]
    return (
        forward + weight * (place[:, :, 0].T - forward),
        left + weight * (place[:, :, 1].T - left),
        up + weight * (place[:, :, 2].T - up),
    )


def hold_weight(share: np.ndarray) -> np.ndarray:
    """Weight (N,) with which hands keep to where they stand, 0 until ``share`` (N,) is 0.75."""
    return smoothstep(np.clip(4.0 * share - 3.0, 0.0, 1.0))


def within_arms_reach(
    x: np.ndarray, y: np.ndarray, bones: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places (x, y) from the neck, canonical, pulled in or pushed out to where a hand can be."""
    longest = STRETCHED * (bones[UPPER_ARM] + bones[FOREARM])
    shortest = np.abs(bones[UPPER_ARM] - bones[FOREARM]) + FOLDED_M
    away = np.sqrt(x * x + y * y)
    pull = np.minimum(np.maximum(away, shortest), longest) / np.maximum(away, 1e-9)
    return x * pull, y * pull


def arm_to(x: np.ndarray, y: np.ndarray, bones: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Arm angles, rad, that bring a hand to (x, y) from the neck.

    Returns the angle of the upper arm forward of straight down, and the flexion of the elbow.
    """
    elbow_x, elbow_y = _elbow(x, y, bones)
    shoulder = np.arctan2(elbow_x, -elbow_y)
    return shoulder, wrapped(np.arctan2(x - elbow_x, elbow_y - y) - shoulder)


def _elbow(x: np.ndarray, y: np.ndarray, bones: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the elbow is, from the neck, with the hand at (x, y) (N,) from the neck."""
    zero = np.zeros_like(x)
    # Mirrored, because an elbow bends the other way round than a knee.
    mirrored_x, elbow_y = solve_joint(zero, zero, -x, y, bones[UPPER_ARM], bones[FOREARM])
    return -mirrored_x, elbow_y


def arm_joints(
    neck: np.ndarray, upper: np.ndarray, lower: np.ndarray, bones: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Elbow and hand, (x, y) each, of an arm.

    neck: (2, N). upper, lower: (N,) rad of its bones forward of straight down.
    """
    elbow_x = neck[0] + bones[UPPER_ARM] * np.sin(upper)
    elbow_y = neck[1] - bones[UPPER_ARM] * np.cos(upper)
    hand_x = elbow_x + bones[FOREARM] * np.sin(lower)
    hand_y = elbow_y - bones[FOREARM] * np.cos(lower)
    return (elbow_x, elbow_y), (hand_x, hand_y)


def reach_with_hands(
    state: MotionState, bones: np.ndarray, roll: np.ndarray, joints: np.ndarray, lateral: np.ndarray
) -> None:
    """Move hands in ``joints`` (10, 2, N) and ``lateral`` (N, 10) m to targets within reach.

    roll: (N,) rad of the body as it is drawn; what the lean will add is subtracted from the place.
    """
    lean = np.clip(roll, -0.5, 0.5)
    cos, sin = np.cos(lean), np.sin(lean)
    size = state.size
    neck_x, neck_y = joints[NECK]
    for side, elbow, hand in ((0, L_ELBOW, L_HAND), (1, R_ELBOW, R_HAND)):
        weight = smoothstep(state.grip[:, side])
        place = state.reach[:, side]
        up = place[:, 2] / cos
        left = place[:, 1] + up * sin
        x = joints[hand, 0] + weight * (place[:, 0] / size - joints[hand, 0]) - neck_x
        y = joints[hand, 1] + weight * (up / size - joints[hand, 1]) - neck_y
        x, y = within_arms_reach(x, y, bones)
        _bend_arm(joints, bones, (elbow, hand), x, y, weight > 0.0)
        out = weight * (left - lateral[:, hand])
        lateral[:, hand] += out
        lateral[:, elbow] += ELBOW_SHARE * out


def keep_hands_above_ground(bones: np.ndarray, joints: np.ndarray) -> None:
    """Raise hands in ``joints`` (10, 2, N) canonical that are below the ground to the ground."""
    neck_x, neck_y = joints[NECK]
    shortest = np.abs(bones[UPPER_ARM] - bones[FOREARM]) + FOLDED_M
    for elbow, hand in ((L_ELBOW, L_HAND), (R_ELBOW, R_HAND)):
        # Between a low shoulder and the ground an arm has no room to fold without flipping over.
        floor = np.minimum(0.0, LOW_SHARE * (neck_y - LOW_NECK_M))
        sunk = joints[hand, 1] < floor
        if np.count_nonzero(sunk):
            x, y = joints[hand, 0] - neck_x, np.maximum(joints[hand, 1], floor) - neck_y
            away = np.sqrt(x * x + y * y)
            x = x * np.maximum(shortest / np.maximum(away, 1e-9), 1.0)
            _bend_arm(joints, bones, (elbow, hand), x, y, sunk)


def turn_arm(
    joints: np.ndarray,
    bones: np.ndarray,
    arm: tuple[int, int],
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
) -> None:
    """Turn an arm towards the angles that bring its hand to (x, y) (N,) from the neck.

    arm: joints of elbow and hand. weight: (N,) share of the turn that is made. Shoulder and elbow
    are turned, so that no hand passes through its shoulder on the way.
    """
    elbow, hand = arm
    neck = joints[NECK]
    upper, lower = joints[elbow] - neck, joints[hand] - joints[elbow]
    shoulder = np.arctan2(upper[0], -upper[1])
    flexion = np.arctan2(lower[0], -lower[1]) - shoulder
    wanted, bend = arm_to(*within_arms_reach(x, y, bones), bones)
    shoulder = shoulder + weight * wrapped(wanted - shoulder)
    flexion = flexion + weight * wrapped(bend - flexion)
    places = arm_joints(neck, shoulder, shoulder + flexion, bones)
    where = weight > 0.0
    for joint, (x, y) in zip(arm, places, strict=True):
        joints[joint, 0] = np.where(where, x, joints[joint, 0])
        joints[joint, 1] = np.where(where, y, joints[joint, 1])


def _bend_arm(
    joints: np.ndarray,
    bones: np.ndarray,
    arm: tuple[int, int],
    x: np.ndarray,
    y: np.ndarray,
    where: np.ndarray,
) -> None:
    """Put hands at (x, y) (N,) from the neck, and elbows where they must be; ``where`` (N,)."""
    elbow, hand = arm
    elbow_x, elbow_y = _elbow(x, y, bones)
    neck_x, neck_y = joints[NECK]
    joints[elbow, 0] = np.where(where, neck_x + elbow_x, joints[elbow, 0])
    joints[elbow, 1] = np.where(where, neck_y + elbow_y, joints[elbow, 1])
    joints[hand, 0] = np.where(where, neck_x + x, joints[hand, 0])
    joints[hand, 1] = np.where(where, neck_y + y, joints[hand, 1])


@dataclass(slots=True, eq=False)
class LimbTargets:
    """Targets of the limbs of N actors at the end of a tick; columns as in Gait."""

    place: np.ndarray  # (N, 4, 3) m, forward, left and up of the root
    weight: np.ndarray  # (N, 4) 0 no target .. 1 the limb is at its target
    exact: np.ndarray  # (N, 4) bool, the weight applies at once instead of being approached
    stoop: np.ndarray  # (N, 2) rad, m, additional lean of the trunk and drop of the hips
    empty: bool = True

    @classmethod
    def none(cls, n: int) -> "LimbTargets":
        """``n`` rows without targets."""
        limbs = len(LIMBS)
        return cls(
            np.zeros((n, limbs, 3)),
            np.zeros((n, limbs)),
            np.zeros((n, limbs), bool),
            np.zeros((n, 2)),
        )

    def add(
        self,
        world: World,
        row: int,
        joint: int,
        place: np.ndarray,
        weight: float,
        *,
        exact: bool = True,
    ) -> None:
        """Set the target of an actor's hand or foot, unless ``weight`` is 0 or less.

        joint: one of LIMBS. place: (3,) m in the world.
        """
        if weight <= 0.0:
            return
        transform = world[Transform]
        x, y, z = (place - transform.position[row]).tolist()
        heading = float(transform.heading[row])
        limb = LIMBS.index(joint)
        self.place[row, limb] = *to_local(x, y, np.cos(heading), np.sin(heading)), z
        self.weight[row, limb], self.exact[row, limb] = min(weight, 1.0), exact
        self.empty = False
