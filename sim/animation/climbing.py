"""Climbing: hands and feet on the rungs of a ladder, which stay there while the body rises."""

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.skeleton import L_ELBOW, L_HAND, NECK, R_ELBOW, R_HAND, TRUNK
from sim.animation import gestures as p
from sim.animation.geometry import smoothstep
from sim.animation.limb_ik import arm_to, hold_weight, turn_arm, within_arms_reach
from sim.animation.motion_state import MotionState

RUNG_M, FIRST_RUNG_M = 0.272, 0.24
"""Distance between the rungs of a ladder as it is drawn, and height of the lowest; each hand and
foot takes every other rung."""
HAND_RUNG_M, FOOT_RUNG_M = FIRST_RUNG_M + 5.0 * RUNG_M, FIRST_RUNG_M + RUNG_M
"""Heights above the root at which a hand and a foot take hold of a rung."""
HAND_AHEAD_M, FOOT_AHEAD_M = 0.32, 0.24
"""How far ahead of the root the rungs are for hands and for feet."""
LEAST_LEG_M = 0.38
"""Least distance of the foot of a climber below its hip."""
CLIMB = ACTION_INDEX[ActionType.CLIMB]
HOLD_SHARE = 0.7
"""Share of the cycle after which a limb leaves its rung for the next."""
_PHASE = np.array([[0.0], [0.5]])
"""(2, 1) cycles by which the left and right limb follow."""


def rungs(climbed: np.ndarray, hands: bool) -> np.ndarray:
    """Height (2, N) m of hands or feet on a ladder above the root, left and right.

    climbed: (N,) cycles, see Gait. A limb on a rung stays where it is while the root rises. A hand
    moves together with the foot of the other side.
    """
    cycle = climbed - (_PHASE if hands else _PHASE[::-1])
    cycle = cycle - np.floor(cycle)
    u = np.clip((cycle - HOLD_SHARE) / (1.0 - HOLD_SHARE), 0.0, 1.0)
    moved = smoothstep(u)
    return (HAND_RUNG_M if hands else FOOT_RUNG_M) + 2.0 * RUNG_M * (moved - cycle)


def rung_feet(
    state: MotionState, hip: np.ndarray, forward: np.ndarray, up: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Forward and up (2, N) canonical of feet; those of climbers are put on the rungs.

    hip: (N,) canonical; no foot comes nearer to it than LEAST_LEG_M.
    """
    climbs = state.action == CLIMB
    if not np.count_nonzero(climbs):
        return forward, up
    low = np.minimum(rungs(state.climbed, False) / state.size, hip - LEAST_LEG_M)
    return np.where(climbs, FOOT_AHEAD_M, forward), np.where(climbs, low, up)


def set_climbing_arms(state: MotionState, values: np.ndarray, climbs: np.ndarray) -> None:
    """Write the arm angles of climbers, hands on their rungs, into gesture parameters (D, N).

    climbs: (N,) bool.
    """
    bones, size = state.bones.T / state.size, state.size
    hip, lean = state.stand / size - values[p.DROP], values[p.LEAN]
    x = HAND_AHEAD_M - bones[TRUNK] * np.sin(lean)
    y = rungs(state.climbed, True) / size - hip - bones[TRUNK] * np.cos(lean)
    shoulder, elbow = arm_to(*within_arms_reach(np.stack([x, x]), y, bones), bones)
    arms, elbows = slice(p.L_ARM, p.R_ARM + 1), slice(p.L_ELBOW, p.R_ELBOW + 1)
    values[arms] = np.where(climbs, shoulder + lean, values[arms])
    values[elbows] = np.where(climbs, elbow, values[elbows])


def hold_rungs(
    state: MotionState, values: np.ndarray, bones: np.ndarray, joints: np.ndarray
) -> None:
    """Put the hands in ``joints`` (10, 2, N) canonical exactly on the rungs."""
    weight, size = (state.action == CLIMB) * hold_weight(values[p.RUNGS]), state.size
    neck_x, neck_y = joints[NECK]
    for up, elbow, hand in zip(
        rungs(state.climbed, True) / size, (L_ELBOW, R_ELBOW), (L_HAND, R_HAND), strict=True
    ):
        turn_arm(joints, bones, (elbow, hand), HAND_AHEAD_M - neck_x, up - neck_y, weight)
