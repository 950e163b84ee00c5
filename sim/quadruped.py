"""Animals on four legs: a level trunk, and front paws in step with the hind ones."""

from typing import Protocol

import numpy as np

from entities.skeleton import FOREARM, L_ELBOW, L_HAND, NECK, R_ELBOW, R_HAND, TRUNK, UPPER_ARM
from sim import gait as g

_SIDES = np.array([[0.0], [0.5]])
"""Left and right are half a stride apart."""


class _Rows(Protocol):
    phase: np.ndarray
    run: np.ndarray
    moving: np.ndarray
    speed: np.ndarray
    size: np.ndarray


def go_on_fours(
    rows: _Rows,
    gait: np.ndarray,
    bones: np.ndarray,
    hip: np.ndarray,
    four_legged: np.ndarray,
    joints: np.ndarray,
) -> None:
    """Level trunk and front paws of the rows that are quadrupeds, into ``joints`` (10, 2, N).

    Front paws follow the hind ones: a quarter stride later in a walk, half in a trot.
    """
    reach = 0.985 * (bones[UPPER_ARM] + bones[FOREARM])
    duty = gait[g.DUTY]
    lag = 0.25 + 0.25 * rows.run
    stride = rows.phase - lag + _SIDES
    stride = stride - np.floor(stride)
    stance_s = g.stance_seconds(gait[g.CADENCE], duty)
    u = np.clip((stride - duty) / (1.0 - duty), 0.0, 1.0)
    paw_x, paw_y = g.swing_path(u, stance_s, stance_s * (1.0 - duty) / duty, gait)
    paw_x = np.where(stride < duty, stance_s * (0.5 - stride / duty), paw_x)
    paw_x = paw_x * (rows.speed / rows.size) * rows.moving
    paw_y = np.where(stride < duty, 0.0, 0.6 * paw_y) * rows.moving
    shoulder = np.minimum(hip + 0.04 * bones[TRUNK], reach - 0.02)
    shoulder = np.maximum(shoulder, 0.5 * reach)
    drop = np.clip((shoulder - hip) / bones[TRUNK], -0.9, 0.9)
    shoulder = hip + drop * bones[TRUNK]
    neck_x, neck_y = bones[TRUNK] * np.sqrt(1.0 - drop * drop), shoulder
    down = paw_y - neck_y
    distance = np.sqrt(paw_x * paw_x + down * down)
    nearest = np.abs(bones[UPPER_ARM] - bones[FOREARM]) + 0.3 * bones[UPPER_ARM]
    pull = np.clip(distance, nearest, reach) / np.maximum(distance, 1e-9)
    paw_x, paw_y = paw_x * pull, neck_y + down * pull
    # Mirrored, because an elbow bends the other way round than a knee.
    bent_x, bent_y = g.solve_joint(
        0.0 * paw_x, neck_y + 0.0 * paw_x, -paw_x, paw_y, bones[UPPER_ARM], bones[FOREARM]
    )
    for joint, x, y in (
        (NECK, neck_x, neck_y),
        (L_ELBOW, neck_x - bent_x[0], bent_y[0]),
        (R_ELBOW, neck_x - bent_x[1], bent_y[1]),
        (L_HAND, neck_x + paw_x[0], paw_y[0]),
        (R_HAND, neck_x + paw_x[1], paw_y[1]),
    ):
        joints[joint, 0] = np.where(four_legged, x, joints[joint, 0])
        joints[joint, 1] = np.where(four_legged, y, joints[joint, 1])
