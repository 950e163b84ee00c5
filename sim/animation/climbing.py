"""Hands and feet on the rungs of a ladder: what holds one stays there while the body rises."""

import numpy as np

from entities.actions import ACTION_INDEX, ActionType
from entities.skeleton import L_ELBOW, L_HAND, NECK, R_ELBOW, R_HAND, TRUNK
from sim.animation import gestures as p
from sim.animation.limb_ik import arm_to, taken_hold, turn_arm, within_arms_reach
from sim.animation.motion_state import MotionState

RUNG_M, FIRST_RUNG_M = 0.272, 0.24
"""Between the rungs of a ladder as it is drawn, and up to its lowest; each hand and foot takes
every other one."""
HAND_RUNG_M, FOOT_RUNG_M = FIRST_RUNG_M + 5.0 * RUNG_M, FIRST_RUNG_M + RUNG_M
"""Above the root, where a hand and a foot take hold of one."""
HAND_AHEAD_M, FOOT_AHEAD_M = 0.32, 0.24
CLIMBING_M = 0.38
"""A climber's foot comes no nearer to his hips."""
CLIMB = ACTION_INDEX[ActionType.CLIMB]
LETS_GO = 0.7
"""Share of the cycle after which a limb leaves its rung for the next."""
_LATER = np.array([[0.0], [0.5]])


def rungs(climbed: np.ndarray, hands: bool) -> np.ndarray:
    """Height (2, N) canonical m over the root of hands or feet on a ladder.

    climbed: (N,) cycles, see Gait. What holds a rung stays where it is. A hand goes with the other
    side's foot.
    """
    cycle = climbed - (_LATER if hands else _LATER[::-1])
    cycle = cycle - np.floor(cycle)
    u = np.clip((cycle - LETS_GO) / (1.0 - LETS_GO), 0.0, 1.0)
    taken = u * u * (3.0 - 2.0 * u)
    return (HAND_RUNG_M if hands else FOOT_RUNG_M) + 2.0 * RUNG_M * (taken - cycle)


def rung_feet(
    rows: MotionState, hip: np.ndarray, forward: np.ndarray, up: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Forward and up (2, N) canonical of feet, those of climbers on the rungs.

    hip: (N,) canonical, no foot comes nearer to it than CLIMBING_M.
    """
    climbs = rows.action == CLIMB
    if not np.count_nonzero(climbs):
        return forward, up
    low = np.minimum(rungs(rows.climbed, False) / rows.size, hip - CLIMBING_M)
    return np.where(climbs, FOOT_AHEAD_M, forward), np.where(climbs, low, up)


def climb(rows: MotionState, values: np.ndarray, climbs: np.ndarray) -> None:
    """Arms of the gesture parameters (D, N) of those who climb (N,): their hands on the rungs."""
    bones, size = rows.bones.T / rows.size, rows.size
    hip, lean = rows.stand / size - values[p.DROP], values[p.LEAN]
    x = HAND_AHEAD_M - bones[TRUNK] * np.sin(lean)
    y = rungs(rows.climbed, True) / size - hip - bones[TRUNK] * np.cos(lean)
    shoulder, elbow = arm_to(*within_arms_reach(np.stack([x, x]), y, bones), bones)
    arms, elbows = slice(p.L_ARM, p.R_ARM + 1), slice(p.L_ELBOW, p.R_ELBOW + 1)
    values[arms] = np.where(climbs, shoulder + lean, values[arms])
    values[elbows] = np.where(climbs, elbow, values[elbows])


def hold_rungs(
    rows: MotionState, values: np.ndarray, bones: np.ndarray, joints: np.ndarray
) -> None:
    """Hands of ``joints`` (10, 2, N) canonical exactly onto the rungs."""
    weight, size = (rows.action == CLIMB) * taken_hold(values[p.RUNGS]), rows.size
    neck_x, neck_y = joints[NECK]
    for up, elbow, hand in zip(
        rungs(rows.climbed, True) / size, (L_ELBOW, R_ELBOW), (L_HAND, R_HAND), strict=True
    ):
        turn_arm(joints, bones, (elbow, hand), HAND_AHEAD_M - neck_x, up - neck_y, weight)
