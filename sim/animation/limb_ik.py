"""Limbs that reach for a place: a hand on a ball, a foot under it, both hands on a box.

Pure functions of motion rows, element by element. Places are given from the root, in metres
forward, left and up; within, lengths are canonical and arrays run over rows last.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from entities.components import LIMBS, Transform
from entities.skeleton import (
    FOREARM,
    L_ELBOW,
    L_HAND,
    NECK,
    R_ELBOW,
    R_HAND,
    UPPER_ARM,
)
from sim.animation.gait import solve_joint
from sim.world import World

STRETCHED = 0.9995
"""No arm is straighter than this share of its length."""
FOLDED_M = 0.10
"""A hand comes no nearer to its shoulder."""
ELBOW_SHARE = 0.5
"""Of a hand's way out or in, what its elbow goes along."""
_LEFT_FOOT, _RIGHT_FOOT = 2, 3


class _Rows(Protocol):
    reach: np.ndarray
    grip: np.ndarray
    size: np.ndarray


def eased(grip: np.ndarray) -> np.ndarray:
    """A weight that starts and ends level."""
    return grip * grip * (3.0 - 2.0 * grip)


def reach_with_feet(
    rows: _Rows, forward: np.ndarray, left: np.ndarray, up: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feet in the air (2, N) on their way to where they are to be."""
    weight = eased(rows.grip[:, _LEFT_FOOT:].T)
    place = rows.reach[:, _LEFT_FOOT:] / rows.size[:, None, None]
    return (
        forward + weight * (place[:, :, 0].T - forward),
        left + weight * (place[:, :, 1].T - left),
        up + weight * (place[:, :, 2].T - up),
    )


def taken_hold(share: np.ndarray) -> np.ndarray:
    """How exactly (N,) hands keep to where they stand: only at the end of the way there."""
    return eased(np.clip(4.0 * share - 3.0, 0.0, 1.0))


def within_arms_reach(
    x: np.ndarray, y: np.ndarray, bones: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places of the neck (x, y) drawn in, or pushed out, to where a hand can be."""
    longest = STRETCHED * (bones[UPPER_ARM] + bones[FOREARM])
    shortest = np.abs(bones[UPPER_ARM] - bones[FOREARM]) + FOLDED_M
    away = np.sqrt(x * x + y * y)
    pull = np.minimum(np.maximum(away, shortest), longest) / np.maximum(away, 1e-9)
    return x * pull, y * pull


def arm_to(x: np.ndarray, y: np.ndarray, bones: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angle of the upper arm forward of straight down, and flexion, rad: hand (x, y) of neck."""
    zero = np.zeros_like(x)
    # Mirrored, because an elbow bends the other way round than a knee.
    bent_x, bent_y = solve_joint(zero, zero, -x, y, bones[UPPER_ARM], bones[FOREARM])
    shoulder = np.arctan2(-bent_x, -bent_y)
    return shoulder, _short_way(np.arctan2(x + bent_x, bent_y - y) - shoulder)


def reach_with_hands(
    rows: _Rows, bones: np.ndarray, roll: np.ndarray, joints: np.ndarray, lateral: np.ndarray
) -> None:
    """Bring hands to their places, as far as arms go: ``joints`` (10, 2, N), ``lateral`` (N, 10) m.

    roll (N,): what the drawn body leans sideways is taken off the place beforehand.
    """
    lean = np.clip(roll, -0.5, 0.5)
    cos, sin = np.cos(lean), np.sin(lean)
    size = rows.size
    longest = STRETCHED * (bones[UPPER_ARM] + bones[FOREARM])
    shortest = np.abs(bones[UPPER_ARM] - bones[FOREARM]) + FOLDED_M
    neck_x, neck_y = joints[NECK]
    for side, elbow, hand in ((0, L_ELBOW, L_HAND), (1, R_ELBOW, R_HAND)):
        weight = eased(rows.grip[:, side])
        place = rows.reach[:, side]
        up = place[:, 2] / cos
        left = place[:, 1] + up * sin
        x = joints[hand, 0] + weight * (place[:, 0] / size - joints[hand, 0]) - neck_x
        y = joints[hand, 1] + weight * (up / size - joints[hand, 1]) - neck_y
        away = np.sqrt(x * x + y * y)
        pull = np.minimum(np.maximum(away, shortest), longest) / np.maximum(away, 1e-9)
        _bend_arm(joints, bones, (elbow, hand), x * pull, y * pull, weight > 0.0)
        out = weight * (left - lateral[:, hand])
        lateral[:, hand] += out
        lateral[:, elbow] += ELBOW_SHARE * out


LOW_NECK_M, LOW_SHARE = 0.45, 0.6
"""Below this neck hands may sink into the ground, by this share of what the neck is lower."""


def keep_hands_above_ground(bones: np.ndarray, joints: np.ndarray) -> None:
    """Hands of ``joints`` (10, 2, N) that would be in the ground lie on it instead."""
    neck_x, neck_y = joints[NECK]
    shortest = np.abs(bones[UPPER_ARM] - bones[FOREARM]) + FOLDED_M
    for elbow, hand in ((L_ELBOW, L_HAND), (R_ELBOW, R_HAND)):
        # Under a shoulder near the ground an arm has no room to fold without flipping over.
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
    """Turn an arm towards where its hand is at (x, y) (N,) from the neck, as far as ``weight``.

    Shoulder and elbow are turned, so that no hand goes through its shoulder on the way.
    """
    elbow, hand = arm
    neck = joints[NECK]
    upper, lower = joints[elbow] - neck, joints[hand] - joints[elbow]
    shoulder = np.arctan2(upper[0], -upper[1])
    flexion = np.arctan2(lower[0], -lower[1]) - shoulder
    wanted, bend = arm_to(*within_arms_reach(x, y, bones), bones)
    shoulder = shoulder + weight * _short_way(wanted - shoulder)
    flexion = flexion + weight * _short_way(bend - flexion)
    lower_angle = shoulder + flexion
    where = weight > 0.0
    elbow_x = neck[0] + bones[UPPER_ARM] * np.sin(shoulder)
    elbow_y = neck[1] - bones[UPPER_ARM] * np.cos(shoulder)
    hand_x = elbow_x + bones[FOREARM] * np.sin(lower_angle)
    hand_y = elbow_y - bones[FOREARM] * np.cos(lower_angle)
    for joint, x, y in ((elbow, elbow_x, elbow_y), (hand, hand_x, hand_y)):
        joints[joint, 0] = np.where(where, x, joints[joint, 0])
        joints[joint, 1] = np.where(where, y, joints[joint, 1])


def _short_way(angle: np.ndarray) -> np.ndarray:
    return angle - 2.0 * np.pi * np.rint(angle / (2.0 * np.pi))


def _bend_arm(
    joints: np.ndarray,
    bones: np.ndarray,
    arm: tuple[int, int],
    x: np.ndarray,
    y: np.ndarray,
    where: np.ndarray,
) -> None:
    """Put a hand at (x, y) (N,) from the neck, and its elbow where it has to be."""
    elbow, hand = arm
    zero = np.zeros_like(x)
    # Mirrored, because an elbow bends the other way round than a knee.
    bent_x, bent_y = solve_joint(zero, zero, -x, y, bones[UPPER_ARM], bones[FOREARM])
    neck_x, neck_y = joints[NECK]
    joints[elbow, 0] = np.where(where, neck_x - bent_x, joints[elbow, 0])
    joints[elbow, 1] = np.where(where, neck_y + bent_y, joints[elbow, 1])
    joints[hand, 0] = np.where(where, neck_x + x, joints[hand, 0])
    joints[hand, 1] = np.where(where, neck_y + y, joints[hand, 1])


@dataclass(slots=True, eq=False)
class LimbTargets:
    """Where limbs of N actors are wanted at the end of a tick; columns as in Gait."""

    place: np.ndarray  # (N, 4, 3) m, forward, left, up of the root
    weight: np.ndarray  # (N, 4) 0..1
    exact: np.ndarray  # (N, 4) bool, the weight holds at once
    stoop: np.ndarray  # (N, 2) rad, m
    empty: bool = True

    @classmethod
    def none(cls, n: int) -> "LimbTargets":
        """Nobody wants anything."""
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
        """An actor's hand or foot is to be at ``place`` (3,) m in the world."""
        if weight <= 0.0:
            return
        transform = world[Transform]
        x, y, z = (place - transform.position[row]).tolist()
        heading = float(transform.heading[row])
        cos, sin = np.cos(heading), np.sin(heading)
        limb = LIMBS.index(joint)
        self.place[row, limb] = x * cos + y * sin, y * cos - x * sin, z
        self.weight[row, limb], self.exact[row, limb] = min(weight, 1.0), exact
        self.empty = False
