"""The skeleton: joints, bones, proportions by actor type, lateral widths, and joints in the world.

Ten joints lie in the actor's sagittal plane as (forward, up) from the root; the pelvis is always at
forward 0. ``l_foot`` and ``r_foot`` are the balls of the feet on the sole.
"""

from enum import StrEnum

import numpy as np

JOINTS = (
    "pelvis",
    "neck",
    "l_elbow",
    "l_hand",
    "r_elbow",
    "r_hand",
    "l_knee",
    "l_foot",
    "r_knee",
    "r_foot",
)
N_JOINTS = len(JOINTS)
PELVIS, NECK, L_ELBOW, L_HAND, R_ELBOW, R_HAND, L_KNEE, L_FOOT, R_KNEE, R_FOOT = range(N_JOINTS)

PARENTS = (-1, PELVIS, NECK, L_ELBOW, NECK, R_ELBOW, PELVIS, L_KNEE, PELVIS, R_KNEE)

BONES = ("trunk", "upper_arm", "forearm", "thigh", "shank")
TRUNK, UPPER_ARM, FOREARM, THIGH, SHANK = range(len(BONES))
BONE_OF_JOINT = (
    -1,
    TRUNK,
    UPPER_ARM,
    FOREARM,
    UPPER_ARM,
    FOREARM,
    THIGH,
    SHANK,
    THIGH,
    SHANK,
)
"""The bone between each joint and its parent; the shank ends at the ball of the foot."""


class ActorType(StrEnum):
    """What kind of body an actor has."""

    HUMAN = "human"
    CHILD = "child"
    ALIEN = "alien"
    ROBOT = "robot"
    DOG = "dog"
    CAT = "cat"
    HORSE = "horse"


ACTOR_TYPES: tuple[ActorType, ...] = tuple(ActorType)
ACTOR_INDEX: dict[ActorType, int] = {kind: i for i, kind in enumerate(ACTOR_TYPES)}
QUADRUPEDS = frozenset({ActorType.DOG, ActorType.CAT, ActorType.HORSE})

T = ActorType
# Metres for scale 1: trunk, upper arm, forearm with hand, thigh, shank to the ball of the foot.
# Human segments follow Drillis & Contini's ratios of stature (Winter, Biomechanics and Motor
# Control of Human Movement, fig. 4.1) for 1.70 m; the thigh starts at the pelvis centre, and the
# shank runs to the ball of the foot, so both are longer than the bones they are named after.
BONE_LENGTHS: dict[ActorType, tuple[float, ...]] = {
    T.HUMAN: (0.475, 0.290, 0.310, 0.460, 0.510),
    T.CHILD: (0.460, 0.270, 0.280, 0.440, 0.470),
    T.ALIEN: (0.420, 0.340, 0.360, 0.480, 0.530),
    T.ROBOT: (0.505, 0.290, 0.310, 0.440, 0.490),
    T.DOG: (0.520, 0.240, 0.260, 0.260, 0.280),  # shoulder 0.47 m: a retriever without its fur
    T.CAT: (0.280, 0.120, 0.130, 0.130, 0.140),
    T.HORSE: (1.250, 0.650, 0.780, 0.680, 0.780),
}

HEAD_RADIUS: dict[ActorType, float] = {  # m, at scale 1
    T.HUMAN: 0.120,
    T.CHILD: 0.150,
    T.ALIEN: 0.170,
    T.ROBOT: 0.130,
    T.DOG: 0.090,
    T.CAT: 0.060,
    T.HORSE: 0.180,
}

HEAD_OFFSET: dict[ActorType, tuple[float, float]] = {  # m from the neck: along it, and forward
    T.HUMAN: (0.155, 0.0),
    T.CHILD: (0.190, 0.0),
    T.ALIEN: (0.200, 0.0),
    T.ROBOT: (0.180, 0.0),
    T.DOG: (0.190, 0.150),
    T.CAT: (0.100, 0.070),
    T.HORSE: (0.560, 0.480),
}

STANDING_PELVIS: dict[ActorType, float] = {  # m at scale 1, legs all but straight
    T.HUMAN: 0.950,
    T.CHILD: 0.890,
    T.ALIEN: 0.990,
    T.ROBOT: 0.910,
    T.DOG: 0.480,
    T.CAT: 0.240,
    T.HORSE: 1.350,
}

ACTOR_SCALES: dict[ActorType, float] = {  # an actor's scale where the scene gives none
    T.HUMAN: 1.0,
    T.CHILD: 0.65,
    T.ALIEN: 0.9,
    T.ROBOT: 1.05,
    T.DOG: 1.0,
    T.CAT: 1.0,
    T.HORSE: 1.0,
}

MASS_KG: dict[ActorType, float] = {  # at scale 1; grows with the cube of scale
    T.HUMAN: 70.0,
    T.CHILD: 70.0,
    T.ALIEN: 60.0,
    T.ROBOT: 120.0,
    T.DOG: 25.0,
    T.CAT: 4.5,
    T.HORSE: 500.0,
}

BODY_RADIUS: dict[ActorType, float] = {  # m at scale 1, the circle an actor fills on the ground
    T.HUMAN: 0.20,
    T.CHILD: 0.20,
    T.ALIEN: 0.20,
    T.ROBOT: 0.24,
    T.DOG: 0.18,
    T.CAT: 0.10,
    T.HORSE: 0.40,
}
del T

SHOULDER_HALF_WIDTH = 0.17
HIP_HALF_WIDTH = 0.08
LATERAL = np.array([0.0, 0.0, 0.21, 0.20, -0.21, -0.20, 0.085, 0.09, -0.085, -0.09])
"""(10,) m, default distance of each joint to the left of the sagittal plane, for a 1.70 m human."""


def bone_lengths(points: np.ndarray) -> np.ndarray:
    """Length of the bone above each joint except the pelvis. points: (..., 10, 2) -> (..., 9)."""
    child = points[..., 1:, :]
    parent = points[..., PARENTS[1:], :]
    return np.hypot(child[..., 0] - parent[..., 0], child[..., 1] - parent[..., 1])


def joints_world(
    root: np.ndarray,
    heading: np.ndarray,
    joints: np.ndarray,
    lateral: np.ndarray,
    roll: np.ndarray | None = None,
) -> np.ndarray:
    """World positions (N, 10, 3) m of the joints of poses.

    root: (N, 3) m. heading: (N,) rad. joints: (N, 10, 2) m forward and up. lateral: (N, 10) m.
    roll: (N,) rad, see ``rolled``; None for upright bodies.
    """
    left, up = lateral, joints[:, :, 1]
    if roll is not None:
        left, up = rolled(left, up, roll)
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    forward = joints[:, :, 0]
    return np.stack(
        [
            root[:, :1] + forward * cos - left * sin,
            root[:, 1:2] + forward * sin + left * cos,
            root[:, 2:3] + up,
        ],
        axis=2,
    )


def rolled(left: np.ndarray, up: np.ndarray, roll: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, K), left and up of the root, after a roll (N,) rad about the forward axis.

    A roll of up to half a radian is a lean: it moves each point in proportion to its height, so
    that feet on the ground stay where they are. From there to one radian it goes over to a
    rotation about a point near the pelvis, one metre up when the body is upside down.
    """
    size = np.abs(roll)
    turned = np.clip((size - 0.5) / 0.5, 0.0, 1.0)
    turned = (turned * turned * (3.0 - 2.0 * turned))[:, None]
    wide = roll[:, None] * turned
    cos, sin = np.cos(roll)[:, None], np.sin(roll)[:, None]
    pivot = 0.5 * (1.0 - cos) * turned
    return (
        left * np.cos(wide) - (up - pivot) * sin,
        left * np.sin(wide) + (up - pivot) * cos + pivot,
    )
