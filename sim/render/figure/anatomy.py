"""The points of a drawn body: the ten joints of a pose and those derived from them.

Shoulders, hips, heels, toes, the head with its axes and a tail are not part of a pose; they follow
from the joints, the kind of body and the gaze.
"""

from dataclasses import dataclass

import numpy as np

from entities.skeleton import (
    ACTOR_TYPES,
    HEAD_OFFSET,
    HEAD_RADIUS,
    HIP_HALF_WIDTH,
    L_FOOT,
    L_HAND,
    L_KNEE,
    N_JOINTS,
    NECK,
    PELVIS,
    QUADRUPEDS,
    R_FOOT,
    R_HAND,
    R_KNEE,
    SHOULDER_HALF_WIDTH,
    ActorType,
    rolled,
)
from sim.frame import Cast, Frame

(
    HEAD,
    L_SHOULDER,
    R_SHOULDER,
    L_HIP,
    R_HIP,
    L_ANKLE,
    R_ANKLE,
    L_HEEL,
    R_HEEL,
    L_TOE,
    R_TOE,
    HEAD_FRONT,
    HEAD_LEFT,
    HEAD_TOP,
    TAIL_ROOT,
    TAIL_TIP,
) = range(N_JOINTS, N_JOINTS + 16)
N_POINTS = TAIL_TIP + 1

T = ActorType
# Sizes that only drawing uses, in m at scale 1; the proportions are choices judged by eye.
HALF_WIDTHS: dict[ActorType, tuple[float, float]] = {  # shoulders and hips
    T.HUMAN: (SHOULDER_HALF_WIDTH, HIP_HALF_WIDTH),
    T.CHILD: (0.150, 0.080),
    T.ALIEN: (0.140, 0.070),
    T.ROBOT: (0.190, 0.110),
    T.DOG: (0.080, 0.080),
    T.CAT: (0.045, 0.045),
    T.HORSE: (0.200, 0.200),
}
FOOT: dict[ActorType, tuple[float, float, float]] = {  # ball to ankle, to toe; height of the ankle
    T.HUMAN: (0.112, 0.078, 0.072),
    T.CHILD: (0.105, 0.075, 0.072),
    T.ALIEN: (0.118, 0.092, 0.068),
    T.ROBOT: (0.112, 0.098, 0.082),
    T.DOG: (0.010, 0.035, 0.035),
    T.CAT: (0.005, 0.020, 0.020),
    T.HORSE: (0.020, 0.060, 0.090),
}
TAIL: dict[ActorType, tuple[float, float]] = {  # how far the tip is behind the root and above it
    T.HUMAN: (0.0, 0.0),
    T.CHILD: (0.0, 0.0),
    T.ALIEN: (0.0, 0.0),
    T.ROBOT: (0.0, 0.0),
    T.DOG: (0.200, 0.230),
    T.CAT: (0.170, 0.260),
    T.HORSE: (0.260, -0.620),
}
del T
SOLE = 0.041
"""Half a drawn foot with its outline, in m at scale 1."""
PAW = 0.071
"""The same of an animal, in lengths of its trunk."""
FOOT_TURN = np.radians(80.0)
"""Angle between the line from knee to ball of the foot and the sole, standing."""
ANKLE_BEND = np.radians(24.0)
"""How far a standing foot stays flat while the shank leans over it."""
HEAD_RIGHTING = 0.35
"""Weight of the vertical in the direction of the neck, against 1 for the trunk's."""


@dataclass(slots=True, eq=False)
class Anatomy:
    """The sizes of A actors, with their scales; constant during a run."""

    level: np.ndarray  # (A,) bool, the trunk is level
    head: np.ndarray  # (A,) m, head radius
    head_offset: np.ndarray  # (A, 2) m
    half_widths: np.ndarray  # (A, 2) m
    foot: np.ndarray  # (A, 3) m
    tail: np.ndarray  # (A, 2) m
    sole: np.ndarray  # (A,) m, from the ground to the middle of a drawn foot

    @classmethod
    def of(cls, cast: Cast) -> "Anatomy":
        """The sizes of the actors of a cast."""
        kinds = [ACTOR_TYPES[kind] for kind in cast.actor_kind]
        scale = np.asarray(cast.actor_scale, float)

        def sized(table: dict, width: int) -> np.ndarray:
            values = np.array([table[kind] for kind in kinds], float).reshape(len(kinds), width)
            return values * scale[:, None]

        level = np.array([kind in QUADRUPEDS for kind in kinds], bool)
        return cls(
            level=level,
            head=sized(HEAD_RADIUS, 1)[:, 0],
            head_offset=sized(HEAD_OFFSET, 2),
            half_widths=sized(HALF_WIDTHS, 2),
            foot=sized(FOOT, 3),
            tail=sized(TAIL, 2),
            sole=np.where(level, PAW * np.asarray(cast.actor_bones)[:, 0], SOLE) * scale,
        )


def body_points(anatomy: Anatomy, frame: Frame) -> np.ndarray:
    """World positions (A, N_POINTS, 3) m: the ten joints, then the derived points."""
    actors = len(frame.heading)
    local = np.zeros((actors, N_POINTS, 3))  # forward, left, up
    local[:, :N_JOINTS, 0] = frame.joints[:, :, 0]
    local[:, :N_JOINTS, 1] = frame.lateral
    local[:, :N_JOINTS, 2] = frame.joints[:, :, 1]
    trunk = local[:, NECK] - local[:, PELVIS]
    trunk /= np.maximum(np.linalg.norm(trunk, axis=1), 1e-9)[:, None]
    across = np.stack([trunk[:, 2], np.zeros(actors), -trunk[:, 0]], axis=1)  # a quarter forward
    for offset, (shoulder, hip) in ((1.0, (L_SHOULDER, L_HIP)), (-1.0, (R_SHOULDER, R_HIP))):
        local[:, shoulder] = local[:, NECK] - 0.06 * anatomy.half_widths[:, :1] * trunk
        local[:, shoulder, 1] += offset * anatomy.half_widths[:, 0]
        local[:, hip] = local[:, PELVIS]
        local[:, hip, 1] += offset * anatomy.half_widths[:, 1]
    _add_feet(anatomy, local)
    _add_head(anatomy, frame, local, trunk, across)
    _add_tail(anatomy, frame, local, trunk, across)
    paws = np.where(anatomy.level, anatomy.sole, 0.0)
    local[:, L_HAND, 2] += paws
    local[:, R_HAND, 2] += paws
    return _to_world(local, frame)


def _to_world(local: np.ndarray, frame: Frame) -> np.ndarray:
    """World positions (A, K, 3) m of points (A, K, 3) m forward, left and up of the roots."""
    left, up = rolled(local[:, :, 1], local[:, :, 2], frame.roll)
    cos, sin = np.cos(frame.heading)[:, None], np.sin(frame.heading)[:, None]
    world = np.empty_like(local)
    world[:, :, 0] = frame.root[:, None, 0] + local[:, :, 0] * cos - left * sin
    world[:, :, 1] = frame.root[:, None, 1] + local[:, :, 0] * sin + left * cos
    world[:, :, 2] = frame.root[:, None, 2] + up
    return world


def _add_feet(anatomy: Anatomy, local: np.ndarray) -> None:
    """Set ankle, heel and toe: the sole follows the shank but never goes below the ground."""
    back, ahead, height = anatomy.foot.T
    for knee, ball, ankle, heel, toe in (
        (L_KNEE, L_FOOT, L_ANKLE, L_HEEL, L_TOE),
        (R_KNEE, R_FOOT, R_ANKLE, R_HEEL, R_TOE),
    ):
        shank = local[:, ball] - local[:, knee]
        rise = np.maximum(local[:, ball, 2], 0.0)
        # A standing foot stays flat while the shank leans over it, as far as the ankle bends.
        bend = ANKLE_BEND * np.clip(1.0 - rise / np.maximum(height, 1e-6), 0.0, 1.0)
        pitch = np.arctan2(shank[:, 2], shank[:, 0]) + FOOT_TURN + bend
        reach = np.where(anatomy.level, 1.0, back * 1.35)
        highest = np.arcsin(np.clip(rise / np.maximum(reach, 1e-6), 0.0, 0.7))
        # Below the knee's level the angle is within -pi..0, so pitch needs no unwrapping; a shank
        # pointing up (swimming, cartwheels) is left to follow itself.
        pitch = np.where(shank[:, 2] < 0.0, np.minimum(pitch, highest), pitch)
        cos, sin = np.cos(pitch), np.sin(pitch)
        for point, along, above in (
            (ankle, -back, height),
            (heel, -1.35 * back, anatomy.sole),
            (toe, ahead, anatomy.sole),
        ):
            local[:, point, 0] = local[:, ball, 0] + along * cos - above * sin
            local[:, point, 1] = local[:, ball, 1]
            local[:, point, 2] = local[:, ball, 2] + along * sin + above * cos


def _add_head(
    anatomy: Anatomy, frame: Frame, local: np.ndarray, trunk: np.ndarray, across: np.ndarray
) -> None:
    """Set the centre of the head and the ends of its three half axes, turned by the gaze."""
    up = np.array([0.0, 0.0, 1.0])
    spine = np.where(anatomy.level[:, None], -across, trunk)
    spine = spine + HEAD_RIGHTING * up
    spine /= np.maximum(np.linalg.norm(spine, axis=1), 1e-9)[:, None]
    ahead = np.stack([spine[:, 2], np.zeros(len(spine)), -spine[:, 0]], axis=1)
    centre = (
        local[:, NECK] + anatomy.head_offset[:, :1] * spine + anatomy.head_offset[:, 1:] * ahead
    )
    yaw, pitch = frame.gaze[:, :1], frame.gaze[:, 1:]
    left = np.zeros_like(spine)
    left[:, 1] = 1.0
    level_front = np.cos(yaw) * ahead + np.sin(yaw) * left
    front = np.cos(pitch) * level_front + np.sin(pitch) * spine
    top = np.cos(pitch) * spine - np.sin(pitch) * level_front
    side = np.cos(yaw) * left - np.sin(yaw) * ahead
    radius = anatomy.head[:, None]
    local[:, HEAD] = centre
    local[:, HEAD_FRONT] = centre + radius * front
    local[:, HEAD_LEFT] = centre + radius * side
    local[:, HEAD_TOP] = centre + radius * top


def _add_tail(
    anatomy: Anatomy, frame: Frame, local: np.ndarray, trunk: np.ndarray, across: np.ndarray
) -> None:
    """Set the tail at the back end of the trunk; it wags with time."""
    local[:, TAIL_ROOT] = local[:, PELVIS]
    wag = 0.25 * anatomy.tail[:, 0] * np.sin(6.0 * frame.time + np.arange(len(trunk)))
    local[:, TAIL_TIP] = (
        local[:, PELVIS] - anatomy.tail[:, :1] * trunk - anatomy.tail[:, 1:] * across
    )
    local[:, TAIL_TIP, 1] += wag
