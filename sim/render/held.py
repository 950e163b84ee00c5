"""Which way held objects point: a bat along both hands, a cup to the mouth, a book to the eyes."""

import math

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.objects import ObjectType
from entities.skeleton import L_ELBOW, L_HAND, NECK, R_ELBOW, R_HAND

UP = np.array([0.0, 0.0, 1.0])
ALONG_FOREARM = frozenset({ObjectType.BAT, ObjectType.GLOVE})
"""Objects that continue the forearm."""
TWO_HANDED_M, ONE_HANDED_M = 0.16, 0.30
"""Distance of the hands up to which both hold a bat, and from which only one does."""
SIP_RAD, SIP_M = 1.1, 0.18
"""How far a cup is tipped, and the rise of the hand above the neck at which it is."""
READING_RAD = 0.55
"""How far the top of a book leans away from the reader."""
FLAG_RAD = 0.22
"""How far a flag leans forward."""
LOOKING_RAD = 0.95
"""How far a phone leans away from an actor that looks at it."""
CALLING_RAD, EAR_M = -0.35, 0.12
"""How far it leans at the ear, and the rise of the hand above the neck at which it does."""
GRIPPED_AT = {ObjectType.FLAG: 0.3, ObjectType.PHONE: 0.4, ObjectType.CUP: 0.45}
"""Where the hand is, as a share of the object's height; other objects rest on the hand."""
_DRINKING = ACTION_INDEX[ActionType.DRINKING]


def held_heading(kind: ObjectType, heading: float) -> float:
    """Heading of a held object in rad: its holder's; of a flag so that its cloth streams back."""
    return heading + math.pi / 2.0 if kind is ObjectType.FLAG else heading


def held_axis(
    kind: ObjectType, hand: int, joints: np.ndarray, heading: float, action: int
) -> np.ndarray | None:
    """(3,) where the up axis of a held object points in the world, None for straight up.

    hand: L_HAND or R_HAND. joints: (10, 3) m in the world, heading: rad and action: index, of
    the holder.
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
        return _leaning(-tip, ahead)
    if kind is ObjectType.BOOK:
        return _leaning(READING_RAD, ahead)
    if kind is ObjectType.FLAG:
        return _leaning(FLAG_RAD, ahead)
    if kind is ObjectType.PHONE:
        rise = min(max(float(joints[hand, 2] - joints[NECK, 2]) / EAR_M, 0.0), 1.0)
        return _leaning(LOOKING_RAD + rise * (CALLING_RAD - LOOKING_RAD), ahead)
    return None


def _leaning(angle: float, ahead: np.ndarray) -> np.ndarray:
    """The up axis (3,), leaning towards ``ahead`` (3,) by an angle in rad."""
    return np.array([0.0, 0.0, math.cos(angle)]) + math.sin(angle) * ahead


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)
