"""Which way held things point: a bat along both hands, a cup to the mouth, a book to the eyes."""

import math

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.objects import ObjectType
from entities.skeleton import L_ELBOW, L_HAND, NECK, R_ELBOW, R_HAND

ALONG_FOREARM = frozenset({ObjectType.BAT, ObjectType.GLOVE})
"""Held things that continue the forearm."""
TWO_HANDED_M, ONE_HANDED_M = 0.16, 0.30
"""Hands this near to each other are both on a bat; this far apart only one is."""
SIP_RAD, SIP_M = 1.1, 0.18
"""How far a cup is tipped, and over what rise of the hand above the neck."""
READING_RAD = 0.55
"""How far the top of a book leans away from whoever reads it."""
_DRINKING = ACTION_INDEX[ActionType.DRINKING]


def held_axis(
    kind: ObjectType, hand: int, joints: np.ndarray, heading: float, action: int
) -> np.ndarray | None:
    """(3,) where the up axis of a held thing points in the world, None for straight up.

    hand: L_HAND or R_HAND. joints: the holder's (10, 3) m in the world.
    """
    if kind in ALONG_FOREARM:
        forearm = _unit(joints[hand] - joints[L_ELBOW if hand == L_HAND else R_ELBOW])
        if kind is not ObjectType.BAT:
            return forearm
        across = joints[R_HAND] - joints[L_HAND]
        apart = float(np.linalg.norm(across))
        both = min(max((ONE_HANDED_M - apart) / (ONE_HANDED_M - TWO_HANDED_M), 0.0), 1.0)
        return _unit(forearm + both * (_unit(across) - forearm))
    ahead = np.array([math.cos(heading), math.sin(heading), 0.0])
    if kind is ObjectType.CUP and action == _DRINKING:
        rise = float(joints[hand, 2] - joints[NECK, 2]) / SIP_M
        tip = SIP_RAD * min(max(rise, 0.0), 1.0)
        return np.array([0.0, 0.0, math.cos(tip)]) - math.sin(tip) * ahead
    if kind is ObjectType.BOOK:
        return np.array([0.0, 0.0, math.cos(READING_RAD)]) + math.sin(READING_RAD) * ahead
    return None


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)
